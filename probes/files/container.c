#include "container.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "table.h"
#include "util.h"

/* Whether a link below /proc/PROCESS leads to the same file as the supervisor's own, which never changes. */
static bool shares(pid_t process, const char *name, struct stat *own) {
    char path[64];
    struct stat other;
    format(path, sizeof path, "/proc/self/%s", name);
    if (!own->st_ino && stat(path, own))
        die("%s", path);
    format(path, sizeof path, "/proc/%d/%s", process, name);
    return !stat(path, &other) && own->st_dev == other.st_dev && own->st_ino == other.st_ino;
}

bool in_this_container(pid_t process) {
    static struct stat own;
    return shares(process, "ns/mnt", &own);
}

bool runs_probe(pid_t process) {
    static struct stat own;
    return shares(process, "exe", &own);
}

/* proc_pid_stat(5): field 2 is a name in parentheses that may hold anything, 3 the state, 22 the time of the start. */
static bool read_stat(pid_t task, char *state, uint64_t *start) {
    char path[64], text[1024];
    format(path, sizeof path, "/proc/%d/stat", task);
    if (read_text(path, text, sizeof text) < 0)
        return false;
    const char *rest = strrchr(text, ')');
    unsigned long long value;
    if (!rest || sscanf(rest + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                        state, &value) != 2)
        return false;
    *start = value;
    return true;
}

uint64_t task_key(pid_t task) {
    char state;
    uint64_t start;
    return read_stat(task, &state, &start) ? hash_bytes((uint64_t)task, &start, sizeof start) : 0;
}

bool task_lives(pid_t task) {
    char state;
    uint64_t start;
    return read_stat(task, &state, &start) && state != 'Z' && state != 'X';
}

/* A mask of signals out of a task's status (proc(5)); all ones when it cannot be read. */
static uint64_t signal_mask(pid_t task, const char *name) {
    char path[64], status[4096];
    unsigned long long mask;
    format(path, sizeof path, "/proc/%d/status", task);
    const char *line = read_text(path, status, sizeof status) < 0 ? NULL : strstr(status, name);
    return line && sscanf(line + strlen(name), " %llx", &mask) == 1 ? mask : UINT64_MAX;
}

bool handles_signal(pid_t task, int signal) {
    return signal_mask(task, "\nSigCgt:") >> (signal - 1) & 1;
}

uint64_t signals_reaching(pid_t task) {
    return signal_mask(task, "\nSigCgt:") | signal_mask(task, "\nSigBlk:");
}

bool visit_numbers(const char *folder, bool (*visit)(int number, void *context), void *context) {
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(directory));) {
        uint64_t number;
        if (parse_number(entry->d_name, 10, &number))
            found = visit((int)number, context);
    }
    closedir(directory);
    return found;
}
