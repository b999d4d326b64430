#include "open_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

#include "access.h"
#include "container.h"
#include "records.h"
#include "resolve.h"
#include "flush.h"
#include "util.h"

/* What ends while it is looked at holds nothing any more; anything else that cannot be read is a loss. */
static void note_unreadable(void) {
    counters.unreadable += errno != ENOENT && errno != ESRCH;
}

static void record_link(pid_t process, const char *link, enum operation operation) {
    char path[PATH_MAX];
    if (read_path_link(link, path, sizeof path) < 0)
        note_unreadable();
    else if (is_path_of_file(path) && !is_kernel_path(path) && !never_had_a_name(link, path))
        access_of_process(process, operation, path);
    send_records_if_due(); /* a million descriptors are more than should wait here */
}

static void record_one(pid_t process, const char *name, enum operation operation) {
    char link[64];
    format(link, sizeof link, "/proc/%d/%s", process, name);
    record_link(process, link, operation);
}

static void record_all(pid_t process, const char *name) {
    char folder[64], link[64 + NAME_MAX];
    format(folder, sizeof folder, "/proc/%d/%s", process, name);
    DIR *directory = opendir(folder);
    if (!directory) {
        note_unreadable();
        return;
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)); errno = 0)
        if (entry->d_name[0] != '.') {
            format(link, sizeof link, "%s/%s", folder, entry->d_name);
            record_link(process, link, OP_OPEN);
        }
    if (errno)
        note_unreadable();
    closedir(directory);
}

/* proc(5): fd has a link for each descriptor, map_files one for each mapped file. */
static bool record_process(int process, void *context) {
    (void)context;
    if (!in_this_container(process))
        return false;
    record_one(process, "exe", OP_EXEC);
    record_one(process, "cwd", OP_LOOK_UP);
    record_one(process, "root", OP_LOOK_UP);
    record_all(process, "map_files");
    record_all(process, "fd");
    return false;
}

void record_open_files(void) {
    visit_numbers("/proc", record_process, NULL);
}
