/* The answer to an order: chunks of a length and so many bytes, an empty one, and a status.
 * docs/probe-protocol.md, "Serve". When nobody reads it any more, the process ends. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>

void answer_open(void);
/* Tells that it is this program that will answer (nonce.h), before any order: a chunk by itself. */
void answer_hello(void);
void answer_add(const void *data, size_t size);
/* Room for content that is read straight into the chunk, at least one byte; `answer_grow` says how much was used. */
char *answer_room(size_t *size);
void answer_grow(size_t size);
/* Notes why the order fails; the reason becomes the status. Always false. */
bool answer_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
void answer_end(bool succeeded);

#endif
