#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "records.h"
#include "table.h"
#include "util.h"

bool caller_still_waits(const struct caller *caller) {
    return caller->listener < 0 || !ioctl(caller->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &caller->notification);
}

static ssize_t read_proc_mem(pid_t thread, uint64_t address, void *data, size_t size) {
    char path[64];
    format(path, sizeof path, "/proc/%d/mem", thread);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t count = pread(fd, data, size, (off_t)address);
    int error = errno == EIO ? EFAULT : errno;
    close(fd);
    errno = error;
    return count;
}

ssize_t read_some(const struct caller *caller, uint64_t address, void *data, size_t size) {
    static bool refused; /* by a seccomp profile, then always */
    if (!refused) {
        struct iovec here = {data, size}, there = {(void *)(uintptr_t)address, size};
        ssize_t count = process_vm_readv(caller->thread, &here, 1, &there, 1, 0);
        if (count >= 0 || (errno != EPERM && errno != ENOSYS))
            return count;
        refused = true;
    }
    return read_proc_mem(caller->thread, address, data, size);
}

/* A bad pointer (EFAULT) is the app's own mistake, and a thread that is gone (ESRCH) makes no call: neither is a loss. */
static bool failed(void) {
    if (errno != EFAULT && errno != ESRCH)
        counters.unreadable++;
    return false;
}

bool read_memory(const struct caller *caller, uint64_t address, void *data, size_t size) {
    if (caller->captured)
        return captured_memory(caller->captured, address, data, size);
    ssize_t count = read_some(caller, address, data, size);
    if (count < 0)
        return failed();
    return (size_t)count == size;
}

enum { PAGE = 4096, FIRST_READ = 256 };

/* Reads never cross into a page that may not be there, and most paths are short. */
bool read_string(const struct caller *caller, uint64_t address, char *text, size_t size) {
    size_t done = 0;
    if (caller->captured)
        return captured_string(caller->captured, address, text, size);
    while (done < size) {
        size_t count = PAGE - (address + done) % PAGE;
        if (done == 0 && count > FIRST_READ)
            count = FIRST_READ;
        if (count > size - done)
            count = size - done;
        ssize_t got = read_some(caller, address + done, text + done, count);
        if (got < 0)
            return failed();
        if (memchr(text + done, '\0', (size_t)got))
            return true;
        if ((size_t)got < count)
            return false;
        done += count;
    }
    return false;
}

enum { PROCESSES = 4096 };

/* Thread numbers are used again, but not soon: emptying the memory now and then keeps it from growing stale. */
static struct process processes[PROCESSES];
static struct table places;
static uint32_t used_places;

static pid_t read_process(pid_t thread) {
    char path[64], status[512];
    format(path, sizeof path, "/proc/%d/status", thread);
    if (read_text(path, status, sizeof status) < 0)
        return thread;
    const char *line = strstr(status, "\nTgid:");
    return line ? (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10) : thread;
}

static uint32_t read_executable(pid_t thread) {
    char path[64], target[PATH_MAX + 16];
    format(path, sizeof path, "/proc/%d/exe", thread);
    return read_link(path, target, sizeof target) < 0 ? 0 : executable_number(target);
}

static uint64_t thread_key(pid_t thread) {
    return hash_bytes(0, &thread, sizeof thread);
}

bool process_is_remembered(pid_t thread) {
    return table_get(&places, thread_key(thread));
}

struct process process_at_a_glance(pid_t thread) {
    const uint32_t *place = table_get(&places, thread_key(thread));
    if (place && processes[*place].process)
        return processes[*place];
    return (struct process){.process = read_process(thread), .executable = read_executable(thread)};
}

struct process process_of(pid_t thread) {
    struct process found = process_at_a_glance(thread);
    if (used_places == PROCESSES) {
        table_clear(&places);
        used_places = 0;
    }
    bool added;
    uint32_t *place = table_put(&places, thread_key(thread), &added);
    if (added)
        *place = used_places++;
    processes[*place] = found;
    return found;
}

struct process process_of_caller(const struct caller *caller) {
    if (!caller->captured)
        return process_of(caller->thread);
    return (struct process){(pid_t)caller->captured->record->process, caller->captured->executable};
}

void forget_process(pid_t thread) {
    const pid_t threads[] = {thread, process_at_a_glance(thread).process};
    for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) {
        const uint32_t *place = table_get(&places, thread_key(threads[i]));
        if (place)
            processes[*place].process = 0;
    }
}
