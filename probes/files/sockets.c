#include "sockets.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "container.h"
#include "lifecycle.h"
#include "modes.h"
#include "records.h"
#include "table.h"
#include "state_lock.h"
#include "util.h"

/* After a listen() looks come quickly, then less and less so. The steady look is for sockets that no such call announces:
 * those of processes without the filter. A look makes the kernel walk all its connections, however few are asked for: it is
 * to take no more than a tenth of the time. */
enum { FIRST_WAIT_MS = 1, STEADY_WAIT_MS = 500, LOOK_SHARE = 10, TRIES = 10, LINE_SIZE = 512 };

/* The flag of a Unix socket that listens (__SO_ACCEPTCON of the kernel), and how many of them are told: their names are free,
 * so an app can make any number of them. */
enum { UNIX_LISTENS = 1 << 16, MOST_UNIX = 256, NAME_SIZE = 128 };
static unsigned told_unix;

static int64_t due, wait_ms = STEADY_WAIT_MS;

/* Sockets that were told, and those that nobody in the container holds (the engine's DNS server, for one), with the number
 * of looks that came to that. */
static struct table told, strangers;

/* A bound UDP socket without a peer shows as closed (TCP_CLOSE). Ports from FIRST_EPHEMERAL on (ip_local_port_range) belong
 * to clients, not to servers: there may be a new one for each request. */
enum { LISTENING = 0x0A, BOUND = 0x07, FIRST_EPHEMERAL = 32768 };

struct family {
    const char *file, *protocol;
    unsigned state;
};

static const struct family families[] = {
    {"tcp", "tcp", LISTENING}, {"tcp6", "tcp", LISTENING}, {"udp", "udp", BOUND}, {"udp6", "udp", BOUND}};

struct listener {
    const char *protocol;
    unsigned long long inode;
    unsigned port;
    char address[NAME_SIZE]; /* or the name of a Unix socket, whose port is 0 */
};

void note_listen(void) {
    wait_ms = FIRST_WAIT_MS;
    due = now_ms() + wait_ms;
    wake_main_thread();
}

int64_t sockets_due(void) {
    return due;
}

/* The kernel prints an address as 32-bit words of the machine's own order (proc_net_tcp(5)). */
static bool read_address(const char *text, char *address) {
    uint32_t words[4];
    size_t length = strlen(text);
    if (length != 8 && length != 32)
        return false;
    for (size_t i = 0; i < length / 8; i++)
        if (sscanf(text + 8 * i, "%8x", &words[i]) != 1)
            return false;
    return inet_ntop(length == 8 ? AF_INET : AF_INET6, words, address, INET6_ADDRSTRLEN);
}

/* False for the first TCP line that is no listening socket: listening sockets come first. */
static bool read_listener(const char *line, const struct family *family, struct listener *listener) {
    char address[64];
    unsigned state;
    listener->protocol = family->protocol;
    if (sscanf(line, " %*u: %63[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %llu", address,
               &listener->port, &state, &listener->inode) != 4)
        return false;
    unsigned last = family->state == BOUND ? FIRST_EPHEMERAL - 1 : UINT16_MAX;
    return state == family->state && listener->port <= last && read_address(address, listener->address);
}

/* The sockets that processes of this container hold, collected once a look, if there is a question. */
static struct table held;
static bool is_collected;

static uint64_t inode_key(unsigned long long inode) {
    return hash_bytes(0, &inode, sizeof inode);
}

static bool collect_descriptor(int fd, void *context) {
    const int *process = context;
    char path[64], target[64];
    unsigned long long inode;
    format(path, sizeof path, "/proc/%d/fd/%d", *process, fd);
    if (read_link(path, target, sizeof target) > 0 && sscanf(target, "socket:[%llu]", &inode) == 1)
        table_add(&held, inode_key(inode));
    return false;
}

static bool collect_process(int process, void *context) {
    (void)context;
    char folder[64];
    format(folder, sizeof folder, "/proc/%d/fd", process);
    return in_this_container(process) && visit_numbers(folder, collect_descriptor, &process);
}

