#include "interpreter.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

enum { HEAD = 4096 };

/* fs/binfmt_script.c: blanks, the interpreter, then blanks and an argument. A file may end behind the interpreter. */
static bool script_interpreter(const char *head, size_t length, char *path, size_t size) {
    size_t start = 2, end;
    while (start < length && (head[start] == ' ' || head[start] == '\t'))
        start++;
    for (end = start; end < length && !strchr(" \t\n", head[end]); end++) {
    }
    if (end == start || end == HEAD || end - start >= size)
        return false;
    memcpy(path, head + start, end - start);
    path[end - start] = '\0';
    return true;
}

static bool read_path(int fd, uint64_t offset, uint64_t length, char *path, size_t size) {
    if (length < 2 || length > size || pread(fd, path, length, (off_t)offset) != (ssize_t)length)
        return false;
    return path[length - 1] == '\0';
}

/* The two classes differ in the widths of the same fields. */
#define ELF_INTERPRETER(bits)                                                                           \
    static bool elf##bits##_interpreter(int fd, const char *head, char *path, size_t size) {            \
        Elf##bits##_Ehdr header;                                                                        \
        memcpy(&header, head, sizeof header);                                                           \
        for (unsigned i = 0; i < header.e_phnum; i++) {                                                 \
            Elf##bits##_Phdr part;                                                                      \
            off_t offset = (off_t)(header.e_phoff + (uint64_t)i * sizeof part);                         \
            if (pread(fd, &part, sizeof part, offset) != sizeof part)                                   \
                return false;                                                                           \
            if (part.p_type == PT_INTERP)                                                               \
                return read_path(fd, part.p_offset, part.p_filesz, path, size);                         \
        }                                                                                               \
        return false;                                                                                   \
    }
ELF_INTERPRETER(32)
ELF_INTERPRETER(64)

static bool interpreter_of(int fd, char *path, size_t size) {
    char head[HEAD];
    ssize_t length = pread(fd, head, sizeof head, 0);
    if (length >= 2 && !memcmp(head, "#!", 2))
        return script_interpreter(head, (size_t)length, path, size);
    if (length < (ssize_t)sizeof(Elf64_Ehdr) || memcmp(head, ELFMAG, SELFMAG))
        return false;
    return head[EI_CLASS] == ELFCLASS64 ? elf64_interpreter(fd, head, path, size)
                                        : elf32_interpreter(fd, head, path, size);
}

bool read_interpreter(int fd, char *path, size_t size) {
    char link[64];
    struct stat status;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode))
        return false;
    format(link, sizeof link, "/proc/self/fd/%d", fd);
    int readable = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (readable < 0)
        return false;
    bool found = interpreter_of(readable, path, size);
    close(readable);
    return found;
}
