/* System calls that container profiles allow or refuse depending on capabilities, each with arguments that change nothing.
 * syscall_probes.inc is the one list; calls_*.c compile it against the kernel's tables of numbers. */
#ifndef SYSCALL_PROBES_H
#define SYSCALL_PROBES_H

#include <stddef.h>
#include <stdint.h>

enum syscall_probe_kind {
    SYSCALL_PROBE_PLAIN,
    SYSCALL_PROBE_ALONE, /* success would change the process: it gets a process of its own */
    SYSCALL_PROBE_CLONE, /* success is a new process; a denial holds for the flag in the first argument only */
};

struct syscall_probe {
    uint32_t number;
    enum syscall_probe_kind kind;
    long arguments[5];
};

struct syscall_probe_table {
    uint32_t arch;
    const char *name; /* as the identity writes it */
    const struct syscall_probe *probes;
    size_t count;
};

extern const struct syscall_probe_table native_syscall_probes, i386_syscall_probes, x32_syscall_probes;

#endif
