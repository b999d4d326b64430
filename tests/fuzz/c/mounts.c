/* mounts.c: lines of a mountinfo file. */
#include "files/mounts.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    struct mount mount;
    char *line = take_rest(&bytes);
    size_t length = strlen(line);
    if (parse_mount(line, &mount))
        CHECK(strlen(mount.root) + strlen(mount.path) + strlen(mount.type) <= length);
    free(line);
    return 0;
}
