/* attempts [PROGRAM]: system calls that a container's profile allows or refuses depending on capabilities, each made for real in a
 * process of its own; prints what came of it. On x86_64 each is made by all ways into the kernel. Then becomes PROGRAM. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct attempt {
    const char *name;
    long number, compat; /* of this build, and of i386 */
    long arguments[5];
};

/* What arguments point to: static, so that 32 bits hold its address. */
static char zeros[4096];
static char tmp[] = "/tmp", none[] = "none", tmpfs[] = "tmpfs", nothing[] = "/nothing", name[] = "same", user[] = "user";
static char device[] = "/tmp/device";
static struct __user_cap_header_struct capabilities_of = {.version = _LINUX_CAPABILITY_VERSION_3};
static struct __user_cap_data_struct all_capabilities[2] = {{~0u, ~0u, 0}, {~0u >> 23, ~0u >> 23, 0}};
static unsigned long long clone_arguments[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD, 0, 0, 0};
static unsigned long long read_only[4] = {1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0};

#define AT(object) ((long)(object))
enum { NAMESPACE = 90, PROCESS = 91 }; /* descriptors */

static const struct attempt attempts[] = {
    {"clone with a user namespace", SYS_clone, 120, {CLONE_NEWUSER | SIGCHLD}},
    {"clone with a mount namespace", SYS_clone, 120, {CLONE_NEWNS | SIGCHLD}},
    {"clone with a network namespace", SYS_clone, 120, {CLONE_NEWNET | SIGCHLD}},
    {"clone with two namespaces", SYS_clone, 120, {CLONE_NEWIPC | CLONE_NEWPID | SIGCHLD}},
    {"clone without a namespace", SYS_clone, 120, {SIGCHLD}},
    {"clone3 with a namespace", SYS_clone3, 435, {AT(clone_arguments), sizeof clone_arguments}},
    {"unshare a mount namespace", SYS_unshare, 310, {CLONE_NEWNS}},
    {"unshare a user namespace", SYS_unshare, 310, {CLONE_NEWUSER}},
    {"unshare descriptors", SYS_unshare, 310, {CLONE_FILES}},
    {"setns", SYS_setns, 346, {NAMESPACE, 0}},
    {"mount", SYS_mount, 21, {AT(none), AT(tmp), AT(tmpfs), 0, 0}},
    {"umount2", SYS_umount2, 52, {AT(tmp), 2}},
    {"pivot_root", SYS_pivot_root, 217, {AT(tmp), AT(tmp)}},
    {"chroot", SYS_chroot, 61, {AT(tmp)}},
    {"open_tree", SYS_open_tree, 428, {AT_FDCWD, AT(tmp), OPEN_TREE_CLONE}},
    {"move_mount", SYS_move_mount, 429, {AT_FDCWD, AT(tmp), AT_FDCWD, AT(tmp), 0}},
    {"fsopen", SYS_fsopen, 430, {AT(tmpfs), 0}},
    {"fsmount", SYS_fsmount, 432, {-1, 0, 0}},
    {"fspick", SYS_fspick, 433, {AT_FDCWD, AT(tmp), 0}},
    {"mount_setattr", 442, 442, {AT_FDCWD, AT(tmp), 0, AT(read_only), sizeof read_only}},
    {"open_by_handle_at", SYS_open_by_handle_at, 342, {AT_FDCWD, AT(zeros), 0}},
    {"quotactl", SYS_quotactl, 131, {(int)0x80000100 /* Q_SYNC */, 0, 0, 0}},
    {"swapon", SYS_swapon, 87, {AT(nothing), 0}},
    {"acct", SYS_acct, 51, {AT(nothing)}},
    {"fanotify_init", SYS_fanotify_init, 338, {0, O_RDONLY}},
    {"mknod of a device", SYS_mknodat, 297, {AT_FDCWD, AT(device), 060600, 0x700}},
    {"ptrace", SYS_ptrace, 26, {PTRACE_PEEKDATA, 999999, 0, 0}},
    {"kcmp", SYS_kcmp, 349, {999999, 999999, 0, 0, 0}},
    {"process_vm_readv", SYS_process_vm_readv, 347, {999999, 0, 0, 0, 0}},
    {"pidfd_getfd", SYS_pidfd_getfd, 438, {PROCESS, 0, 0}},
    {"capset", SYS_capset, 185, {AT(&capabilities_of), AT(all_capabilities)}},
    {"sethostname", SYS_sethostname, 74, {AT(name), 4}},
    {"setdomainname", SYS_setdomainname, 121, {AT(name), 4}},
    {"syslog", SYS_syslog, 103, {10, 0, 0}},
    {"reboot", SYS_reboot, 88, {0, 0, 0, 0}},
    {"settimeofday", SYS_settimeofday, 79, {0, 0}},
    {"clock_settime", SYS_clock_settime, 264, {0, 1}},
    {"adjtimex", SYS_adjtimex, 124, {AT(zeros)}},
    {"init_module", SYS_init_module, 128, {AT(zeros), 0, AT(zeros)}},
    {"finit_module", SYS_finit_module, 350, {-1, AT(zeros), 0}},
    {"delete_module", SYS_delete_module, 129, {AT(name), 0}},
    {"bpf", SYS_bpf, 357, {0, AT(zeros), 64}},
    {"perf_event_open", SYS_perf_event_open, 336, {AT(zeros), 0, -1, -1, 0}},
    {"userfaultfd", SYS_userfaultfd, 374, {O_CLOEXEC}},
    {"keyctl", SYS_keyctl, 288, {0, -3, 0}},
    {"add_key", SYS_add_key, 286, {AT(user), AT(name), AT(name), 4, -2}},
    {"request_key", SYS_request_key, 287, {AT(user), AT(nothing), 0, -2}},
    {"set_mempolicy", SYS_set_mempolicy, 276, {0, 0, 0}},
    {"personality", SYS_personality, 136, {8}},
#ifdef SYS_iopl
    {"iopl", SYS_iopl, 110, {3}},
    {"ioperm", SYS_ioperm, 101, {0x80, 1, 1}},
#endif
};

