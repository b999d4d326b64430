/* System calls that container profiles allow or refuse depending on capabilities, each with arguments that change nothing.
 * syscall_probes.inc is the one list; calls_*.c compile it against the kernel's tables of numbers. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#include <stddef.h>
#include <stdint.h>

enum attempt_kind {
    ATTEMPT_PLAIN,
    ATTEMPT_ALONE, /* success would change the process: it gets a process of its own */
    ATTEMPT_CLONE, /* success is a new process; a refusal holds for the flag in the first argument only */
};

struct attempt {
    uint32_t number;
    enum attempt_kind kind;
    long arguments[5];
};

struct attempt_table {
    uint32_t arch;
    const char *name; /* as the identity writes it */
    const struct attempt *attempts;
    size_t count;
};

extern const struct attempt_table native_attempts, i386_attempts, x32_attempts;

#endif
