#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

enum { FIRST_PLACES = 1 << 12 };

uint64_t hash_bytes(uint64_t seed, const void *data, size_t size) {
    /* FNV-1a, and a last mixing that spreads short differences over the low bits. The seed is multiplied first: a small one
     * would meet the first byte in the same bits, and (1, 2) be the same as (2, 1). */
    const unsigned char *bytes = data;
    uint64_t hash = (seed ^ 14695981039346656037ULL) * 1099511628211ULL;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211ULL;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

uint64_t hash_text(uint64_t seed, const char *text) {
    return hash_bytes(seed, text, strlen(text));
}

static size_t find_place(const struct table *table, uint64_t key) {
    size_t place = key & (table->places - 1);
    while (table->keys[place] && table->keys[place] != key)
        place = (place + 1) & (table->places - 1);
    return place;
}

static void grow(struct table *table) {
    struct table larger = {.places = table->places ? table->places * 2 : FIRST_PLACES, .used = table->used};
    larger.keys = xcalloc(larger.places, sizeof *larger.keys);
    larger.values = xcalloc(larger.places, sizeof *larger.values);
    for (size_t i = 0; i < table->places; i++)
        if (table->keys[i]) {
            size_t place = find_place(&larger, table->keys[i]);
            larger.keys[place] = table->keys[i];
            larger.values[place] = table->values[i];
        }
    free(table->keys);
    free(table->values);
    *table = larger;
}

uint32_t *table_get(const struct table *table, uint64_t key) {
    if (!table->places)
        return NULL;
    size_t place = find_place(table, key);
    return table->keys[place] ? &table->values[place] : NULL;
}

uint32_t *table_put(struct table *table, uint64_t key, bool *added) {
    if (table->used * 2 >= table->places)
        grow(table);
    size_t place = find_place(table, key);
    *added = !table->keys[place];
    if (*added) {
        table->keys[place] = key;
        table->values[place] = 0;
        table->used++;
    }
    return &table->values[place];
}

bool table_add(struct table *table, uint64_t key) {
    bool added;
    table_put(table, key, &added);
    return added;
}

void table_clear(struct table *table) {
    if (table->places)
        memset(table->keys, 0, table->places * sizeof *table->keys);
    table->used = 0;
}
