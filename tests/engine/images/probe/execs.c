/* Cases: starting programs. `program` is a copy of touch.c, which opens what its arguments name. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

extern char **environ;

static pid_t start(const char *path, const char *argument) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, argument, NULL);
        _exit(127);
    }
    return child;
}

static void exec_program(void) {
    expect_success(start(at("program"), at("file")), "execve");
}

static void exec_missing(void) {
    expect(execl(at("missing"), "missing", NULL) < 0 && errno == ENOENT, "execve of what is missing");
    expect(execl(at("file"), "file", NULL) < 0 && errno == EACCES, "execve of what is no program");
}

static void exec_vfork(void) {
    const char *path = at("program");
    pid_t child = vfork();
    if (child == 0) {
        execl(path, path, NULL);
        _exit(127);
    }
    expect_success(child, "execve after vfork");
}

static void exec_spawn(void) {
    char *argv[] = {"program", (char *)at("file"), NULL};
    pid_t child;
    expect(!posix_spawn(&child, at("program"), NULL, NULL, argv, environ), "posix_spawn");
    expect_success(child, "posix_spawn");
}

static void exec_descriptor(void) {
    int fd = open(at("program"), O_PATH | O_CLOEXEC);
    char *argv[] = {"program", (char *)at("file"), NULL};
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
        _exit(127);
    }
    expect_success(child, "fexecve");
}

static void exec_at(void) {
    int dir = open(at("dir"), O_PATH);
    char *argv[] = {"program", (char *)at("file"), NULL};
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, dir, "program", argv, environ, 0);
        _exit(127);
    }
    expect_success(child, "execveat");
}

static void exec_memory(void) {
    struct stat status;
    int memory = (int)syscall(SYS_memfd_create, "copy", MFD_CLOEXEC), from = open(at("program"), O_RDONLY);
    expect(!fstat(from, &status) && sendfile(memory, from, NULL, (size_t)status.st_size) == status.st_size, "sendfile");
    char *argv[] = {"program", (char *)at("file"), NULL};
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, memory, "", argv, environ, AT_EMPTY_PATH);
        _exit(127);
    }
    expect_success(child, "a program in memory");
}

static void exec_script(void) {
    expect_success(start(at("script"), at("file")), "a script");
}

static void exec_script_of_script(void) {
    expect_success(start(at("script"), NULL), "a script with a script for its interpreter");
}

/* Other builds of the program, where the image has them. */
static void exec_dynamic(void) {
    if (!access(at("dynamic"), F_OK))
        expect_success(start(at("dynamic"), at("file")), "a dynamic program");
}

static void exec_chain(void) {
    const char *argv[] = {at("program"), "--exec", at("second"), at("file"), NULL};
    pid_t child = fork();
    if (child == 0) {
        execv(argv[0], (char **)argv);
        _exit(127);
    }
    expect_success(child, "a program that becomes another");
}

const struct look execs[] = {
    {"exec", exec_program},
    {"exec-missing", exec_missing},
    {"vfork", exec_vfork},
    {"spawn", exec_spawn},
    {"fexecve", exec_descriptor},
    {"execveat", exec_at},
    {"memory", exec_memory},
    {"script", exec_script},
    {"script-of-script", exec_script_of_script},
    {"dynamic", exec_dynamic},
    {"exec-chain", exec_chain},
    {0},
};
