/* A command that runs, and the end of what it has written. */
#ifndef COMMAND_OUTPUT_H
#define COMMAND_OUTPUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "util.h"

struct command {
    char id[24];
    pid_t process;
    int output; /* -1 when nobody writes to it any more */
    struct buffer tail;
};

/* Reads what there is, and keeps the last OUTPUT_TAIL bytes of all. */
enum { OUTPUT_TAIL = 4096 };
void read_output(struct command *command);
/* Adds the line `ID STATE HEX` about the command: its exit code or "running", and the end of its output. */
void add_result(struct buffer *lines, const struct command *command, const char *state);

#endif
