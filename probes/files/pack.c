/* pack: a tar of the listed paths, in the listed order; contents flow through the answer's chunk. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "response.h"
#include "content.h"
#include "links.h"
#include "image_mount.h"
#include "serve.h"
#include "tar.h"
#include "util.h"
#include "xattrs.h"

/* Go's archive/tar, with which the engines read, takes no larger header (maxSpecialFileSize). */
static const size_t records_limit = 1 << 20;

struct records {
    struct buffer text;
    const char *unfit; /* an attribute that a record cannot name */
};

/* Only the path itself may say where a member lies. */
static bool is_plain(const char *path) {
    if (*path != '/')
        return false;
    for (const char *part = path + 1; *part;) {
        size_t length = strcspn(part, "/");
        if (!length || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += length;
        if (*part && !*++part)
            return false;
    }
    return true;
}

static bool parse_override(const char *text, struct tar_member *member) {
    static const char key[] = "mtime=";
    if (!*text)
        return true;
    if (strncmp(text, key, strlen(key)))
        return false;
    char *end;
    errno = 0;
    member->seconds = strtoll(text + strlen(key), &end, 10);
    member->nanoseconds = 0;
    return !errno && !*end && end > text + strlen(key);
}

/* The type, or 0 for a socket, which no tar can hold. */
static enum tar_type member_type(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG:
        return TAR_FILE;
    case S_IFLNK:
        return TAR_LINK;
    case S_IFCHR:
        return TAR_CHARACTER_DEVICE;
    case S_IFBLK:
        return TAR_BLOCK_DEVICE;
    case S_IFDIR:
        return TAR_DIRECTORY;
    case S_IFIFO:
        return TAR_FIFO;
    default:
        return 0;
    }
}

/* "usr/bin/", "usr/bin/env", and "./" for the root. Valid until the next call. */
static const char *directory_name(const char *path) {
    static struct buffer name;
    name.length = 0;
    buffer_add_text(&name, path[1] ? path + 1 : ".");
    buffer_add(&name, "/", sizeof "/");
    return name.data;
}

static void add_xattr(void *context, const char *name, const void *value, size_t size) {
    static struct buffer key;
    struct records *records = context;
    if (strchr(name, '='))
        records->unfit = name;
    key.length = 0;
    buffer_add_text(&key, "SCHILY.xattr.");
    buffer_add(&key, name, strlen(name) + 1);
    tar_add_record(&records->text, key.data, value, size);
}

/* Hard links carry the attributes again: to give a file an owner, as engines do for each member, takes them away. */
static bool collect_xattrs(const char *path, struct records *records) {
    records->text.length = 0;
    records->unfit = NULL;
    if (!each_xattr(path, add_xattr, records))
        return response_failed("%s: its attributes cannot be read: %s", path, strerror(errno));
    if (records->unfit)
        return response_failed("%s: no tar can hold an attribute with this name: %s", path, records->unfit);
    if (records->text.length > records_limit)
        return response_failed("%s: its attributes are too large for a tar", path);
    return true;
}

/* Fills in what makes a hard link or a symbolic link one. */
static bool set_link(const char *path, const struct stat *status, struct tar_member *member) {
    static char target[PATH_MAX];
    bool is_directory = member->type == TAR_DIRECTORY;
    const char *earlier = !is_directory && status->st_nlink > 1 ? earlier_name(status, path + 1) : NULL;
    if (earlier) {
        member->type = TAR_HARD_LINK;
        member->link = earlier;
    } else if (member->type == TAR_LINK) {
        if (read_link(path, target, sizeof target) < 0)
            return response_failed("%s: %s", path, strerror(errno));
        member->link = target;
    }
    return true;
}

static bool pack_member(const char *path, const struct stat *status, struct tar_member *member) {
    static struct records records;
    int fd = -1;
    if (!set_link(path, status, member) || !collect_xattrs(path, &records))
        return false;
    if (member->type == TAR_FILE) {
        struct stat opened;
        fd = open_regular(path, &opened);
        if (fd < 0)
            return response_failed("%s: %s", path, strerror(errno));
        member->size = (uint64_t)opened.st_size;
    }
    tar_add_member(member, &records.text);
    if (fd < 0)
        return true;
    if (!response_content(fd, member->size, path))
        return false;
    tar_pad(member->size);
    return true;
}

static bool pack_path(const char *path, const char *override) {
    struct stat status;
    if (!is_plain(path))
        return response_failed("%s: not a plain path from the root", path);
    if (lstat(path, &status))
        return response_failed("%s: %s", path, strerror(errno));
    struct tar_member member = {
        .name = S_ISDIR(status.st_mode) ? directory_name(path) : path + 1,
        .link = "",
        .type = member_type(status.st_mode),
        .mode = status.st_mode & 07777,
        .uid = status.st_uid,
        .gid = status.st_gid,
        .seconds = status.st_mtim.tv_sec,
        .nanoseconds = status.st_mtim.tv_nsec,
        .major = major(status.st_rdev),
        .minor = minor(status.st_rdev),
    };
    if (!member.type)
        return response_failed("%s: a socket cannot be packed", path);
    if (!parse_override(override, &member))
        return response_failed("%s: not an override: %s", path, override);
    return pack_member(path, &status, &member);
}

static bool pack_all(struct payload *payload) {
    for (const char *path; (path = next_field(payload));) {
        const char *override = next_field(payload);
        if (!override)
            return response_failed("%s: no override follows", path);
        if (!pack_path(path, override))
            return false;
    }
    tar_end();
    return true;
}

bool serve_pack(struct payload *payload) {
    bool succeeded = pack_all(payload);
    forget_names();
    return succeeded;
}
