#include "tracer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "caller.h"
#include "container.h"
#include "lifecycle.h"
#include "observe.h"
#include "registers.h"
#include "flush.h"
#include "util.h"

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum {
    TURN = 64,
    OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
              PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC,
};

static bool tracing;

/* Only of the main process the exit itself is of interest: it shows when the process dies of a signal, too. */
static int options_for(pid_t thread) {
    return thread == main_process() ? OPTIONS | PTRACE_O_TRACEEXIT : OPTIONS;
}

int trace(pid_t process) {
    tracing = true;
    return ptrace(PTRACE_SEIZE, process, 0, options_for(process)) < 0 ? -1 : 0;
}

/* A thread that was killed while it was stopped is gone without having been asked (ESRCH): no request may insist. */
static void request(int what, pid_t thread, uintptr_t data) {
    if (ptrace(what, thread, 0, data) < 0 && errno != ESRCH)
        die("ptrace request %#x", what);
}

static void observe_stop(pid_t thread) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) < 0) {
        if (errno != ESRCH)
            die("PTRACE_GET_SYSCALL_INFO (Linux 5.3)");
        return;
    }
    struct caller caller = {
        .thread = thread, .arch = info.arch, .number = (uint32_t)info.seccomp.nr, .listener = -1};
    memcpy(caller.arguments, info.seccomp.args, sizeof caller.arguments);
    enum verdict verdict = observe_call(&caller);
    send_records_soon();
    if (verdict == REFUSE && fail_call(thread, ENOSYS) && errno != ESRCH)
        die("a system call cannot be refused");
}

static void observe_death(pid_t thread) {
    unsigned long status;
    if (thread == main_process() && ptrace(PTRACE_GETEVENTMSG, thread, 0, &status) == 0)
        note_exit(thread, WIFSIGNALED((int)status));
}

static bool stops_group(int signal) {
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A new thread inherits its parent's options, and execve gives a thread its process's number. */
static void serve_event(pid_t thread, int event, int signal) {
    switch (event) {
    case PTRACE_EVENT_SECCOMP:
        observe_stop(thread);
        break;
    case PTRACE_EVENT_EXIT:
        observe_death(thread);
        break;
    case PTRACE_EVENT_STOP:
        if (stops_group(signal)) {
            request(PTRACE_LISTEN, thread, 0); /* stays stopped, as it would without a tracer */
            return;
        }
        request(PTRACE_SETOPTIONS, thread, (uintptr_t)options_for(thread));
        break;
    case PTRACE_EVENT_EXEC:
        request(PTRACE_SETOPTIONS, thread, (uintptr_t)options_for(thread));
        break;
    }
    request(PTRACE_CONT, thread, 0);
}

/* A fault is a signal that the kernel sends for an instruction, which is repeated unless the signal changes something. */
static bool is_fault(pid_t thread, int signal) {
    siginfo_t info;
    return (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL) &&
           !ptrace(PTRACE_GETSIGINFO, thread, 0, &info) && info.si_code > 0;
}

/* PID 1 dies of a fault that it does not handle, but not while it is traced (force_sig_info_to_task() in the kernel): it
 * would meet the same fault for ever. Left alone, it meets it once more and dies as it would have. */
static bool let_die(pid_t thread, int signal) {
    if (process_of(thread).process != 1 || !is_fault(thread, signal) || handles_signal(thread, signal))
        return false;
    note_exit(thread, true);
    request(PTRACE_DETACH, thread, 0);
    return true;
}

static void serve_stop(pid_t thread, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        if (thread == main_process())
            note_main_gone();
    } else if (status >> 16) {
        serve_event(thread, status >> 16, WSTOPSIG(status));
    } else if (!let_die(thread, WSTOPSIG(status))) {
        request(PTRACE_CONT, thread, (uintptr_t)WSTOPSIG(status)); /* a signal on its way to the app */
    }
}

bool serve_stops(void) {
    if (!tracing)
        return false;
    for (int i = 0; i < TURN; i++) {
        int status;
        pid_t thread = waitpid(-1, &status, __WALL | WNOHANG);
        if (thread < 0 && errno == EINTR)
            continue;
        if (thread < 0 && errno == ECHILD)
            note_all_gone();
        if (thread < 0)
            die("waitpid");
        if (thread == 0)
            return false;
        serve_stop(thread, status);
    }
    return true;
}
