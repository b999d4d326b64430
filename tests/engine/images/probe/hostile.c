/* hostile WAY …: what wears a system out, and what nobody does by accident. Says what a native run of it says, whoever watches. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOKED_AT "/etc/passwd"
#define SELF "/bin/hostile"

static int count_of(int argc, char **argv) {
    return argc > 0 ? atoi(argv[0]) : 1;
}

static void tell(const char *what, long result) {
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
    fflush(stdout);
}

static bool can_open(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* ------------------------------------------------------------------ processes */

/* As many children as there may be, all alive at once; each opens a file and must get it. */
static int fork_many(int argc, char **argv) {
    int bad = 0, status, gate[2];
    if (pipe(gate))
        return 1;
    for (int i = 0; i < count_of(argc, argv); i++) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0) {
            char byte;
            close(gate[1]);
            bool opened = can_open(LOOKED_AT);
            _exit(read(gate[0], &byte, 1) || !opened);
        }
    }
    close(gate[1]);
    while (wait(&status) > 0)
        bad += status != 0;
    printf("children that failed: %d\n", bad);
    return can_open("/etc/group") ? 0 : 1;
}

/* Children that nobody waits for until all have ended; they look at something first. */
static int leave_zombies(int argc, char **argv) {
    int count = count_of(argc, argv), ended = 0;
    for (int i = 0; i < count; i++)
        if (fork() == 0)
            _exit(!can_open(LOOKED_AT));
    sleep(1);
    while (wait(NULL) > 0)
        ended++;
    printf("ended: %d\n", ended);
    return ended != count;
}

/* More processes than there are numbers (pid_max is mostly 32,768), some at a time: the same number comes again. */
static int wrap_numbers(int argc, char **argv) {
    int bad = 0, status;
    for (int i = 0; i < count_of(argc, argv); i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        bad += child < 0 || waitpid(child, &status, 0) != child || status;
    }
    printf("children that failed: %d\n", bad);
    return can_open(LOOKED_AT) ? 0 : 1;
}

/* The program is removed, and then it starts itself once more, by way of /proc. */
static int run_deleted(int argc, char **argv) {
    static char piece[1 << 16];
    if (argc > 0) {
        tell("its own file", access(argv[0], F_OK));
        return can_open(LOOKED_AT) ? 0 : 1;
    }
    int from = open(SELF, O_RDONLY), to = open("/tmp/copy", O_CREAT | O_WRONLY, 0700);
    for (ssize_t size; (size = read(from, piece, sizeof piece)) > 0;)
        if (write(to, piece, (size_t)size) != size)
            return 1;
    close(to);
    int program = open("/tmp/copy", O_PATH | O_CLOEXEC);
    unlink("/tmp/copy");
    char *words[] = {"hostile", "deleted", "/tmp/copy", NULL};
    syscall(SYS_execveat, program, "", words, NULL, AT_EMPTY_PATH);
    return 2;
}

/* Arguments and variables as large as the kernel takes (128 kB each), together with 1 MB. */
static int start_with_much(int argc, char **argv) {
    enum { LARGE = 100 * 1024, WORDS = 6 };
    if (argc > 0) {
        printf("%d arguments, the last one of %zu\n", argc, strlen(argv[argc - 1]));
        return can_open(LOOKED_AT) && strlen(getenv("LARGE")) == LARGE ? 0 : 1;
    }
    char *large = malloc(LARGE + sizeof "LARGE="), *words[WORDS + 3] = {"hostile", "much"};
    memcpy(large, "LARGE=", 6);
    memset(large + 6, 'x', LARGE);
    large[LARGE + 6] = '\0';
    for (int i = 0; i < WORDS; i++)
        words[i + 2] = large + 6;
    execve(SELF, words, (char *[]){large, NULL});
    return 2;
}

/* ------------------------------------------------------------------ descriptors and output */

