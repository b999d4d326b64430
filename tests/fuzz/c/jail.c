/* A root of odd files for harnesses whose code looks at the file system. Paths are resolved by the kernel below that root
 * (openat2(2), RESOLVE_IN_ROOT), so that no input can name a file of this machine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fuzz.h"

static int jail = -1;

static void make_file(const char *path, size_t size) {
    static const char content[70000] = "#!/bin/sh\n";
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    CHECK(fd >= 0 && write(fd, content, size) == (ssize_t)size);
    close(fd);
}

static void furnish(void) {
    char name[256] = "";
    memset(name, 'n', 255);
    CHECK(!mkdir("d", 0755) && !mkdir("d/e", 01777) && !mkdir("empty", 0700));
    make_file("f", 10);
    make_file("d/large", 70000);
    make_file("d/e/line\nbreak", 1);
    make_file("d/e/\xff\xfe", 0);
    make_file(name, 3);
    CHECK(!link("f", "hard") && !symlink("../../..", "up") && !symlink("loop", "loop") && !symlink(name, "long"));
    CHECK(!mkfifo("pipe", 0600));
    setxattr("f", "user.one", "a\0b", 3, 0); /* where the file system has them */
    setxattr("f", "user.odd=name", "", 0, 0);
}

void enter_jail(void) {
    char folder[] = "/tmp/slimmer-fuzz-XXXXXX";
    const char *named = getenv("SLIMMER_FUZZ_JAIL");
    if (jail >= 0)
        return;
    if (!named)
        named = mkdtemp(folder);
    CHECK(named && !chdir(named));
    if (access("d", F_OK))
        furnish();
    jail = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CHECK(jail >= 0);
}

static int open_inside(const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, *path == '/' ? jail : AT_FDCWD, path, &how, sizeof how);
}

int fuzz_open(const char *path, int flags, ...) {
    return jail >= 0 && *path == '/' ? open_inside(path, flags) : open(path, flags, 0600);
}

int fuzz_lstat(const char *path, struct stat *status) {
    if (jail < 0 || *path != '/')
        return lstat(path, status);
    int fd = open_inside(path, O_PATH | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    int result = fstat(fd, status);
    close(fd);
    return result;
}

DIR *fuzz_opendir(const char *path) {
    return opendir(path);
}

/* Only "/" and single names are walked into. */
int fuzz_chdir(const char *path) {
    return jail >= 0 && *path == '/' ? fchdir(jail) : chdir(path);
}

ssize_t fuzz_readlink(const char *path, char *target, size_t size) {
    if (jail < 0 || *path != '/')
        return readlink(path, target, size);
    int fd = open_inside(path, O_PATH | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    ssize_t length = readlinkat(fd, "", target, size);
    close(fd);
    return length;
}

/* A link's own attributes: a link below /proc leads to just what the descriptor is. */
static ssize_t with_link(const char *path, ssize_t (*call)(const char *link, const char *name, char *data, size_t size),
                         const char *name, char *data, size_t size) {
    char link[64];
    int fd = open_inside(path, O_PATH | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = call(link, name, data, size);
    int error = errno;
    close(fd);
    errno = error;
    return length;
}

static ssize_t list(const char *link, const char *name, char *data, size_t size) {
    (void)name;
    return listxattr(link, data, size);
}

static ssize_t get(const char *link, const char *name, char *data, size_t size) {
    return getxattr(link, name, data, size);
}

ssize_t fuzz_llistxattr(const char *path, char *data, size_t size) {
    return jail >= 0 && *path == '/' ? with_link(path, list, NULL, data, size) : llistxattr(path, data, size);
}

ssize_t fuzz_lgetxattr(const char *path, const char *name, void *data, size_t size) {
    return jail >= 0 && *path == '/' ? with_link(path, get, name, data, size) : lgetxattr(path, name, data, size);
}
