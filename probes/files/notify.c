#include "notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller.h"
#include "container.h"
#include "lifecycle.h"
#include "observe.h"
#include "records.h"
#include "util.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* The kernel's structures may be longer than those that this program was compiled with. */
static struct seccomp_notif *request;
static struct seccomp_notif_resp *answer;
static size_t request_size, answer_size;

static void make_room(void) {
    struct seccomp_notif_sizes sizes;
    if (request)
        return;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
        die("SECCOMP_GET_NOTIF_SIZES");
    request_size = sizes.seccomp_notif > sizeof *request ? sizes.seccomp_notif : sizeof *request;
    answer_size = sizes.seccomp_notif_resp > sizeof *answer ? sizes.seccomp_notif_resp : sizeof *answer;
    request = xcalloc(1, request_size);
    answer = xcalloc(1, answer_size);
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
    make_room();
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

static void give_answer(int listener, enum verdict verdict) {
    memset(answer, 0, answer_size);
    answer->id = request->id;
    if (verdict == REFUSE)
        answer->error = -ENOSYS;
    else
        answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer))
        return;
    if (errno != ENOENT)
        die("SECCOMP_IOCTL_NOTIF_SEND");
    /* The call waits no more: its thread was killed, or a signal took it back. */
    if (task_lives((pid_t)request->pid))
        counters.interrupted++;
}

void serve_notification(int listener) {
    memset(request, 0, request_size);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request)) {
        if (errno == ENOENT) /* the call that had made the listener readable was taken back */
            counters.interrupted++;
        else if (errno != EINTR)
            die("SECCOMP_IOCTL_NOTIF_RECV");
        return;
    }
    struct caller caller = {
        .thread = (pid_t)request->pid,
        .arch = request->data.arch,
        .number = (uint32_t)request->data.nr,
        .listener = listener,
        .notification = request->id,
    };
    memcpy(caller.arguments, request->data.args, sizeof caller.arguments);
    enum verdict verdict = observe_call(&caller);
    if (!flush_records())
        end_container("slimmer does not read any more");
    give_answer(listener, verdict);
}
