/* The orders of `serve`. Each writes its answer (response.h) and returns false, with a reason given, when it failed. */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>
#include <stddef.h>

/* What came with an order: NUL-terminated fields. */
struct payload {
    char *data;
    size_t size, taken;
};
/* The next field, or NULL at the end. It stays valid until the order is done. */
const char *next_field(struct payload *payload);

bool serve_index(struct payload *payload);
bool serve_pack(struct payload *payload);
bool serve_read(struct payload *payload);
bool serve_hash(struct payload *payload);

#endif
