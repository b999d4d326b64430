#include "seccomp_denials.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall_probes.h"
#include "bpf.h"
#include "util.h"

enum { NOT_TRIED = -1 };

static const struct syscall_probe_table *const tables[] = {
    &native_syscall_probes,
#ifdef __x86_64__
    &i386_syscall_probes,
    &x32_syscall_probes,
#endif
};

#ifdef __x86_64__
/* A 64-bit process may make 32-bit calls, and so may an app that looks for a hole in a filter. */
static long call_i386(uint32_t number, const long *arguments) {
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"((long)number), "b"(arguments[0]), "c"(arguments[1]), "d"(arguments[2]),
                       "S"(arguments[3]), "D"(arguments[4])
                     : "memory", "cc", "r8", "r9", "r10", "r11");
    return (long)(int)result;
}
#endif

static long call(const struct syscall_probe_table *table, const struct syscall_probe *attempt) {
    long arguments[5];
    memcpy(arguments, attempt->arguments, sizeof arguments);
    if (attempt->kind == SYSCALL_PROBE_CLONE)
        arguments[0] |= SIGCHLD;
#ifdef __x86_64__
    if (table == &i386_syscall_probes)
        return call_i386(attempt->number, arguments);
#else
    (void)table;
#endif
    long result = syscall((long)attempt->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    return result < 0 ? -errno : result;
}

/* Returns the errno, or 0. */
static int try_syscall_probe(const struct syscall_probe_table *table, const struct syscall_probe *attempt) {
    long result = call(table, attempt);
    if (attempt->kind == SYSCALL_PROBE_CLONE && result == 0)
        _exit(0); /* the process that should not have come to be */
    if (attempt->kind == SYSCALL_PROBE_CLONE && result > 0 && waitpid((pid_t)result, NULL, 0) < 0)
        _exit(EXIT_PROBE);
    return result < 0 ? (int)-result : 0;
}

/* In a process of its own: tries from `next` on, until an attempt that must stay alone is done. */
static void try_from(const struct syscall_probe_table *table, int *errors, size_t next) {
    for (; next < table->count; next++) {
        errors[next] = try_syscall_probe(table, &table->probes[next]);
        if (table->probes[next].kind == SYSCALL_PROBE_ALONE)
            break;
    }
    _exit(0);
}

/* A profile may kill instead of refusing: the attempt that had no answer then counts as refused with ENOSYS, which is as
 * close as an app can get and live; the probes after it are made by the next process. */
static void try_table(const struct syscall_probe_table *table, int *errors) {
    size_t next = 0;
    while (next < table->count) {
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0)
            try_from(table, errors, next);
        int status;
        if (waitpid(child, &status, 0) < 0)
            die("waitpid");
        while (next < table->count && errors[next] != NOT_TRIED)
            next++;
        if (!WIFEXITED(status) && next < table->count)
            errors[next++] = ENOSYS;
    }
}

static bool is_refused(int error) {
    return error == EPERM || error == EACCES || error == ENOSYS;
}

struct denial *measure_denials(size_t *count) {
    struct denial *denials = NULL;
    *count = 0;
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
        const struct syscall_probe_table *table = tables[t];
        size_t size = table->count * sizeof(int);
        int *errors = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (errors == MAP_FAILED)
            die("mmap");
        memset(errors, 0xff, size); /* NOT_TRIED */
        try_table(table, errors);
        for (size_t i = 0; i < table->count; i++) {
            const struct syscall_probe *attempt = &table->probes[i];
            if (!is_refused(errors[i]))
                continue;
            denials = xrealloc(denials, (*count + 1) * sizeof *denials);
            denials[(*count)++] = (struct denial){
                .arch = table->arch,
                .number = attempt->number,
                .flag = attempt->kind == SYSCALL_PROBE_CLONE ? (uint32_t)attempt->arguments[0] : 0,
                .error = errors[i],
            };
        }
        munmap(errors, size);
    }
    return denials;
}

enum { X32_BIT = 0x40000000 };

const char *arch_word(uint32_t arch, uint32_t number) {
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++)
        if (tables[t]->arch == arch && (tables[t]->probes[0].number & X32_BIT) == (number & X32_BIT))
            return tables[t]->name;
    return NULL;
}

bool parse_arch_word(const char *word, uint32_t *arch) {
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++)
        if (!strcmp(tables[t]->name, word)) {
            *arch = tables[t]->arch;
            return true;
        }
    return false;
}

static bool holds(const struct denial *denials, size_t count, const struct denial *wanted) {
    for (size_t i = 0; i < count; i++)
        if (!memcmp(&denials[i], wanted, sizeof *wanted))
            return true;
    return false;
}

void install_denials(const struct denial *wanted, size_t wanted_count, const struct denial *present,
                      size_t present_count) {
    struct rules rules = {0};
    for (size_t i = 0; i < wanted_count; i++) {
        const struct denial *denial = &wanted[i];
        if (holds(present, present_count, denial))
            continue;
        add_rule(&rules, (struct rule){
                             .arch = denial->arch,
                             .number = denial->number,
                             .action = SECCOMP_RET_ERRNO | ((uint32_t)denial->error & SECCOMP_RET_DATA),
                             .test = denial->flag ? ARGUMENT_HAS : ALWAYS,
                             .value = denial->flag,
                         });
    }
    if (install_rules(&rules, 0) < 0)
        die("the filter that gives the native denials back");
}
