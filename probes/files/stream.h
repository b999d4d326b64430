/* The two ends that lead to slimmer: stdout for records, stdin for orders. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>

void stream_open(void);
/* Waits until everything is written. False when slimmer is gone. */
bool stream_send(const void *data, size_t size);
/* Reads what there is on stdin without waiting. False at its end: slimmer is gone. */
bool stream_receive(void);
/* True if an order waits. Sending reads orders too. */
bool stream_has_order(void);
/* The next order (a line without its newline), or NULL. Valid until the next call. */
char *stream_order(void);

#endif
