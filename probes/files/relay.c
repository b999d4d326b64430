/* relay ADDRESS PORT: a connection into the container's network, carried over this process's stdin and stdout. */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modes.h"
#include "util.h"

enum { CHUNK = 64 * 1024 };

/* One way of the connection: bytes read from `from` wait in `data` until `to` takes them. */
struct way {
    int from, to;
    bool ended;
    size_t start, length;
    char data[CHUNK];
};

static int dial(const char *address, const char *port_text) {
    uint64_t port;
    if (!parse_number(port_text, 10, &port) || port == 0 || port > 65535)
        die_plain(EXIT_USAGE, "not a port: %s", port_text);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        die_plain(EXIT_USAGE, "not an IP address: %s", address);
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    const struct sockaddr *to = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    if (connect(fd, to, is_v4 ? sizeof v4 : sizeof v6))
        die("connect to %s port %s", address, port_text);
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        die("TCP_NODELAY");
    return fd;
}

static void finish(struct way *way, int socket) {
    way->ended = true;
    if (way->to == socket) {
        if (shutdown(socket, SHUT_WR) && errno != ENOTCONN)
            die("shutdown");
    } else {
        close(way->to);
    }
}

static void take(struct way *way, int socket) {
    ssize_t count = read(way->from, way->data, CHUNK);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count < 0 && errno != ECONNRESET)
        die("read");
    if (count <= 0) {
        finish(way, socket);
        return;
    }
    way->start = 0;
    way->length = (size_t)count;
}

static void give(struct way *way, int socket) {
    ssize_t count = write(way->to, way->data + way->start, way->length);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (count < 0) { /* the reader is gone: nothing more can flow this way */
        way->length = 0;
        finish(way, socket);
        return;
    }
    way->start += (size_t)count;
    way->length -= (size_t)count;
}

void carry_connection(int socket) {
    static struct way out, back;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        die("signal");
    out = (struct way){.from = STDIN_FILENO, .to = socket};
    back = (struct way){.from = socket, .to = STDOUT_FILENO};
    struct way *ways[] = {&out, &back};
    /* A write that waited for room would stop the other way, and the service with it. */
    never_wait(socket);
    never_wait(STDOUT_FILENO);
    while (!back.ended) {
        struct pollfd polled[2];
        for (int i = 0; i < 2; i++) {
            struct way *way = ways[i];
            polled[i].fd = way->ended ? -1 : way->length ? way->to : way->from;
            polled[i].events = way->length ? POLLOUT : POLLIN;
            polled[i].revents = 0;
        }
        if (poll(polled, 2, -1) < 0 && errno != EINTR)
            die("poll");
        for (int i = 0; i < 2; i++) {
            if (ways[i]->ended || !polled[i].revents)
                continue;
            if (ways[i]->length)
                give(ways[i], socket);
            else
                take(ways[i], socket);
        }
    }
}

int relay_main(int argc, char **argv) {
    if (argc != 3)
        die_plain(EXIT_USAGE, "usage: slimmer-probe relay ADDRESS PORT");
    carry_connection(dial(argv[1], argv[2]));
    return 0;
}
