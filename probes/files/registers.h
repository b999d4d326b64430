/* What of a stopped thread's registers must be changed, for each architecture. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <sys/types.h>

/* The system call at whose entry the thread is stopped is not made, and fails with `error`. Returns -1 with errno. */
int fail_call(pid_t thread, int error);

#endif
