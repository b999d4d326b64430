/* From a path in a caller's memory to the path that slimmer knows, and to the one that the kernel finds. */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "caller.h"

enum { LOCATION_SIZE = 2 * PATH_MAX };

/* An absolute path as asked: a prefix that the caller cannot leave (its root; "" for the container's), then the rest. A
 * relative path begins with the folder that `base` leads to, a link below /proc ("" for an absolute one). */
struct location {
    char asked[LOCATION_SIZE];
    char base[64];
    size_t root_length, base_length;
    bool names_directory; /* a slash at the end: the kernel follows a link there */
};

/* Some process has changed its root: from now on every caller's root is looked at. */
void expect_other_roots(void);

/* False when it cannot be told: a descriptor that is closed or no file with a name, or a path that is too long (ENAMETOOLONG). */
bool locate(const struct caller *caller, int dirfd, const char *path, struct location *location);
/* As openat2 with RESOLVE_IN_ROOT: the descriptor's directory is the root of this one path. */
bool locate_in_root(const struct caller *caller, int dirfd, const char *path, struct location *location);
/* The path of an open descriptor; false when it is no file with a name. */
bool locate_descriptor(const struct caller *caller, int fd, struct location *location);

enum outcome { OUTCOME_FOUND, OUTCOME_MISSING, OUTCOME_UNKNOWN };

/* `resolved` becomes "" where the kernel's path equals the asked one or is not a path. `size` is at least PATH_MAX. */
enum outcome look(pid_t thread, const struct location *location, bool follow, char *resolved, size_t size);

/* As `look`, but keeps the file open (O_PATH): the descriptor, or -1. */
int open_location(pid_t thread, const struct location *location, bool follow);

/* As read_link, for a link below /proc: without the word that the kernel adds to the path of what was removed. */
ssize_t read_path_link(const char *link, char *path, size_t size);

/* True if a link below /proc leads to a file with a path. Sockets, pipes and memory have none. */
bool is_path_of_file(const char *target);
/* True if a link below /proc, which leads to this path, belongs to a file that was made without a name (O_TMPFILE). */
bool never_had_a_name(const char *link, const char *path);

/* True for a path that leads elsewhere for another process. */
bool is_own_path(const char *path);
/* True for what lies in /proc or /sys: kernel state, never a part of an image. */
bool is_kernel_path(const char *path);

#endif
