/* The calls of 32-bit programs on x86_64, and of `int $0x80` in 64-bit ones. */
#ifdef __x86_64__
#include <asm/unistd_32.h>
#include <linux/audit.h>

#define CALLS_I386
#include "syscall_probes.h"
#include "calls.h"
#include "calls_new.h"

static const struct call calls[] = {
#include "calls.inc"
};

const struct call_table i386_calls = {
    .arch = AUDIT_ARCH_I386,
    .pointer_size = 4,
    .calls = calls,
    .count = sizeof calls / sizeof *calls,
};

static const struct syscall_probe probes[] = {
#include "syscall_probes.inc"
};

const struct syscall_probe_table i386_syscall_probes = {
    .arch = AUDIT_ARCH_I386,
    .name = "compat",
    .probes = probes,
    .count = sizeof probes / sizeof *probes,
};
#endif
