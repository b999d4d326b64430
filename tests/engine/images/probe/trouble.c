/* trouble WAY …: what goes wrong, or nearly, between an app and those who watch it. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct way {
    const char *name;
    int (*live)(int argc, char **argv);
};

/* ------------------------------------------------------------------ the supervisor */

static pid_t find_supervisor(void) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[256] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        if (fd >= 0)
            close(fd);
        if (length > 0 && !strncmp(line, "/.slimmer-", 10) && !strcmp(line + strlen(line) + 1, "supervise"))
            return atoi(entry->d_name);
    }
    return 0;
}

static int look_for_ever(void) {
    struct stat status;
    while (stat("/etc/passwd", &status) < 2)
        continue;
    return 1;
}

/* What comes after cannot be recorded any more. */
static int kill_supervisor(int argc, char **argv) {
    (void)argc, (void)argv;
    if (kill(find_supervisor(), SIGKILL))
        return 1;
    return look_for_ever();
}

/* As some scripts end a system. */
static int kill_everyone(int argc, char **argv) {
    (void)argc, (void)argv;
    kill(-1, SIGKILL);
    return look_for_ever();
}

static int terminate_everyone(int argc, char **argv) {
    (void)argc, (void)argv;
    kill(-1, SIGTERM);
    return open("/etc/passwd", O_RDONLY) < 0;
}

/* life flood N: opens N files, one after the other, while the supervisor is stopped. */
static int flood(int argc, char **argv) {
    char path[64];
    int count = argc > 0 ? atoi(argv[0]) : 1;
    pid_t supervisor = find_supervisor();
    kill(supervisor, SIGSTOP);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "/tmp/flood-%d", i);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0)
            return 1;
        close(fd);
    }
    return kill(supervisor, SIGCONT) != 0;
}

/* ------------------------------------------------------------------ much at once */

enum { STORM_PROCESSES = 4, STORM_THREADS = 4, STORM_LOOKS = 250 };

/* Looks for as many different files as there are, which are all missing. */
static void *look_for_many(void *prefix) {
    char path[64];
    struct stat status;
    for (int i = 0; i < STORM_LOOKS; i++) {
        snprintf(path, sizeof path, "%s-%d", (const char *)prefix, i);
        stat(path, &status);
    }
    return NULL;
}

static void storm_as_process(int process) {
    pthread_t threads[STORM_THREADS];
    char prefixes[STORM_THREADS][32];
    for (int i = 0; i < STORM_THREADS; i++) {
        snprintf(prefixes[i], sizeof prefixes[i], "/storm/%d-%d", process, i);
        pthread_create(&threads[i], NULL, look_for_many, prefixes[i]);
    }
    for (int i = 0; i < STORM_THREADS; i++)
        pthread_join(threads[i], NULL);
}

static int storm(int argc, char **argv) {
    (void)argc, (void)argv;
    for (int i = 0; i < STORM_PROCESSES; i++)
        if (fork() == 0) {
            storm_as_process(i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        continue;
    return 0;
}

enum { ROOT_LOOKS = 3000, RENAMERS = 3 };

static void rename_for_ever(int number) {
    char one[32], other[32];
    snprintf(one, sizeof one, "/one-%d", number);
    snprintf(other, sizeof other, "/other-%d", number);
    close(open(one, O_CREAT | O_WRONLY, 0600));
    while (!rename(one, other) && !rename(other, one))
        continue;
}

/* In another root, with ".." in the paths, while others rename: how it is looked up below that root may have to be repeated. */
static int look_in_other_root(int argc, char **argv) {
    (void)argc, (void)argv;
    char path[64];
    struct stat status;
    if (chroot("/native/chroot/root") || chdir("/"))
        return 1;
    for (int i = 0; i < RENAMERS; i++)
        if (fork() == 0)
            rename_for_ever(i);
    for (int i = 0; i < ROOT_LOOKS; i++) {
        snprintf(path, sizeof path, "folder/../folder/../missing-%d", i);
        stat(path, &status);
    }
    return 0;
}

/* ------------------------------------------------------------------ too deep to be named */

enum { DEEP_LEVELS = 25, DEEP_NAME = 200 }; /* together more than PATH_MAX */

static int look_in_the_deep(int argc, char **argv) {
    (void)argc, (void)argv;
    struct stat status;
    char name[DEEP_NAME + 1];
    memset(name, 'd', DEEP_NAME);
    name[DEEP_NAME] = '\0';
    if (chdir("/tmp"))
        return 1;
    for (int i = 0; i < DEEP_LEVELS; i++)
        if (mkdir(name, 0700) || chdir(name))
            return 1;
    return stat("looked-for", &status) == 0;
}

static const struct way ways[] = {
    {"kill-supervisor", kill_supervisor},
    {"kill-everyone", kill_everyone},
    {"terminate-everyone", terminate_everyone},
    {"flood", flood},
    {"storm", storm},
    {"other-root", look_in_other_root},
    {"deep", look_in_the_deep},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(ways[i].name, argv[1]))
            return ways[i].live(argc - 2, argv + 2);
    return 2;
}
