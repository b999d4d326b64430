/* supervise: takes over every process that waits at its gate, and records what it and its children do until the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call_counter.h"
#include "call_watcher.h"
#include "commands.h"
#include "container.h"
#include "gate_finder.h"
#include "lifecycle.h"
#include "marks.h"
#include "modes.h"
#include "nonce.h"
#include "notify.h"
#include "recorder.h"
#include "records.h"
#include "resolve.h"
#include "flush.h"
#include "sockets.h"
#include "stream.h"
#include "tracer.h"
#include "state_lock.h"
#include "util.h"
#include "version.h"

enum {
    FIRST_LOOK_MS = 1, /* for a process at its gate; doubled up to the last */
    LAST_LOOK_MS = 32,
    PATIENT_MS = 5000, /* after so long it will hardly come: its command cannot be run, or slimmer has thought better of it */
    RARE_LOOK_MS = 500,
    GATE_TIMEOUT_MS = 25000,
    COMMAND_SIZE = 4096,
};

static struct {
    int *descriptors;
    size_t count;
} listeners;

/* Commands that were ordered and have not come to their gate yet. */
static struct {
    unsigned awaited;
    int64_t since, due;
    int wait_ms;
} adoption;

static sigset_t while_polling;

static void ignore_signal(int signal) {
    (void)signal;
}

/* An app that ends everyone around it (`kill -1`) must not end its own record. SIGCHLD, which tells of a traced thread's
 * stop, is let in only while there is nothing else to do. */
static void hold_signals(void) {
    struct sigaction wake = {.sa_handler = ignore_signal};
    sigset_t all;
    sigfillset(&all);
    if (sigaction(SIGCHLD, &wake, NULL) || sigprocmask(SIG_SETMASK, &all, NULL))
        die("signals");
    while_polling = all;
    sigdelset(&while_polling, SIGCHLD);
}

/* The descriptor that is kept is for its POLLHUP alone; the other belongs to those who serve it. */
static void keep_listener(int listener) {
    int kept = fcntl(listener, F_DUPFD_CLOEXEC, 0);
    if (kept < 0)
        die("a listener cannot be kept");
    listeners.descriptors = xrealloc(listeners.descriptors, (listeners.count + 1) * sizeof *listeners.descriptors);
    listeners.descriptors[listeners.count++] = kept;
}

static void drop_listener(size_t i) {
    close(listeners.descriptors[i]);
    listeners.descriptors[i] = listeners.descriptors[--listeners.count];
    if (!listeners.count)
        note_all_gone();
}

/* False when the process has ended at its gate. */
static bool is_taken(pid_t process, int result) {
    if (result >= 0)
        return true;
    int error = errno;
    if (kill(process, 0) && errno == ESRCH)
        return false;
    errno = error;
    die("cannot take over process %d", process);
}

/* The process stays at its gate until this is told: its call is received by threads that are started after that, its stop is
 * seen by `serve`. */
static void take_over(pid_t process, const struct gate *gate) {
    char command[COMMAND_SIZE];
    read_command(process, command, sizeof command);
    note_attached(process);
    drain_marks(); /* while what was opened on the way here can be told from what the app will open */
    int result = gate->means == MEANS_TRACE ? trace(process) : take_listener(process);
    if (!is_taken(process, result))
        return;
    tell_attached(process, command);
    if (gate->means == MEANS_LISTENER) {
        keep_listener(result);
        serve_listener(result);
    }
}

static void watch_calls(void) {
    char trouble[512] = "";
    if (!start_call_watcher(trouble, sizeof trouble))
        die_plain(EXIT_PROBE, "bpf cannot run here: %s", trouble);
}

static void place_marks_for(const struct gate *gate) {
    char trouble[512] = "";
    bool marked = place_marks(gate->scope != SCOPE_GATE, trouble, sizeof trouble);
    if (!marked && gate->asked == RECORDER_FANOTIFY)
        die_plain(EXIT_PROBE, "fanotify cannot run here: %s", trouble);
    start_call_counter();
    tell_recorders(gate, trouble);
    if (gate->scope == SCOPE_CHANGES)
        watch_calls();
    tell_call_counter(gate->scope == SCOPE_CHANGES ? "it was asked for" : "counts system calls");
}

static void watch_stdin(int wait_ms) {
    struct pollfd polled = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&polled, 1, wait_ms) < 0 && errno != EINTR)
        die("poll");
    if (polled.revents && !stream_receive())
        give_up("slimmer is gone");
}

static void take_first(void) {
    struct gate gate;
    pid_t process;
    int64_t start = now_ms();
    for (int wait_ms = FIRST_LOOK_MS; !(process = find_waiting_at_gate(&gate)); wait_ms += wait_ms < LAST_LOOK_MS ? wait_ms : 0) {
        if (now_ms() - start > GATE_TIMEOUT_MS)
            die_plain(EXIT_PROBE, "no process came to its gate");
        watch_stdin(wait_ms);
    }
    if (gate.scope == SCOPE_GATE)
        expect_other_roots(); /* chroot is not seen */
    place_marks_for(&gate);
    take_over(process, &gate);
}

static void expect_another(void) {
    adoption.awaited++;
    adoption.wait_ms = FIRST_LOOK_MS;
    adoption.since = adoption.due = now_ms();
}

