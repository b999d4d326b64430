#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container.h"
#include "util.h"

static bool other_roots;

void expect_other_roots(void) {
    other_roots = true;
}

static bool ends_with(const char *text, size_t length, const char *end) {
    size_t end_length = strlen(end);
    return length >= end_length && !memcmp(text + length - end_length, end, end_length);
}

/* True if the path, in the container, is that of the file to which a link below /proc leads. */
static bool is_name_of(const char *link, const char *path) {
    struct stat first, second;
    int fd = open_in_container(path);
    if (fd < 0)
        return false;
    bool same = !stat(link, &first) && !fstat(fd, &second) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
    close(fd);
    return same;
}

ssize_t read_path_link(const char *link, char *path, size_t size) {
    static const char removed[] = " (deleted)";
    ssize_t length = read_link(link, path, size);
    /* A name may end so by itself. */
    if (length > 0 && ends_with(path, (size_t)length, removed) && !is_name_of(link, path)) {
        length -= (ssize_t)strlen(removed);
        path[length] = '\0';
    }
    return length;
}

/* What memfd_create(2) makes only looks like a path. */
bool is_path_of_file(const char *target) {
    return target[0] == '/' && strncmp(target, "/memfd:", strlen("/memfd:"));
}

/* The target of a link below /proc, when it is a path. */
static bool read_proc_path(const char *link, char *path, size_t size) {
    return read_path_link(link, path, size) > 0 && is_path_of_file(path);
}

/* The kernel calls such a file "#" and a number. */
bool never_had_a_name(const char *link, const char *path) {
    const char *name = strrchr(path, '/');
    struct stat status;
    return name && name[1] == '#' && name[2] && !name[2 + strspn(name + 2, "0123456789")] && !stat(link, &status) &&
           !status.st_nlink;
}

static void start(struct location *location) {
    location->asked[0] = location->base[0] = '\0';
    location->root_length = location->base_length = 0;
    location->names_directory = false;
}

static bool read_root(const struct caller *caller, struct location *location) {
    start(location);
    if (!other_roots && !caller->captured)
        return true;
    char link[64];
    format(link, sizeof link, "/proc/%d/root", caller->thread);
    if (caller->captured ? !captured_root(caller->captured, location->asked, PATH_MAX)
                         : !read_proc_path(link, location->asked, PATH_MAX))
        return false;
    location->root_length = strlen(location->asked);
    if (location->root_length == 1) /* "/" itself: nothing to put in front */
        location->root_length = 0;
    location->asked[location->root_length] = '\0';
    return true;
}

/* Puts the directory that a path starts from into the location, in the place of what it held. */
static bool read_base(const struct caller *caller, int dirfd, struct location *location) {
    if (caller->captured) { /* by now the descriptor may mean something else */
        if (!captured_folder(caller->captured, dirfd, location->asked, PATH_MAX))
            return false;
    } else {
        if (dirfd == AT_FDCWD)
            format(location->base, sizeof location->base, "/proc/%d/cwd", caller->thread);
        else
            format(location->base, sizeof location->base, "/proc/%d/fd/%d", caller->thread, dirfd);
        if (!read_proc_path(location->base, location->asked, PATH_MAX))
            return false;
    }
    location->base_length = strcmp(location->asked, "/") ? strlen(location->asked) : 0;
    return true;
}

