/* One thread at a time: the supervisor's threads share all that they know, and whoever works holds the lock. Only waiting (for
 * a call, an order, an event) is done without it. */
#ifndef STATE_LOCK_H
#define STATE_LOCK_H

#include <stdbool.h>

/* To be called once, before there is a second thread. */
void init_state_lock(void);

/* A thread that holds the lock may take it again. */
void lock_state(void);
/* False when another thread has it. */
bool try_lock_state(void);
void unlock_state(void);

/* Wakes the main thread from its waiting; to be polled by it. */
void wake_main_thread(void);
int wake_descriptor(void);
/* Before the next waiting. */
void take_wakes(void);

#endif
