/* Cases: making, changing and removing. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "look.h"

static void change_mode(void) {
    expect(!chmod(at("file"), 0640), "chmod");
    expect(!fchmodat(AT_FDCWD, at("other"), 0640, 0), "fchmodat");
}

static void change_owner(void) {
    expect(!chown(at("file"), 0, 0), "chown");
    expect(!lchown(at("link"), 0, 0), "lchown");
    expect(!fchownat(AT_FDCWD, at("other"), 0, 0, 0), "fchownat");
}

static void change_times(void) {
    expect(!utimensat(AT_FDCWD, at("file"), NULL, 0), "utimensat");
    int fd = open(at("other"), O_RDONLY);
    expect(!futimens(fd, NULL), "futimens");
}

static void change_xattr(void) {
    expect(!setxattr(at("file"), "user.note", "x", 1, 0), "setxattr");
    expect(!removexattr(at("file"), "user.note"), "removexattr");
}

static void change_size(void) {
    expect(!truncate(at("file"), 0), "truncate");
}

static void change_name(void) {
    expect(!rename(at("old"), at("new")), "rename");
    expect(!renameat2(AT_FDCWD, at("one"), AT_FDCWD, at("two"), RENAME_EXCHANGE), "renameat2");
}

static void add_name(void) {
    expect(!link(at("old"), at("new")), "link");
    int dir = open(at("dir"), O_PATH);
    expect(!linkat(dir, "file", dir, "linked", 0), "linkat");
}

static void make(void) {
    expect(!mkdir(at("folder"), 0700), "mkdir");
    expect(!symlink("anywhere", at("link")), "symlink");
    expect(!mknod(at("fifo"), S_IFIFO | 0600, 0), "mknod");
}

static void take_away(void) {
    expect(!unlink(at("file")), "unlink");
    expect(!rmdir(at("empty")), "rmdir");
    int dir = open(at("dir"), O_PATH);
    expect(!unlinkat(dir, "file", 0), "unlinkat");
}

const struct look changes[] = {
    {"mode", change_mode},
    {"owner", change_owner},
    {"times", change_times},
    {"set-xattr", change_xattr},
    {"truncate", change_size},
    {"rename", change_name},
    {"hard-link", add_name},
    {"make", make},
    {"remove", take_away},
    {0},
};
