#include "command_starter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command_output.h"
#include "lines.h"
#include "modes.h"
#include "util.h"

static struct {
    struct command *all;
    size_t count;
} commands;

static struct {
    int socket, ends, null;
    char folder[PATH_MAX]; /* the container's working directory; "" when it cannot be told */
    struct lines orders;
    struct buffer answers;
} starter;

/* Words that end with NUL, out of hexadecimal digits, with a NULL behind the last; NULL when that is not what it is. */
static char **decode_words(const char *digits, int *count) {
    size_t size = strlen(digits) / 2;
    char *data = check_alloc(malloc(size + 1));
    *count = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t byte;
        char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};
        if (!parse_number(pair, 16, &byte)) {
            free(data);
            return NULL;
        }
        data[i] = (char)byte;
        *count += !data[i];
    }
    if (!size || data[size - 1]) {
        free(data);
        return NULL;
    }
    char **words = xcalloc((size_t)*count + 1, sizeof *words);
    for (int i = 0; i < *count; data += strlen(data) + 1)
        words[i++] = data;
    return words;
}

/* As the engine starts a command: a session of its own, nothing to read, one place for all that it says. */
static void become_command(int output) {
    sigset_t none;
    sigemptyset(&none);
    if (setsid() < 0 || dup2(starter.null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(output, STDERR_FILENO) < 0)
        die("a command cannot be prepared");
    if (*starter.folder && chdir(starter.folder))
        die("%s", starter.folder);
    if (sigprocmask(SIG_SETMASK, &none, NULL))
        die("signals");
}

/* `words` are those of the mode `run` (modes.h). */
static void start(const char *id, int count, char **words) {
    int output[2];
    if (pipe2(output, O_CLOEXEC))
        die("pipe");
    pid_t process = fork();
    if (process < 0)
        die("fork");
    if (!process) {
        become_command(output[1]);
        _exit(run_main(count, words));
    }
    close(output[1]);
    never_wait(output[0]);
    commands.all = xrealloc(commands.all, (commands.count + 1) * sizeof *commands.all);
    struct command *command = &commands.all[commands.count++];
    *command = (struct command){.process = process, .output = output[0]};
    format(command->id, sizeof command->id, "%s", id);
}

static void tell(const char *id) {
    for (size_t i = 0; i < commands.count; i++)
        if (!strcmp(commands.all[i].id, id)) {
            read_output(&commands.all[i]);
            add_result(&starter.answers, &commands.all[i], "running");
        }
}

static void obey(char *order) {
    char *rest, *verb = strtok_r(order, " ", &rest), *id = strtok_r(NULL, " ", &rest);
    int count;
    if (verb && !id && !strcmp(verb, "ping")) {
        buffer_add_text(&starter.answers, "pong\n");
        return;
    }
    if (verb && id && !strcmp(verb, "tell")) {
        tell(id);
        return;
    }
    char **words = verb && id && rest && !strcmp(verb, "run") ? decode_words(rest, &count) : NULL;
    if (!words)
        die_plain(EXIT_PROBE, "not an order about a command");
    start(id, count, words);
    free(words[0]);
    free(words);
}

static void note_end(struct command *command, int status) {
    char code[16];
    format(code, sizeof code, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    read_output(command);
    add_result(&starter.answers, command, code);
    if (command->output >= 0)
        close(command->output);
    buffer_free(&command->tail);
    *command = commands.all[--commands.count];
}

static void note_ends(void) {
    struct signalfd_siginfo information;
    int status;
    while (read(starter.ends, &information, sizeof information) > 0) {
    }
    for (pid_t process; (process = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < commands.count; i++)
            if (commands.all[i].process == process) {
                note_end(&commands.all[i], status);
                break;
            }
}

static void answer(void) {
    struct buffer *answers = &starter.answers;
    ssize_t count = answers->length ? write(starter.socket, answers->data, answers->length) : 0;
    if (count > 0)
        buffer_drop(answers, (size_t)count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        _exit(0); /* the supervisor is gone */
}

enum { ORDERS, ENDS, OUTPUTS };

static void await(void) {
    static struct pollfd *polled;
    size_t count = OUTPUTS + commands.count;
    polled = xrealloc(polled, count * sizeof *polled);
    polled[ORDERS] = (struct pollfd){.fd = starter.socket, .events = starter.answers.length ? POLLIN | POLLOUT : POLLIN};
    polled[ENDS] = (struct pollfd){.fd = starter.ends, .events = POLLIN};
    for (size_t i = 0; i < commands.count; i++)
        polled[OUTPUTS + i] = (struct pollfd){.fd = commands.all[i].output, .events = POLLIN};
    if (poll(polled, count, -1) < 0 && errno != EINTR)
        die("poll");
    for (size_t i = 0; i < commands.count; i++)
        if (polled[OUTPUTS + i].revents)
            read_output(&commands.all[i]);
}

/* No signal ends it: an app that ends everyone around it (`kill -1`) must not take it along. */
static void open_starter(int socket) {
    sigset_t all, ends;
    sigfillset(&all);
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    starter.socket = socket;
    starter.null = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
    starter.ends = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (starter.null < 0 || starter.ends < 0 || sigprocmask(SIG_SETMASK, &all, NULL))
        die("commands cannot be started");
    never_wait(socket);
    if (!getcwd(starter.folder, sizeof starter.folder))
        starter.folder[0] = '\0';
    for (int fd = 0; fd < 3; fd++) /* the supervisor's own: they end with it alone */
        if (dup2(starter.null, fd) < 0)
            die("dup2");
}

void start_commands(int socket) {
    open_starter(socket);
    for (;;) {
        await();
        if (!receive_lines(&starter.orders, starter.socket))
            _exit(0);
        for (char *order; (order = next_line(&starter.orders));)
            obey(order);
        note_ends();
        answer();
    }
}
