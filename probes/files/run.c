/* run: the gate. Takes the identity on, installs the filters, and calls execve, which the filter holds until a supervisor
 * has come. Everything that looks at the file system happens before the recording filter is there. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "identity.h"
#include "modes.h"
#include "recorder.h"
#include "seccomp_denials.h"
#include "util.h"

enum { MAX_DENIALS = 1024, GATE_POLL_MS = 2 };

/* What the scout found out as the identity: where the command lies, and what this container refuses already. */
struct findings {
    int error; /* errno of the search, 0 when `command` holds the path */
    char command[PATH_MAX];
    size_t denial_count;
    struct denial denials[MAX_DENIALS];
};

/* As Go's exec.LookPath does for runc: the first regular file with an executable bit. */
static int check_command(const char *path) {
    struct stat status;
    if (stat(path, &status))
        return errno;
    if (S_ISDIR(status.st_mode))
        return EISDIR;
    return status.st_mode & 0111 ? 0 : EACCES;
}

static int search_command(const char *name, char *command, size_t size) {
    const char *path = getenv("PATH");
    if (strchr(name, '/')) {
        if (strlen(name) >= size)
            return ENAMETOOLONG;
        strcpy(command, name);
        return check_command(name);
    }
    while (path) {
        const char *end = strchrnul(path, ':');
        int length = (int)(end - path);
        /* An empty part of PATH is the current directory. */
        size_t need = (size_t)snprintf(command, size, "%.*s/%s", length ? length : 1, length ? path : ".", name);
        if (need < size && !check_command(command))
            return 0;
        path = *end ? end + 1 : NULL;
    }
    return ENOENT;
}

/* Where the app runs already, a process that has become its equal may be traced by it, and this one is not under the filters that
 * the app is under. Nothing but execve, or another user, undoes this. */
static void keep_out_of_reach(void) {
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        die("PR_SET_DUMPABLE");
}

static void scout(const struct identity *identity, const char *name, struct findings *findings) {
    keep_out_of_reach();
    drop_privileges(identity);
    findings->error = search_command(name, findings->command, sizeof findings->command);
    struct denial *denials = measure_denials(&findings->denial_count);
    if (findings->denial_count > MAX_DENIALS)
        die_plain(EXIT_PROBE, "more denials than there is room for");
    memcpy(findings->denials, denials, findings->denial_count * sizeof *denials);
    _exit(0);
}

static struct findings *send_scout(const struct identity *identity, const char *name) {
    struct findings *findings =
        mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (findings == MAP_FAILED)
        die("mmap");
    pid_t child = fork();
    if (child < 0)
        die("fork");
    if (child == 0)
        scout(identity, name, findings);
    int status;
    if (waitpid(child, &status, 0) < 0)
        die("waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        die_plain(EXIT_PROBE, "the identity could not be taken on");
    return findings;
}

static void refuse_command(const char *name, int error) {
    die_plain(error == ENOENT || error == ENOTDIR ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE, "%s: %s", name, strerror(error));
}

/* With a listener the call waits in the kernel. With ptrace it fails with ENOSYS until there is a tracer. */
static void pass_gate(const char *command, char **argv, const struct gate *gate) {
    extern char **environ;
    do {
        execve(command, argv, environ);
        if (gate->means == MEANS_TRACE && errno == ENOSYS)
            sleep_ms(GATE_POLL_MS);
    } while (gate->means == MEANS_TRACE && errno == ENOSYS);
    refuse_command(argv[0], errno);
}

static void set_home(const char *home) {
    if (home ? setenv("HOME", home, 1) : unsetenv("HOME"))
        die("HOME");
}

struct arguments {
    enum recorder recorder;
    char *identity;
    char **command;
};

static void parse_arguments(int argc, char **argv, struct arguments *arguments) {
    int i = 1;
    for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
        if (!strcmp(argv[i], "--identity"))
            arguments->identity = argv[i + 1];
        else if (strcmp(argv[i], "--recorder") || !parse_recorder(argv[i + 1], &arguments->recorder))
            die_plain(EXIT_USAGE, "run: what is %s %s?", argv[i], argv[i + 1]);
    }
    if (i + 1 >= argc || !arguments->identity)
        die_plain(EXIT_USAGE, "usage: slimmer-probe run [--recorder R] --identity LINE -- COMMAND…");
    arguments->command = argv + i + 1;
}

int run_main(int argc, char **argv) {
    struct arguments arguments = {.recorder = RECORDER_AUTO};
    parse_arguments(argc, argv, &arguments);
    struct identity identity;
    parse_identity(xstrdup(arguments.identity), &identity);
    set_home(identity.home);
    struct findings *findings = send_scout(&identity, arguments.command[0]);
    if (findings->error)
        refuse_command(arguments.command[0], findings->error);
    give_stdio(&identity);
    /* The filters need CAP_SYS_ADMIN (or no_new_privs, which would disarm setuid programs), so they come before the drop. */
    install_denials(identity.denials, identity.denial_count, findings->denials, findings->denial_count);
    struct gate gate = install_gate(arguments.recorder);
    /* From here to execve, which undoes it, this process is the app's equal and holds the listener: the app must not reach it. */
    keep_out_of_reach();
    drop_privileges(&identity);
    publish_gate(&gate);
    pass_gate(findings->command, arguments.command, &gate);
    return EXIT_PROBE;
}
