#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void (*last_will)(const char *message);

void on_death(void (*will)(const char *message)) {
    last_will = will;
}

static void complain(const char *text, va_list arguments, const char *reason) {
    char line[1024], message[1200];
    int length = vsnprintf(line, sizeof line, text, arguments);
    if (length < 0)
        line[0] = '\0';
    snprintf(message, sizeof message, "%s%s%s", line, reason ? ": " : "", reason ? reason : "");
    dprintf(STDERR_FILENO, "slimmer-probe: %s\n", message);
    void (*will)(const char *) = last_will;
    last_will = NULL; /* it may fail, too */
    if (will)
        will(message);
}

void die(const char *text, ...) {
    int error = errno;
    va_list arguments;
    va_start(arguments, text);
    complain(text, arguments, strerror(error));
    _exit(EXIT_PROBE);
}

void die_plain(enum exit_code code, const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    complain(text, arguments, NULL);
    _exit(code);
}

void *check_alloc(void *memory) {
    if (!memory)
        die_plain(EXIT_PROBE, "out of memory");
    return memory;
}

void *xcalloc(size_t count, size_t size) {
    return check_alloc(calloc(count, size));
}

void *xrealloc(void *memory, size_t size) {
    return check_alloc(realloc(memory, size));
}

char *xstrdup(const char *text) {
    return check_alloc(strdup(text));
}

size_t format(char *buffer, size_t size, const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    int length = vsnprintf(buffer, size, text, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= size)
        die_plain(EXIT_PROBE, "a text is too long: %.200s", buffer);
    return (size_t)length;
}

int write_full(int fd, const void *data, size_t size) {
    const char *rest = data;
    while (size) {
        ssize_t count = write(fd, rest, size);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        rest += count;
        size -= (size_t)count;
    }
    return 0;
}

ssize_t read_full(int fd, void *data, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(fd, (char *)data + done, size - done);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        if (!count)
            break;
        done += (size_t)count;
    }
    return (ssize_t)done;
}

ssize_t read_text(const char *path, char *buffer, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read_full(fd, buffer, size - 1);
    int error = errno;
    close(fd);
    errno = error;
    if (length >= 0)
        buffer[length] = '\0';
    return length;
}

ssize_t read_link(const char *path, char *buffer, size_t size) {
    ssize_t length = readlink(path, buffer, size);
    if (length < 0)
        return -1;
    if ((size_t)length >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    buffer[length] = '\0';
    return length;
}

void never_wait(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        die("O_NONBLOCK");
}

int64_t now_ms(void) {
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time))
        die("clock_gettime");
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void sleep_ms(int ms) {
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&time, &time) && errno == EINTR) {
    }
}

static void buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->room - buffer->length >= size)
        return;
    size_t room = buffer->room ? buffer->room * 2 : 4096;
    while (room - buffer->length < size)
        room *= 2;
    buffer->data = xrealloc(buffer->data, room);
    buffer->room = room;
}

void buffer_add(struct buffer *buffer, const void *data, size_t size) {
    if (!size)
        return;
    buffer_reserve(buffer, size);
    memcpy(buffer->data + buffer->length, data, size);
    buffer->length += size;
}

void buffer_add_text(struct buffer *buffer, const char *text) {
    buffer_add(buffer, text, strlen(text));
}

void buffer_addf(struct buffer *buffer, const char *text, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, text);
    int length = vsnprintf(line, sizeof line, text, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        die_plain(EXIT_PROBE, "a text is too long: %.200s", text);
    buffer_add(buffer, line, (size_t)length);
}

void buffer_drop(struct buffer *buffer, size_t size) {
    memmove(buffer->data, buffer->data + size, buffer->length - size);
    buffer->length -= size;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}

/* strtoull(3) alone would take blanks, signs and "0x" as well. */
bool parse_number(const char *text, int base, uint64_t *value) {
    char *end;
    if (!*text || text[strspn(text, "0123456789abcdefABCDEF")])
        return false;
    errno = 0;
    *value = strtoull(text, &end, base);
    return !errno && !*end;
}
