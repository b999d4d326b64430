#include "notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call_watcher.h"
#include "caller.h"
#include "container.h"
#include "lifecycle.h"
#include "observe.h"
#include "records.h"
#include "flush.h"
#include "state_lock.h"
#include "util.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* A signal takes back a call that no thread has received yet, and the app sees EINTR where there was none before; once it is
 * received, only its death can (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV). So one of several threads, the leader, waits to
 * receive. It records and answers the call, too, if it has its turn at once: to hand calls from thread to thread takes twice
 * the time. If it must wait for its turn, another thread leads meanwhile. */
enum { RECEIVERS = 4, STACK_SIZE = 256 * 1024 };

struct crew {
    int listener;
    int members; /* belongs to the leader */
    pthread_mutex_t lead;
};

struct receiver {
    struct crew *crew;
    int listener; /* the crew's */
    struct seccomp_notif *request;
    struct seccomp_notif_resp *answer;
    size_t request_size, answer_size;
};

/* The kernel's structures may be longer than those that this program was compiled with. */
static struct receiver *make_receiver(struct crew *crew) {
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
        die("SECCOMP_GET_NOTIF_SIZES");
    struct receiver *made = xcalloc(1, sizeof *made);
    made->crew = crew;
    made->listener = crew->listener;
    made->request_size = sizes.seccomp_notif > sizeof *made->request ? sizes.seccomp_notif : sizeof *made->request;
    made->answer_size =
        sizes.seccomp_notif_resp > sizeof *made->answer ? sizes.seccomp_notif_resp : sizeof *made->answer;
    made->request = xcalloc(1, made->request_size);
    made->answer = xcalloc(1, made->answer_size);
    return made;
}

struct listener_search {
    pid_t process;
    int fd;
};

static bool is_listener(int fd, void *context) {
    struct listener_search *search = context;
    char path[64], target[64];
    format(path, sizeof path, "/proc/%d/fd/%d", search->process, fd);
    if (read_link(path, target, sizeof target) < 0 || strcmp(target, "anon_inode:seccomp notify"))
        return false;
    search->fd = fd;
    return true;
}

static int fetch_descriptor(pid_t process, int fd) {
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    if (handle < 0)
        return -1;
    int fetched = (int)syscall(SYS_pidfd_getfd, handle, fd, 0);
    int error = errno;
    close(handle);
    errno = error;
    return fetched;
}

int take_listener(pid_t process) {
    struct listener_search search = {.process = process};
    char folder[64];
    format(folder, sizeof folder, "/proc/%d/fd", process);
    if (!visit_numbers(folder, is_listener, &search)) {
        errno = ENOENT;
        return -1;
    }
    int listener = fetch_descriptor(process, search.fd);
    /* Caller and supervisor take turns: on one processor that is faster. Older kernels do not know it. */
    if (listener >= 0)
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    return listener;
}

static bool is_deserted(int listener) {
    struct pollfd polled = {.fd = listener};
    return poll(&polled, 1, 0) == 1 && polled.revents & POLLHUP;
}

static void count_interrupted(void) {
    lock_state();
    counters.interrupted++;
    unlock_state();
}

/* False when no process has the filter any more. */
static bool receive(struct receiver *self) {
    for (;;) {
        memset(self->request, 0, self->request_size);
        if (!ioctl(self->listener, SECCOMP_IOCTL_NOTIF_RECV, self->request))
            return true;
        if (errno == ENOENT) {
            if (is_deserted(self->listener))
                return false;
            count_interrupted(); /* the call that woke this thread was taken back */
        } else if (errno != EINTR) {
            die("SECCOMP_IOCTL_NOTIF_RECV");
        }
    }
}

static void give_answer(struct receiver *self, enum verdict verdict) {
    memset(self->answer, 0, self->answer_size);
    self->answer->id = self->request->id;
    if (verdict == REFUSE)
        self->answer->error = -ENOSYS;
    else
        self->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (!ioctl(self->listener, SECCOMP_IOCTL_NOTIF_SEND, self->answer))
        return;
    if (errno != ENOENT)
        die("SECCOMP_IOCTL_NOTIF_SEND");
    /* The call waits no more: its thread was killed, or (before Linux 5.19) a signal took it back. */
    if (task_lives((pid_t)self->request->pid))
        count_interrupted();
}

static enum verdict record_call(const struct receiver *self) {
    struct caller caller = {
        .thread = (pid_t)self->request->pid,
        .arch = self->request->data.arch,
        .number = (uint32_t)self->request->data.nr,
        .listener = self->listener,
        .notification = self->request->id,
    };
    memcpy(caller.arguments, self->request->data.args, sizeof caller.arguments);
    drain_watched_calls(); /* what was done before this call changes where paths lead */
    enum verdict verdict = observe_call(&caller);
    send_records_soon();
    return verdict;
}

static void take_lead(struct crew *crew) {
    if (pthread_mutex_lock(&crew->lead))
        die_plain(EXIT_PROBE, "the lead cannot be taken");
}

static void end_lead(struct crew *crew) {
    if (pthread_mutex_unlock(&crew->lead))
        die_plain(EXIT_PROBE, "the lead cannot be ended");
}

/* The leader leaves; the last one out closes the listener. */
static void leave(struct receiver *self) {
    struct crew *crew = self->crew;
    bool is_last = !--crew->members;
    end_lead(crew);
    free(self->request);
    free(self->answer);
    free(self);
    if (!is_last)
        return;
    close(crew->listener);
    pthread_mutex_destroy(&crew->lead);
    free(crew);
}

static void *receiver_main(void *context) {
    struct receiver *self = context;
    take_lead(self->crew);
    while (receive(self)) {
        bool leads = try_lock_state();
        if (!leads) {
            end_lead(self->crew);
            lock_state();
        }
        enum verdict verdict = record_call(self);
        unlock_state(); /* before the answer: the caller runs at once, and its next call would find the lock taken */
        give_answer(self, verdict);
        if (!leads)
            take_lead(self->crew);
    }
    leave(self);
    return NULL;
}

static struct crew *make_crew(int listener) {
    struct crew *crew = xcalloc(1, sizeof *crew);
    crew->listener = listener;
    crew->members = RECEIVERS;
    if (pthread_mutex_init(&crew->lead, NULL))
        die_plain(EXIT_PROBE, "a mutex cannot be made");
    return crew;
}

void serve_listener(int listener) {
    struct crew *crew = make_crew(listener);
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK_SIZE) ||
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED))
        die_plain(EXIT_PROBE, "the attributes of a thread cannot be set");
    for (int i = 0; i < RECEIVERS; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, &attributes, receiver_main, make_receiver(crew));
        if (errno)
            die("pthread_create");
    }
    pthread_attr_destroy(&attributes);
}
