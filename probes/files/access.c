#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "afterwards.h"
#include "interpreter.h"
#include "records.h"
#include "resolve.h"
#include "table.h"
#include "util.h"

/* Requests that were found and recorded: the same again needs no look at the file system. What is missing is looked for
 * each time, because it may have come into being; so is what differs from process to process. */
static struct table settled;
/* Paths that were opened by a recorded call: fanotify's event for the same open is no news. */
static struct table opened;

void expect_other_ways(void) {
    table_clear(&settled);
}

static uint64_t request_key(const struct request *request, const struct process *process, const char *asked) {
    uint64_t words[] = {process->executable, request->operation, request->follow};
    return hash_text(hash_bytes(0, words, sizeof words), asked);
}

static void remember_opened(enum operation operation, const char *path) {
    if (operation == OP_EXEC || operation == OP_OPEN || operation == OP_CREATE || operation == OP_WRITE)
        table_add(&opened, hash_text(0, path));
}

static void record(const struct request *request, const struct process *process, const struct location *location,
                   bool found, const char *resolved) {
    struct access access = {
        .operation = request->operation,
        .found = found,
        .process = process->process,
        .executable = process->executable,
        .asked = location->asked,
        .resolved = resolved,
    };
    const char *real = *resolved ? resolved : location->asked;
    remember_opened(request->operation, real);
    /* A link of the image may lead to kernel files, and one of /proc into the image. */
    if (!is_kernel_path(real) || !is_kernel_path(location->asked))
        write_access(&access);
}

static void record_interpreters(const struct request *request, const struct location *program) {
    struct location location = *program;
    char path[PATH_MAX];
    /* The kernel follows four interpreters of interpreters, and an ELF program has one more. */
    for (int depth = 0; depth < 6; depth++) {
        int fd = open_location(request->caller->thread, &location, true);
        if (fd < 0)
            return;
        bool has_one = read_interpreter(fd, path, sizeof path);
        close(fd);
        if (!has_one || !locate(request->caller, AT_FDCWD, path, &location))
            return;
        struct process process = process_of_caller(request->caller);
        char resolved[PATH_MAX];
        enum outcome outcome = look(request->caller->thread, &location, true, resolved, sizeof resolved);
        if (outcome != OUTCOME_UNKNOWN)
            record(request, &process, &location, outcome == OUTCOME_FOUND, resolved);
    }
}

static void settle(const struct request *request, const struct location *location) {
    struct process process = process_of_caller(request->caller);
    uint64_t key = request_key(request, &process, location->asked);
    const struct captured *captured = request->caller->captured;
    if (table_get(&settled, key) && !(captured && is_certain(captured)))
        return;
    char resolved[PATH_MAX];
    enum outcome outcome = captured ? look_afterwards(request, location, resolved, sizeof resolved)
                                    : look(request->caller->thread, location, request->follow, resolved, sizeof resolved);
    if (!caller_still_waits(request->caller))
        return;
    if (outcome == OUTCOME_UNKNOWN) {
        counters.unreadable++;
        return;
    }
    record(request, &process, location, outcome == OUTCOME_FOUND, resolved);
    if (outcome == OUTCOME_MISSING)
        return;
    if (!is_own_path(location->asked))
        table_add(&settled, key);
    if (request->operation == OP_EXEC)
        record_interpreters(request, location);
}

void access_by_path(const struct request *request, const char *path) {
    struct location location;
    bool located;
    errno = 0;
    if (!*path)
        located = request->or_descriptor && locate_descriptor(request->caller, request->dirfd, &location);
    else if (request->in_root)
        located = locate_in_root(request->caller, request->dirfd, path, &location);
    else
        located = locate(request->caller, request->dirfd, path, &location);
    if (located)
        settle(request, &location);
    else if (errno == ENAMETOOLONG && caller_still_waits(request->caller))
        counters.unreadable++; /* it lies so deep that it cannot be named */
}

void access_by_address(const struct request *request, uint64_t address) {
    char path[PATH_MAX];
    if (address && read_string(request->caller, address, path, sizeof path))
        access_by_path(request, path);
}

void access_by_descriptor(const struct caller *caller, enum operation operation, int fd) {
    struct location location;
    struct request request = {.caller = caller, .operation = operation, .follow = true, .dirfd = fd};
    errno = 0;
    bool located = locate_descriptor(caller, fd, &location);
    if (!caller_still_waits(caller))
        return;
    counters.unreadable += !located && errno == ENAMETOOLONG;
    if (!located)
        return;
    struct process process = process_of_caller(caller);
    record(&request, &process, &location, true, "");
}

bool event_is_news(const char *path, bool in_company) {
    return !is_kernel_path(path) && !(in_company && table_get(&opened, hash_text(0, path)));
}

void access_of_process(pid_t id, enum operation operation, const char *path) {
    struct process process = process_at_a_glance(id);
    struct access access = {
        .operation = operation,
        .found = true,
        .process = process.process,
        .executable = process.executable,
        .asked = path,
        .resolved = "",
    };
    write_access(&access);
}
