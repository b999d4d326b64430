/* Lines of text that arrive over a descriptor which never waits (O_NONBLOCK). */
#ifndef LINES_H
#define LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

struct lines {
    struct buffer waiting; /* what has arrived, from the line that comes next on */
    struct buffer line;    /* the line that was taken last */
    size_t searched;       /* so much of what waits holds no newline */
};

/* Reads what there is. False at the end, and when a line is longer than whoever speaks here ever sends. */
bool receive_lines(struct lines *lines, int fd);
bool has_line(struct lines *lines);
/* The next line without its newline, or NULL. Valid until the next call. */
char *next_line(struct lines *lines);

#endif
