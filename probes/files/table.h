/* A hash table from 64-bit keys (themselves hashes) to small numbers. Grows; never shrinks, but can be emptied. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    uint64_t *keys; /* 0 marks a free place */
    uint32_t *values;
    size_t places, used;
};

/* Hashing goes on from `seed`, so that several values make one key. Never 0. */
uint64_t hash_bytes(uint64_t seed, const void *data, size_t size);
uint64_t hash_text(uint64_t seed, const char *text);

/* The value's place, or NULL. */
uint32_t *table_get(const struct table *table, uint64_t key);
/* The value's place, made (0) where there was none; `added` says which. */
uint32_t *table_put(struct table *table, uint64_t key, bool *added);
/* Adds the key; false when it was there. */
bool table_add(struct table *table, uint64_t key);
void table_clear(struct table *table);

#endif
