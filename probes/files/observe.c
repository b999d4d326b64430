#include "observe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "access.h"
#include "calls.h"
#include "lifecycle.h"
#include "records.h"
#include "resolve.h"
#include "sockets.h"
#include "util.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* A call, its description, and the width of pointers in the structures that it points to. */
struct seen_call {
    const struct caller *caller;
    const struct call *call;
    int pointer_size;
};

static uint64_t flags_of(const struct seen_call *seen) {
    return seen->call->flags == NO_ARGUMENT ? 0 : seen->caller->arguments[(int)seen->call->flags];
}

static bool follows(enum last_part last, uint64_t flags) {
    switch (last) {
    case FOLLOW:
        return true;
    case STAY:
        return false;
    case UNLESS_NOFOLLOW:
        return !(flags & AT_SYMLINK_NOFOLLOW);
    case IF_FOLLOW:
        return flags & AT_SYMLINK_FOLLOW;
    case UNLESS_DONT_FOLLOW:
        return !(flags & IN_DONT_FOLLOW);
    }
    return true;
}

static struct request request_for(const struct seen_call *seen, const struct path_argument *path) {
    return (struct request){
        .caller = seen->caller,
        .operation = (enum operation)path->operation,
        .follow = follows((enum last_part)path->last, flags_of(seen)),
        .is_one_of_two = seen->call->paths[1].used,
        .may_replace = seen->call->paths[1].used && seen->call->kind != KIND_PATHS,
        .dirfd = path->dirfd == CWD ? AT_FDCWD : (int)seen->caller->arguments[(int)path->dirfd],
    };
}

static void observe_paths(const struct seen_call *seen) {
    for (int i = 0; i < 2 && seen->call->paths[i].used; i++) {
        const struct path_argument *path = &seen->call->paths[i];
        struct request request = request_for(seen, path);
        if (seen->call->kind == KIND_RENAME && flags_of(seen) & RENAME_EXCHANGE)
            request.operation = OP_CHANGE;
        access_by_address(&request, seen->caller->arguments[(int)path->path]);
    }
}

/* Of a caller that has gone on, the folder or root is the new one already. */
static bool has_moved(const struct seen_call *seen) {
    return seen->caller->captured && seen->caller->captured->record->result >= 0;
}

static void observe_chdir(const struct seen_call *seen) {
    char path[PATH_MAX];
    bool is_relative = read_string(seen->caller, seen->caller->arguments[0], path, sizeof path) && path[0] != '/';
    if (has_moved(seen) && is_relative)
        access_by_descriptor(seen->caller, OP_LOOK_UP, AT_FDCWD);
    else
        observe_paths(seen);
}

static void observe_root(const struct seen_call *seen) {
    struct request request = request_for(seen, &seen->call->paths[0]);
    if (has_moved(seen))
        access_by_path(&request, "/");
    else
        observe_paths(seen);
    expect_other_roots();
}

static enum operation open_operation(uint64_t flags) {
    if (flags & O_PATH || (flags & O_TMPFILE) == O_TMPFILE)
        return OP_OPEN;
    if (flags & O_CREAT)
        return OP_CREATE;
    return flags & (O_ACCMODE | O_TRUNC) ? OP_WRITE : OP_OPEN;
}

static void observe_open(const struct seen_call *seen, uint64_t flags, bool in_root) {
    const struct path_argument *path = &seen->call->paths[0];
    struct request request = request_for(seen, path);
    request.operation = open_operation(flags);
    request.follow = !(flags & O_NOFOLLOW) && !(flags & O_CREAT && flags & O_EXCL);
    request.in_root = in_root;
    access_by_address(&request, seen->caller->arguments[(int)path->path]);
}

static void observe_openat2(const struct seen_call *seen) {
    struct open_how how;
    if (read_memory(seen->caller, flags_of(seen), &how, sizeof how))
        observe_open(seen, how.flags, how.resolve & RESOLVE_IN_ROOT);
}

