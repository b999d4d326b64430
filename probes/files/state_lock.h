/* One thread at a time: the supervisor's threads share all that they know, and whoever works holds the turn. Only waiting (for
 * a call, an order, an event) is done without it. */
#ifndef STATE_LOCK_H
#define STATE_LOCK_H

#include <stdbool.h>

/* To be called once, before there is a second thread. */
void open_turn(void);

/* A thread that holds the turn may take it again. */
void take_turn(void);
/* False when another thread has it. */
bool try_turn(void);
void end_turn(void);

/* Wakes the main thread from its waiting; to be polled by it. */
void wake_main_thread(void);
int wake_descriptor(void);
/* Before the next waiting. */
void take_wakes(void);

#endif
