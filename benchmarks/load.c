// Asks a server for one page over a few connections that stay open for 500 requests each, so many times, and prints the requests per second.
//
//     load ADDRESS PORT CONNECTIONS REQUESTS
//
// Every answer must be as long as the first one. A request is on its way on each connection before an answer is awaited.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MOST_CONNECTIONS 64
#define TIMEOUT_SECONDS 10
#define REQUESTS_EACH 500  // nginx closes a connection after 1000 requests

static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
static char answer[1 << 20];

static void fail(const char *doing) {
    perror(doing);
    exit(1);
}

static int connected(const char *address, const char *port) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    if (inet_pton(AF_INET, address, &place.sin_addr) != 1) {
        fprintf(stderr, "%s is no IPv4 address\n", address);
        exit(2);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&place, sizeof place) != 0) fail("connect");
    struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
    int yes = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0) fail("setsockopt");
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) fail("setsockopt");
    return fd;
}

static void ask(int fd) {
    if (write(fd, request, sizeof request - 1) != (ssize_t)sizeof request - 1) fail("write");
}

// Reads `size` bytes, or, where that is 0, one whole answer by its Content-Length; returns how many that were.
static size_t take(int fd, size_t size) {
    size_t got = 0;
    while (size == 0 || got < size) {
        ssize_t more = read(fd, answer + got, (size ? size : sizeof answer - 1) - got);
        if (more <= 0) fail("read");
        got += (size_t)more;
        if (size) continue;
        answer[got] = '\0';
        char *end = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
        if (end && length) size = (size_t)(end + 4 - answer) + strtoul(length + 16, NULL, 10);
        if (size >= sizeof answer) fail("an answer is too long");
    }
    return got;
}

int main(int argc, char **argv) {
    int fds[MOST_CONNECTIONS], connections = argc == 5 ? atoi(argv[3]) : 0, rounds;
    if (connections < 1 || connections > MOST_CONNECTIONS || (rounds = atoi(argv[4]) / connections) < 1) {
        fprintf(stderr, "usage: load ADDRESS PORT CONNECTIONS REQUESTS\n");
        return 2;
    }
    int first = connected(argv[1], argv[2]);
    ask(first);
    size_t size = take(first, 0);
    close(first);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < connections && round % REQUESTS_EACH == 0; i++) {
            if (round > 0) close(fds[i]);
            fds[i] = connected(argv[1], argv[2]);
        }
        for (int i = 0; i < connections; i++) ask(fds[i]);
        for (int i = 0; i < connections; i++) take(fds[i], size);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%.1f\n", rounds * connections / seconds);
    return 0;
}
