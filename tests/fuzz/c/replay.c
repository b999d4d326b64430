/* Instead of libFuzzer, where there is no clang: runs each input that is named, a file or all files of a folder. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static void replay(int folder, const char *name) {
    struct stat status;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && !fstat(fd, &status));
    uint8_t *data = malloc((size_t)status.st_size + 1);
    CHECK(data && read(fd, data, (size_t)status.st_size) == status.st_size);
    close(fd);
    fprintf(stderr, "%s\n", name); /* the last one that is named is the one that failed */
    LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
    free(data);
}

static void replay_all(const char *path) {
    DIR *folder = opendir(path);
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            replay(dirfd(folder), entry->d_name);
    closedir(folder);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct stat status;
        CHECK(!stat(argv[i], &status));
        if (S_ISDIR(status.st_mode))
            replay_all(argv[i]);
        else
            replay(AT_FDCWD, argv[i]);
    }
    return 0;
}
