/* A small HTTP server for tests of the whole road. It tells how it is run, and misbehaves when it is asked to.
 *
 *   /               a greeting                    /self       user, groups, capabilities, limits, mounts
 *   /env/NAME       a variable's value            /file/PATH  a file's content, or 404
 *   /append/PATH    adds a line, counts them all  /status/N   an answer with that status
 *   /xattr/PATH     its user.note attribute       /echo       the request's body
 *   /acl/PATH       the size of its POSIX ACL, in bytes
 *   /hang           no answer at all              /crash      words on stderr, then abort(3)
 *   /first          /srv/first, if /shared/seen is not there yet and can be made; else /srv/second
 *
 * Words of the command line: `--port N` (8080), `--exit N` (say a word and exit), `--silent` (run, but never listen),
 * `--deaf` (no handler for SIGTERM), `--page FILE` (what / answers: a file's content), `--refuse` (/ answers 503). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIMIT 65536

struct answer {
	int status;
	size_t size;
	char body[LIMIT];
};

static const char *front = "";
static int refuse;

static void end(int number)
{
	(void)number;
	_exit(0);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

__attribute__((format(printf, 2, 3))) static void say(struct answer *to, const char *format, ...)
{
	va_list values;
	va_start(values, format);
	int wrote = vsnprintf(to->body + to->size, LIMIT - to->size, format, values);
	va_end(values);
	if (wrote > 0 && to->size + (size_t)wrote < LIMIT)
		to->size += (size_t)wrote;
}

static void say_file(struct answer *to, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		to->status = 404;
		say(to, "%s: %s\n", path, strerror(errno));
		return;
	}
	ssize_t got;
	while (to->size < LIMIT && (got = read(fd, to->body + to->size, LIMIT - to->size)) > 0)
		to->size += (size_t)got;
	close(fd);
}

static void append(struct answer *to, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "line\n", 5) != 5) {
		to->status = 500;
		say(to, "%s: %s\n", path, strerror(errno));
	} else {
		say(to, "%s has %ld lines\n", path, (long)(lseek(fd, 0, SEEK_END) / 5));
	}
	if (fd >= 0)
		close(fd);
}

static void say_status_lines(struct answer *to)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof line, status))
		if (!strncmp(line, "Cap", 3) || !strncmp(line, "NoNewPrivs", 10))
			say(to, "%s", line);
	if (status)
		fclose(status);
}

static void say_mount(struct answer *to, const char *path)
{
	struct statfs st;
	if (!statfs(path, &st))
		say(to, "%s: type %lx, %ld kB\n", path, (long)st.f_type, (long)st.f_blocks * st.f_bsize / 1024);
}

static void say_self(struct answer *to)
{
	gid_t groups[64];
	char text[256];
	struct rlimit files;
	struct statvfs root;
	int count = getgroups(64, groups);
	say(to, "uid: %d\ngid: %d\npid: %d\ngroups:", getuid(), getgid(), getpid());
	for (int i = 0; i < count; i++)
		say(to, " %d", groups[i]);
	if (!gethostname(text, sizeof text))
		say(to, "\nhostname: %s\n", text);
	if (getcwd(text, sizeof text))
		say(to, "cwd: %s\n", text);
	if (!getrlimit(RLIMIT_NOFILE, &files))
		say(to, "nofile: %lu:%lu\n", (unsigned long)files.rlim_cur, (unsigned long)files.rlim_max);
	if (!statvfs("/", &root))
		say(to, "root: %s\n", root.f_flag & ST_RDONLY ? "read-only" : "writable");
	say_mount(to, "/dev/shm");
	say_mount(to, "/scratch");
	say_status_lines(to);
}

static void say_xattr(struct answer *to, const char *path)
{
	ssize_t size = getxattr(path, "user.note", to->body, LIMIT);
	if (size >= 0)
		to->size = (size_t)size;
	else
		to->status = 404;
}

static void crash(void)
{
	fputs("the last words of this app\n", stderr);
	abort();
}

static void say_first(struct answer *to)
{
	int fd = open("/shared/seen", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	say_file(to, fd >= 0 ? "/srv/first" : "/srv/second");
}

static void say_front(struct answer *to)
{
	if (refuse)
		to->status = 503;
	else if (*front)
		say_file(to, front);
	else
		say(to, "hello\n");
}

/* The rest of `path` behind `prefix`; NULL when it begins otherwise. */
static const char *below(const char *path, const char *prefix)
{
	size_t size = strlen(prefix);
	return strncmp(path, prefix, size) ? NULL : path + size;
}

