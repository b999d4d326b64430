/* index: every path of the image. The walk is the process's working directory, which goes down and up again: so
 * neither the depth of a tree nor the length of its paths meets a limit of the kernel. Directories that wait hold
 * their names; nothing else is kept. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "response.h"
#include "serve.h"
#include "util.h"
#include "xattrs.h"

enum { DEPTH_LIMIT = 8192 };
static const size_t names_limit = 1 << 28; /* of all directories that wait, in bytes */

struct directory {
    struct buffer text; /* its names, each with its NUL */
    char **names;       /* sorted */
    size_t count, next;
    size_t path_length; /* of its own path; 0 for the root */
};

struct walk {
    struct directory *directories; /* from the root down to the working directory */
    size_t depth, room, names_size;
    struct buffer path; /* of the current entry, with its NUL */
};

static bool failed(const struct walk *walk, const char *doing) {
    return response_failed("%s %s: %s", doing, walk->path.data, strerror(errno));
}

static void set_path(struct walk *walk, size_t parent_length, const char *name) {
    walk->path.length = parent_length;
    buffer_add_text(&walk->path, "/");
    buffer_add(&walk->path, name, strlen(name) + 1);
}

static void add_hex(struct buffer *buffer, const void *data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    for (const unsigned char *byte = data; size; byte++, size--)
        buffer_add(buffer, (char[]){digits[*byte >> 4], digits[*byte & 15]}, 2);
}

static void add_word(void *context, const char *name, const void *value, size_t size) {
    struct buffer *words = context;
    if (words->length)
        buffer_add_text(words, " ");
    add_hex(words, name, strlen(name));
    buffer_add_text(words, "=");
    add_hex(words, value, size);
}

static void answer_head(const struct stat *status) {
    char head[256];
    size_t length = format(head, sizeof head, "%o %u %u %lld %lld %ld %lu %llu %lld %u %u", status->st_mode,
                           status->st_uid, status->st_gid, (long long)status->st_size,
                           (long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec, (unsigned long)status->st_nlink,
                           (unsigned long long)status->st_ino, (long long)status->st_ctim.tv_sec,
                           major(status->st_rdev), minor(status->st_rdev));
    response_add(head, length + 1);
}

/* `name` is the entry's in the working directory; its whole path is in `walk->path`. */
static bool answer_entry(struct walk *walk, const char *name, const struct stat *status) {
    static struct buffer words;
    char target[PATH_MAX] = "";
    words.length = 0;
    if (S_ISLNK(status->st_mode) && read_link(name, target, sizeof target) < 0)
        return failed(walk, "cannot read the link");
    if (!each_xattr(name, add_word, &words))
        return failed(walk, "cannot read the attributes of");
    answer_head(status);
    response_add(walk->path.data, walk->path.length);
    response_add(target, strlen(target) + 1);
    response_add(words.data, words.length);
    response_add("", 1);
    return true;
}

/* A name that its directory lists and nobody can look up, as a whiteout in an image's lowest layer: without a type. */
static bool answer_listed_only(const struct walk *walk) {
    answer_head(&(struct stat){0});
    response_add(walk->path.data, walk->path.length);
    response_add("\0", 2); /* neither link target nor attributes */
    return true;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(struct directory *directory) {
    directory->names = xcalloc(directory->count + 1, sizeof *directory->names);
    char *name = directory->text.data;
    for (size_t i = 0; i < directory->count; i++, name += strlen(name) + 1)
        directory->names[i] = name;
    qsort(directory->names, directory->count, sizeof *directory->names, by_bytes);
}

static void add_name(struct walk *walk, struct directory *directory, const char *name) {
    size_t size = strlen(name) + 1;
    buffer_add(&directory->text, name, size);
    directory->count++;
    walk->names_size += size;
}

/* Reads the names in the working directory. */
static bool read_names(struct walk *walk, struct directory *directory) {
    DIR *stream = opendir(".");
    if (!stream)
        return failed(walk, "cannot list");
    errno = 0; /* readdir tells an error from the end by nothing else */
    for (struct dirent *entry; walk->names_size <= names_limit && (entry = readdir(stream)); errno = 0)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            add_name(walk, directory, entry->d_name);
    bool succeeded = !errno || failed(walk, "cannot list");
    closedir(stream);
    if (walk->names_size > names_limit)
        return response_failed("%s: too many names", walk->path.data);
    return succeeded;
}

/* The working directory becomes the walk's last one. */
static bool enter(struct walk *walk, size_t path_length) {
    if (walk->depth == DEPTH_LIMIT)
        return response_failed("directories lie more than %d deep: %.200s…", DEPTH_LIMIT, walk->path.data);
    if (walk->depth == walk->room) {
        walk->room = walk->room ? walk->room * 2 : 32;
        walk->directories = xrealloc(walk->directories, walk->room * sizeof *walk->directories);
    }
    struct directory *directory = &walk->directories[walk->depth++];
    *directory = (struct directory){.path_length = path_length};
    if (!read_names(walk, directory))
        return false;
    sort_names(directory);
    return true;
}

static void forget_directory(struct walk *walk) {
    struct directory *directory = &walk->directories[--walk->depth];
    walk->names_size -= directory->text.length;
    buffer_free(&directory->text);
    free(directory->names);
}

static bool leave(struct walk *walk) {
    forget_directory(walk);
    return !walk->depth || !chdir("..") || failed(walk, "cannot leave");
}

static bool visit(struct walk *walk, const struct directory *directory, const char *name) {
    struct stat status;
    set_path(walk, directory->path_length, name);
    if (lstat(name, &status))
        return errno == ENOENT ? answer_listed_only(walk) : failed(walk, "cannot look at");
    if (!answer_entry(walk, name, &status))
        return false;
    if (!S_ISDIR(status.st_mode))
        return true;
    if (chdir(name))
        return failed(walk, "cannot enter");
    return enter(walk, walk->path.length - 1);
}

static bool walk_root(struct walk *walk) {
    struct stat status;
    set_path(walk, 0, "");
    if (lstat(".", &status))
        return failed(walk, "cannot look at");
    return answer_entry(walk, ".", &status) && enter(walk, 0);
}

static bool walk_all(struct walk *walk) {
    if (!walk_root(walk))
        return false;
    while (walk->depth) {
        struct directory *directory = &walk->directories[walk->depth - 1];
        bool more = directory->next < directory->count;
        if (!(more ? visit(walk, directory, directory->names[directory->next++]) : leave(walk)))
            return false;
    }
    return true;
}

bool serve_index(struct payload *payload) {
    (void)payload;
    struct walk walk = {0};
    bool succeeded = walk_all(&walk);
    while (walk.depth)
        forget_directory(&walk);
    free(walk.directories);
    buffer_free(&walk.path);
    return succeeded;
}
