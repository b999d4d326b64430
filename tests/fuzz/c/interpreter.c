/* interpreter.c: the `#!` line and PT_INTERP of a file that the app made. */
#include "interpreter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

static const size_t sizes[] = {2, 16, 4096};

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
    return 0;
}
