#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "lines.h"
#include "util.h"

static struct lines orders;

void stream_open(void) {
    never_wait(STDIN_FILENO);
    never_wait(STDOUT_FILENO);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        die("SIGPIPE");
}

bool stream_receive(void) {
    return receive_lines(&orders, STDIN_FILENO);
}

bool stream_has_order(void) {
    return has_line(&orders);
}

char *stream_order(void) {
    return next_line(&orders);
}

/* The engine may stop reading a dead client's stdout without closing it: while waiting for room, stdin tells. */
static bool wait_for_room(void) {
    struct pollfd polled[] = {{.fd = STDOUT_FILENO, .events = POLLOUT}, {.fd = STDIN_FILENO, .events = POLLIN}};
    if (poll(polled, 2, -1) < 0)
        return errno == EINTR;
    return !polled[1].revents || stream_receive();
}

bool stream_send(const void *data, size_t size) {
    const char *rest = data;
    while (size) {
        ssize_t count = write(STDOUT_FILENO, rest, size);
        if (count >= 0) {
            rest += count;
            size -= (size_t)count;
        } else if (errno == EAGAIN ? !wait_for_room() : errno != EINTR) {
            return false;
        }
    }
    return true;
}