/* fexecve: the kernel names the descriptor of the program that has started, which is closed by now. */
static bool observe_start_by_descriptor(const struct seen_call *seen, const struct request *request) {
    const struct captured *captured = seen->caller->captured;
    char name[PATH_MAX], program[PATH_MAX];
    if (!captured || !(captured->record->flags & RECORD_EXEC) ||
        !read_string(seen->caller, seen->caller->arguments[0], name, sizeof name) ||
        strncmp(name, "/dev/fd/", strlen("/dev/fd/")) || !captured_program(captured, program, sizeof program))
        return false;
    access_by_path(request, program);
    return true;
}

static void observe_exec(const struct seen_call *seen) {
    const struct path_argument *path = &seen->call->paths[0];
    struct request request = request_for(seen, path);
    request.or_descriptor = flags_of(seen) & AT_EMPTY_PATH;
    if (!observe_start_by_descriptor(seen, &request))
        access_by_address(&request, seen->caller->arguments[(int)path->path]);
    forget_process(seen->caller->thread);
}

static void observe_address(const struct seen_call *seen, enum operation operation, uint64_t address, uint64_t length) {
    struct sockaddr_un name = {0};
    size_t size = length < sizeof name ? (size_t)length : sizeof name;
    if (size <= offsetof(struct sockaddr_un, sun_path) || !address ||
        !read_memory(seen->caller, address, &name, size) || name.sun_family != AF_UNIX || !name.sun_path[0])
        return; /* no path: another family, or an abstract name */
    char path[sizeof name.sun_path + 1] = {0};
    memcpy(path, name.sun_path, sizeof name.sun_path);
    struct request request = {
        .caller = seen->caller, .operation = operation, .follow = operation != OP_CREATE, .dirfd = AT_FDCWD};
    access_by_path(&request, path);
}

/* struct msghdr begins with a pointer to the address and its length (32 bits). */
static void observe_message(const struct seen_call *seen, uint64_t header) {
    unsigned char bytes[12];
    uint64_t address = 0;
    uint32_t length;
    if (!read_memory(seen->caller, header, bytes, (size_t)seen->pointer_size + sizeof length))
        return;
    memcpy(&address, bytes, (size_t)seen->pointer_size);
    memcpy(&length, bytes + seen->pointer_size, sizeof length);
    observe_address(seen, OP_LOOK_UP, address, length);
}

enum { MESSAGES_LIMIT = 1024 }; /* UIO_MAXIOV: the kernel takes no more */

static void observe_messages(const struct seen_call *seen, uint64_t headers, uint64_t count) {
    uint64_t size = seen->pointer_size == 8 ? 64 : 32; /* of struct mmsghdr */
    for (uint64_t i = 0; i < count && i < MESSAGES_LIMIT; i++)
        observe_message(seen, headers + i * size);
}

static void observe_socketcall(const struct seen_call *seen) {
    uint32_t arguments[6] = {0};
    uint32_t which = (uint32_t)seen->caller->arguments[0];
    size_t count = which == SYS_SENDTO ? 6 : which == SYS_SENDMMSG ? 4 : which == SYS_LISTEN ? 2 : 3;
    if (!read_memory(seen->caller, seen->caller->arguments[1], arguments, count * sizeof *arguments))
        return;
    switch (which) {
    case SYS_LISTEN:
        note_listen();
        break;
    case SYS_BIND:
    case SYS_CONNECT:
        observe_address(seen, which == SYS_BIND ? OP_CREATE : OP_LOOK_UP, arguments[1], arguments[2]);
        break;
    case SYS_SENDTO:
        observe_address(seen, OP_LOOK_UP, arguments[4], arguments[5]);
        break;
    case SYS_SENDMSG:
        observe_message(seen, arguments[1]);
        break;
    case SYS_SENDMMSG:
        observe_messages(seen, arguments[1], arguments[2]);
        break;
    }
}

/* An app's filter that asks for a listener is refused by the kernel (EBUSY), and one that wants a tracer or a listener
 * woken is outvoted by ours: both are told in a counter. */
