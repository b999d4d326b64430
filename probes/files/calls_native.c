/* The calls of this machine's own architecture. */
#include <asm/unistd.h>
#include <linux/audit.h>

#include "syscall_probes.h"
#include "calls.h"
#include "calls_new.h"

static const struct call calls[] = {
#include "calls.inc"
};

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

const struct call_table native_calls = {
    .arch = NATIVE_ARCH,
    .pointer_size = 8,
    .calls = calls,
    .count = sizeof calls / sizeof *calls,
};

static const struct syscall_probe probes[] = {
#include "syscall_probes.inc"
};

const struct syscall_probe_table native_syscall_probes = {
    .arch = NATIVE_ARCH,
    .name = "native",
    .probes = probes,
    .count = sizeof probes / sizeof *probes,
};
