/* The recorder that holds calls by user notification (seccomp_unotify(2)). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

/* Fetches the listener out of a process that waits at its gate. Returns -1 with errno (ENOENT: it has none). */
int take_listener(pid_t process);

/* Records one call that waits at the listener and lets it go on. */
void serve_notification(int listener);

#endif
