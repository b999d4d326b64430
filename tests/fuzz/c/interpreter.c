/* interpreter.c: the `#!` line and PT_INTERP of a file that the app made. */
#include "interpreter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

static const size_t sizes[] = {2, 16, 4096};

/* A script may consist of its first line alone, and that may have no end (fs/binfmt_script.c). */
static void check_bare_line(int file, const uint8_t *data, size_t size) {
    char path[256];
    if (size <= 2 || size >= 200 || memcmp(data, "#!", 2))
        return;
    for (size_t i = 2; i < size; i++)
        if (strchr(" \t\n", data[i]))
            return;
    CHECK(read_interpreter(file, path, sizeof path));
    CHECK(strlen(path) == size - 2 && !memcmp(path, data + 2, size - 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int file = -1;
    if (file < 0)
        file = memfd_create("program", MFD_CLOEXEC);
    CHECK(file >= 0 && !ftruncate(file, 0) && pwrite(file, data, size, 0) == (ssize_t)size);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *path = malloc(sizes[i]);
        if (read_interpreter(file, path, sizes[i]))
            CHECK(strlen(path) < sizes[i]);
        free(path);
    }
    check_bare_line(file, data, size);
    return 0;
}