/* Takes out "//" and "/./" and a slash at the end; ".." stays, because what it means depends on links. */
static void tidy(struct location *location) {
    char *start = location->asked + location->root_length, *write = start;
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
    if (write > start && write > location->asked + 1 && write[-1] == '/') {
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
    if (length + more + 2 > LOCATION_SIZE) {
        errno = ENAMETOOLONG;
        return false;
    }
    location->asked[length] = '/';
    memcpy(location->asked + length + 1, path, more + 1);
    tidy(location);
    return true;
}

/* True if a path is the folder, whose path has this length, or lies in it. */
static bool lies_in(const char *path, const char *folder, size_t length) {
    return !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}

bool locate(const struct caller *caller, int dirfd, const char *path, struct location *location) {
    if (path[0] == '/')
        return read_root(caller, location) && append(location, path);
    char root[PATH_MAX];
    if (!read_root(caller, location))
        return false;
    strcpy(root, location->asked);
    if (!read_base(caller, dirfd, location))
        return false;
    /* The base is the kernel's path, with the caller's root already in it (unless the caller has left its root). */
    if (!lies_in(location->asked, root, location->root_length))
        location->root_length = 0;
    return append(location, path);
}

bool locate_in_root(const struct caller *caller, int dirfd, const char *path, struct location *location) {
    start(location);
    if (!read_base(caller, dirfd, location))
        return false;
    location->root_length = location->base_length;
    return append(location, path);
}

bool locate_descriptor(const struct caller *caller, int fd, struct location *location) {
    start(location);
    return read_base(caller, fd, location);
}

/* What every process has for itself, and where that is for others. */
static const struct own_path {
    const char *path, *below_proc;
} own_paths[] = {
    {"/proc/self", ""},      {"/proc/thread-self", ""},  {"/dev/fd", "/fd"},
    {"/dev/stdin", "/fd/0"}, {"/dev/stdout", "/fd/1"}, {"/dev/stderr", "/fd/2"},
};

static const struct own_path *find_own_path(const char *path) {
    for (size_t i = 0; i < ARRAY_LENGTH(own_paths); i++) {
        if (lies_in(path, own_paths[i].path, strlen(own_paths[i].path)))
            return &own_paths[i];
    }
    return NULL;
}

bool is_own_path(const char *path) {
    return find_own_path(path) != NULL;
}

/* The path by which the supervisor comes to what the caller asks for. */
static void translate(pid_t thread, const struct location *location, char *path, size_t size) {
    const struct own_path *own = find_own_path(location->asked);
    if (location->base[0])
        format(path, size, "%s%s", location->base, location->asked + location->base_length);
    else if (own)
        format(path, size, "/proc/%d%s%s", thread, own->below_proc, location->asked + strlen(own->path));
    else
        format(path, size, "%s", location->asked);
}

enum { ROOT_TRIES = 10000 };

static int open_below(const char *root, const char *path, int flags) {
    int root_fd = open_in_container(root);
    if (root_fd < 0)
        return -1;
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_IN_ROOT};
    int fd = -1;
    /* While others rename, the kernel may be unable to tell that ".." stays below the root, and says so with EAGAIN. */
    for (int tries = 0; fd < 0 && (!tries || errno == EAGAIN) && tries < ROOT_TRIES; tries++)
        fd = (int)syscall(SYS_openat2, root_fd, *path ? path : "/", &how, sizeof how);
    int error = errno;
    close(root_fd);
    errno = error;
    return fd;
}

int open_location(pid_t thread, const struct location *location, bool follow) {
    int flags = O_PATH | O_CLOEXEC | (follow || location->names_directory ? 0 : O_NOFOLLOW);
    char path[LOCATION_SIZE + 64];
    translate(thread, location, path, sizeof path);
    if (is_outside_container() && !location->root_length)
        return open_below("/", location->asked, flags); /* no link may lead into the probe's own root */
    if (!location->root_length)
        return open(path, flags);
    char root[PATH_MAX];
    memcpy(root, location->asked, location->root_length);
    root[location->root_length] = '\0';
    int fd = open_below(root, location->asked + location->root_length, flags);
    return fd < 0 && errno == ENOSYS ? open(path, flags) : fd;
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
    if (!read_proc_path(link, resolved, size) || !strcmp(resolved, location->asked))
        resolved[0] = '\0';
    close(fd);
    return OUTCOME_FOUND;
}

bool is_kernel_path(const char *path) {
    return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5);
}
