/* who: all that a process can find out about itself and its surroundings, a line each, in a fixed order.
 * who --status: the part of it that the kernel tells in /proc/self/status. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* Lines of /proc/self/status that say nothing of who a process is, or that a watched process cannot hide. */
static bool is_passing(const char *line) {
    static const char *const names[] = {"Vm", "Rss", "Hugetlb", "voluntary", "nonvoluntary", "Seccomp", "TracerPid",
                                        "SigQ", "Mems", "FDSize", "Pid", "Tgid", "Ngid", "NStgid", "NSpid", "NSpgid",
                                        "NSsid", "PPid", "Speculation", "x86_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(line, names[i], strlen(names[i])))
            return true;
    return false;
}

static void print_file(const char *path, bool (*leave_out)(const char *line)) {
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file)
        printf("%s: %s\n", path, strerror(errno));
    while (file && fgets(line, sizeof line, file))
        if (!leave_out || !leave_out(line))
            printf("%s: %s", path, line);
    if (file)
        fclose(file);
}

static void print_link(const char *path) {
    char target[4096] = "";
    ssize_t length = readlink(path, target, sizeof target - 1);
    printf("%s -> %s\n", path, length < 0 ? strerror(errno) : target);
}

static void print_processes(void) {
    printf("pid %s, parent %s, leads its session %d, its group %d\n", getpid() == 1 ? "1" : "other",
           getppid() == 0 ? "outside" : getppid() == 1 ? "1" : "other", getsid(0) == getpid(), getpgrp() == getpid());
}

static void print_limits(void) {
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        getrlimit((__rlimit_resource_t)i, &limit);
        printf("limit %d: %llu %llu\n", i, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
}

static void print_signals(void) {
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action;
        if (!sigaction(signal, NULL, &action) && action.sa_handler != SIG_DFL)
            printf("signal %d: %s\n", signal, action.sa_handler == SIG_IGN ? "ignored" : "handled");
    }
}

static void print_attributes(void) {
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof cpus, &cpus);
    mode_t mask = umask(0);
    umask(mask);
    printf("umask %o, securebits %d, no_new_privs %d, dumpable %d, keepcaps %d, subreaper %d\n", (unsigned)mask,
           prctl(PR_GET_SECUREBITS), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS),
           prctl(PR_GET_CHILD_SUBREAPER, 0, 0, 0, 0));
    printf("nice %d, scheduler %d, cpus %d, personality %x, timer slack %d, secure %lu, uid %lu %lu, gid %lu %lu\n",
           getpriority(PRIO_PROCESS, 0), sched_getscheduler(0), CPU_COUNT(&cpus), (unsigned)personality(0xffffffff),
           prctl(PR_GET_TIMERSLACK), getauxval(AT_SECURE), getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID),
           getauxval(AT_EGID));
    print_file("/proc/self/oom_score_adj", NULL);
}

static void print_descriptor(int fd) {
    char path[64];
    struct stat status;
    if (fstat(fd, &status))
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = open(path, O_WRONLY | O_NONBLOCK);
    printf("descriptor %d: mode %o, owner %u:%u, flags %x %x, opened again: %s\n", fd, status.st_mode, status.st_uid,
           status.st_gid, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), again < 0 ? strerror(errno) : "yes");
    if (again >= 0)
        close(again);
}

/* Where the probe lies, and no more. */
static bool is_probe_mount(const char *line) {
    return strstr(line, " /.slimmer-");
}

/* Without what differs from container to container: identifiers, sources, layers. */
static void print_mounts(void) {
    char line[8192], where[1024], options[1024], type[64];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (!is_probe_mount(line) && sscanf(line, "%*s %*s %*s %*s %1023s %1023s", where, options) == 2 &&
            sscanf(strstr(line, " - ") + 3, "%63s", type) == 1)
            printf("mount %s: %s %s\n", where, type, options);
    if (file)
        fclose(file);
}

/* But for the interfaces of containers that come and go. */
static void print_network(void) {
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *one = all; one && one->if_index; one++)
        if (strncmp(one->if_name, "veth", 4))
            printf("interface %s\n", one->if_name);
}

static void print_folder(const char *path) {
    struct stat status;
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".slimmer") && !fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
            printf("%s%s: mode %o, owner %u:%u\n", path, entry->d_name, status.st_mode, status.st_uid, status.st_gid);
    if (dir)
        closedir(dir);
}

static void print_what_works(void) {
    printf("write to /: %s\n", open("/new", O_CREAT | O_WRONLY, 0600) < 0 ? strerror(errno) : "yes");
    printf("write to /tmp: %s\n", open("/tmp/new", O_CREAT | O_WRONLY, 0600) < 0 ? strerror(errno) : "yes");
    printf("open /dev/stdout: %s\n", open("/dev/stdout", O_WRONLY) < 0 ? strerror(errno) : "yes");
    printf("open /dev/stderr: %s\n", open("/dev/stderr", O_WRONLY) < 0 ? strerror(errno) : "yes");
    printf("open /dev/tty: %s\n", open("/dev/tty", O_WRONLY) < 0 ? strerror(errno) : "yes");
}

int main(int argc, char **argv) {
    char folder[4096], name[256];
    if (argc > 1 && !strcmp(argv[1], "--status")) {
        print_file("/proc/self/status", is_passing);
        return 0;
    }
    for (int fd = 0; fd < 1024; fd++)
        print_descriptor(fd);
    for (int i = 0; i < argc; i++)
        printf("argument %s\n", argv[i]);
    for (char **variable = environ; *variable; variable++)
        printf("variable %s\n", *variable);
    printf("folder %s\nhost %s\n", getcwd(folder, sizeof folder), gethostname(name, sizeof name) ? "" : name);
    printf("program %s\n", (const char *)getauxval(AT_EXECFN));
    print_link("/proc/self/exe");
    print_link("/proc/self/root");
    print_file("/proc/self/status", is_passing);
    print_processes();
    print_limits();
    print_signals();
    print_attributes();
    print_file("/etc/hostname", NULL);
    print_file("/proc/self/timens_offsets", NULL);
    print_file("/proc/self/uid_map", NULL);
    print_mounts();
    print_network();
    print_folder("/");
    print_folder("/dev/");
    print_what_works();
    return 0;
}
