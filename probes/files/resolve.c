#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

static bool other_roots;

void expect_other_roots(void) {
    other_roots = true;
}

static bool ends_with(const char *text, size_t length, const char *end) {
    size_t end_length = strlen(end);
    return length >= end_length && !memcmp(text + length - end_length, end, end_length);
}

/* The target of a link below /proc/THREAD, when it is a path that still exists. */
static bool read_proc_path(const char *link, char *path, size_t size) {
    ssize_t length = read_link(link, path, size);
    return length > 0 && path[0] == '/' && !ends_with(path, (size_t)length, " (deleted)");
}

static bool read_root(pid_t thread, struct location *location) {
    location->root_length = 0;
    location->asked[0] = '\0';
    if (!other_roots)
        return true;
    char link[64];
    format(link, sizeof link, "/proc/%d/root", thread);
    if (!read_proc_path(link, location->asked, PATH_MAX))
        return false;
    location->root_length = strlen(location->asked);
    if (location->root_length == 1) /* "/" itself: nothing to put in front */
        location->root_length = 0;
    location->asked[location->root_length] = '\0';
    return true;
}

static bool read_base(pid_t thread, int dirfd, char *base, size_t size) {
    char link[64];
    if (dirfd == AT_FDCWD)
        format(link, sizeof link, "/proc/%d/cwd", thread);
    else
        format(link, sizeof link, "/proc/%d/fd/%d", thread, dirfd);
    return read_proc_path(link, base, size);
}

/* Takes out "//" and "/./" and a slash at the end; ".." stays, because what it means depends on links. */
static void tidy(struct location *location) {
    char *start = location->asked + location->root_length, *write = start;
    location->names_directory = false;
    for (const char *read = start; *read;) {
        if (read[0] == '/' && read[1] == '/') {
            read++;
        } else if (read[0] == '/' && read[1] == '.' && (read[2] == '/' || !read[2])) {
            read += 2;
            location->names_directory = !*read;
        } else {
            *write++ = *read++;
        }
    }
    if (write > start + 1 && write[-1] == '/') {
        write--;
        location->names_directory = true;
    }
    if (write == location->asked)
        *write++ = '/';
    *write = '\0';
}

/* `path` follows what `location` holds. */
static bool append(struct location *location, const char *path) {
    size_t length = strlen(location->asked), more = strlen(path);
    if (length + more + 2 > LOCATION_SIZE)
        return false;
    location->asked[length] = '/';
    memcpy(location->asked + length + 1, path, more + 1);
    tidy(location);
    return true;
}

bool locate(pid_t thread, int dirfd, const char *path, struct location *location) {
    if (path[0] == '/')
        return read_root(thread, location) && append(location, path);
    char base[PATH_MAX];
    if (!read_base(thread, dirfd, base, sizeof base) || !read_root(thread, location))
        return false;
    /* The base is the kernel's path, with the caller's root already in it (unless the caller has left its root). */
    if (strncmp(base, location->asked, location->root_length))
        location->root_length = 0;
    strcpy(location->asked, base);
    return append(location, path);
}

bool locate_in_root(pid_t thread, int dirfd, const char *path, struct location *location) {
    if (!read_base(thread, dirfd, location->asked, PATH_MAX))
        return false;
    location->root_length = strcmp(location->asked, "/") ? strlen(location->asked) : 0;
    return append(location, path);
}

bool locate_descriptor(pid_t thread, int fd, struct location *location) {
    location->root_length = 0;
    location->names_directory = false;
    return read_base(thread, fd, location->asked, PATH_MAX);
}

/* The caller's own /proc/self is not the supervisor's. */
static const char *for_supervisor(pid_t thread, const char *asked, char *buffer, size_t size) {
    static const char *const selves[] = {"/proc/self", "/proc/thread-self"};
    for (size_t i = 0; i < ARRAY_LENGTH(selves); i++) {
        size_t length = strlen(selves[i]);
        if (strncmp(asked, selves[i], length) || (asked[length] && asked[length] != '/'))
            continue;
        format(buffer, size, "/proc/%d%s", thread, asked + length);
        return buffer;
    }
    return asked;
}

static int open_below(const char *root, const char *path, int flags) {
    int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return -1;
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_IN_ROOT};
    int fd = (int)syscall(SYS_openat2, root_fd, *path ? path : "/", &how, sizeof how);
    int error = errno;
    close(root_fd);
    errno = error;
    return fd;
}

int open_location(pid_t thread, const struct location *location, bool follow) {
    int flags = O_PATH | O_CLOEXEC | (follow || location->names_directory ? 0 : O_NOFOLLOW);
    char buffer[LOCATION_SIZE + 32];
    if (!location->root_length)
        return open(for_supervisor(thread, location->asked, buffer, sizeof buffer), flags);
    memcpy(buffer, location->asked, location->root_length);
    buffer[location->root_length] = '\0';
    int fd = open_below(buffer, location->asked + location->root_length, flags);
    return fd < 0 && errno == ENOSYS ? open(location->asked, flags) : fd;
}

enum outcome look(pid_t thread, const struct location *location, bool follow, char *resolved, size_t size) {
    resolved[0] = '\0';
    int fd = open_location(thread, location, follow);
    if (fd < 0) {
        bool is_missing = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG || errno == ESRCH;
        return is_missing ? OUTCOME_MISSING : OUTCOME_UNKNOWN;
    }
    char link[64];
    format(link, sizeof link, "/proc/self/fd/%d", fd);
    if (read_link(link, resolved, size) < 0 || resolved[0] != '/' || !strcmp(resolved, location->asked))
        resolved[0] = '\0';
    close(fd);
    return OUTCOME_FOUND;
}

bool is_kernel_path(const char *path) {
    return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5);
}
