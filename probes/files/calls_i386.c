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

static const struct attempt attempts[] = {
#include "syscall_probes.inc"
};

const struct attempt_table i386_attempts = {
    .arch = AUDIT_ARCH_I386,
    .name = "compat",
    .attempts = attempts,
    .count = sizeof attempts / sizeof *attempts,
};
#endif
