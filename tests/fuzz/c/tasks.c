/* container.c and gate_finder.c: what /proc says of a process, whose name and arguments are the app's own. */
#define read_text text_of_process

#include "files/container.c"
#include "files/gate_finder.c"

#include <stdlib.h>

#include "fuzz.h"

static struct bytes file;

ssize_t text_of_process(const char *path, char *buffer, size_t size) {
    (void)path;
    size_t length = file.size < size - 1 ? file.size : size - 1;
    if (length)
        memcpy(buffer, file.data, length);
    buffer[length] = '\0';
    return (ssize_t)length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char command[64];
    file = (struct bytes){data, size};
    task_key(1);
    task_lives(1);
    handles_signal(1, 15);
    signals_reaching(1);
    read_command(1, command, sizeof command);
    CHECK(memchr(command, '\0', sizeof command));
    return 0;
}
