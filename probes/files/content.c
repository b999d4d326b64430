/* read and hash: contents of the listed files, in order. */
#include "content.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "response.h"
#include "image_mount.h"
#include "serve.h"
#include "sha256.h"
#include "util.h"

enum { PIECE = 1 << 17 };

static bool copy(int fd, uint64_t size, const char *path) {
    while (size) {
        size_t room;
        char *place = response_room(&room);
        ssize_t count = read(fd, place, size < room ? size : room);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return response_failed("%s: %s", path, strerror(errno));
        if (!count)
            return response_failed("%s: it became shorter while it was read", path);
        response_grow((size_t)count);
        size -= (size_t)count;
    }
    return true;
}

bool response_content(int fd, uint64_t size, const char *path) {
    bool succeeded = copy(fd, size, path);
    close(fd);
    return succeeded;
}

static void answer_line(const char *text) {
    response_add(text, strlen(text));
    response_add("\n", 1);
}

static void answer_errno(int error) {
    char line[16];
    format(line, sizeof line, "-%d", error);
    answer_line(line);
}

bool serve_read(struct payload *payload) {
    for (const char *path; (path = next_field(payload));) {
        struct stat status;
        int fd = open_regular(path, &status);
        if (fd < 0) {
            answer_errno(errno);
            continue;
        }
        char line[24];
        format(line, sizeof line, "%lld", (long long)status.st_size);
        answer_line(line);
        if (!response_content(fd, (uint64_t)status.st_size, path))
            return false;
    }
    return true;
}

/* False, with errno, when the file cannot be read. */
static bool hash_content(int fd, char digest[SHA256_HEX_SIZE]) {
    static char piece[PIECE];
    struct sha256 hash;
    sha256_start(&hash);
    for (;;) {
        ssize_t count = read_full(fd, piece, PIECE);
        if (count < 0)
            return false;
        sha256_add(&hash, piece, (size_t)count);
        if (count < PIECE)
            break;
    }
    sha256_end(&hash, digest);
    return true;
}

bool serve_hash(struct payload *payload) {
    for (const char *path; (path = next_field(payload));) {
        char digest[SHA256_HEX_SIZE];
        struct stat status;
        int fd = open_regular(path, &status);
        bool hashed = fd >= 0 && hash_content(fd, digest);
        int error = errno;
        if (fd >= 0)
            close(fd);
        if (hashed)
            answer_line(digest);
        else
            answer_errno(error);
    }
    return true;
}