/* Opens until there is no descriptor left, closes what it has not opened, and goes on. */
static int use_up_descriptors(int argc, char **argv) {
    (void)argc, (void)argv;
    struct rlimit few = {64, 64};
    setrlimit(RLIMIT_NOFILE, &few);
    while (open(LOOKED_AT, O_RDONLY) >= 0)
        continue;
    tell("one more", -1);
    if (close_range(3, ~0U, 0))
        return 1;
    tell("after closing all", open("/etc/group", O_RDONLY));
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    return can_open("/tmp") ? 0 : 1;
}

/* Megabytes of lines that look like errors, with escapes, and one that does not end. */
static int write_much(int argc, char **argv) {
    static char line[4096];
    memset(line, 'e', sizeof line);
    memcpy(line, "error \033]0;title\007\033[2J cannot open ", 30);
    for (int i = 0; i < count_of(argc, argv) * 256; i++) {
        line[sizeof line - 1] = i % 2 ? '\n' : 'e';
        if (write(1 + i % 2, line, sizeof line) < 0)
            return 1;
    }
    return can_open(LOOKED_AT) ? 0 : 1;
}

/* ------------------------------------------------------------------ paths that wait, and paths that change */

/* A named pipe holds whoever opens it until the other side comes: the app, and nobody else. */
static int wait_in_pipe(int argc, char **argv) {
    (void)argc, (void)argv;
    int status;
    mkfifo("/tmp/pipe", 0600);
    pid_t child = fork();
    if (child == 0)
        _exit(open("/tmp/pipe", O_RDONLY) < 0);
    usleep(200000);
    tell("a look meanwhile", access("/tmp/pipe", R_OK));
    bool opened = can_open(LOOKED_AT);
    tell("the other side", open("/tmp/pipe", O_WRONLY));
    waitpid(child, &status, 0);
    return status || !opened;
}

/* A folder that is a link, and a folder again, while a file in it is opened. */
static int change_paths(int argc, char **argv) {
    int status, count = count_of(argc, argv);
    mkdir("/tmp/folder", 0700);
    close(open("/tmp/folder/file", O_CREAT | O_WRONLY, 0600));
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < count; i++)
            if (rename("/tmp/folder", "/tmp/moved") || symlink("/etc", "/tmp/folder") || unlink("/tmp/folder") ||
                rename("/tmp/moved", "/tmp/folder"))
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < count; i++)
        can_open("/tmp/folder/file");
    waitpid(child, &status, 0);
    return status || !can_open("/tmp/folder/file") || !can_open(LOOKED_AT);
}

/* ------------------------------------------------------------------ many calls */

enum { THREADS = 4 };
static int calls_each;

static void *call_often(void *wrong) {
    struct stat status;
    for (int i = 0; i < calls_each; i++)
        if (stat(LOOKED_AT, &status) || !S_ISREG(status.st_mode) || !stat("/etc/nothing", &status) || errno != ENOENT)
            __atomic_add_fetch((int *)wrong, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* Twice as many calls as was asked for, by four threads without a pause; each answer is looked at. */
static int call_without_pause(int argc, char **argv) {
    pthread_t threads[THREADS];
    int wrong = 0;
    calls_each = count_of(argc, argv) / THREADS;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, call_often, &wrong);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("wrong answers: %d\n", wrong);
    return wrong != 0;
}

/* ------------------------------------------------------------------ other places */

static int make_mounts(int argc, char **argv) {
    int made = 0;
    char path[64];
    tell("a mount namespace of its own", unshare(CLONE_NEWNS));
    tell("private mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    for (int i = 0; i < count_of(argc, argv); i++) {
        snprintf(path, sizeof path, "/tmp/mount-%d", i);
        mkdir(path, 0700);
        made += !mount("none", path, "tmpfs", 0, "size=64k");
    }
    printf("mounts: %d\n", made);
    tell("a file in a mount", open("/tmp/mount-0/file", O_CREAT | O_WRONLY, 0600));
    return can_open(LOOKED_AT) ? 0 : 1;
}

/* A root of its own by pivot_root, as a sandbox makes one. */
static int pivot(int argc, char **argv) {
    (void)argc, (void)argv;
    tell("a mount namespace of its own", unshare(CLONE_NEWNS));
    tell("private mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    tell("a new root", mount("/native/chroot/root", "/native/chroot/root", NULL, MS_BIND, NULL));
    tell("enter it", chdir("/native/chroot/root"));
    tell("pivot", syscall(SYS_pivot_root, ".", "."));
    tell("let the old one go", umount2(".", MNT_DETACH));
    tell("a file in it", open("/file", O_RDONLY));
    tell("a file that was outside", open(LOOKED_AT, O_RDONLY));
    return 0;
}

static int nest_namespaces(int argc, char **argv) {
    (void)argc, (void)argv;
    int status;
    tell("process numbers of its own", unshare(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC));
    pid_t child = fork();
    if (child == 0) {
        printf("number %d\n", getpid());
        fflush(stdout);
        _exit(!can_open(LOOKED_AT));
    }
    waitpid(child, &status, 0);
    return status != 0;
}

/* ------------------------------------------------------------------ the supervisor's limits */

static pid_t find_supervisor(void) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[256] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        if (fd >= 0)
            close(fd);
        if (length > 0 && strstr(line, "slimmer-probe") && !strcmp(line + strlen(line) + 1, "supervise"))
            return atoi(entry->d_name);
    }
    return 0;
}

