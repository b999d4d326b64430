/* Cases: opening and listing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "look.h"

static void open_file(void) {
    open_and_close(at("file"), O_RDONLY);
}

static void open_missing(void) {
    expect(open(at("missing"), O_RDONLY) < 0 && errno == ENOENT, "open");
    expect(open(at("no-folder/missing"), O_RDONLY) < 0 && errno == ENOENT, "open below what is missing");
    expect(open(at("file/below"), O_RDONLY) < 0 && errno == ENOTDIR, "open below a file");
}

static void open_at(void) {
    int dir = open(at("dir"), O_PATH | O_DIRECTORY);
    expect(dir >= 0 && openat(dir, "file", O_RDONLY) >= 0, "openat");
    expect(openat(dir, "../other", O_RDONLY) >= 0, "openat through ..");
}

static void open_at_2(void) {
    struct open_how how = {.flags = O_RDONLY};
    expect(syscall(SYS_openat2, AT_FDCWD, at("file"), &how, sizeof how) >= 0, "openat2");
}

static void open_in_root(void) {
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
    int dir = open(at("dir"), O_PATH | O_DIRECTORY);
    expect(syscall(SYS_openat2, dir, "/file", &how, sizeof how) >= 0, "openat2");
    expect(syscall(SYS_openat2, dir, "/link", &how, sizeof how) >= 0, "openat2 of an absolute link");
}

static void open_path(void) {
    open_and_close(at("file"), O_PATH);
    open_and_close(at("link"), O_PATH | O_NOFOLLOW);
}

static void open_create(void) {
    open_and_close(at("new"), O_CREAT | O_EXCL | O_WRONLY);
    open_and_close(at("old"), O_CREAT | O_RDWR);
    int fd = creat(at("new-too"), 0600);
    expect(fd >= 0, "creat");
}

static void open_write(void) {
    open_and_close(at("write"), O_WRONLY);
    open_and_close(at("append"), O_RDWR | O_APPEND);
    open_and_close(at("truncate"), O_RDONLY | O_TRUNC);
}

static void open_unnamed(void) {
    open_and_close(at("dir"), O_TMPFILE | O_RDWR);
}

static void open_chain(void) {
    open_and_close(at("a"), O_RDONLY);
    open_and_close(at("folder-link/../c"), O_RDONLY);
}

static void open_relative(void) {
    expect(!chdir(at("dir")), "chdir");
    open_and_close("file", O_RDONLY);
    open_and_close("../other", O_RDONLY);
}

static void open_untidy(void) {
    open_and_close(at("/dir//./file"), O_RDONLY);
}

static void open_strange_names(void) {
    open_and_close(at("caf\xe9"), O_RDONLY);
    open_and_close(at("with space"), O_RDONLY);
    open_and_close(at("with\nnewline"), O_RDONLY);
}

enum { DEPTH = 18, NAME = 200 };

/* As deep as the image has it: names of 200 letters, until the path is nearly PATH_MAX long. */
static char *deep(char *path, const char *step, const char *last) {
    char name[NAME + 1];
    memset(name, 'n', NAME);
    name[NAME] = '\0';
    for (int i = 0; i < DEPTH; i++)
        strcat(strcat(strcat(path, step), name), "/");
    return strcat(path, last);
}

static void open_long(void) {
    char path[5000];
    strcpy(path, at(""));
    open_and_close(deep(path, "", "file"), O_RDONLY);
    memset(path + 1, 'n', sizeof path - 2);
    path[sizeof path - 1] = '\0';
    expect(open(path, O_RDONLY) < 0 && errno == ENAMETOOLONG, "a path that is too long");
}

/* Neither part is too long for the kernel, but both together are. */
static void open_long_relative(void) {
    char path[5000];
    expect(!chdir(deep(strcpy(path, at("")), "", "")), "chdir");
    path[0] = '\0';
    open_and_close(deep(path, "../", "file"), O_RDONLY);
}

