/* When records are sent on their way to slimmer. Each piece wakes three processes on its way (the engine's and slimmer's), which
 * then compete with the app: so those of a few milliseconds travel together. No record is lost by that: whatever tells that
 * the log is whole (`drained`, `end`) comes after them. */
#ifndef FLUSH_H
#define FLUSH_H

#include <stdbool.h>
#include <stdint.h>

/* Sends what was recorded; without a reader, gives up. */
void send_records(void);
/* Sends it now or, if something was sent just before, has the main thread send it when that is due. */
void send_records_soon(void);

/* For the main thread: the time of the next sending (now_ms), INT64_MAX when there is nothing to send. */
int64_t sending_due(void);
/* Sends what is due. True if something was sent. */
bool send_records_if_due(void);

/* From now on nothing travels together: the app may be killed at any time, and what it did until then is to be told. */
void send_each_record(void);

#endif
