#include "image_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

/* Not in every libc's headers; the number is the same on all architectures (open_tree(2), Linux 5.2). */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif

void enter_pristine_root(void) {
    int root = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);
    if (root < 0)
        die("the root mount cannot be cloned (open_tree needs CAP_SYS_ADMIN and Linux 5.2)");
    if (fchdir(root) || chroot("."))
        die("chroot");
    close(root);
}

int open_regular(const char *path, struct stat *status) {
    if (lstat(path, status))
        return -1;
    if (!S_ISREG(status->st_mode)) {
        errno = S_ISLNK(status->st_mode) ? ELOOP : S_ISDIR(status->st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}
