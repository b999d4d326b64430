/* The beginning and the end of what is watched: which processes were taken over, and how the container ends. */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include <stdbool.h>
#include <sys/types.h>

/* The app listens: a look at the sockets will soon be worth it. */
void note_listen(void);
/* A thread is about to exit, alone or with its whole process. */
void note_exit(pid_t thread, bool whole_process);

#endif
