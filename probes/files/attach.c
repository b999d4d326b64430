/* attach: watches a container that runs already from outside, and does nothing to it. What its processes hold is read once;
 * what they open from then on, fanotify tells. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call_watcher.h"
#include "container.h"
#include "lifecycle.h"
#include "marks.h"
#include "modes.h"
#include "nonce.h"
#include "open_files.h"
#include "recorder.h"
#include "records.h"
#include "flush.h"
#include "sockets.h"
#include "stream.h"
#include "state_lock.h"
#include "util.h"
#include "version.h"

static int open_process(pid_t process) {
    int fd = (int)syscall(SYS_pidfd_open, process, 0);
    if (fd < 0)
        die("process %d cannot be watched", process);
    return fd;
}

static void place_all_marks(void) {
    char trouble[512] = "", calls_trouble[512] = "";
    bool watches_calls = start_call_watcher(calls_trouble, sizeof calls_trouble);
    if (!place_marks(watches_calls, trouble, sizeof trouble))
        die_plain(EXIT_PROBE, "fanotify cannot run here: %s", trouble);
    tell_attached_recorders(watches_calls, calls_trouble);
}

static void tell_program(pid_t process) {
    char link[64], program[PATH_MAX] = "";
    format(link, sizeof link, "/proc/%d/exe", process);
    read_link(link, program, sizeof program);
    note_attached(process);
    tell_attached(process, program);
}

static void tell_pong(void) {
    drain_watched_calls();
    drain_marks();
    write_record("pong", "", "");
}

static void obey(void) {
    for (const char *order; (order = stream_order());) {
        if (!strcmp(order, "drain"))
            tell_drained("");
        else if (!strcmp(order, "ping"))
            tell_pong();
        else
            die_plain(EXIT_PROBE, "what is %s?", order);
    }
}

static int time_to_wait(void) {
    int64_t now = now_ms(), due = sockets_due() < sending_due() ? sockets_due() : sending_due();
    if (call_watcher_runs() && watcher_due() > now && watcher_due() < due)
        due = watcher_due();
    if (marks_due() > now && marks_due() < due)
        due = marks_due();
    return due > now ? (int)(due - now) : 0;
}

enum { ORDERS, MARKS, CALLS, WAKES, END, POLLED };

static void serve(int process) {
    struct pollfd polled[POLLED] = {
        [ORDERS] = {.fd = STDIN_FILENO, .events = POLLIN},
        [MARKS] = {.fd = marks_descriptor(), .events = POLLIN},
        [CALLS] = {.fd = watcher_descriptor(), .events = POLLIN},
        [WAKES] = {.fd = wake_descriptor(), .events = POLLIN},
        [END] = {.fd = process, .events = POLLIN},
    };
    for (;; send_records_if_due()) {
        polled[CALLS].fd = watcher_due() > now_ms() ? -1 : watcher_descriptor();
        polled[MARKS].fd = marks_due() > now_ms() ? -1 : marks_descriptor();
        while (poll(polled, POLLED, time_to_wait()) < 0)
            if (errno != EINTR)
                die("poll");
        take_wakes();
        if (polled[CALLS].revents)
            serve_watched_calls();
        if (polled[MARKS].revents)
            serve_marks();
        if (polled[ORDERS].revents && !stream_receive())
            _exit(0); /* slimmer has seen enough, or is gone */
        obey();
        if (polled[END].revents)
            note_all_gone();
        look_at_sockets();
    }
}

int attach_main(int argc, char **argv) {
    uint64_t process;
    if (argc != 2 || !parse_number(argv[1], 10, &process) || !process || process > INT_MAX)
        die_plain(EXIT_USAGE, "usage: slimmer-probe attach PID");
    spare_container();
    init_state_lock();
    on_death(give_up);
    stream_open();
    write_record("hello 1 " PROBE_VERSION, ARCHITECTURE, nonce());
    int end = open_process((pid_t)process);
    watch_container_of((pid_t)process);
    place_all_marks();
    tell_program((pid_t)process);
    record_open_files();
    note_listen(); /* whoever serves listens already */
    serve(end);
    return EXIT_PROBE;
}
