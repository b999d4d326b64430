/* The record stream: records that were not written before, counters, and the executables' numbers. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"

struct counters {
    uint64_t events, records, lost, unreadable, interrupted, io_uring, own_filters;
};
extern struct counters counters;

/* An access, as the stream tells it. `resolved` is "" where it equals `asked` or where nothing was found. */
struct access {
    enum operation operation;
    bool found;
    int process;
    uint32_t executable;
    const char *asked, *resolved;
};

/* True when the same access was written before. */
bool access_is_known(const struct access *access);
/* Writes the access unless it is known. */
void write_access(const struct access *access);

/* The number of an executable, told to the stream when it is new. */
uint32_t executable_number(const char *path);

/* `end` and `drained` with the counters; `b` is the record's last field. */
void write_counters(const char *head, const char *b);
void write_record(const char *head, const char *a, const char *b);

/* How much was written and not sent yet. */
size_t pending_bytes(void);
/* Sends what was written on its way. False when nobody reads it any more. */
bool flush_records(void);
/* No record is written after this (but for a `fatal`). */
void close_records(void);
void write_fatal(const char *message);

#endif
