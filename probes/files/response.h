/* The answer to an order: chunks of a length and so many bytes, an empty one, and a status.
 * docs/probe-protocol.md, "Serve". When nobody reads it any more, the process ends. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

void response_open(void);
/* Tells that it is this program that will answer (nonce.h), before any order: a chunk by itself. */
void response_hello(void);
void response_add(const void *data, size_t size);
/* Room for content that is read straight into the chunk, at least one byte; `response_grow` says how much was used. */
char *response_room(size_t *size);
void response_grow(size_t size);
/* Notes why the order fails; the reason becomes the status. Always false. */
bool response_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
void response_end(bool succeeded);

#endif
