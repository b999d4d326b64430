#include "container.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "table.h"
#include "util.h"

/* A container that is not the probe's own: its first process (0 where there is no such container), its root, and whether it
 * has a PID namespace that the probe is not in. */
static struct {
    pid_t process;
    int root;
    bool has_own_processes;
} other;

enum sameness { SAME, DIFFERENT, UNKNOWN };

static bool is_same_file(const struct stat *one, const struct stat *another) {
    return one->st_dev == another->st_dev && one->st_ino == another->st_ino;
}

/* Compares the file to which a link below /proc/PROCESS leads with that of `reference` (0: the probe) at first. It cannot
 * be told of a process that is about to end: that loses its namespaces before it is gone. */
static enum sameness compare(pid_t process, const char *name, pid_t reference, struct stat *first) {
    char path[64];
    struct stat found;
    if (reference)
        format(path, sizeof path, "/proc/%d/%s", reference, name);
    else
        format(path, sizeof path, "/proc/self/%s", name);
    if (!first->st_ino && stat(path, first))
        die("%s", path);
    format(path, sizeof path, "/proc/%d/%s", process, name);
    if (stat(path, &found))
        return UNKNOWN;
    return is_same_file(&found, first) ? SAME : DIFFERENT;
}

static enum sameness compare_mounts(pid_t process) {
    static struct stat first;
    return compare(process, "ns/mnt", other.process, &first);
}

/* True if the PID namespace of a process was made within the outer one (ioctl_ns(2)); they nest 32 deep at most. */
static bool lies_within(pid_t process, const struct stat *outer) {
    char path[64];
    struct stat found;
    bool is_within = false;
    format(path, sizeof path, "/proc/%d/ns/pid", process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && !is_within) {
        int parent = ioctl(fd, NS_GET_PARENT);
        close(fd);
        fd = parent;
        is_within = fd >= 0 && !fstat(fd, &found) && is_same_file(&found, outer);
    }
    if (fd >= 0)
        close(fd);
    return is_within;
}

static enum sameness compare_processes(pid_t process) {
    static struct stat first;
    enum sameness processes = compare(process, "ns/pid", other.process, &first);
    return processes == DIFFERENT && lies_within(process, &first) ? SAME : processes;
}

/* Where the container is not the probe's own: SAME if a process has its PID namespace (or one within it) and its root. */
static enum sameness compare_surroundings(pid_t process) {
    static struct stat first_root;
    enum sameness processes = compare_processes(process);
    enum sameness root = compare(process, "root", other.process, &first_root);
    if (processes == DIFFERENT || root == DIFFERENT)
        return DIFFERENT;
    return processes == SAME && root == SAME ? SAME : UNKNOWN;
}

void watch_container_of(pid_t process) {
    struct stat own = {0};
    char path[64];
    format(path, sizeof path, "/proc/%d/root", process);
    other.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (other.root < 0)
        die("%s", path);
    other.process = process;
    other.has_own_processes = compare(process, "ns/pid", 0, &own) == DIFFERENT;
    /* What others are held against is read now, as long as this one lives. */
    if (compare_mounts(process) != SAME || compare_surroundings(process) != SAME)
        die_plain(EXIT_PROBE, "process %d has left its container", process);
}

static bool read_number(pid_t process, const char *name, uint32_t *number) {
    char path[64];
    struct stat found;
    if (process)
        format(path, sizeof path, "/proc/%d/ns/%s", process, name);
    else
        format(path, sizeof path, "/proc/self/ns/%s", name);
    if (stat(path, &found))
        return false;
    *number = (uint32_t)found.st_ino;
    return true;
}

bool number_namespaces(uint32_t *processes, uint32_t *mounts, uint32_t *level) {
    char path[64];
    struct stat own, found;
    *processes = *level = 0;
    if (!read_number(other.process, "mnt", mounts) || stat("/proc/self/ns/pid", &own))
        return false;
    if (!other.has_own_processes)
        return true;
    format(path, sizeof path, "/proc/%d/ns/pid", other.process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (bool is_own = false; fd >= 0 && !is_own && !fstat(fd, &found); ) {
        is_own = is_same_file(&found, &own);
        int parent = is_own ? -1 : ioctl(fd, NS_GET_PARENT);
        *level += !is_own;
        close(fd);
        fd = parent;
        if (is_own)
            return read_number(other.process, "pid", processes);
    }
    if (fd >= 0)
        close(fd);
    return false;
}

bool sees_all_processes(void) {
    enum { FIRST = 0xEFFFFFFC - 0x100000000LL }; /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
    uint32_t number;
    return read_number(0, "pid", &number) && number == (uint32_t)FIRST;
}

void check_proc(void) {
    struct statfs status;
    if (statfs("/proc", &status))
        die("/proc");
    if (status.f_type != PROC_SUPER_MAGIC)
        die_plain(EXIT_PROBE, "/proc is not the kernel's");
}

bool is_outside_container(void) {
    return other.process;
}

/* The app may put a link in the place of any folder, which must not lead into the probe's own root. */
int open_in_container(const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    if (!other.process)
        return open(path, O_PATH | O_CLOEXEC);
    return (int)syscall(SYS_openat2, other.root, path, &how, sizeof how);
}

void container_proc_path(const char *name, char *path, size_t size) {
    if (other.process)
        format(path, size, "/proc/%d/%s", other.process, name);
    else
        format(path, size, "/proc/self/%s", name);
}

bool in_this_container(pid_t process) {
    return compare_mounts(process) == SAME || (other.has_own_processes && compare_surroundings(process) == SAME);
}

bool in_another_container(pid_t process) {
    return compare_mounts(process) == DIFFERENT &&
           (!other.has_own_processes || compare_surroundings(process) == DIFFERENT);
}

bool runs_probe(pid_t process) {
    static struct stat first;
    return compare(process, "exe", 0, &first) == SAME;
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

/* The 14th and 15th fields of proc_pid_stat(5). The name of the program, which may hold anything, ends with the last ')'. */
static bool add_time(int process, void *sum) {
    char path[64], text[1024];
    unsigned long long user, system;
    format(path, sizeof path, "/proc/%d/stat", process);
    if (!in_this_container(process) || runs_probe(process) || read_text(path, text, sizeof text) < 0)
        return false;
    const char *rest = strrchr(text, ')');
    if (rest && sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) == 2)
        *(uint64_t *)sum += user + system;
    return false;
}

uint64_t processor_time(void) {
    uint64_t sum = 0;
    visit_numbers("/proc", add_time, &sum);
    return sum;
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
