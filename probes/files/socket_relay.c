/* socket-relay [--wait MS] IDENTITY PATH: a connection to a Unix socket of the container whose first process is process 1 here,
 * carried over stdin and stdout. With --wait it only finds out if the socket takes connections.
 *
 * The path is looked up below the root of process 1, so a link in it cannot lead elsewhere. The user and the capabilities for
 * files are those of the app, so the look-up reaches nothing that the app could not reach by itself. */
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "identity.h"
#include "modes.h"
#include "relay.h"
#include "util.h"

enum { PAUSE_MS = 5 };

static const uint64_t file_capabilities = 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH;

/* No more of the app than that: a relay opens no files and starts no programs. */
static void become_app(char *line) {
    struct identity app;
    parse_identity(line, &app);
    uint64_t kept = app.effective & file_capabilities;
    struct identity relay = {
        .uid = app.uid,
        .gid = app.gid,
        .groups = app.groups,
        .group_count = app.group_count,
        .permitted = kept,
        .effective = kept,
        .bounding = kept,
        .no_new_privs = true,
        .umask = app.umask,
    };
    for (int i = 0; i < LIMITS; i++)
        if (getrlimit(i, &relay.limits[i]))
            die("getrlimit");
    drop_privileges(&relay);
}

static void enter_container(char *identity) {
    if (getpid() == 1)
        die_plain(EXIT_USAGE, "process 1 is to be the app's");
    if (chroot("/proc/1/root") || chdir("/"))
        die("the app's files cannot be reached");
    become_app(identity);
}

/* A name that begins with '@' is in the abstract namespace (unix(7)). Ends the process when the name is too long. */
static socklen_t make_address(const char *name, struct sockaddr_un *address) {
    size_t length = strlen(name);
    bool is_abstract = *name == '@';
    if (!length || length >= sizeof address->sun_path)
        die_plain(EXIT_USAGE, "not the name of a socket: it has %zu bytes", length);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (is_abstract)
        *address->sun_path = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !is_abstract);
}

/* The socket that is connected; -1 with errno, EAGAIN if as many connections wait as the app lets wait. */
static int try_to_connect(const struct sockaddr_un *address, socklen_t length) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        die("socket");
    if (!connect(fd, (const struct sockaddr *)address, length))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static const char *reason(const char *name, int error) {
    struct stat status;
    bool is_file = *name != '@' && !stat(name, &status);
    if (error == ECONNREFUSED)
        return is_file && !S_ISSOCK(status.st_mode) ? "it is not a socket" : "nobody listens on it";
    if (error == ENOENT || error == ENOTDIR)
        return "there is no such socket";
    if (error == EPROTOTYPE)
        return "it is a socket for datagrams, not for a stream";
    if (error == EACCES)
        return "the app's user may not connect to it";
    return strerror(error);
}

/* The exit code: 0 if the socket takes connections before the time is up, else 1, and one line on stdout says why. */
static int wait_for_socket(const char *name, uint64_t ms) {
    struct sockaddr_un address;
    socklen_t length = make_address(name, &address);
    int64_t end = now_ms() + (int64_t)ms;
    int fd;
    while ((fd = try_to_connect(&address, length)) < 0 && errno != EAGAIN && now_ms() < end)
        sleep_ms(PAUSE_MS);
    if (fd >= 0 || errno == EAGAIN)
        return 0;
    printf("%s\n", reason(name, errno));
    return fflush(stdout) ? EXIT_PROBE : 1;
}

/* Waits for its turn, unless slimmer goes away. */
static int connect_in_turn(const char *name) {
    struct sockaddr_un address;
    socklen_t length = make_address(name, &address);
    struct pollfd client = {.fd = STDIN_FILENO, .events = POLLRDHUP};
    int fd;
    while ((fd = try_to_connect(&address, length)) < 0) {
        if (errno != EAGAIN)
            die_plain(EXIT_PROBE, "%s", reason(name, errno));
        if (poll(&client, 1, PAUSE_MS) > 0 && client.revents & (POLLHUP | POLLRDHUP | POLLERR))
            die_plain(EXIT_PROBE, "slimmer is gone");
    }
    return fd;
}

int socket_relay_main(int argc, char **argv) {
    uint64_t ms = 0;
    bool waits = argc == 5 && !strcmp(argv[1], "--wait") && parse_number(argv[2], 10, &ms) && ms < INT32_MAX;
    if (!waits && argc != 3)
        die_plain(EXIT_USAGE, "usage: slimmer-probe socket-relay [--wait MS] IDENTITY PATH");
    const char *name = argv[argc - 1];
    enter_container(argv[argc - 2]);
    if (waits)
        return wait_for_socket(name, ms);
    carry_connection(connect_in_turn(name));
    return 0;
}
