/* serve: answers orders about the image's files, one after the other, until stdin ends. */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "response.h"
#include "modes.h"
#include "image_mount.h"
#include "util.h"

enum { INPUT_SIZE = 1 << 16, LINE_LIMIT = 64 };
static const size_t payload_limit = 1 << 28;

static char input[INPUT_SIZE];
static size_t input_start, input_end;

struct order {
    char verb[LINE_LIMIT];
    uint64_t size; /* of the payload */
    bool counted;  /* it names a size */
};

static const struct {
    const char *verb;
    bool counted;
    bool (*serve)(struct payload *payload);
} services[] = {
    {"index", false, serve_index},
    {"pack", true, serve_pack},
    {"read", true, serve_read},
    {"hash", true, serve_hash},
};

const char *next_field(struct payload *payload) {
    if (payload->taken == payload->size)
        return NULL;
    const char *field = payload->data + payload->taken;
    payload->taken += strlen(field) + 1;
    return field;
}

/* Up to `size` bytes of what slimmer sent; 0 at the end. */
static size_t take_input(char *data, size_t size) {
    while (input_start == input_end) {
        ssize_t count = read(STDIN_FILENO, input, INPUT_SIZE);
        if (count < 0 && errno != EINTR)
            die("stdin");
        if (!count)
            return 0;
        input_start = 0;
        input_end = count < 0 ? 0 : (size_t)count;
    }
    size_t count = input_end - input_start < size ? input_end - input_start : size;
    memcpy(data, input + input_start, count);
    input_start += count;
    return count;
}

/* False at the end of stdin. */
static bool take_line(char line[LINE_LIMIT]) {
    for (size_t length = 0; length < LINE_LIMIT; length++) {
        if (!take_input(line + length, 1))
            return false;
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
    }
    die_plain(EXIT_PROBE, "an order is too long: whoever sent it is not slimmer");
}

/* Reads the payload, or past one that is too large, so that the next order is found. False at the end of stdin. */
static bool take_payload(uint64_t size, struct payload *payload) {
    char nowhere[4096];
    bool keep = size <= payload_limit;
    *payload = (struct payload){.data = keep ? check_alloc(malloc(size + 1)) : NULL, .size = keep ? size : 0};
    while (size) {
        size_t most = keep || size < sizeof nowhere ? size : sizeof nowhere;
        size_t count = take_input(keep ? payload->data + payload->size - size : nowhere, most);
        if (!count)
            return false;
        size -= count;
    }
    return true;
}

static bool take_order(struct order *order) {
    if (!take_line(order->verb))
        return false;
    char *space = strchr(order->verb, ' ');
    order->size = 0;
    order->counted = space && parse_number(space + 1, 10, &order->size);
    if (order->counted)
        *space = '\0';
    return true;
}

static bool answer(const struct order *order, struct payload *payload) {
    if (order->size > payload_limit)
        return response_failed("more than %zu bytes at once", payload_limit);
    if (payload->size && payload->data[payload->size - 1])
        return response_failed("the last field does not end with NUL");
    if (chdir("/"))
        return response_failed("/: %s", strerror(errno));
    for (size_t i = 0; i < ARRAY_LENGTH(services); i++)
        if (!strcmp(order->verb, services[i].verb) && order->counted == services[i].counted)
            return services[i].serve(payload);
    return response_failed("no such order: %s", order->verb);
}

int serve_main(int argc, char **argv) {
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe serve");
    enter_pristine_root();
    response_open();
    response_hello();
    struct order order;
    struct payload payload;
    while (take_order(&order) && strcmp(order.verb, "quit")) {
        if (!take_payload(order.size, &payload))
            break;
        response_end(answer(&order, &payload));
        free(payload.data);
    }
    return 0;
}
