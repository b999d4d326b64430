#include "gate_finder.h"

#include <string.h>

#include "container.h"
#include "lifecycle.h"
#include "util.h"

struct found {
    pid_t process;
    struct gate gate;
};

static bool waits_at_gate(int process, void *context) {
    struct found *found = context;
    if (!read_gate(process, &found->gate) || !runs_probe(process) || !in_this_container(process) ||
        was_attached(process))
        return false;
    found->process = process;
    return true;
}

pid_t find_waiting_at_gate(struct gate *gate) {
    struct found found = {0};
    visit_numbers("/proc", waits_at_gate, &found);
    *gate = found.gate;
    return found.process;
}

enum { COMMAND_LINE = 1 << 16 };

void read_command(pid_t process, char *command, size_t size) {
    static char line[COMMAND_LINE];
    char path[64];
    command[0] = '\0';
    format(path, sizeof path, "/proc/%d/cmdline", process);
    ssize_t length = read_text(path, line, sizeof line);
    for (const char *word = line; length > 0 && word < line + length; word += strlen(word) + 1)
        if (!strcmp(word, "--")) {
            strncat(command, word + strlen(word) + 1, size - 1);
            return;
        }
}
