/* A thread that waits in a system call: what its arguments are, and its memory. */
#ifndef CALLER_H
#define CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "captured.h"

struct caller {
    pid_t thread;
    uint32_t arch, number;
    uint64_t arguments[6];
    /* A notified thread may be killed while it waits, and its number be used again: what was read of it counts only if it
     * still waits afterwards. A traced thread is stopped; its listener is -1. */
    int listener;
    uint64_t notification;
    const struct captured *captured; /* NULL unless the thread has gone on (its listener is -1, too) */
};

bool caller_still_waits(const struct caller *caller);

/* Reads exactly `size` bytes at `address`; false when they cannot be read. Counts what the caller itself could have read. */
bool read_memory(const struct caller *caller, uint64_t address, void *data, size_t size);
/* Reads a text with its NUL; false also when it is longer than `size`, which the kernel would refuse as well. */
bool read_string(const struct caller *caller, uint64_t address, char *text, size_t size);
/* Reads up to `size` bytes; returns how many, or -1 with errno. */
ssize_t read_some(const struct caller *caller, uint64_t address, void *data, size_t size);

/* The process of a thread and the number of its executable (0: unknown). */
struct process {
    pid_t process;
    uint32_t executable;
};
struct process process_of(pid_t thread);
/* The same for a process that may be about to change its executable: nothing is remembered. */
struct process process_at_a_glance(pid_t thread);
/* The same of a caller, as it was at the time of its call. */
struct process process_of_caller(const struct caller *caller);
/* True if the process has made a recorded call. */
bool process_is_remembered(pid_t thread);
/* The thread calls execve: what is known of it will be wrong. */
void forget_process(pid_t thread);

#endif
