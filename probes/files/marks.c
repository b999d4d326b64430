#include "marks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "call_watcher.h"
#include "caller.h"
#include "container.h"
#include "mounts.h"
#include "records.h"
#include "resolve.h"
#include "util.h"

#ifndef FAN_MARK_EVICTABLE /* Linux 5.19 */
#define FAN_MARK_EVICTABLE 0x00000200
#endif
#ifndef FAN_OPEN_EXEC /* Linux 5.0 */
#define FAN_OPEN_EXEC 0x00001000
#endif
#ifndef FAN_MARK_FILESYSTEM /* Linux 4.20 */
#define FAN_MARK_FILESYSTEM 0x00000100
#endif

/* Each event that is read holds a descriptor until it is dealt with. When descriptors run out the kernel drops events and
 * says nothing, so the limit on them bounds what is read at once, with some kept for everything else. */
enum { MOST_EVENTS = 64, OTHER_DESCRIPTORS = 32, OPENS = FAN_OPEN | FAN_OPEN_EXEC };

static struct fanotify_event_metadata events[MOST_EVENTS];
static size_t events_at_once;
static int group = -1;
static bool accompanied;

/* Next to another recorder almost every event is an old story: those wait a little, and are read together. News, and whatever
 * comes from a process that the other recorder does not know, are read at once: it must be asked who it is while it lives. */
enum { REST_MS = 5 };
static int64_t due;

static void bound_events(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("setrlimit");
    events_at_once = limit.rlim_cur >= MOST_EVENTS + OTHER_DESCRIPTORS   ? MOST_EVENTS
                     : limit.rlim_cur > OTHER_DESCRIPTORS ? (size_t)limit.rlim_cur - OTHER_DESCRIPTORS
                                                          : 1;
}

static void explain(char *trouble, size_t size, const char *what) {
    format(trouble, size, "%.200s: %s", what, strerror(errno));
}

static int mark(unsigned kind, int fd) {
    char path[64];
    format(path, sizeof path, "/proc/self/fd/%d", fd);
    return fanotify_mark(group, FAN_MARK_ADD | kind, OPENS | FAN_ONDIR, AT_FDCWD, path);
}

/* An overlay that is the container's root is its own as a whole, and marked so it shows what is opened through other mounts of
 * it as well. Any other file system may be the host's (its own root, too, may be an overlay): there only the container's own
 * mount of it is marked. */
static bool is_own_filesystem(const struct mount *mount) {
    return !strcmp(mount->type, "overlay") && !strcmp(mount->path, "/") && !strcmp(mount->root, "/");
}

static int mark_mount(const struct mount *mount) {
    int fd = open_in_container(mount->path);
    if (fd < 0)
        return -1;
    int result = is_own_filesystem(mount) ? mark(FAN_MARK_FILESYSTEM, fd) : -1;
    if (result)
        result = mark(FAN_MARK_MOUNT, fd);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Kernel state, and what starts empty, holds nothing of an image; and the probe is not the app's. */
static bool holds_files(const struct mount *mount) {
    static const char *const others[] = {"proc",   "sysfs",   "cgroup",     "cgroup2", "devpts",   "mqueue", "devtmpfs",
                                         "tmpfs",  "debugfs", "securityfs", "tracefs", "configfs", "bpf",    "pstore",
                                         "fusectl"};
    if (!strcmp(mount->path, "/"))
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        if (!strcmp(mount->type, others[i]))
            return false;
    return !is_kernel_path(mount->path) && !is_probe_path(mount->path);
}

struct marking {
    char *trouble;
    size_t size;
};

/* Returns true, which ends the walk, when a mark cannot be placed. A mount that lies hidden below another is no loss. */
static bool mark_if_needed(const struct mount *mount, void *context) {
    struct marking *marking = context;
    if (!holds_files(mount) || !mark_mount(mount) || errno == ENOENT || errno == ENOTDIR)
        return false;
    explain(marking->trouble, marking->size, mount->path);
    return true;
}

bool place_marks(bool in_company, char *trouble, size_t size) {
    struct marking marking = {trouble, size};
    accompanied = in_company;
    bound_events();
    unsigned event_flags = O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_NOATIME;
    group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
                          event_flags);
    if (group < 0) {
        explain(trouble, size, "fanotify_init");
        return false;
    }
    if (!visit_mounts(mark_if_needed, &marking))
        return true;
    close(group);
    group = -1;
    return false;
}

int marks_descriptor(void) {
    return group;
}

/* The next opens of this file would be no news. Not for files with several names, of which each is news; only where the
 * kernel may forget the mark again: else each would pin its file in memory. */
static void ignore_file(const struct fanotify_event_metadata *event) {
    struct stat status;
    if (event->mask & FAN_ONDIR || fstat(event->fd, &status) || status.st_nlink > 1 || !S_ISREG(status.st_mode))
        return;
    uint64_t ignored = event->mask & FAN_OPEN_EXEC ? OPENS : FAN_OPEN;
    unsigned how = FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE;
    fanotify_mark(group, how, ignored, event->fd, NULL); /* failing, it only costs time */
}