static void fill(struct answer *to, const char *path, const char *body)
{
	const char *rest;
	if (!strcmp(path, "/"))
		say_front(to);
	else if (!strcmp(path, "/self"))
		say_self(to);
	else if (!strcmp(path, "/echo"))
		say(to, "%s", body);
	else if (!strcmp(path, "/first"))
		say_first(to);
	else if (!strcmp(path, "/crash"))
		crash();
	else if (!strcmp(path, "/hang"))
		for (;;)
			pause();
	else if ((rest = below(path, "/env/")))
		say(to, "%s\n", getenv(rest) ? getenv(rest) : "(not set)");
	else if ((rest = below(path, "/file")))
		say_file(to, rest);
	else if ((rest = below(path, "/append")))
		append(to, rest);
	else if ((rest = below(path, "/xattr")))
		say_xattr(to, rest);
	else if ((rest = below(path, "/acl")))
		say(to, "%zd\n", getxattr(rest, "system.posix_acl_access", NULL, 0));
	else if ((rest = below(path, "/status/")))
		to->status = atoi(rest);
	else
		to->status = 404;
}

/* Reads a whole request; its body is returned, empty if there is none. */
static const char *read_request(int client, char *request)
{
	size_t have = 0, length = 0;
	char *body = NULL;
	while (have < LIMIT - 1 && !(body && have >= (size_t)(body - request) + length)) {
		ssize_t got = read(client, request + have, LIMIT - 1 - have);
		if (got <= 0)
			return NULL;
		have += (size_t)got;
		request[have] = '\0';
		if (!body && (body = strstr(request, "\r\n\r\n"))) {
			const char *field = strcasestr(request, "\r\ncontent-length:");
			length = field && field < body ? strtoul(field + 17, NULL, 10) : 0;
			body += 4;
		}
	}
	return body;
}

static void serve(int client)
{
	static char request[LIMIT];
	static struct answer to;
	char path[1024];
	struct timeval patience = {.tv_sec = 5};
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	const char *body = read_request(client, request);
	if (!body || sscanf(request, "%*s %1023s", path) != 1)
		return;
	to.status = 200;
	to.size = 0;
	fill(&to, path, body);
	dprintf(client, "HTTP/1.1 %d Said\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", to.status, to.size);
	for (size_t sent = 0; sent < to.size;) {
		ssize_t wrote = write(client, to.body + sent, to.size - sent);
		if (wrote <= 0)
			return;
		sent += (size_t)wrote;
	}
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

static void leave(int code)
{
	fputs("the last words of this app\n", stderr);
	exit(code);
}

int main(int count, char **words)
{
	int port = 8080, deaf = 0, silent = 0;
	for (int i = 1; i < count; i++) {
		const char *value = i + 1 < count ? words[i + 1] : "";
		if (!strcmp(words[i], "--port"))
			port = atoi(value);
		if (!strcmp(words[i], "--page"))
			front = value;
		if (!strcmp(words[i], "--exit"))
			leave(atoi(value));
		deaf |= !strcmp(words[i], "--deaf");
		silent |= !strcmp(words[i], "--silent");
		refuse |= !strcmp(words[i], "--refuse");
	}
	if (!deaf)
		signal(SIGTERM, end);
	signal(SIGPIPE, SIG_IGN);
	while (silent)
		pause();
	for (int client, server = listen_on(port);;)
		if ((client = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			serve(client);
			close(client);
		}
}
