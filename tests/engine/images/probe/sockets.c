/* Cases: sockets whose address is a path. */
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "look.h"

static struct sockaddr_un name;

static socklen_t to(const char *path) {
    memset(&name, 0, sizeof name);
    name.sun_family = AF_UNIX;
    strcpy(name.sun_path, path);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static int bound(const char *path, int type) {
    int fd = socket(AF_UNIX, type, 0);
    expect(!bind(fd, (struct sockaddr *)&name, to(path)), "bind");
    return fd;
}

static void socket_connect(void) {
    int server = bound(at("socket"), SOCK_STREAM), client = socket(AF_UNIX, SOCK_STREAM, 0);
    expect(!listen(server, 1) && !connect(client, (struct sockaddr *)&name, to(at("socket"))), "connect");
    expect(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, to(at("missing"))) < 0, "connect to nothing");
}

static void socket_send_to(void) {
    bound(at("socket"), SOCK_DGRAM);
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t length = to(at("socket"));
    expect(sendto(client, "x", 1, 0, (struct sockaddr *)&name, length) == 1, "sendto");
}

static void socket_send_message(void) {
    bound(at("socket"), SOCK_DGRAM);
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_name = &name, .msg_iov = &part, .msg_iovlen = 1};
    message.msg_namelen = to(at("socket"));
    expect(sendmsg(client, &message, 0) == 1, "sendmsg");
}

static void socket_send_messages(void) {
    bound(at("socket"), SOCK_DGRAM);
    bound(at("second"), SOCK_DGRAM);
    int client = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un first;
    struct iovec part = {"x", 1};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};
    messages[1] = messages[0];
    messages[0].msg_hdr.msg_namelen = to(at("socket"));
    first = name;
    messages[0].msg_hdr.msg_name = &first;
    messages[1].msg_hdr.msg_namelen = to(at("second"));
    messages[1].msg_hdr.msg_name = &name;
    expect(sendmmsg(client, messages, 2, 0) == 2, "sendmmsg");
}

/* An abstract name is no path. */
static void socket_abstract(void) {
    to(at("socket"));
    memmove(name.sun_path + 1, name.sun_path, strlen(name.sun_path));
    name.sun_path[0] = '\0';
    expect(!bind(socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&name, sizeof name), "bind");
}

/* i386 has one call for all of sockets besides the single ones. */
static void socket_call(void) {
#ifdef __i386__
    int server = bound(at("socket"), SOCK_STREAM), client = socket(AF_UNIX, SOCK_STREAM, 0);
    unsigned long arguments[] = {(unsigned long)client, (unsigned long)&name, to(at("socket"))};
    expect(!listen(server, 1) && !syscall(SYS_socketcall, 3 /* SYS_CONNECT */, arguments), "socketcall");
#endif
}

const struct look sockets[] = {
    {"connect", socket_connect},
    {"sendto", socket_send_to},
    {"sendmsg", socket_send_message},
    {"sendmmsg", socket_send_messages},
    {"abstract", socket_abstract},
    {"socketcall", socket_call},
    {0},
};
