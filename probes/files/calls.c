/* Looking a call up. 32-bit ARM programs on aarch64 have no table: they pass unrecorded by the filter, and fanotify alone
 * sees what they open. */
#include "calls.h"

#include <stdbool.h>

const struct call_table *const call_tables[] = {
    &native_calls,
#ifdef __x86_64__
    &i386_calls,
    &x32_calls,
#endif
    NULL,
};

enum { TABLES = sizeof call_tables / sizeof *call_tables - 1, NUMBERS = 1024, X32_BIT = 0x40000000 };

/* Lists are short and calls many: each table is turned into an array by number, once. */
static const struct call *by_number[TABLES][NUMBERS];

static void index_calls(void) {
    for (size_t table = 0; table < TABLES; table++)
        for (size_t i = 0; i < call_tables[table]->count; i++) {
            const struct call *call = &call_tables[table]->calls[i];
            by_number[table][(call->number & ~(uint32_t)X32_BIT) % NUMBERS] = call;
        }
}

const struct call *find_call(uint32_t arch, uint32_t number, const struct call_table **found) {
    static bool indexed;
    if (!indexed)
        index_calls();
    indexed = true;
    for (size_t table = 0; table < TABLES; table++) {
        if (call_tables[table]->arch != arch)
            continue;
        const struct call *call = by_number[table][(number & ~(uint32_t)X32_BIT) % NUMBERS];
        if (!call || call->number != number)
            continue;
        *found = call_tables[table];
        return call;
    }
    return NULL;
}
