/* The recorder that is told of calls by BPF programs (kernel/call_watcher.c): nobody waits for it. */
#ifndef CALL_WATCHER_H
#define CALL_WATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts it; false, with a reason, if it cannot run here. Of the probe's own container, the call counter must
 * have been started. */
bool start_call_watcher(char *trouble, size_t size);
bool call_watcher_runs(void);

/* For the main thread: a descriptor to poll (-1: none), and the time before which that is not worthwhile (now_ms). */
int watcher_descriptor(void);
int64_t watcher_due(void);
/* Records the calls that have been told, and rests a little. */
void serve_watched_calls(void);
/* Records all calls that have returned before this was called. */
void drain_watched_calls(void);
/* From now on nothing rests: the app may be killed at any time. */
void watch_without_rest(void);
/* Adds what the programs had to drop to the counters. */
void count_watcher_losses(void);

#endif