/* hostile limit RESOURCE: takes a resource away from who watches it, and goes on to look at files. */
static int limit_supervisor(int argc, char **argv) {
    static const struct {
        const char *name;
        int resource;
    } resources[] = {{"descriptors", RLIMIT_NOFILE}, {"memory", RLIMIT_AS}, {"time", RLIMIT_CPU}, {"stack", RLIMIT_STACK}};
    struct rlimit nothing = {0, 0};
    char path[64];
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        if (argc > 0 && !strcmp(argv[0], resources[i].name))
            tell("limit the supervisor", prlimit(find_supervisor(), resources[i].resource, &nothing, NULL));
    for (int i = 0; i < 3000; i++) {
        snprintf(path, sizeof path, "/etc/not-there-%d", i);
        can_open(path);
    }
    return can_open(LOOKED_AT) ? 0 : 1;
}

/* ------------------------------------------------------------------ all of it */

static int live_all(int argc, char **argv);

static const struct way {
    const char *name;
    int (*live)(int argc, char **argv);
    const char *count; /* with which `all` and `privileged` call it */
} ways[] = {
    {"forks", fork_many, "300"},
    {"zombies", leave_zombies, "200"},
    {"wrap", wrap_numbers, "300"},
    {"deleted", run_deleted, NULL},
    {"much", start_with_much, NULL},
    {"descriptors", use_up_descriptors, NULL},
    {"pipe", wait_in_pipe, NULL},
    {"changing", change_paths, "500"},
    {"calls", call_without_pause, "4000"},
    {NULL, NULL, NULL}, /* what follows takes CAP_SYS_ADMIN */
    {"mounts", make_mounts, "50"},
    {"pivot", pivot, NULL},
    {"namespaces", nest_namespaces, NULL},
    {NULL, NULL, NULL}, /* what follows is called alone */
    {"all", live_all, NULL},
    {"output", write_much, NULL},
    {"limit", limit_supervisor, NULL},
};

/* hostile all [privileged]: each way in a child of its own, and how it ended. */
static int live_all(int argc, char **argv) {
    (void)argv;
    const struct way *way = ways;
    while (argc > 0 && way->name)
        way++;
    for (way += argc > 0; way->name; way++) {
        int status;
        printf("%s:\n", way->name);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            execl(SELF, "hostile", way->name, way->count, NULL);
        waitpid(child, &status, 0);
        printf("status %d\n", status);
    }
    return can_open("/etc/group") ? 0 : 1;
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (ways[i].name && !strcmp(ways[i].name, argv[1]))
            return ways[i].live(argc - 2, argv + 2);
    return 2;
}
