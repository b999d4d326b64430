#include "lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "call_counter.h"
#include "call_watcher.h"
#include "caller.h"
#include "container.h"
#include "marks.h"
#include "records.h"
#include "flush.h"
#include "table.h"
#include "state_lock.h"
#include "util.h"

static struct {
    pid_t *processes;
    size_t count;
    struct table keys;
} attached;

/* Threads of the main process that have called exit. */
static struct table exiting;
static bool ended, is_spared;

void note_attached(pid_t process) {
    attached.processes = xrealloc(attached.processes, (attached.count + 1) * sizeof *attached.processes);
    attached.processes[attached.count++] = process;
    table_add(&attached.keys, task_key(process));
}

void tell_attached(pid_t process, const char *command) {
    char head[32];
    format(head, sizeof head, "attached %d", process);
    write_record(head, command, "");
    send_records();
}

bool was_attached(pid_t process) {
    return table_get(&attached.keys, task_key(process));
}

pid_t main_process(void) {
    return attached.count ? attached.processes[0] : 0;
}

static void write_end(void) {
    if (ended)
        return;
    ended = true;
    drain_watched_calls();
    drain_marks();
    drain_watched_calls();
    count_watcher_losses();
    tell_calls();
    write_counters("end", "");
    close_records();
    send_records();
}

static bool goes_on(int thread, void *context) {
    (void)context;
    return task_lives(thread) && !table_get(&exiting, task_key(thread));
}

static bool is_last_thread(pid_t thread) {
    char folder[64];
    table_add(&exiting, task_key(thread));
    format(folder, sizeof folder, "/proc/%d/task", main_process());
    return !visit_numbers(folder, goes_on, NULL);
}

void note_exit(pid_t thread, bool whole_process) {
    if (process_of(thread).process == main_process() && (whole_process || is_last_thread(thread)))
        write_end();
}

void note_main_gone(void) {
    write_end();
}

void note_all_gone(void) {
    write_end();
    _exit(0);
}

void tell_drained(const char *about) {
    drain_watched_calls();
    drain_marks();
    drain_watched_calls();
    count_watcher_losses();
    tell_calls();
    write_counters("drained", about);
    send_records();
}

/* A process that stays behind its recorder would be left with system calls that fail with ENOSYS. The kernel's own SIGKILL
 * at the end of this tracer reaches even PID 1, which is deaf to one from its own namespace. What a debugger of the app
 * holds cannot be seized, but only PID 1 is deaf. */
static void doom(pid_t process) {
    if (ptrace(PTRACE_SEIZE, process, 0, PTRACE_O_EXITKILL))
        kill(process, SIGKILL);
}

static void doom_all(void) {
    if (in_this_container(1))
        doom(1);
    for (size_t i = 0; i < attached.count; i++)
        if (in_this_container(attached.processes[i]))
            doom(attached.processes[i]);
}

void spare_container(void) {
    is_spared = true;
}

void give_up(const char *message) {
    lock_state();
    on_death(NULL);
    write_fatal(message);
    flush_records(); /* nobody may be there to read it, and then there is no one left to tell that */
    if (!is_spared)
        doom_all();
    _exit(EXIT_PROBE);
}
