/* attack: what an app could do to the probe that watches it. Prints each thing that it tries, and what came of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the app finds out about the probe's place while it runs. */
static char PROBE[256], FOLDER[256];

static void tell(const char *what, long result) {
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
}

static const char *of(pid_t process, const char *file) {
    static char path[4096];
    snprintf(path, sizeof path, "/proc/%d/%s", process, file);
    return path;
}

/* The supervisor, by its command line. */
static pid_t find_supervisor(void) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        char line[256] = "";
        int fd = open(of(atoi(entry->d_name), "cmdline"), O_RDONLY);
        ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
        if (fd >= 0)
            close(fd);
        if (length > 0 && !strncmp(line, "/.slimmer-", 10) && !strcmp(line + strlen(line) + 1, "supervise")) {
            strcpy(PROBE, line);
            strcpy(FOLDER, line);
            *strrchr(FOLDER, '/') = '\0';
            return atoi(entry->d_name);
        }
    }
    return 0;
}

static void attack_folder(void) {
    tell("write to the probe", open(PROBE, O_WRONLY));
    tell("truncate the probe", truncate(PROBE, 0));
    tell("remove the probe", unlink(PROBE));
    tell("replace the probe", rename("/bin/touch", PROBE));
    char beside[300];
    snprintf(beside, sizeof beside, "%s/file", FOLDER);
    tell("make a file beside the probe", open(beside, O_CREAT | O_WRONLY, 0600));
    tell("move the folder", rename(FOLDER, "/moved"));
    tell("remove the folder", rmdir(FOLDER));
    mkdir("/other", 0755);
    tell("put another folder in its place", rename("/other", FOLDER));
    tell("exchange the folder", syscall(SYS_renameat2, AT_FDCWD, "/other", AT_FDCWD, FOLDER, RENAME_EXCHANGE));
    tell("put a link in its place", symlink("/other", FOLDER));
    tell("change the probe's mode", chmod(PROBE, 06777));
    tell("remount the folder", mount(NULL, FOLDER, NULL, MS_REMOUNT | MS_BIND, NULL));
    tell("unmount the folder", umount2(FOLDER, MNT_DETACH));
    tell("mount over the folder", mount("/tmp", FOLDER, NULL, MS_BIND, NULL));
    tell("move the mount", mount(FOLDER, "/tmp", NULL, MS_MOVE, NULL));
    tell("make the mount writable", mount(NULL, FOLDER, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
    tell("take the mount by itself", syscall(SYS_open_tree, AT_FDCWD, FOLDER, 1 /* OPEN_TREE_CLONE */));
    tell("leave the mount namespace", unshare(CLONE_NEWNS));
    tell("leave the mount namespace as another user", unshare(CLONE_NEWUSER | CLONE_NEWNS));
}

static void look_for_listeners(void) {
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *process; (process = readdir(proc));) {
        DIR *dir = atoi(process->d_name) ? opendir(of(atoi(process->d_name), "fd")) : NULL;
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char target[256] = "";
            if (readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1) > 0)
                count += !!strstr(target, "seccomp") + !!strstr(target, "fanotify");
        }
        if (dir)
            closedir(dir);
    }
    printf("listeners in sight: %d\n", count);
}

static void attack_process(const char *whom, pid_t process) {
    char what[128], target[256], byte;
    struct iovec here = {&byte, 1}, there = {(void *)&byte, 1};
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    snprintf(what, sizeof what, "look at the descriptors of %s", whom);
    tell(what, readlink(of(process, "fd/0"), target, sizeof target));
    snprintf(what, sizeof what, "open the output of %s", whom);
    tell(what, open(of(process, "fd/1"), O_WRONLY));
    snprintf(what, sizeof what, "open the memory of %s", whom);
    tell(what, open(of(process, "mem"), O_RDWR));
    snprintf(what, sizeof what, "read the memory of %s", whom);
    tell(what, process_vm_readv(process, &here, 1, &there, 1, 0));
    snprintf(what, sizeof what, "trace %s", whom);
    tell(what, ptrace(PTRACE_SEIZE, process, 0, 0));
    snprintf(what, sizeof what, "fetch a descriptor of %s", whom);
    tell(what, syscall(SYS_pidfd_getfd, handle, 0, 0));
    snprintf(what, sizeof what, "open the namespace of %s", whom);
    tell(what, open(of(process, "ns/mnt"), O_RDONLY));
}

/* Without the capabilities that it needs the probe must fail, and disturb nothing. */
static void run_probe(void) {
    static const char identity[] = "v=1 uid=0 gid=0 groups= inheritable=0 permitted=0 effective=0 bounding=0 ambient=0 "
                                   "no_new_privs=0 securebits=0 umask=22";
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        execl(PROBE, PROBE, "run", "--identity", identity, "--", "/bin/touch", NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    printf("run by way of the probe: %s\n", WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "works" : "fails");
}

static void disturb(pid_t supervisor) {
    tell("terminate the supervisor", kill(supervisor, SIGTERM));
    tell("hang up the supervisor", kill(supervisor, SIGHUP));
    tell("interrupt the supervisor", kill(supervisor, SIGINT));
    tell("raise SIGPIPE in the supervisor", kill(supervisor, SIGPIPE));
    tell("raise SIGCHLD in the supervisor", kill(supervisor, SIGCHLD));
}

int main(void) {
    pid_t supervisor = find_supervisor();
    printf("supervisor: %s\n", supervisor > 1 ? "found" : "hidden");
    attack_folder();
    look_for_listeners();
    attack_process("the supervisor", supervisor);
    run_probe();
    disturb(supervisor);
    tell("look afterwards", open("/etc/passwd", O_RDONLY));
    return 0;
}
