/* A small HTTP server: one process, one request a connection. GET only.
 *   /         files of /var/www           /report   a shell script's output
 *   /whoami   the user, by /etc/passwd    /loud     /etc/motd, in capitals by a plug-in */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pages.h"

static void stop(int number)
{
    (void)number;
    _exit(0);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(int port)
{
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        die("socket");
    if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 64) < 0)
        die("listen");
    return server;
}

static char *loud(void)
{
    char *text = page_from_file("/etc/motd");
    void *plugin = dlopen("/usr/lib/pebble/upper.so", RTLD_NOW);
    if (!text || !plugin) {
        free(text);
        return NULL;
    }
    void (*transform)(char *) = (void (*)(char *))dlsym(plugin, "transform");
    if (transform)
        transform(text);
    return text;
}

static char *site_file(const char *path)
{
    char full[512];
    if (strstr(path, ".."))
        return NULL;
    snprintf(full, sizeof full, "/var/www%s", strcmp(path, "/") == 0 ? "/index.html" : path);
    return page_from_file(full);
}

static char *page(const char *path, const char **type)
{
    *type = "text/plain";
    if (strcmp(path, "/report") == 0)
        return page_from_command("/usr/libexec/report.sh");
    if (strcmp(path, "/whoami") == 0)
        return page_about_me();
    if (strcmp(path, "/loud") == 0)
        return loud();
    *type = "text/html";
    return site_file(path);
}

/* Reads until the header's end, so that closing the connection does not reset it. */
static int read_path(int client, char *path)
{
    char request[4096];
    size_t have = 0;
    while (have < sizeof request - 1) {
        ssize_t got = read(client, request + have, sizeof request - 1 - have);
        if (got <= 0)
            return -1;
        have += (size_t)got;
        request[have] = '\0';
        if (strstr(request, "\r\n\r\n"))
            return sscanf(request, "GET %255[^ ?]", path) == 1 ? 0 : -1;
    }
    return -1;
}

static void answer(int client)
{
    char path[256];
    const char *type = "text/plain", *status = "200 OK";
    if (read_path(client, path) < 0)
        return;
    char *text = page(path, &type);
    if (!text)
        status = "404 Not Found";
    dprintf(client, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status, type,
            text ? strlen(text) : 10, text ? text : "not found\n");
    free(text);
}

int main(int count, char **arguments)
{
    int port = count > 1 ? atoi(arguments[1]) : 8080;
    struct timeval patience = {.tv_sec = 5};
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    signal(SIGPIPE, SIG_IGN);
    int server = listen_on(port);
    printf("listening on port %d\n", port);
    fflush(stdout);
    for (;;) {
        int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            die("accept");
        if (client < 0)
            continue;
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        answer(client);
        close(client);
    }
}