static bool program_clashes(const struct seen_call *seen, uint64_t program) {
    static struct sock_filter code[BPF_MAXINSNS];
    unsigned char head[16];
    uint64_t address = 0;
    uint16_t length;
    if (!read_memory(seen->caller, program, head, 2 * (size_t)seen->pointer_size))
        return false;
    memcpy(&length, head, sizeof length);
    memcpy(&address, head + seen->pointer_size, (size_t)seen->pointer_size);
    if (length > BPF_MAXINSNS || !read_memory(seen->caller, address, code, length * sizeof *code))
        return false;
    for (size_t i = 0; i < length; i++) {
        uint32_t action = code[i].k & SECCOMP_RET_ACTION_FULL;
        if (code[i].code == (BPF_RET | BPF_K) && (action == SECCOMP_RET_TRACE || action == SECCOMP_RET_USER_NOTIF))
            return true;
    }
    return false;
}

static void observe_filter(const struct seen_call *seen, uint64_t flags, uint64_t program) {
    if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER || program_clashes(seen, program))
        counters.own_filters++;
}

static void observe_kind(const struct seen_call *seen) {
    const uint64_t *arguments = seen->caller->arguments;
    const struct path_argument *path = &seen->call->paths[0];
    switch ((enum call_kind)seen->call->kind) {
    case KIND_ROOT:
        observe_root(seen);
        break;
    case KIND_CHDIR:
        observe_chdir(seen);
        break;
    case KIND_PATHS:
    case KIND_RENAME:
    case KIND_REDIRECT:
        observe_paths(seen);
        break;
    case KIND_OPEN:
        observe_open(seen, flags_of(seen), false);
        break;
    case KIND_OPENAT2:
        observe_openat2(seen);
        break;
    case KIND_EXEC:
        observe_exec(seen);
        break;
    case KIND_GETDENTS:
        access_by_descriptor(seen->caller, OP_READ_DIR, (int)flags_of(seen));
        break;
    case KIND_ADDRESS:
        observe_address(seen, (enum operation)path->operation, arguments[(int)path->path], flags_of(seen) & UINT32_MAX);
        break;
    case KIND_MESSAGE:
        observe_message(seen, arguments[1]);
        break;
    case KIND_MESSAGES:
        observe_messages(seen, arguments[1], arguments[2] & UINT32_MAX);
        break;
    case KIND_SOCKETCALL:
        observe_socketcall(seen);
        break;
    case KIND_LISTEN:
        note_listen();
        break;
    case KIND_EXIT:
    case KIND_EXIT_GROUP:
        note_exit(seen->caller->thread, seen->call->kind == KIND_EXIT_GROUP);
        break;
    case KIND_IO_URING:
        counters.io_uring++;
        break;
    case KIND_SECCOMP:
        observe_filter(seen, arguments[1], arguments[2]);
        break;
    case KIND_PRCTL:
        if (arguments[1] == SECCOMP_MODE_FILTER)
            observe_filter(seen, 0, arguments[2]);
        break;
    }
}

/* A call that changes where paths lead has its effect after it was seen, and at the latest before its thread's next call. */
static void await_redirection(pid_t thread, const struct call *call) {
    static pid_t redirecting;
    if (thread == redirecting) {
        expect_other_ways();
        redirecting = 0;
    }
    if (call->kind == KIND_RENAME || call->kind == KIND_REDIRECT || call->kind == KIND_ROOT) {
        expect_other_ways();
        redirecting = thread;
    }
}

enum verdict observe_call(const struct caller *caller) {
    const struct call_table *table;
    const struct call *call = find_call(caller->arch, caller->number, &table);
    counters.events++;
    if (!call)
        return GO_ON;
    await_redirection(caller->thread, call);
    struct seen_call seen = {.caller = caller, .call = call, .pointer_size = table->pointer_size};
    observe_kind(&seen);
    return call->kind == KIND_IO_URING ? REFUSE : GO_ON;
}
