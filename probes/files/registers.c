#include "registers.h"

#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__)

/* The entry code takes a call without a number for one that is to be skipped; this holds for 32-bit callers, too. */
int fail_call(pid_t thread, int error) {
    if (ptrace(PTRACE_POKEUSER, thread, offsetof(struct user, regs.orig_rax), -1L) < 0)
        return -1;
    return ptrace(PTRACE_POKEUSER, thread, offsetof(struct user, regs.rax), -(long)error) < 0 ? -1 : 0;
}

#elif defined(__aarch64__)

#ifndef NT_ARM_SYSTEM_CALL
#define NT_ARM_SYSTEM_CALL 0x404
#endif

int fail_call(pid_t thread, int error) {
    struct user_regs_struct registers;
    int none = -1;
    struct iovec number = {&none, sizeof none}, all = {&registers, sizeof registers};
    if (ptrace(PTRACE_SETREGSET, thread, NT_ARM_SYSTEM_CALL, &number) < 0 ||
        ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) < 0)
        return -1;
    registers.regs[0] = (unsigned long long)-(long)error;
    return ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all) < 0 ? -1 : 0;
}

#endif
