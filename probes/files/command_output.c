#include "command_output.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 1 << 16, PIECES = 16 /* at a time: a command that never stops to write must not be all that is read */ };

void read_output(struct command *command) {
    char piece[PIECE];
    for (int i = 0; command->output >= 0 && i < PIECES; i++) {
        ssize_t count = read(command->output, piece, sizeof piece);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            close(command->output);
            command->output = -1;
            return;
        }
        buffer_add(&command->tail, piece, (size_t)count);
        if (command->tail.length > OUTPUT_TAIL)
            buffer_drop(&command->tail, command->tail.length - OUTPUT_TAIL);
    }
}

void add_result(struct buffer *lines, const struct command *command, const char *state) {
    buffer_addf(lines, "%s %s ", command->id, state);
    for (size_t i = 0; i < command->tail.length; i++)
        buffer_addf(lines, "%02x", (unsigned char)command->tail.data[i]);
    buffer_add_text(lines, "\n");
}
