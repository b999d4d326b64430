/* The container that is watched and which processes belong to it, and telling a process from a later one with the same number. */
#ifndef CONTAINER_H
#define CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* From now on the container is that of this process, which lives: another one than the probe's own. */
void watch_container_of(pid_t process);
/* Ends the process unless /proc is the kernel's: all that is known of other processes comes from there. */
void check_proc(void);
bool is_outside_container(void);
/* The numbers (namespaces(7)) of its PID namespace, 0 if that is the probe's own, and of its mount namespace. `*level` is how deep the
 * first lies below the probe's. False if that cannot be told. */
bool number_namespaces(uint32_t *processes, uint32_t *mounts, uint32_t *level);
/* True if the probe is in the machine's first PID namespace. */
bool sees_all_processes(void);
/* Opens (O_PATH) what lies there under an absolute path without links. Returns the descriptor, or -1 with errno. */
int open_in_container(const char *path);
/* The path of a file below /proc that tells of the container as its first process sees it. */
void container_proc_path(const char *name, char *path, size_t size);

/* True for a process in the container's mount namespace. The PID namespace may be shared with strangers (--pid): of another
 * container than the probe's own it tells (or one within it does), together with the same root, who has left the mount
 * namespace: a sandbox of the app's own. */
bool in_this_container(pid_t process);
/* True for a process that is certainly not in it. Of one that ends neither can be told. */
bool in_another_container(pid_t process);
/* True for a process that has not gone through its gate yet, and for whoever else runs this program. */
bool runs_probe(pid_t process);

/* Of a process or thread: its number together with the time of its start; 0 when it is gone. */
uint64_t task_key(pid_t task);
/* False when the task is gone or a zombie. */
bool task_lives(pid_t task);
/* True if the task has a handler for the signal, or if that cannot be found out. */
bool handles_signal(pid_t task, int signal);
/* The signals that may make the task do something: those with a handler, and those that it blocks (for sigwait or a
 * signalfd). Bit 0 is signal 1; all ones when that cannot be told. */
uint64_t signals_reaching(pid_t task);
/* The processor time of all processes of this container that run now, in clock ticks (proc_pid_stat(5)). */
uint64_t processor_time(void);

/* Calls `visit` for each number in a folder of /proc until it returns true. Returns true if it did. */
bool visit_numbers(const char *folder, bool (*visit)(int number, void *context), void *context);

#endif
