/* Cases: threads, other roots, other users, and io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

static void *open_one(void *path) {
    int fd = open(path, O_RDONLY);
    return fd < 0 ? path : NULL;
}

static void threads(void) {
    static const char *const names[] = {"one", "two", "three", "four"};
    pthread_t all[4];
    char paths[4][8192];
    for (int i = 0; i < 4; i++) {
        strcpy(paths[i], at(names[i]));
        expect(!pthread_create(&all[i], NULL, open_one, paths[i]), "pthread_create");
    }
    for (int i = 0; i < 4; i++) {
        void *failure = NULL;
        expect(!pthread_join(all[i], &failure) && !failure, "open in a thread");
    }
}

/* A new program replaces all threads, also when it is not the first that starts it. */
static void *become_program(void *unused) {
    execl(at("program"), "program", at("file"), NULL);
    return unused;
}

static void exec_in_thread(void) {
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, become_program, NULL))
            pthread_join(thread, NULL);
        _exit(127);
    }
    expect_success(child, "execve in a thread");
}

static void other_root(void) {
    int fd = open("/", O_PATH);
    expect(!chroot(at("root")) && !chdir("/"), "chroot");
    open_and_close("/file", O_RDONLY);
    open_and_close("/link", O_RDONLY);
    open_and_close("folder/../file-too", O_RDONLY);
    struct stat status;
    expect(stat("/missing", &status) && errno == ENOENT, "stat in another root");
    expect(!fchdir(fd), "fchdir out of the root");
    open_and_close(at("outside") + 1, O_RDONLY);
}

static void exec_in_other_root(void) {
    pid_t child = fork();
    if (child == 0) {
        if (chroot(at("root")) || chdir("/"))
            _exit(126);
        execl("/program", "program", "/file", NULL);
        _exit(127);
    }
    expect_success(child, "execve in another root");
}

/* `program` belongs to 1234 and is setuid; `secret` is for its owner alone, and this process is somebody else. */
static void set_user(void) {
    pid_t child = fork();
    if (child == 0) {
        if (setresgid(4321, 4321, 4321) || setresuid(4321, 4321, 4321) || open(at("secret"), O_RDONLY) >= 0)
            _exit(126);
        execl(at("program"), "program", at("secret"), NULL);
        _exit(127);
    }
    expect_success(child, "a setuid program");
}

static void *map_ring(int ring, size_t size, off_t offset) {
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
    expect(map != MAP_FAILED, "mmap of a ring");
    return map;
}

/* Opens a file by way of the ring; returns the descriptor or -errno. */
static int open_by_ring(int ring, const struct io_uring_params *params, const char *path) {
    unsigned char *submissions = map_ring(ring, params->sq_off.array + params->sq_entries * 4, IORING_OFF_SQ_RING);
    unsigned char *completions =
        map_ring(ring, params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
    struct io_uring_sqe *entry = map_ring(ring, params->sq_entries * sizeof *entry, IORING_OFF_SQES);
    *entry = (struct io_uring_sqe){
        .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)path, .open_flags = O_RDONLY};
    ((unsigned *)(submissions + params->sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(submissions + params->sq_off.tail), 1, __ATOMIC_RELEASE);
    expect(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1, "io_uring_enter");
    return ((struct io_uring_cqe *)(completions + params->cq_off.cqes))[0].res;
}

/* An app that finds no io_uring uses ordinary calls. */
static void ring(void) {
    struct io_uring_params params = {0};
    int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
    if (fd >= 0) {
        int opened = open_by_ring(fd, &params, at("by-ring"));
        errno = -opened;
        expect(opened >= 0, "open by io_uring");
    } else {
        expect(errno == ENOSYS, "io_uring_setup");
        open_and_close(at("by-call"), O_RDONLY);
    }
}

const struct look processes[] = {
    {"threads", threads},
    {"exec-in-thread", exec_in_thread},
    {"chroot", other_root},
    {"exec-in-chroot", exec_in_other_root},
    {"setuid", set_user},
    {"io-uring", ring},
    {0},
};
