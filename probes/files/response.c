#include "response.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nonce.h"
#include "util.h"

enum { CHUNK_LIMIT = 1 << 18, PIPE_SIZE = 1 << 20 };

static struct {
    uint32_t length; /* little-endian, set when the chunk is sent */
    char data[CHUNK_LIMIT];
} chunk;
static size_t filled;
static char reason[8192];

void response_open(void) {
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        die("SIGPIPE");
    /* A larger pipe means fewer waits for the engine. It is refused where there is no pipe, which is just as well. */
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_SIZE);
}

/* A client that died leaves stdin at its end, while the engine may go on to read stdout for nobody. */
static void end_without_reader(void) {
    struct pollfd orders = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&orders, 1, 0) == 1 && !(orders.revents & POLLIN))
        _exit(0);
}

static void send_chunk(void) {
    end_without_reader();
    chunk.length = htole32((uint32_t)filled);
    if (write_full(STDOUT_FILENO, &chunk, sizeof chunk.length + filled))
        die("stdout");
    filled = 0;
}

void response_hello(void) {
    response_add(nonce(), NONCE_LENGTH);
    send_chunk();
}

char *response_room(size_t *size) {
    if (filled == CHUNK_LIMIT)
        send_chunk();
    *size = CHUNK_LIMIT - filled;
    return chunk.data + filled;
}

void response_grow(size_t size) {
    filled += size;
}

void response_add(const void *data, size_t size) {
    const char *rest = data;
    while (size) {
        size_t room;
        char *place = response_room(&room);
        size_t count = size < room ? size : room;
        memcpy(place, rest, count);
        response_grow(count);
        rest += count;
        size -= count;
    }
}

bool response_failed(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    if (vsnprintf(reason, sizeof reason, text, arguments) < 0)
        format(reason, sizeof reason, "the order failed");
    va_end(arguments);
    return false;
}

void response_end(bool succeeded) {
    if (filled)
        send_chunk();
    send_chunk();
    const char *status = succeeded ? "ok" : reason;
    response_add(status, strlen(status));
    send_chunk();
}