/* runc enters the container for `docker exec`, looks the user up there, and starts a program. */
static bool is_runtime(pid_t process) {
    char path[64], name[32];
    format(path, sizeof path, "/proc/%d/comm", process);
    return read_text(path, name, sizeof name) > 0 && !strncmp(name, "runc:[", 6);
}

/* The kernel tells it by a word that read_path_link has taken off. (An overlay does not count the names of what it covers.) */
static bool was_removed(const char *link, const char *path) {
    char told[PATH_MAX];
    return read_link(link, told, sizeof told) > 0 && strcmp(told, path);
}

static bool leads_nowhere(const char *path) {
    int fd = open_in_container(path);
    if (fd >= 0)
        close(fd);
    return fd < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Seen from outside the container: an open by the engine, copying files for its user, or by anyone else who came in by another
 * way. Of a process that is gone, or about to be, only the path tells: theirs is that of a mount of their own. */
static bool is_foreign(pid_t process, const char *link, const char *path) {
    if (!is_outside_container() || in_this_container(process))
        return false;
    return in_another_container(process) || (leads_nowhere(path) && !was_removed(link, path));
}

/* Process 0 is one outside the probe's PID namespace. Of what the runtime does, the start of a program is for the app. */
static bool comes_from_app(const struct fanotify_event_metadata *event, const char *link, const char *path) {
    pid_t process = event->pid;
    if (!process || process == getpid() || runs_probe(process))
        return false;
    return is_runtime(process) ? event->mask & FAN_OPEN_EXEC : !is_foreign(process, link, path);
}

static void record_event(const struct fanotify_event_metadata *event, const char *path) {
    bool is_program = event->mask & FAN_OPEN_EXEC;
    pid_t process = is_program && is_runtime(event->pid) ? 0 : event->pid; /* whose own program is not the container's */
    access_of_process(process, is_program ? OP_EXEC : OP_OPEN, path);
}

/* The kernel tells of an open before the call has returned. BPF programs tell of it afterwards, mostly some microseconds later. */
static bool is_news(const char *path) {
    enum { LOOKS = 2, PAUSE_MS = 1 };
    bool news = event_is_news(path, accompanied);
    for (int i = 0; i < LOOKS && news && call_watcher_runs(); i++) {
        if (i > 0)
            sleep_ms(PAUSE_MS);
        drain_watched_calls();
        news = event_is_news(path, accompanied);
    }
    return news;
}

/* Returns true when the next event should not wait. */
static bool serve_event(const struct fanotify_event_metadata *event) {
    char link[64], path[PATH_MAX];
    format(link, sizeof link, "/proc/self/fd/%d", event->fd);
    if (read_path_link(link, path, sizeof path) < 0) {
        counters.unreadable++;
        return false;
    }
    bool news = !never_had_a_name(link, path) && is_news(path);
    bool urgent = news || !process_is_remembered(event->pid);
    if (news && (is_probe_path(path) || !comes_from_app(event, link, path)))
        return urgent;
    if (news)
        record_event(event, path);
    ignore_file(event);
    return urgent;
}

/* Returns true when the next ones should not wait. */
static bool serve_events(size_t count) {
    bool urgent = false;
    for (size_t i = 0; i < count; i++) {
        counters.events++;
        if (events[i].vers != FANOTIFY_METADATA_VERSION || events[i].event_len != sizeof *events)
            die_plain(EXIT_PROBE, "fanotify speaks version %d", events[i].vers);
        if (events[i].mask & FAN_Q_OVERFLOW || events[i].fd < 0) {
            counters.lost++;
            continue;
        }
        urgent |= serve_event(&events[i]);
        close(events[i].fd);
    }
    return urgent;
}

/* Returns how many events were read. */
static size_t read_events(void) {
    ssize_t size = read(group, events, events_at_once * sizeof *events);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size < 0) {
        counters.lost++; /* the kernel could not open the file of the next event, and has dropped it */
        return 1;
    }
    size_t count = (size_t)size / sizeof *events;
    bool urgent = serve_events(count);
    due = !accompanied || urgent || count == events_at_once ? 0 : now_ms() + REST_MS;
    return count;
}

int64_t marks_due(void) {
    return group < 0 ? INT64_MAX : due;
}

void serve_marks(void) {
    read_events();
}

void drain_marks(void) {
    int waiting = 0;
    if (group < 0)
        return;
    if (ioctl(group, FIONREAD, &waiting))
        die("FIONREAD");
    /* Those who are not held go on opening files: what happens from now on is not waited for. */
    for (size_t left = (size_t)waiting / sizeof *events, done; left; left -= done < left ? done : left)
        if (!(done = read_events()))
            break;
}
