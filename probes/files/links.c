#include "links.h"

#include <stdbool.h>

#include "table.h"
#include "util.h"

struct file {
    dev_t device;
    ino_t inode;
    const char *name;
};

static struct table numbers; /* of a file in `files`, by device and inode */
static struct file *files;
static size_t count, room;

static uint32_t add_file(const struct stat *status, const char *name) {
    if (count == room) {
        room = room ? room * 2 : 256;
        files = xrealloc(files, room * sizeof *files);
    }
    files[count] = (struct file){status->st_dev, status->st_ino, name};
    return (uint32_t)count++;
}

const char *earlier_name(const struct stat *status, const char *name) {
    uint64_t identity[] = {status->st_dev, status->st_ino};
    bool added;
    uint32_t *number = table_put(&numbers, hash_bytes(0, identity, sizeof identity), &added);
    if (added) {
        *number = add_file(status, name);
        return NULL;
    }
    const struct file *file = &files[*number];
    return file->device == status->st_dev && file->inode == status->st_ino ? file->name : NULL;
}

void forget_names(void) {
    table_clear(&numbers);
    count = 0;
}
