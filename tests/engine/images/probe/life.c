/* life WAY …: ways to live and to end. `life all` goes through those that need not be PID 1, each in a process of its own,
 * and says how it ended. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct way {
    const char *name;
    int (*live)(int argc, char **argv);
};

static void say(const char *what) {
    puts(what);
    fflush(stdout);
}

/* ------------------------------------------------------------------ ends */

static int end_plainly(int argc, char **argv) {
    return argc > 0 ? atoi(argv[0]) : 0;
}

static int end_as_thread(int argc, char **argv) {
    (void)argc, (void)argv;
    return (int)syscall(SYS_exit, 8);
}

static void *end_process(void *unused) {
    (void)unused;
    exit(9);
}

static int end_in_thread(int argc, char **argv) {
    (void)argc, (void)argv;
    pthread_t thread;
    pthread_create(&thread, NULL, end_process, NULL);
    pause();
    return 1;
}

static void *open_something(void *unused) {
    open("/etc/passwd", O_RDONLY);
    return unused;
}

/* The first thread goes, the process ends with the last. */
static int end_with_last_thread(int argc, char **argv) {
    (void)argc, (void)argv;
    pthread_t thread;
    pthread_create(&thread, NULL, open_something, NULL);
    pthread_exit(NULL);
}

static int crash(int argc, char **argv) {
    (void)argc, (void)argv;
    *(volatile int *)8 = 0;
    return 0;
}

static int end_by_abort(int argc, char **argv) {
    (void)argc, (void)argv;
    abort();
}

/* life chain N CODE: becomes itself N times. */
static int chain(int argc, char **argv) {
    char count[16];
    int left = argc > 1 ? atoi(argv[0]) : 20;
    char *code = argc > 1 ? argv[1] : "5";
    snprintf(count, sizeof count, "%d", left - 1);
    return left ? execl("/proc/self/exe", "life", "chain", count, code, NULL) : atoi(code);
}

static int wait_for_signals(void) {
    while (pause() < 0)
        continue;
    return 1;
}

static void end_at_signal(int signal) {
    _exit(40 + (signal == SIGTERM));
}

static int stay_until_signal(int argc, char **argv) {
    (void)argc, (void)argv;
    signal(SIGTERM, end_at_signal);
    say("ready");
    return wait_for_signals();
}

/* PID 1 without a handler does not hear SIGTERM. */
static int stay(int argc, char **argv) {
    (void)argc, (void)argv;
    say("ready");
    return wait_for_signals();
}

/* ------------------------------------------------------------------ children */

enum { ORPHANS = 10 };

/* The children leave children of their own behind, which become PID 1's; nobody else's may. */
static int reap_orphans(int argc, char **argv) {
    (void)argc, (void)argv;
    int reaped = 0, sum = 0, status;
    for (int i = 0; i < ORPHANS; i++)
        if (fork() == 0) {
            if (fork() == 0)
                _exit(i);
            _exit(0);
        }
    for (; wait(&status) > 0; reaped++)
        sum += WEXITSTATUS(status);
    printf("reaped %d, sum %d, then %s\n", reaped, sum, strerrorname_np(errno));
    return 0;
}

static void tell_status(int status) {
    if (WIFSTOPPED(status))
        printf("stopped by %d\n", WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("continued\n");
    else if (WIFSIGNALED(status))
        printf("ended by signal %d\n", WTERMSIG(status));
    else
        printf("ended with %d\n", WEXITSTATUS(status));
    fflush(stdout);
}

static void tell_next(pid_t child, int options) {
    int status;
    if (waitpid(child, &status, options) == child)
        tell_status(status);
}

/* As a shell with job control: a child is stopped twice, continued twice, and ends. It goes on from each stop only when
 * that was seen, because a new change of its state would hide the one before. */
static int control_jobs(int argc, char **argv) {
    (void)argc, (void)argv;
    int seen[2];
    char byte = 0;
    if (pipe(seen))
        return 1;
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        raise(SIGSTOP);
        if (read(seen[0], &byte, 1) == 1 && !raise(SIGTSTP) && read(seen[0], &byte, 1) == 1)
            open("/etc/passwd", O_RDONLY);
        _exit(7);
    }
    for (int i = 0; i < 2; i++) {
        tell_next(child, WUNTRACED);
        kill(child, SIGCONT);
        tell_next(child, WCONTINUED);
        if (write(seen[1], &byte, 1) != 1)
            return 1;
    }
    tell_next(child, 0);
    return 0;
}

