/* The recorder that stops calls with ptrace (ptrace(2), SECCOMP_RET_TRACE): for kernels without user notification. */
#ifndef TRACER_H
#define TRACER_H

#include <stdbool.h>
#include <sys/types.h>

/* Takes over a process that waits at its gate, and whatever it starts. Returns -1 with errno. */
int trace(pid_t process);

/* Records the stops that have happened and lets them go on, but no more than a turn's worth: true when there may be more. */
bool serve_stops(void);

#endif
