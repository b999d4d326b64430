/* An app for the fidelity tests: it looks at files in each way that a system call allows, once, and then prints "done".
 * Every path that it touches in any way is expected in the slim image; every path that it does not touch is not. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int failures;

static void expect(int ok, const char *what) {
	if (!ok) {
		failures++;
		printf("failed: %s\n", what);
	}
}

static void read_file(const char *path) {
	char buffer[64];
	int fd = open(path, O_RDONLY);
	expect(fd >= 0 && read(fd, buffer, sizeof buffer) >= 0, path);
	if (fd >= 0)
		close(fd);
}

static int count(const char *path) {
	DIR *dir = opendir(path);
	int n = 0;
	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void list_then_open(const char *path, const char *name) {
	char full[512];
	expect(count(path) > 0, path);
	snprintf(full, sizeof full, "%s/%s", path, name);
	read_file(full);
}

/* A server that says nothing, so that there is somebody to run HEALTHCHECK beside; SIGINT ends it. */
static int stay(void) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int received, fd = socket(AF_INET, SOCK_STREAM, 0);
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8))
		return 1;
	return sigwait(&wanted, &received);
}

int main(int argc, char **argv) {
	struct stat st;
	char buffer[256];

	/* seen by a look-up only; one name is a prefix of another */
	expect(!stat("/srv/stat/conf", &st), "stat");
	expect(!stat("/srv/stat/conf.d", &st), "stat of a directory");
	expect(!chdir("/srv/relative") && !access("only-access", R_OK), "relative access");
	expect(!syscall(SYS_faccessat2, AT_FDCWD, "/srv/faccessat2", R_OK, AT_EACCESS), "faccessat2");
	expect(open("/srv/o_path", O_PATH) >= 0, "O_PATH");
	expect(!lstat("/srv/dangling", &st), "lstat of a dangling link");
	expect(readlink("/srv/link-read-only", buffer, sizeof buffer) > 0, "readlink");
	expect(getxattr("/srv/xattr-only", "security.capability", buffer, sizeof buffer) < 0 && errno == ENODATA, "getxattr");
	expect(!stat("/srv/fifo", &st) && S_ISFIFO(st.st_mode), "FIFO");

	/* directories */
	expect(count("/srv/plugins") == 3, "listed for its names");
	list_then_open("/srv/listed", "wanted");
	expect(count("/srv/empty") == 0, "empty directory");
	expect(!stat("/srv/package", &st), "a directory that must not be hollow");

	/* names */
	read_file("/srv/names/with space");
	read_file("/srv/names/with\nnewline");
	read_file("/srv/names/caf\xe9");

	/* links */
	read_file("/srv/chain/a");
	expect(!stat("/srv/hard/one", &st) && st.st_nlink >= 2, "hard link");
	read_file("/srv/hard/two");

	/* modes, owners, capabilities */
	expect(!stat("/srv/modes/setuid", &st) && st.st_mode & S_ISUID, "setuid");
	expect(!stat("/srv/modes/setgid", &st) && st.st_mode & S_ISGID, "setgid");
	expect(!stat("/srv/modes/sticky", &st) && st.st_mode & S_ISVTX, "sticky");
	expect(getxattr("/srv/modes/capable", "security.capability", buffer, sizeof buffer) > 0, "file capability");

	/* files that the app changes: the slim image must hold them as they were */
	int fd = open("/srv/changed/appended", O_WRONLY | O_APPEND);
	expect(fd >= 0 && write(fd, "more", 4) == 4, "append");
	fd = open("/srv/changed/truncated", O_WRONLY | O_TRUNC);
	expect(fd >= 0, "truncate");
	expect(!rename("/srv/changed/renamed", "/srv/changed/renamed.new"), "rename");
	expect(!unlink("/srv/changed/removed"), "remove");
	expect(!chmod("/srv/changed/chmodded", 0777), "chmod");
	fd = open("/srv/changed/opened-up", O_RDONLY | O_DIRECTORY);
	expect(fd >= 0 && !fchmod(fd, 0777), "fchmod of a directory");
	fd = open("/srv/made/new-file", O_WRONLY | O_CREAT, 0600);
	expect(fd >= 0, "create");

	/* a script with an interpreter of its own */
	expect(!system("/srv/script"), "shebang");

	puts(failures ? "failed" : "done");
	fflush(stdout);
	return failures ? 1 : argc > 1 && !strcmp(argv[1], "--stay") ? stay() : 0;
}
