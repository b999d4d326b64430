/* The beginning and the end of what is watched: which processes were taken over, and how the container ends. */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include <stdbool.h>
#include <sys/types.h>

/* A process was taken over; the first one is the main process, whose end is the container's. */
void note_attached(pid_t process);
/* Tells it to slimmer. */
void tell_attached(pid_t process, const char *command);
bool was_attached(pid_t process);
/* 0 before the first one. */
pid_t main_process(void);

/* A thread is about to exit, alone or with its whole process. When that ends the main process, all is told and `end`
 * written before this returns. */
void note_exit(pid_t thread, bool whole_process);
/* The main process has ended without having told: it was killed. */
void note_main_gone(void);
/* No watched process is left: writes `end` unless that was done, and ends the supervisor. */
void note_all_gone(void) __attribute__((noreturn));

/* All that has happened until now is written, and told so; `about` is the record's last field. */
void tell_drained(const char *about);

/* The container is not slimmer's: giving up leaves it alone. */
void spare_container(void);
/* Gives up: writes `fatal`, and sees to it that no process goes on unwatched, unless the container is to be spared. */
void give_up(const char *message) __attribute__((noreturn));

#endif
