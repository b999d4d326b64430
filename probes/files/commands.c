#include "commands.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command_starter.h"
#include "lines.h"
#include "records.h"
#include "flush.h"
#include "util.h"

static struct {
    int socket;
    struct buffer orders;
    struct lines answers;
} starter;

void open_commands(void) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
        die("socketpair");
    pid_t process = fork();
    if (process < 0)
        die("fork");
    if (!process) {
        close(sockets[0]);
        start_commands(sockets[1]);
    }
    close(sockets[1]);
    starter.socket = sockets[0];
    never_wait(starter.socket);
}

static void pass_on(const char *verb, const char *order) {
    buffer_add_text(&starter.orders, verb);
    buffer_add_text(&starter.orders, order);
    buffer_add_text(&starter.orders, "\n");
}

void start_command(const char *order) {
    pass_on("run ", order);
}

void tell_of_command(const char *order) {
    pass_on("tell ", order);
}

void ask_commands(void) {
    buffer_add_text(&starter.orders, "ping\n");
}

struct pollfd commands_polled(void) {
    return (struct pollfd){.fd = starter.socket, .events = starter.orders.length ? POLLIN | POLLOUT : POLLIN};
}

static void send_orders(void) {
    ssize_t count = starter.orders.length ? write(starter.socket, starter.orders.data, starter.orders.length) : 0;
    if (count > 0)
        buffer_drop(&starter.orders, (size_t)count);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        die("the process that starts commands");
}

/* `ID STATE HEX` becomes the record `result ID STATE` with the output behind it, `pong` the record of this name. */
static void tell_result(char *answer) {
    if (!strcmp(answer, "pong")) {
        write_record("pong", "", "");
        return;
    }
    char *state = strchr(answer, ' ');
    char *output = state ? strchr(state + 1, ' ') : NULL;
    char head[64];
    if (!output)
        die_plain(EXIT_PROBE, "the process that starts commands makes no sense");
    *output = '\0';
    format(head, sizeof head, "result %s", answer);
    write_record(head, output + 1, "");
}

void serve_commands(void) {
    send_orders();
    if (!receive_lines(&starter.answers, starter.socket))
        die_plain(EXIT_PROBE, "the process that starts commands is gone");
    for (char *answer; (answer = next_line(&starter.answers));)
        tell_result(answer);
    send_records();
}
