#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

enum { ORDERS_LIMIT = 4096 };

static char orders[ORDERS_LIMIT], order[ORDERS_LIMIT];
static size_t orders_length;

static void never_wait(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        die("O_NONBLOCK");
}

void stream_open(void) {
    never_wait(STDIN_FILENO);
    never_wait(STDOUT_FILENO);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        die("SIGPIPE");
}

bool stream_receive(void) {
    for (;;) {
        if (orders_length == ORDERS_LIMIT)
            return false; /* slimmer never sends so much: whoever this is, it is not slimmer */
        ssize_t count = read(STDIN_FILENO, orders + orders_length, ORDERS_LIMIT - orders_length);
        if (count > 0)
            orders_length += (size_t)count;
        else if (count == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN;
    }
}

bool stream_has_order(void) {
    return memchr(orders, '\n', orders_length);
}

const char *stream_order(void) {
    char *newline = memchr(orders, '\n', orders_length);
    if (!newline)
        return NULL;
    size_t length = (size_t)(newline - orders);
    memcpy(order, orders, length);
    order[length] = '\0';
    orders_length -= length + 1;
    memmove(orders, newline + 1, orders_length);
    return order;
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