/* As a debugger. */
static int trace(int argc, char **argv) {
    (void)argc, (void)argv;
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            _exit(errno);
        execl("/bin/touch", "touch", "/etc/passwd", NULL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    tell_status(status);
    if (WIFSTOPPED(status)) {
        ptrace(PTRACE_CONT, child, 0, 0);
        tell_next(child, 0);
    }
    return 0;
}

/* ------------------------------------------------------------------ filters */

static long install(uint32_t action, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void tell_result(const char *what, long result) {
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
}

static int filter_with_errno(int argc, char **argv) {
    (void)argc, (void)argv;
    tell_result("filter", install(SECCOMP_RET_ERRNO | EDOM, 0));
    tell_result("getppid", syscall(SYS_getppid));
    return 0;
}

static int filter_with_tracer(int argc, char **argv) {
    (void)argc, (void)argv;
    tell_result("filter", install(SECCOMP_RET_TRACE, 0));
    return 0;
}

static int filter_with_listener(int argc, char **argv) {
    (void)argc, (void)argv;
    tell_result("filter", install(SECCOMP_RET_ALLOW, SECCOMP_FILTER_FLAG_NEW_LISTENER));
    return 0;
}

/* ------------------------------------------------------------------ signals */

static volatile sig_atomic_t alarms;

static void count_alarm(int signal) {
    (void)signal;
    alarms++;
}

/* Says how many calls a timer has interrupted; a native stat is never. */
static int live_with_timer(int argc, char **argv) {
    (void)argc, (void)argv;
    struct sigaction action = {.sa_handler = count_alarm};
    struct itimerval fast = {.it_interval.tv_usec = 200, .it_value.tv_usec = 200};
    struct stat status;
    int interrupted = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &fast, NULL);
    for (int i = 0; i < 20000 && (alarms < 500 || i < 2000); i++)
        interrupted += stat("/etc/passwd", &status) && errno == EINTR;
    memset(&fast, 0, sizeof fast);
    setitimer(ITIMER_REAL, &fast, NULL);
    printf("alarms %s, interrupted %d\n", alarms > 10 ? "many" : "few", interrupted);
    return 0;
}

/* ------------------------------------------------------------------ sockets */

static int bound_socket(int family, const struct sockaddr *address, socklen_t length) {
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, address, length))
        perror("bind");
    return fd;
}

/* Listens on a Unix socket for streams; `backlog` -1 only binds it. A name that begins with a NUL is abstract. */
static void listen_locally(const char *name, size_t length, int backlog) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, length);
    int fd = bound_socket(AF_UNIX, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    if (backlog >= 0)
        listen(fd, backlog);
}

/* Listens on 8080 and (IPv6) 8081; 8082 is bound only. The same with Unix sockets: a path, a name, and a path that is bound only.
 * Then as many others as the word says. */
static int listen_to_ports(int argc, char **argv) {
    char name[32];
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(8080)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(8081)};
    listen(bound_socket(AF_INET, (struct sockaddr *)&four, sizeof four), 8);
    listen(bound_socket(AF_INET6, (struct sockaddr *)&six, sizeof six), 8);
    four.sin_port = htons(8082);
    bound_socket(AF_INET, (struct sockaddr *)&four, sizeof four);
    listen_locally("/life and limb.sock", 19, 8);
    listen_locally("\0life", 5, 8);
    listen_locally("/bound.sock", 11, -1);
    for (int i = 0; argc > 0 && i < atoi(argv[0]); i++)
        listen_locally(name, (size_t)snprintf(name, sizeof name, "%clife-%d", '\0', i), 1);
    return stay_until_signal(0, NULL);
}

static volatile sig_atomic_t was_signalled;

/* As Node.js does. PID 1 does not get the signal that it raises. */
static void reset_and_raise(int number) {
    was_signalled = 1;
    signal(number, SIG_DFL);
    raise(number);
}

/* life reset [HOW]: listens on 8080, and goes on after SIGTERM as before. With `close` it shuts down: it closes its socket, waits and
 * opens a file. With `work` it keeps its socket, and opens files meanwhile. */
static int reset_at_signal(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
    int socket = bound_socket(AF_INET, (struct sockaddr *)&address, sizeof address);
    bool closes = argc > 0 && !strcmp(argv[0], "close"), works = argc > 0 && !strcmp(argv[0], "work");
    listen(socket, 8);
    signal(SIGTERM, reset_and_raise);
    say("ready");
    while (!was_signalled)
        usleep(10000);
    if (!closes && !works)
        return wait_for_signals();
    if (closes)
        close(socket);
    for (int i = 0; i < 35; i++) {
        usleep(100000);
        if (works)
            close(open("/etc/group", O_RDONLY));
    }
    open_something(NULL);
    return 43;
}

static int live_all(int argc, char **argv);

static const struct way ways[] = {
    {"exit", end_plainly},
    {"exit-of-thread", end_as_thread},
    {"exit-in-thread", end_in_thread},
    {"last-thread", end_with_last_thread},
    {"crash", crash},
    {"abort", end_by_abort},
    {"chain", chain},
    {"jobs", control_jobs},
    {"filter-errno", filter_with_errno},
    {NULL, NULL}, /* the rest is not for `all` */
    {"all", live_all},
    {"orphans", reap_orphans},
    {"trace", trace},
    {"filter-trace", filter_with_tracer},
    {"filter-listener", filter_with_listener},
    {"timer", live_with_timer},
    {"term", stay_until_signal},
    {"stay", stay},
    {"listen", listen_to_ports},
    {"reset", reset_at_signal},
};

static int live_all(int argc, char **argv) {
    (void)argc, (void)argv;
    for (const struct way *way = ways; way->name; way++) {
        int status;
        printf("%s:\n", way->name);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            execl("/proc/self/exe", "life", way->name, NULL);
        waitpid(child, &status, 0);
        tell_status(status);
    }
    return 0;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (ways[i].name && !strcmp(ways[i].name, argv[1]))
            return ways[i].live(argc - 2, argv + 2);
    return 2;
}
