/* The system calls that name a path, for each way into the kernel (native, i386 and x32 on x86_64).
 * calls.inc is the one list; each calls_*.c compiles it against one of the kernel's own tables of numbers. */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <stdint.h>

/* What an access does to the path. The names are those of the record stream. */
enum operation { OP_EXEC, OP_OPEN, OP_READ_DIR, OP_LOOK_UP, OP_READ_LINK, OP_CREATE, OP_WRITE, OP_CHANGE };

/* True if the call follows a link at the end of the path. */
enum last_part {
    FOLLOW,
    STAY,
    UNLESS_NOFOLLOW,    /* unless the flags hold AT_SYMLINK_NOFOLLOW */
    IF_FOLLOW,          /* only if the flags hold AT_SYMLINK_FOLLOW */
    UNLESS_DONT_FOLLOW, /* unless the flags hold IN_DONT_FOLLOW */
};

enum call_kind {
    KIND_PATHS = 1,
    KIND_RENAME,  /* its flags may make the second path a change, too; afterwards paths may lead elsewhere */
    KIND_REDIRECT, /* paths, after which paths may lead elsewhere */
    KIND_CHDIR,   /* changes the caller's working folder */
    KIND_ROOT,    /* changes the caller's root */
    KIND_OPEN,    /* flags: O_* */
    KIND_OPENAT2, /* flags: pointer to struct open_how */
    KIND_EXEC,
    KIND_GETDENTS, /* flags: the directory's descriptor */
    KIND_ADDRESS,  /* path: pointer to a socket address; flags: its length */
    KIND_MESSAGE,  /* path: pointer to a struct msghdr */
    KIND_MESSAGES, /* path: pointer to an array of struct mmsghdr; flags: how many */
    KIND_SOCKETCALL,
    KIND_LISTEN,
    KIND_EXIT,
    KIND_EXIT_GROUP,
    KIND_IO_URING,
    KIND_SECCOMP,
    KIND_PRCTL,
};

enum { NO_ARGUMENT = -1, CWD = -1 };

/* Where a path stands among the arguments. `used` tells an entry from an absent second path. */
struct path_argument {
    uint8_t used, operation, last;
    int8_t dirfd, path;
};

struct call {
    uint32_t number;
    uint8_t kind;
    int8_t flags; /* the argument that holds the flags, or NO_ARGUMENT */
    struct path_argument paths[2];
};

struct call_table {
    uint32_t arch; /* AUDIT_ARCH_* */
    int pointer_size;
    const struct call *calls;
    size_t count;
};

extern const struct call_table native_calls, i386_calls, x32_calls;
/* The tables of this machine, ended with NULL. */
extern const struct call_table *const call_tables[];

/* The call's description and its table, or NULL. */
const struct call *find_call(uint32_t arch, uint32_t number, const struct call_table **table);

#endif