static long native(const struct attempt *attempt, long bit) {
    const long *a = attempt->arguments;
    return syscall(attempt->number | bit, a[0], a[1], a[2], a[3], a[4]);
}

static long plainly(const struct attempt *attempt) {
    return native(attempt, 0);
}

#ifdef __x86_64__
static long as_x32(const struct attempt *attempt) {
    return native(attempt, 0x40000000);
}

static long as_i386(const struct attempt *attempt) {
    const long *a = attempt->arguments;
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(attempt->compat), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    result = (int)result;
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#endif

static void try(const char *way, const struct attempt *attempt, long (*call)(const struct attempt *)) {
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        pid_t self = (pid_t)syscall(SYS_getpid);
        long result = call(attempt);
        if (result == 0 && (pid_t)syscall(SYS_getpid) != self)
            _exit(0); /* the process that was made */
        printf("%s %s: %s\n", way, attempt->name, result < 0 ? strerrorname_np(errno) : "works");
        fflush(stdout);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        printf("%s %s: not tried: %s\n", way, attempt->name, strerror(errno));
    if (WIFSIGNALED(status))
        printf("%s %s: signal %d\n", way, attempt->name, WTERMSIG(status));
}

int main(int argc, char **argv) {
    dup2(open("/proc/self/ns/mnt", O_RDONLY), NAMESPACE);
    dup2((int)syscall(SYS_pidfd_open, getpid(), 0), PROCESS);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        try("native", &attempts[i], plainly);
#ifdef __x86_64__
        try("i386", &attempts[i], as_i386);
        try("x32", &attempts[i], as_x32);
#endif
    }
    fflush(stdout);
    return argc > 1 ? execl(argv[1], argv[1], NULL) : 0;
}
