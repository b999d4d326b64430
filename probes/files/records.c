#include "records.h"

#include <string.h>

#include "stream.h"
#include "table.h"
#include "util.h"

struct counters counters;

static const char *const operation_names[] = {
    [OP_EXEC] = "exec",           [OP_OPEN] = "open",     [OP_READ_DIR] = "read-dir", [OP_LOOK_UP] = "look-up",
    [OP_READ_LINK] = "read-link", [OP_CREATE] = "create", [OP_WRITE] = "write",       [OP_CHANGE] = "change",
};

static struct buffer pending;
static struct table written, executables;
static bool closed;

void write_record(const char *head, const char *a, const char *b) {
    if (closed)
        return;
    buffer_add(&pending, head, strlen(head) + 1);
    buffer_add(&pending, a, strlen(a) + 1);
    buffer_add(&pending, b, strlen(b) + 1);
}

/* The resolved path is a part of what is told: a link that is looked at and then followed makes two records. */
static uint64_t access_key(const struct access *access) {
    uint64_t key = hash_text(access->operation * 2 + access->found, access->asked);
    return hash_text(hash_bytes(key, &access->executable, sizeof access->executable), access->resolved);
}

bool access_is_known(const struct access *access) {
    return table_get(&written, access_key(access));
}

void write_access(const struct access *access) {
    if (closed || !table_add(&written, access_key(access)))
        return;
    char head[96];
    format(head, sizeof head, "%s %s %d %u", operation_names[access->operation], access->found ? "found" : "missing",
           access->process, access->executable);
    write_record(head, access->asked, access->resolved);
    counters.records++;
}

uint32_t executable_number(const char *path) {
    bool added;
    uint32_t *number = table_put(&executables, hash_text(0, path), &added);
    if (added) {
        *number = (uint32_t)executables.used;
        char head[32];
        format(head, sizeof head, "exe %u", *number);
        write_record(head, path, "");
    }
    return *number;
}

void write_counters(const char *head, const char *b) {
    struct buffer words = {0};
    buffer_addf(&words, "events=%llu records=%llu lost=%llu unreadable=%llu interrupted=%llu io_uring=%llu own_filters=%llu",
                (unsigned long long)counters.events, (unsigned long long)counters.records,
                (unsigned long long)counters.lost, (unsigned long long)counters.unreadable,
                (unsigned long long)counters.interrupted, (unsigned long long)counters.io_uring,
                (unsigned long long)counters.own_filters);
    buffer_add(&words, "", 1);
    write_record(head, words.data, b);
    buffer_free(&words);
}

size_t pending_bytes(void) {
    return pending.length;
}

bool flush_records(void) {
    bool sent = !pending.length || stream_send(pending.data, pending.length);
    pending.length = 0;
    return sent;
}

void close_records(void) {
    closed = true;
}

void write_fatal(const char *message) {
    closed = false;
    write_record("fatal", message, "");
    close_records();
}
