/* The recorder that holds calls by user notification (seccomp_unotify(2)). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <sys/types.h>

/* Fetches the listener out of a process that waits at its gate. Returns -1 with errno (ENOENT: it has none). */
int take_listener(pid_t process);

/* Starts the threads that record each call that waits at the listener and let it go on. They end, and close it, when no process
 * has the filter any more. */
void serve_listener(int listener);

#endif
