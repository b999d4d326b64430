#include "recorder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "records.h"
#include "util.h"

static const char *const names[] = {"auto", "notify", "ptrace", "fanotify", "bpf"};

bool parse_recorder(const char *name, enum recorder *recorder) {
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        if (!strcmp(name, names[i])) {
            *recorder = (enum recorder)i;
            return true;
        }
    return false;
}

/* The listener is of use only where a call can go on (5.5) and the supervisor can fetch it (pidfd_getfd, 5.6): the
 * younger call stands for both. */
static int install_listener(enum filter_scope scope) {
    if (syscall(SYS_pidfd_getfd, -1, -1, 0) < 0 && errno == ENOSYS)
        return -1;
    return install_recording_filter(scope, MEANS_LISTENER);
}

struct gate install_gate(enum recorder asked) {
    struct gate gate = {.asked = asked, .means = MEANS_LISTENER};
    gate.scope = asked == RECORDER_FANOTIFY ? SCOPE_GATE : asked == RECORDER_BPF ? SCOPE_CHANGES : SCOPE_ALL;
    if (asked != RECORDER_PTRACE) {
        if (install_listener(gate.scope) >= 0)
            return gate;
        if (asked == RECORDER_NOTIFY || asked == RECORDER_BPF)
            die("user notification");
        gate.listener_error = errno;
    }
    gate.means = MEANS_TRACE;
    if (install_recording_filter(gate.scope, MEANS_TRACE) < 0)
        die("the recording filter");
    return gate;
}

#define GATE_FORMAT "slim:%d:%d:%d:%d"

void publish_gate(const struct gate *gate) {
    char name[16];
    format(name, sizeof name, GATE_FORMAT, gate->asked, gate->scope, gate->means, gate->listener_error);
    if (prctl(PR_SET_NAME, name, 0, 0, 0))
        die("PR_SET_NAME");
}

bool read_gate(int pid, struct gate *gate) {
    char path[64], name[64];
    int asked, scope, means;
    format(path, sizeof path, "/proc/%d/comm", pid);
    if (read_text(path, name, sizeof name) < 0)
        return false;
    if (sscanf(name, GATE_FORMAT, &asked, &scope, &means, &gate->listener_error) != 4)
        return false;
    gate->asked = (enum recorder)asked;
    gate->scope = (enum filter_scope)scope;
    gate->means = (enum filter_means)means;
    return true;
}

static void tell(const char *name, bool on, const char *reason) {
    char head[64];
    format(head, sizeof head, "recorder %s %s", name, on ? "on" : "off");
    write_record(head, reason, "");
}

static void tell_notify(const struct gate *gate) {
    char reason[256] = "the kernel has user notification";
    if (gate->listener_error)
        format(reason, sizeof reason, "the kernel gives no listener: %s", strerror(gate->listener_error));
    else if (gate->asked == RECORDER_FANOTIFY)
        format(reason, sizeof reason, "only fanotify was asked for (a filter stays for the start and the end)");
    else if (gate->asked == RECORDER_BPF)
        format(reason, sizeof reason, "bpf was asked for (a filter stays for calls that change where paths lead)");
    else if (gate->asked == RECORDER_PTRACE)
        format(reason, sizeof reason, "ptrace was asked for");
    else if (gate->asked == RECORDER_NOTIFY)
        format(reason, sizeof reason, "it was asked for");
    tell("notify", gate->means == MEANS_LISTENER && gate->scope == SCOPE_ALL, reason);
}

static void tell_ptrace(const struct gate *gate) {
    const char *reason = "user notification is cheaper";
    if (gate->scope == SCOPE_GATE)
        reason = "only fanotify was asked for";
    else if (gate->scope == SCOPE_CHANGES)
        reason = "bpf was asked for";
    else if (gate->asked == RECORDER_PTRACE)
        reason = "it was asked for";
    else if (gate->asked == RECORDER_NOTIFY)
        reason = "user notification was asked for";
    else if (gate->means == MEANS_TRACE)
        reason = "user notification does not run";
    tell("ptrace", gate->means == MEANS_TRACE && gate->scope == SCOPE_ALL, reason);
}

void tell_recorders(const struct gate *gate, const char *fanotify_trouble) {
    tell_notify(gate);
    tell_ptrace(gate);
    bool fanotify_runs = !*fanotify_trouble;
    const char *reason = gate->asked == RECORDER_FANOTIFY ? "it was asked for"
                                                          : "sees opens that no system call names";
    tell("fanotify", fanotify_runs, fanotify_runs ? reason : fanotify_trouble);
}

void tell_attached_recorders(bool watches_calls, const char *trouble) {
    static const char reason[] = "attached to a container that ran already";
    char without[600];
    format(without, sizeof without, "attached, but %s", trouble);
    tell("notify", false, reason);
    tell("ptrace", false, reason);
    tell("fanotify", true, reason);
    tell("bpf", watches_calls, watches_calls ? "attached: sees what is only looked at, too" : without);
}