/* The last byte of the path is the last byte of a page, and the next page cannot be read. */
static void open_page_edge(void) {
    long page = sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(map != MAP_FAILED && !mprotect(map + page, (size_t)page, PROT_NONE), "mmap");
    const char *path = at("file");
    size_t size = strlen(path) + 1;
    open_and_close(memcpy(map + page - size, path, size), O_RDONLY);
    memset(map, '/', (size_t)page);
    expect(open(map + page - 8, O_RDONLY) < 0 && errno == EFAULT, "a path without an end");
    expect(open((const char *)1, O_RDONLY) < 0 && errno == EFAULT, "no address of a path");
}

static void open_by_descriptor(void) {
    int fd = open(at("file"), O_RDONLY);
    expect(dup2(fd, 77) == 77, "dup2");
    open_and_close("/proc/self/fd/77", O_RDONLY);
    open_and_close("/dev/fd/77", O_RDONLY);
    char path[8192] = "/proc/self/root";
    open_and_close(strcat(path, at("other")), O_RDONLY);
}

/* What a path leads to may change: with the process, or with a link. */
static void open_by_working_folder(void) {
    expect(!chdir(at("one")), "chdir");
    open_and_close("/proc/self/cwd/file", O_RDONLY);
    expect(!chdir(at("two")), "chdir");
    open_and_close("/proc/self/cwd/file", O_RDONLY);
}

static void open_relinked(void) {
    open_and_close(at("link/file"), O_RDONLY);
    expect(!unlink(at("link")) && !symlink("two", at("link")), "symlink");
    open_and_close(at("link/file"), O_RDONLY);
    expect(!rename(at("other-link"), at("link")), "rename");
    open_and_close(at("link/file"), O_RDONLY);
}

/* The file is gone before anybody can look at what was opened. */
static void open_and_remove(void) {
    int fd = open(at("file"), O_RDONLY);
    expect(fd >= 0 && !unlink(at("file")), "unlink");
}

static void open_in_removed_folder(void) {
    expect(!chdir(at("gone")) && !rmdir(at("gone")), "rmdir");
    expect(open("file", O_RDONLY) < 0 && errno == ENOENT, "open in a folder that is gone");
}

static void open_beside_removed_folder(void) {
    expect(!chdir(at("gone")) && !rmdir(at("gone")), "rmdir");
    struct stat status;
    open_and_close("../file", O_RDONLY);
    expect(!stat("../other", &status), "stat beside a folder that is gone");
}

static void list(void) {
    DIR *dir = opendir(at("dir"));
    expect(dir && readdir(dir), "readdir");
}

static void open_folder(void) {
    open_and_close(at("dir"), O_RDONLY | O_DIRECTORY);
}

static void open_in_volume(void) {
    open_and_close(at("file"), O_RDONLY);
    struct stat status;
    expect(!stat(at("looked-at"), &status), "stat");
}

static void open_twice(void) {
    for (int i = 0; i < 100; i++)
        open_and_close(at("file"), O_RDONLY);
}

const struct look opens[] = {
    {"open", open_file},
    {"open-missing", open_missing},
    {"openat", open_at},
    {"openat2", open_at_2},
    {"openat2-in-root", open_in_root},
    {"o-path", open_path},
    {"create", open_create},
    {"write", open_write},
    {"unnamed", open_unnamed},
    {"chain", open_chain},
    {"relative", open_relative},
    {"untidy", open_untidy},
    {"names", open_strange_names},
    {"long", open_long},
    {"long-relative", open_long_relative},
    {"page-edge", open_page_edge},
    {"by-descriptor", open_by_descriptor},
    {"by-working-folder", open_by_working_folder},
    {"relinked", open_relinked},
    {"opened-and-removed", open_and_remove},
    {"removed-folder", open_in_removed_folder},
    {"beside-removed-folder", open_beside_removed_folder},
    {"list", list},
    {"folder", open_folder},
    {"volume", open_in_volume},
    {"twice", open_twice},
    {0},
};
