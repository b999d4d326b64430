/* A web app on port 8080 that does to its network and to the probe what no app should.
 *
 *   unruly [stop | stop-at-end | stop-starter | ports FIRST COUNT TALK | load]
 *
 *   stop          stops the probe's supervisor (SIGSTOP) before it listens
 *   stop-at-end   does so when it is asked to end
 *   stop-starter  as a command: stops the process that started it, and ends
 *   ports         listens on COUNT more ports from FIRST on, before 8080. TALK says what they do: `silent` (nobody accepts), `drip` (a
 *                 byte a second), `flap` (they close and open all the time), `garbage` (no HTTP), `web` (an answer)
 *   load          one thread for each connection; GET /data/N opens that file
 *
 * GET /stop stops the supervisor; everything else opens /srv/page, and answers with it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 8080, REQUEST = 4096, PAGE = 4096, BACKLOG = 511, NAME = 64 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int is_supervisor(const char *process)
{
	char path[NAME], words[512];
	snprintf(path, sizeof path, "/proc/%.32s/cmdline", process);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, words, sizeof words);
	if (fd >= 0)
		close(fd);
	return length > 0 && memmem(words, (size_t)length, "\0supervise", 10);
}

static void stop_supervisor(void)
{
	DIR *folder = opendir("/proc");
	if (!folder)
		die("/proc");
	for (struct dirent *entry; (entry = readdir(folder));)
		if (atoi(entry->d_name) > 1 && is_supervisor(entry->d_name))
			kill(atoi(entry->d_name), SIGSTOP);
	closedir(folder);
}

static void end(int number)
{
	(void)number;
	_exit(0);
}

static void stop_and_end(int number)
{
	stop_supervisor();
	end(number);
}

static int listen_on(int port)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(fd, (void *)&address, sizeof address) ||
	    listen(fd, BACKLOG))
		die("listen");
	return fd;
}

static size_t read_page(const char *path, char *page)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, page, PAGE);
	if (fd >= 0)
		close(fd);
	return got < 0 ? 0 : (size_t)got;
}

static void answer(int client)
{
	char request[REQUEST] = "", path[NAME] = "", page[PAGE], head[256];
	if (read(client, request, sizeof request - 1) <= 0)
		return;
	sscanf(request, "GET %63s", path);
	if (!strcmp(path, "/stop"))
		stop_supervisor();
	size_t size = read_page(strncmp(path, "/data/", 6) ? "/srv/page" : path, page);
	int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
	                      size ? "200 OK" : "404 Not Found", size);
	if (write(client, head, (size_t)length) == length && write(client, page, size) < 0)
		perror("write");
}

static void *talk(void *client)
{
	answer((int)(long)client);
	close((int)(long)client);
	return NULL;
}

static void *drip(void *client)
{
	static const char line[] = "HTTP/1.1 200 OK\r\n";
	for (size_t i = 0; write((int)(long)client, i < sizeof line - 1 ? line + i : "X", 1) == 1; i++)
		sleep(1);
	close((int)(long)client);
	return NULL;
}

static void *garbage(void *client)
{
	char request[REQUEST];
	static const char words[] = "HTTP/1.0 \x1b[31m nonsense\n\n\0\xff";
	if (read((int)(long)client, request, sizeof request) < 0 || write((int)(long)client, words, sizeof words) < 0)
		perror("garbage");
	close((int)(long)client);
	return NULL;
}

static void in_thread(void *(*work)(void *), long argument)
{
	pthread_t thread;
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	if (pthread_create(&thread, &small, work, (void *)argument))
		die("thread");
	pthread_detach(thread);
}

static void *(*manner)(void *);

static void *accept_all(void *listener)
{
	for (int client; (client = accept4((int)(long)listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
		in_thread(manner, client);
	return NULL;
}

static void *flap(void *first)
{
	for (int port = (int)(long)first;; port = port == (int)(long)first + 999 ? (int)(long)first : port + 1) {
		int fd = listen_on(port);
		usleep(2000);
		close(fd);
	}
	return NULL;
}

static void open_ports(int first, int count, const char *kind)
{
	struct rlimit most;
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	manner = !strcmp(kind, "drip") ? drip : !strcmp(kind, "garbage") ? garbage : talk;
	if (!strcmp(kind, "flap"))
		in_thread(flap, first);
	for (int i = 0; i < count && strcmp(kind, "flap"); i++) {
		int fd = listen_on(first + i);
		if (strcmp(kind, "silent"))
			in_thread(accept_all, fd);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, !strcmp(mode, "stop-at-end") ? stop_and_end : end);
	if (!strcmp(mode, "stop"))
		stop_supervisor();
	if (!strcmp(mode, "stop-starter"))
		return kill(getppid(), SIGSTOP);
	if (!strcmp(mode, "ports") && argc == 5)
		open_ports(atoi(argv[2]), atoi(argv[3]), argv[4]);
	int listener = listen_on(PORT);
	for (;;) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client >= 0)
			in_thread(talk, client);
	}
}
