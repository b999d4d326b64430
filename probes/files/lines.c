#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 16 };
/* A command has at most 2 MB of words (ARG_MAX, execve(2)), and travels as hexadecimal digits. */
static const size_t line_limit = 6 << 20;

bool receive_lines(struct lines *lines, int fd) {
    char piece[PIECE];
    for (;;) {
        if (lines->waiting.length > line_limit)
            return false;
        ssize_t count = read(fd, piece, sizeof piece);
        if (count > 0)
            buffer_add(&lines->waiting, piece, (size_t)count);
        else if (count == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN;
    }
}

static char *find_newline(struct lines *lines) {
    const struct buffer *waiting = &lines->waiting;
    if (lines->searched == waiting->length)
        return NULL;
    char *newline = memchr(waiting->data + lines->searched, '\n', waiting->length - lines->searched);
    lines->searched = newline ? (size_t)(newline - waiting->data) : waiting->length;
    return newline;
}

bool has_line(struct lines *lines) {
    return find_newline(lines);
}

char *next_line(struct lines *lines) {
    const char *newline = find_newline(lines);
    if (!newline)
        return NULL;
    size_t length = (size_t)(newline - lines->waiting.data);
    lines->line.length = 0;
    buffer_add(&lines->line, lines->waiting.data, length);
    buffer_add(&lines->line, "", 1);
    buffer_drop(&lines->waiting, length + 1);
    lines->searched = 0;
    return lines->line.data;
}
