#include "fuzz.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static jmp_buf before;
static bool is_trying;

static struct {
    bool is_open;
    struct bytes input;
    uint8_t *output;
    size_t length, room;
} memory;

void fuzz_failed(const char *expression, const char *file, int line) {
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
    abort();
}

bool survives(void (*work)(void *context), void *context) {
    if (setjmp(before)) {
        is_trying = false;
        return false;
    }
    is_trying = true;
    work(context);
    is_trying = false;
    return true;
}

void fuzz__exit(int code) {
    if (!is_trying)
        _exit(code);
    longjmp(before, 1);
}

uint64_t take_number(struct bytes *bytes, size_t width) {
    uint64_t number = 0;
    for (; width && bytes->size; width--, bytes->size--)
        number = number << 8 | *bytes->data++;
    return number;
}

static char *copy(const void *data, size_t size) {
    char *text = malloc(size + 1);
    CHECK(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *take_string(struct bytes *bytes) {
    const uint8_t *end = bytes->size ? memchr(bytes->data, '\0', bytes->size) : NULL;
    size_t length = end ? (size_t)(end - bytes->data) : bytes->size;
    char *text = copy(bytes->data, length);
    bytes->data += length + (end != NULL);
    bytes->size -= length + (end != NULL);
    return text;
}

char *take_rest(struct bytes *bytes) {
    char *text = copy(bytes->data, bytes->size);
    bytes->data += bytes->size;
    bytes->size = 0;
    return text;
}

void open_memory(const void *input, size_t size) {
    memory.is_open = true;
    memory.input = (struct bytes){input, size};
    memory.length = 0;
}

struct bytes written_memory(void) {
    return (struct bytes){memory.output, memory.length};
}

void close_memory(void) {
    memory.is_open = false;
}

ssize_t fuzz_read(int fd, void *data, size_t size) {
    if (!memory.is_open || fd != STDIN_FILENO)
        return read(fd, data, size);
    size_t count = size < memory.input.size ? size : memory.input.size;
    if (count)
        memcpy(data, memory.input.data, count);
    memory.input.data += count;
    memory.input.size -= count;
    return (ssize_t)count;
}

ssize_t fuzz_write(int fd, const void *data, size_t size) {
    if (!memory.is_open || fd != STDOUT_FILENO)
        return write(fd, data, size);
    if (memory.room - memory.length < size) {
        memory.room = (memory.length + size) * 2;
        memory.output = realloc(memory.output, memory.room);
        CHECK(memory.output);
    }
    memcpy(memory.output + memory.length, data, size);
    memory.length += size;
    return (ssize_t)size;
}

int fuzz_poll(struct pollfd *polled, nfds_t count, int timeout) {
    return memory.is_open ? 0 : poll(polled, count, timeout);
}

/* The text is made, so that its arguments are looked at, and not shown. */
int fuzz_dprintf(int fd, const char *format, ...) {
    static char text[4096];
    va_list arguments;
    (void)fd;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return length;
}
