/* The image's own file system: what lies in the container's root mount, without anything that is mounted over it. */
#ifndef IMAGE_MOUNT_H
#define IMAGE_MOUNT_H

#include <sys/stat.h>

/* Makes a clone of the root mount, without the mounts below it, this process's root: from here on no path and no
 * link leads anywhere else. Ends the process when that is refused. */
void enter_pristine_root(void);

/* Opens a regular file. -1 with errno for all else: ELOOP for a symbolic link, EISDIR for a directory, EINVAL for
 * what must not be opened just to look at it (a FIFO would wait, a device act). */
int open_regular(const char *path, struct stat *status);

#endif
