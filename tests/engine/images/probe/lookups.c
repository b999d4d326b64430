/* Cases: looking without opening. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "look.h"

static struct stat status;
static char buffer[256];

static void look_stat(void) {
    expect(!stat(at("file"), &status), "stat");
    expect(stat(at("missing"), &status) && errno == ENOENT, "stat of what is missing");
}

static void look_link(void) {
    expect(!lstat(at("link"), &status) && S_ISLNK(status.st_mode), "lstat");
    expect(!lstat(at("folder-link/"), &status) && S_ISDIR(status.st_mode), "lstat with a slash at the end");
    expect(!lstat(at("dangling"), &status), "lstat of a dangling link");
    expect(stat(at("dangling"), &status) && errno == ENOENT, "stat of a dangling link");
    expect(stat(at("loop"), &status) && errno == ELOOP, "stat of a loop");
}

static void look_stat_at(void) {
    int dir = open(at("dir"), O_PATH);
    expect(!fstatat(dir, "file", &status, 0), "fstatat");
    expect(!fstatat(dir, "../link", &status, AT_SYMLINK_NOFOLLOW), "fstatat of a link");
    expect(!fstatat(dir, "", &status, AT_EMPTY_PATH), "fstatat of a descriptor");
    expect(!fstat(dir, &status), "fstat");
}

static void look_statx(void) {
    struct statx x;
    expect(!statx(AT_FDCWD, at("file"), 0, STATX_BASIC_STATS, &x), "statx");
}

static void look_access(void) {
    expect(!access(at("one"), R_OK), "access");
    expect(!chdir(at("dir")) && !access("only-access", R_OK), "relative access");
}

static void look_access_at(void) {
    int dir = open(at("dir"), O_PATH);
    expect(!syscall(SYS_faccessat, dir, "file", R_OK), "faccessat");
}

static void look_access_at_2(void) {
    expect(!syscall(SYS_faccessat2, AT_FDCWD, at("file"), R_OK, AT_EACCESS), "faccessat2");
}

static void look_read_link(void) {
    expect(readlink(at("link"), buffer, sizeof buffer) > 0, "readlink");
    int dir = open(at("dir"), O_PATH);
    expect(readlinkat(dir, "link", buffer, sizeof buffer) > 0, "readlinkat");
    expect(readlink(at("file"), buffer, sizeof buffer) < 0 && errno == EINVAL, "readlink of a file");
}

static void look_chdir(void) {
    expect(!chdir(at("dir")), "chdir");
}

static void look_statfs(void) {
    struct statfs fs;
    expect(!statfs(at("file"), &fs), "statfs");
}

static void look_inotify(void) {
    int fd = inotify_init1(IN_CLOEXEC);
    expect(inotify_add_watch(fd, at("file"), IN_MODIFY) >= 0, "inotify_add_watch");
    expect(inotify_add_watch(fd, at("link"), IN_MODIFY | IN_DONT_FOLLOW) >= 0, "inotify_add_watch of a link");
}

static void look_xattrs(void) {
    expect(getxattr(at("get"), "user.note", buffer, sizeof buffer) < 0 && errno == ENODATA, "getxattr");
    expect(lgetxattr(at("link"), "user.note", buffer, sizeof buffer) < 0, "lgetxattr");
    expect(listxattr(at("list"), buffer, sizeof buffer) >= 0, "listxattr");
}

static void look_handle(void) {
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } buffer = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    errno = 0;
    expect(!name_to_handle_at(AT_FDCWD, at("file"), &buffer.handle, &mount, 0) || errno == EOPNOTSUPP, "name_to_handle_at");
}

/* Nothing to see: descriptors, and what the kernel makes up. */
static void look_nothing(void) {
    int fd = open("/proc/self/status", O_RDONLY);
    expect(fd >= 0 && !fstat(fd, &status), "a file of /proc");
    expect(!stat("/sys/kernel", &status), "stat of /sys");
}

static void look_through_kernel_link(void) {
    expect(!stat(at("link"), &status), "stat of a link to /proc");
}

const struct look lookups[] = {
    {"stat", look_stat},
    {"link", look_link},
    {"fstatat", look_stat_at},
    {"statx", look_statx},
    {"access", look_access},
    {"faccessat", look_access_at},
    {"faccessat2", look_access_at_2},
    {"readlink", look_read_link},
    {"chdir", look_chdir},
    {"statfs", look_statfs},
    {"inotify", look_inotify},
    {"xattrs", look_xattrs},
    {"handle", look_handle},
    {"kernel-link", look_through_kernel_link},
    {"nothing", look_nothing},
    {0},
};
