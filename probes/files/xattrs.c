#include "xattrs.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "util.h"

/* overlayfs's own marks, the labels of the host's security modules, and a seal that only this host's key verifies. */
static const char *const foreign[] = {"trusted.overlay.", "security.selinux", "security.SMACK64", "security.evm"};

enum { SHORTEST_NAME = 2 }; /* a file system of a user's (FUSE) may have names of one character; then NUL */

static bool is_foreign(const char *name) {
    for (size_t i = 0; i < ARRAY_LENGTH(foreign); i++)
        if (!strncmp(name, foreign[i], strlen(foreign[i])))
            return true;
    return false;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t split_names(const char *list, size_t length, const char **names) {
    size_t count = 0;
    for (const char *name = list; name < list + length; name += strlen(name) + 1)
        if (*name && !is_foreign(name))
            names[count++] = name;
    qsort(names, count, sizeof *names, by_name);
    return count;
}

bool each_xattr(const char *path, take_xattr *take, void *context) {
    static char list[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
    static const char *names[XATTR_LIST_MAX / SHORTEST_NAME];
    ssize_t length = llistxattr(path, list, sizeof list);
    if (length <= 0)
        return !length || errno == ENOTSUP;
    size_t count = split_names(list, (size_t)length, names);
    for (size_t i = 0; i < count; i++) {
        ssize_t size = lgetxattr(path, names[i], value, sizeof value);
        if (size < 0)
            return false;
        take(context, names[i], value, (size_t)size);
    }
    return true;
}
