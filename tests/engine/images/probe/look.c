/* look FOLDER PROGRAM…: runs all cases below FOLDER, then each PROGRAM (another build of this one) as `PROGRAM`, says what
 * failed and "done", and stays until SIGTERM, at which it looks at FOLDER/shutdown/file.
 * look --once FOLDER: the cases only. */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *root, *running;
static bool failed;

const char *at(const char *name) {
    static char paths[8][8192];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s/%s", root, running, name);
    return path;
}

void expect(bool ok, const char *what) {
    if (ok)
        return;
    printf("%s/%s: %s: %s\n", root, running, what, strerror(errno));
    failed = true;
}

void open_and_close(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    expect(fd >= 0, path);
    if (fd >= 0)
        close(fd);
}

void expect_success(int process, const char *what) {
    int status = -1;
    expect(process > 0 && waitpid(process, &status, 0) == process, "waitpid");
    errno = 0;
    expect(status == 0, what);
}

/* In a process of its own: a case may change its folder, its root, its user. */
static bool run_case(const struct look *look) {
    running = look->name;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        failed = false;
        look->run();
        fflush(stdout);
        _exit(failed);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || (status && !WIFEXITED(status)))
        printf("%s/%s: ended with status %x\n", root, running, status);
    return status == 0;
}

static bool run_cases(void) {
    static const struct look *const all[] = {opens, lookups, changes, execs, sockets, processes};
    bool ok = true;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (const struct look *look = all[i]; look->name; look++)
            ok &= run_case(look);
    return ok;
}

static void run_again(const char *program, const char *folder) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "--once", folder, NULL);
        _exit(127);
    }
    running = "";
    expect_success(child, program);
}

static void shut_down(int signal) {
    (void)signal;
    running = "shutdown";
    open_and_close(at("file"), O_RDONLY);
    _exit(0);
}

static void stay(void) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    struct sigaction action = {.sa_handler = shut_down};
    sigaction(SIGTERM, &action, NULL);
    puts("done");
    fflush(stdout);
    for (;;)
        pause();
}

int main(int argc, char **argv) {
    bool once = argc > 2 && !strcmp(argv[1], "--once");
    root = argv[once ? 2 : 1];
    bool ok = run_cases();
    if (once)
        return !ok;
    for (int i = 2; i + 1 < argc; i += 2)
        run_again(argv[i], argv[i + 1]);
    stay();
}
