/* A call that has gone on: what the recorder's BPF programs took of it (call_record.h). It answers what is otherwise read of a caller
 * that waits. */
#ifndef CAPTURED_H
#define CAPTURED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "call_record.h"

struct captured {
    const struct call_record *record;
    const char *pieces; /* record->length bytes */
    uint32_t executable; /* its number (records.h) */
};

/* Copies exactly `size` bytes of the caller's memory at `address`. False if the program did not read them. */
bool captured_memory(const struct captured *captured, uint64_t address, void *data, size_t size);
/* The same for a text with its NUL. */
bool captured_string(const struct captured *captured, uint64_t address, char *text, size_t size);

/* The kernel's path of the folder that a descriptor (or AT_FDCWD) meant, of the caller's root, of what the call opened, and of the
 * program that has started. False with errno: ENOENT if it has no path, ENAMETOOLONG. `size` is at least PATH_MAX. */
bool captured_folder(const struct captured *captured, int descriptor, char *path, size_t size);
bool captured_root(const struct captured *captured, char *path, size_t size);
bool captured_opened(const struct captured *captured, char *path, size_t size);
bool captured_program(const struct captured *captured, char *path, size_t size);

#endif
