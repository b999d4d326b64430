/* run.c and relay.c: the words after the mode, NUL-terminated in the input. */
#define socket no_socket

#include "files/relay.c"
#include "files/run.c"

#include "fuzz.h"

enum { WORDS = 32 };

struct words {
    int count;
    char *list[WORDS + 1];
};

int no_socket(int domain, int type, int protocol) {
    (void)domain, (void)type, (void)protocol;
    errno = EACCES;
    return -1;
}

static void parse(void *context) {
    struct words *words = context;
    struct arguments arguments = {.recorder = RECORDER_AUTO};
    parse_arguments(words->count, words->list, &arguments);
    CHECK(arguments.identity && arguments.command > words->list && arguments.command < words->list + words->count);
}

static void connect_to(void *context) {
    struct words *words = context;
    dial(words->list[0], words->list[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    struct words words = {0};
    while (words.count < 2 || (words.count < WORDS && bytes.size))
        words.list[words.count++] = take_string(&bytes);
    survives(parse, &words);
    CHECK(!survives(connect_to, &words));
    for (int i = 0; i < words.count; i++)
        free(words.list[i]);
    return 0;
}
