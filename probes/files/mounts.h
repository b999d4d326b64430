/* The mounts of the container, as a mountinfo file lists them (proc_pid_mountinfo(5)). */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <stdbool.h>

/* `root` is the folder of the file system that is to be seen at `path`. */
struct mount {
    const char *root, *path, *type;
};

/* Calls `visit` for each mount until it returns true. Returns true if it did. */
bool visit_mounts(bool (*visit)(const struct mount *mount, void *context), void *context);

/* True for the folder that holds the probe, and what lies in it. */
bool is_probe_path(const char *path);

#endif