static void collect_held(void) {
    if (is_collected)
        return;
    table_clear(&held);
    visit_numbers("/proc", collect_process, NULL);
    is_collected = true;
}

static bool is_ours(const struct listener *listener) {
    bool added;
    uint32_t *tries = table_put(&strangers, inode_key(listener->inode), &added);
    if (*tries == TRIES)
        return false;
    ++*tries;
    collect_held();
    return table_get(&held, inode_key(listener->inode));
}

/* proc(5), /proc/net/unix. An abstract name has '@' in the place of each NUL; a line break in a name ends it here. */
static bool read_unix_listener(const char *line, struct listener *listener) {
    unsigned flags, type;
    int start = 0;
    *listener = (struct listener){.protocol = "unix"};
    if (sscanf(line, "%*s %*x %*x %x %x %*x %llu %n", &flags, &type, &listener->inode, &start) != 3 || !start ||
        type != SOCK_STREAM || !(flags & UNIX_LISTENS))
        return false;
    size_t length = strcspn(line + start, "\n");
    if (!length || length >= NAME_SIZE)
        return false;
    memcpy(listener->address, line + start, length);
    return true;
}

static void tell(const struct listener *listener) {
    char head[32];
    uint64_t key = hash_text(hash_text(listener->port, listener->protocol), listener->address);
    if (table_get(&told, key) || !is_ours(listener))
        return;
    bool is_unix = !strcmp(listener->protocol, "unix");
    if (is_unix && told_unix++ >= MOST_UNIX)
        return;
    table_add(&told, key);
    format(head, sizeof head, "listen %s %u", listener->protocol, listener->port);
    write_record(head, listener->address, "");
}

static void visit_listeners(const char *process, const struct family *family, void (*visit)(const struct listener *listener)) {
    char path[64], line[LINE_SIZE];
    struct listener listener;
    format(path, sizeof path, "/proc/%s/net/%s", process, family->file);
    FILE *file = fopen(path, "re");
    if (!file)
        return; /* no such family here, or the process has just ended */
    bool more = fgets(line, sizeof line, file); /* the heading */
    while (more && fgets(line, sizeof line, file)) {
        bool found = read_listener(line, family, &listener);
        if (found)
            visit(&listener);
        more = found || family->state == BOUND;
    }
    fclose(file);
}

static void visit_families(const char *process, void (*visit)(const struct listener *listener)) {
    for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
        visit_listeners(process, &families[i], visit);
}

static void visit_unix_listeners(const char *process, void (*visit)(const struct listener *listener)) {
    char path[64], line[LINE_SIZE];
    struct listener listener;
    format(path, sizeof path, "/proc/%s/net/unix", process);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        if (read_unix_listener(line, &listener))
            visit(&listener);
    fclose(file);
}

static void print(const struct listener *listener) {
    const char *prefix = strcmp(listener->protocol, "udp") ? "" : "udp ";
    printf("%s%u %s\n", prefix, listener->port, listener->address);
}

int listening_main(int argc, char **argv) {
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe listening");
    visit_families("self", print);
    return fflush(stdout) ? EXIT_PROBE : 0;
}

static unsigned counted;

static void count(const struct listener *listener) {
    counted += strcmp(listener->protocol, "udp") && table_get(&held, inode_key(listener->inode));
}

unsigned listening_sockets(void) {
    char process[16];
    format(process, sizeof process, "%d", main_process());
    is_collected = false;
    collect_held();
    counted = 0;
    visit_families(process, count);
    visit_unix_listeners(process, count);
    return counted;
}

bool look_at_sockets(void) {
    int64_t now = now_ms();
    if (!due)
        due = now + wait_ms; /* the app has hardly begun */
    if (now < due)
        return false;
    is_collected = false;
    char process[16];
    format(process, sizeof process, "%d", main_process());
    visit_families(process, tell);
    visit_unix_listeners(process, tell);
    int64_t took = now_ms() - now;
    wait_ms = wait_ms * 2 < STEADY_WAIT_MS ? wait_ms * 2 : STEADY_WAIT_MS;
    due = now + (took * LOOK_SHARE > wait_ms ? took * LOOK_SHARE : wait_ms);
    return true;
}
