/* The extended attributes that belong to an image's file. */
#ifndef XATTRS_H
#define XATTRS_H

#include <stdbool.h>
#include <stddef.h>

typedef void take_xattr(void *context, const char *name, const void *value, size_t size);

/* Calls `take` with each attribute of `path` itself (links are not followed), sorted by name. Left out are those
 * that the engine's host gives to every file. False, with errno, when they cannot be read. */
bool each_xattr(const char *path, take_xattr *take, void *context);

#endif
