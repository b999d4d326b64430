/* The calls of x32 programs: x86_64's architecture word, a bit in the number, 32-bit pointers. */
#ifdef __x86_64__
#include <linux/audit.h>
#ifndef __X32_SYSCALL_BIT
#define __X32_SYSCALL_BIT 0x40000000
#endif
#include <asm/unistd_x32.h>

#define NEW_CALL_BASE __X32_SYSCALL_BIT
#include "syscall_probes.h"
#include "calls.h"
#include "calls_new.h"

static const struct call calls[] = {
#include "calls.inc"
};

const struct call_table x32_calls = {
    .arch = AUDIT_ARCH_X86_64,
    .pointer_size = 4,
    .calls = calls,
    .count = sizeof calls / sizeof *calls,
};

static const struct syscall_probe probes[] = {
#include "syscall_probes.inc"
};

const struct syscall_probe_table x32_syscall_probes = {
    .arch = AUDIT_ARCH_X86_64,
    .name = "x32",
    .probes = probes,
    .count = sizeof probes / sizeof *probes,
};
#endif
