"""System calls that belong together, and those that need a reason to be allowed.

Which call of a family a program makes depends on its C library, on the kernel, and on chance. So a profile that allows one allows the
others, as far as Docker's default profile does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Calls(NamedTuple):
    """System calls and what they have in common."""

    reason: str
    names: frozenset[str]


def _calls(reason: str, names: str) -> Calls:
    return Calls(reason, frozenset(names.split()))


RUNTIME = (
    _calls(
        "runc calls them between installing the filter and starting the program (finalizeNamespace in libcontainer/init_linux.go)",
        "capget capset chdir close close_range epoll_ctl execve execveat faccessat faccessat2 fchown fchown32 fcntl fcntl64 fstat fstat64 "
        "fstatfs fstatfs64 getcwd getdents getdents64 getegid geteuid getgid getpid getppid getuid kill lseek newfstatat open openat openat2 "
        "prctl read readlink readlinkat setgid setgid32 setgroups setgroups32 setuid setuid32 stat stat64 fstatat64 statx umask write",
    ),
    _calls(
        "Go's runtime in runc may call them at any time: threads, memory, timers, signals (src/runtime/sys_linux_amd64.s)",
        "arch_prctl brk clock_gettime clock_gettime64 clone clone3 epoll_create1 epoll_pwait eventfd2 exit futex futex_time64 getrandom gettid "
        "madvise mincore mmap mmap2 mprotect munmap nanosleep clock_nanosleep pipe2 rseq rt_sigaction rt_sigprocmask rt_sigreturn "
        "sched_getaffinity sched_yield set_robust_list sigaltstack sigreturn tgkill timer_create timer_delete timer_settime tkill",
    ),
    _calls(
        "every C library calls them when a program starts and ends, or when a signal interrupts it",
        "access arch_prctl exit_group getrlimit ugetrlimit prlimit64 pread64 restart_syscall set_thread_area set_tid_address set_tls "
        "cacheflush uname writev",
    ),
)
"""What every profile allows: what the runtime and the C library need to start a program at all."""

INIT = _calls(
    "the engine's init process (--init) starts before the probe sees calls, starts the app and waits: tini's src/tini.c, catatonit.c",
    "clone fork vfork epoll_create1 epoll_ctl epoll_wait epoll_pwait ioctl kill open openat poll ppoll rt_sigprocmask "
    "rt_sigtimedwait rt_sigtimedwait_time64 setpgid getpgid getpgrp signalfd4 timerfd_create timerfd_settime wait4 waitid waitpid",
)

FAMILIES = (
    _calls("open a file", "open openat openat2 creat"),
    _calls("look at a file", "stat lstat fstat newfstatat statx stat64 lstat64 fstat64 fstatat64"),
    _calls("look at a file system", "statfs fstatfs statfs64 fstatfs64"),
    _calls("check access", "access faccessat faccessat2"),
    _calls("read a link", "readlink readlinkat"),
    _calls("list a folder", "getdents getdents64"),
    _calls("make a folder", "mkdir mkdirat"),
    _calls("make a node", "mknod mknodat"),
    _calls("make a link", "link linkat"),
    _calls("make a symbolic link", "symlink symlinkat"),
    _calls("remove", "unlink unlinkat rmdir"),
    _calls("rename", "rename renameat renameat2"),
    _calls("change the mode", "chmod fchmod fchmodat fchmodat2"),
    _calls("change the owner", "chown fchown lchown fchownat chown32 fchown32 lchown32"),
    _calls("change times", "utime utimes futimesat utimensat utimensat_time64"),
    _calls("change the length", "truncate ftruncate truncate64 ftruncate64"),
    _calls(
        "read extended attributes",
        "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr getxattrat listxattrat",
    ),
    _calls(
        "write extended attributes",
        "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr setxattrat removexattrat",
    ),
    _calls("seek", "lseek _llseek"),
    _calls("read", "read readv pread64 preadv preadv2"),
    _calls("write", "write writev pwrite64 pwritev pwritev2"),
    _calls("copy between descriptors", "sendfile sendfile64 splice tee copy_file_range"),
    _calls("advise about a file", "fadvise64 fadvise64_64 arm_fadvise64_64 readahead"),
    _calls("write back", "fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range"),
    _calls("copy a descriptor", "dup dup2 dup3 fcntl fcntl64"),
    _calls("close", "close close_range"),
    _calls("make a pipe", "pipe pipe2"),
    _calls("make an event descriptor", "eventfd eventfd2"),
    _calls("make a signal descriptor", "signalfd signalfd4"),
    _calls("watch files", "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch"),
    _calls("wait for descriptors", "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64"),
    _calls("wait with epoll", "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2"),
    _calls(
        "wait with a timer descriptor",
        "timerfd_create timerfd_settime timerfd_gettime timerfd_settime64 timerfd_gettime64",
    ),
    _calls(
        "set timers",
        "timer_create timer_settime timer_gettime timer_delete timer_getoverrun timer_settime64 timer_gettime64",
    ),
    _calls("set the old timers", "alarm setitimer getitimer"),
    _calls(
        "wait on a futex",
        "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue set_robust_list get_robust_list",
    ),
    _calls("start a process or a thread", "clone clone3 fork vfork set_robust_list rseq set_tid_address"),
    _calls("start a program", "execve execveat"),
    _calls("wait for a process", "wait4 waitid waitpid"),
    _calls("refer to a process", "pidfd_open pidfd_send_signal"),
    _calls("end", "exit exit_group"),
    _calls("send a signal", "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo"),
    _calls(
        "handle signals",
        "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack "
        "sigprocmask sigreturn pause restart_syscall",
    ),
    _calls("map memory", "mmap mmap2 munmap mremap mprotect madvise brk"),
    _calls("lock memory", "mlock mlock2 munlock mlockall munlockall"),
    _calls("memory without a name", "memfd_create"),
    _calls("know the time", "clock_gettime clock_gettime64 clock_getres clock_getres_time64 gettimeofday time times"),
    _calls("sleep", "nanosleep clock_nanosleep clock_nanosleep_time64"),
    _calls("random numbers", "getrandom"),
    _calls("limits", "getrlimit ugetrlimit setrlimit prlimit64"),
    _calls(
        "know who one is",
        "getuid geteuid getgid getegid getresuid getresgid getgroups getuid32 geteuid32 getgid32 getegid32 getresuid32 getresgid32 getgroups32",
    ),
    _calls(
        "become another user",
        "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid setuid32 setgid32 setreuid32 setregid32 setresuid32 "
        "setresgid32 setgroups32 setfsuid32 setfsgid32",
    ),
    _calls("know one's processes", "getpid getppid gettid getpgid getpgrp getsid"),
    _calls("lead a session or a group", "setsid setpgid"),
    _calls("know the system", "uname sysinfo getcpu"),
    _calls(
        "ask the scheduler",
        "sched_getaffinity sched_getparam sched_getscheduler sched_getattr sched_get_priority_max sched_get_priority_min sched_yield getpriority "
        "ioprio_get",
    ),
    _calls(
        "change scheduling", "sched_setaffinity sched_setparam sched_setscheduler sched_setattr setpriority ioprio_set"
    ),
    _calls("make a socket", "socket socketpair socketcall"),
    _calls("accept a connection", "accept accept4 listen bind getsockname getpeername socketcall"),
    _calls("connect", "connect getsockname getpeername getsockopt setsockopt socketcall"),
    _calls("send", "send sendto sendmsg sendmmsg"),
    _calls("receive", "recv recvfrom recvmsg recvmmsg recvmmsg_time64"),
    _calls("socket options", "getsockopt setsockopt shutdown"),
    _calls(
        "asynchronous reads and writes",
        "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64",
    ),
    _calls("shared memory", "shmget shmat shmdt shmctl ipc"),
    _calls("semaphores", "semget semop semtimedop semtimedop_time64 semctl ipc"),
    _calls("message queues", "msgget msgsnd msgrcv msgctl ipc"),
    _calls(
        "POSIX message queues",
        "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr mq_timedsend_time64 mq_timedreceive_time64",
    ),
    _calls("threads' own areas", "arch_prctl set_thread_area get_thread_area set_tls"),
    _calls("protection keys", "pkey_alloc pkey_free pkey_mprotect"),
)

DANGEROUS = (
    _calls(
        "look into other processes, or steer them",
        "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise",
    ),
    _calls(
        "change what is mounted",
        "mount umount umount2 move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr listmount statmount pivot_root quotactl "
        "quotactl_fd",
    ),
    _calls("change root or namespaces", "chroot setns unshare sethostname setdomainname"),
    _calls("run code in the kernel, or watch it", "bpf perf_event_open init_module finit_module delete_module"),
    _calls("reach files past the path", "open_by_handle_at name_to_handle_at"),
    _calls("watch all files", "fanotify_init fanotify_mark"),
    _calls(
        "the machine",
        "reboot acct syslog vhangup ioperm iopl settimeofday stime clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64",
    ),
    _calls(
        "the layout of memory", "mbind get_mempolicy set_mempolicy set_mempolicy_home_node remap_file_pages modify_ldt"
    ),
    _calls("rare, with a history of flaws in the kernel", "vmsplice lookup_dcookie memfd_secret userfaultfd uretprobe"),
    _calls("security modules", "lsm_get_self_attr lsm_list_modules lsm_set_self_attr"),
    _calls("keys of the kernel", "add_key keyctl request_key"),
    _calls("a second way to make calls", "io_uring_setup io_uring_enter io_uring_register"),
)
"""What `recommended` refuses unless the app was seen to call it. Docker's default profile allows some of these to everyone, and others with a
capability."""


def with_families(names: Iterable[str]) -> frozenset[str]:
    """Return the calls with all others of their families."""
    seen = frozenset(names)
    return seen.union(*(family.names for family in FAMILIES if family.names & seen))


def all_of(*groups: Calls) -> frozenset[str]:
    """Return the calls of several groups."""
    return frozenset().union(*(group.names for group in groups))
