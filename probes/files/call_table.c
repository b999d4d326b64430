#include "call_table.h"

#include <stddef.h>

#include "calls.h"
#include "filter.h"
#include "util.h"

enum { X32_BIT = 0x40000000, NONE = -1 };

/* The tables of calls.h come in the order of the ways. */
static const struct call *find(unsigned way, uint32_t number, const struct call_table **table) {
    for (unsigned i = 0; i <= way; i++)
        if (!call_tables[i])
            return NULL;
    uint32_t bit = way == 2 ? X32_BIT : 0;
    return find_call(call_tables[way]->arch, number | bit, table);
}

static bool opens(const struct call *call) {
    const struct path_argument *path = &call->paths[0];
    bool is_creat = call->kind == KIND_PATHS && path->operation == OP_CREATE && path->last == FOLLOW;
    return call->kind == KIND_OPEN || call->kind == KIND_OPENAT2 || is_creat;
}

static enum watch_kind kind_of(const struct call *call) {
    switch ((enum call_kind)call->kind) {
    case KIND_PATHS:
    case KIND_RENAME:
    case KIND_REDIRECT:
    case KIND_CHDIR:
    case KIND_ROOT:
    case KIND_OPEN:
    case KIND_OPENAT2:
    case KIND_EXEC:
        return WATCH_PATHS;
    case KIND_GETDENTS:
        return WATCH_FOLDER;
    case KIND_ADDRESS:
        return WATCH_ADDRESS;
    case KIND_MESSAGE:
        return WATCH_MESSAGE;
    case KIND_MESSAGES:
        return WATCH_MESSAGES;
    case KIND_SOCKETCALL:
        return WATCH_SOCKETCALL;
    default:
        return WATCH_NOTHING;
    }
}

static uint8_t flags_of(const struct call *call) {
    bool redirects = call->kind == KIND_RENAME || call->kind == KIND_REDIRECT || call->kind == KIND_ROOT;
    unsigned flags = opens(call) ? WATCH_OPENS : 0;
    flags |= changes_places(call) ? WATCH_HELD : 0;
    flags |= redirects ? WATCH_REDIRECTS : 0;
    flags |= call->kind == KIND_OPENAT2 ? WATCH_STRUCTURE : 0;
    flags |= call->kind == KIND_EXEC ? WATCH_EXEC : 0;
    return (uint8_t)flags;
}

bool describe_watched_call(unsigned way, uint32_t number, struct watched_call *watched) {
    const struct call_table *table;
    const struct call *call = find(way, number, &table);
    if (!call || kind_of(call) == WATCH_NOTHING)
        return false;
    *watched = (struct watched_call){
        .kind = (uint8_t)kind_of(call),
        .flags = flags_of(call),
        .texts = {NONE, NONE},
        .folders = {NONE, NONE},
        .extra = call->flags,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(call->paths); i++)
        if (call->paths[i].used) {
            watched->texts[i] = call->paths[i].path;
            watched->folders[i] = call->paths[i].dirfd;
        }
    return true;
}

bool number_watched_call(unsigned way, uint32_t number, uint32_t *arch, uint32_t *full_number) {
    const struct call_table *table;
    const struct call *call = find(way, number, &table);
    if (!call)
        return false;
    *arch = table->arch;
    *full_number = call->number;
    return true;
}