static void look_for_another(void) {
    struct gate gate;
    if (!adoption.awaited || now_ms() < adoption.due)
        return;
    pid_t process = find_waiting_at_gate(&gate);
    if (process) {
        adoption.awaited--;
        take_over(process, &gate);
    } else if (adoption.wait_ms < LAST_LOOK_MS) {
        adoption.wait_ms *= 2;
    } else if (now_ms() - adoption.since > PATIENT_MS) {
        adoption.wait_ms = RARE_LOOK_MS;
    }
    adoption.due = now_ms() + adoption.wait_ms;
}

/* Says what a stop could reach, too: PID 1 of a namespace gets no signal that it did not ask for (pid_namespaces(7)). The
 * sockets and the time tell whether an app that was asked to stop is about to. */
static void drain(void) {
    char life[96];
    format(life, sizeof life, "signals=%llx listening=%u ticks=%llu", (unsigned long long)signals_reaching(1),
           listening_sockets(), (unsigned long long)processor_time());
    tell_drained(life);
    send_each_record();
    watch_without_rest();
}

static void obey(void) {
    for (char *order; (order = stream_order());) {
        if (!strncmp(order, "run ", 4)) {
            start_command(order + 4);
            expect_another();
        } else if (!strncmp(order, "tell ", 5)) {
            tell_of_command(order + 5);
        } else if (!strcmp(order, "drain")) {
            drain();
        } else if (!strcmp(order, "ping")) {
            drain_watched_calls();
            drain_marks();
            ask_commands();
        } else {
            die_plain(EXIT_PROBE, "what is %s?", order);
        }
    }
}

static int time_to_wait(int64_t now) {
    int64_t due = sockets_due();
    if (adoption.awaited && adoption.due < due)
        due = adoption.due;
    if (sending_due() < due)
        due = sending_due();
    if (marks_due() > now && marks_due() < due)
        due = marks_due();
    if (call_watcher_runs() && watcher_due() > now && watcher_due() < due)
        due = watcher_due();
    return due > now ? (int)(due - now) : 0;
}

enum { ORDERS, MARKS, CALLS, WAKES, COMMANDS, LISTENERS };

/* What is waited for besides calls: of the listeners it is only the end (POLLHUP, which needs not be asked for). */
static struct pollfd *list_polled(size_t *count, int64_t now) {
    static struct pollfd *polled;
    static size_t room;
    *count = LISTENERS + listeners.count;
    if (room < *count) {
        polled = xrealloc(polled, *count * sizeof *polled);
        room = *count;
    }
    polled[ORDERS] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    polled[MARKS] = (struct pollfd){.fd = marks_due() > now ? -1 : marks_descriptor(), .events = POLLIN};
    polled[CALLS] = (struct pollfd){.fd = watcher_due() > now ? -1 : watcher_descriptor(), .events = POLLIN};
    polled[WAKES] = (struct pollfd){.fd = wake_descriptor(), .events = POLLIN};
    polled[COMMANDS] = commands_polled();
    for (size_t i = 0; i < listeners.count; i++)
        polled[LISTENERS + i] = (struct pollfd){.fd = listeners.descriptors[i]};
    return polled;
}

static void await(struct pollfd *polled, size_t count, int wait_ms) {
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
    if (ppoll(polled, (nfds_t)count, &wait, &while_polling) >= 0)
        return;
    if (errno != EINTR)
        die("ppoll");
    for (size_t i = 0; i < count; i++)
        polled[i].revents = 0;
}

/* From the last to the first, because a listener without processes is replaced by the last. */
static void drop_deserted(const struct pollfd *polled, size_t count) {
    for (size_t i = count; i-- > LISTENERS;)
        if (polled[i].revents)
            drop_listener(i - LISTENERS);
}

static bool count_process(int process, void *count) {
    if (in_this_container(process))
        ++*(unsigned *)count;
    return false;
}

/* The number of processes of a starting app grows. Processes that begin and end for each request do not raise it again. */
static void tell_processes(void) {
    static unsigned most;
    unsigned count = 0;
    char head[32];
    visit_numbers("/proc", count_process, &count);
    if (count <= most)
        return;
    most = count;
    format(head, sizeof head, "processes %u", count);
    write_record(head, "", "");
}

/* The turn is held but for the waiting. */
static void serve(void) {
    for (bool at_once = false;; send_records_if_due()) {
        size_t count;
        int64_t now = now_ms();
        struct pollfd *polled = list_polled(&count, now);
        int wait_ms = at_once ? 0 : time_to_wait(now);
        unlock_state();
        await(polled, count, wait_ms);
        lock_state();
        take_wakes();
        at_once = serve_stops();
        if (polled[CALLS].revents)
            serve_watched_calls();
        if (polled[MARKS].revents)
            serve_marks();
        if (polled[ORDERS].revents && !stream_receive())
            give_up("slimmer is gone");
        obey();
        if (polled[COMMANDS].revents)
            serve_commands();
        drop_deserted(polled, count);
        if (look_at_sockets())
            tell_processes();
        look_for_another();
    }
}

int supervise_main(int argc, char **argv) {
    enum recorder recorder;
    if (argc != 1 && (argc != 3 || strcmp(argv[1], "--recorder") || !parse_recorder(argv[2], &recorder)))
        die_plain(EXIT_USAGE, "usage: slimmer-probe supervise [--recorder R]");
    check_proc();
    open_commands();
    hold_signals();
    init_state_lock();
    lock_state();
    on_death(give_up);
    stream_open();
    write_record("hello 1 " PROBE_VERSION, ARCHITECTURE, nonce());
    take_first();
    serve();
    return EXIT_PROBE;
}
