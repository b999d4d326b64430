/* xattrs.c: what a file system says of a file's attributes. */
#undef llistxattr
#undef lgetxattr
#define llistxattr list_of_file
#define lgetxattr value_of_file

#include "files/xattrs.c"

#include "fuzz.h"

static struct bytes listed;

ssize_t list_of_file(const char *path, char *list, size_t size) {
    (void)path;
    size_t length = listed.size < size ? listed.size : size;
    if (length)
        memcpy(list, listed.data, length);
    if (length) /* the kernel sees to that end (fuse_verify_xattr_list, fs/fuse/xattr.c) */
        list[length - 1] = '\0';
    return (ssize_t)length;
}

ssize_t value_of_file(const char *path, const char *name, void *value, size_t size) {
    (void)path;
    size_t length = strlen(name) < size ? strlen(name) : size;
    memcpy(value, name, length);
    return (ssize_t)length;
}

static void take(void *context, const char *name, const void *value, size_t size) {
    const char **before = context;
    CHECK(!is_foreign(name) && size <= XATTR_SIZE_MAX && (!size || value));
    CHECK(!*before || strcmp(*before, name) <= 0);
    *before = name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *before = NULL;
    listed = (struct bytes){data, size};
    each_xattr("/file", take, &before);
    return 0;
}
