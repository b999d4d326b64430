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

static const struct attempt_table *const tables[] = {
    &native_attempts,
#ifdef __x86_64__
    &i386_attempts,
    &x32_attempts,
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

static long call(const struct attempt_table *table, const struct attempt *attempt) {
    long arguments[5];
    memcpy(arguments, attempt->arguments, sizeof arguments);
    if (attempt->kind == ATTEMPT_CLONE)
        arguments[0] |= SIGCHLD;
#ifdef __x86_64__
    if (table == &i386_attempts)
        return call_i386(attempt->number, arguments);
#else
    (void)table;
#endif
    long result = syscall((long)attempt->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    return result < 0 ? -errno : result;
}

/* Returns the errno, or 0. */
static int try_attempt(const struct attempt_table *table, const struct attempt *attempt) {
    long result = call(table, attempt);
    if (attempt->kind == ATTEMPT_CLONE && result == 0)
        _exit(0); /* the process that should not have come to be */
    if (attempt->kind == ATTEMPT_CLONE && result > 0 && waitpid((pid_t)result, NULL, 0) < 0)
        _exit(EXIT_PROBE);
    return result < 0 ? (int)-result : 0;
}

/* In a process of its own: tries from `next` on, until an attempt that must stay alone is done. */
static void try_from(const struct attempt_table *table, int *errors, size_t next) {
    for (; next < table->count; next++) {
        errors[next] = try_attempt(table, &table->attempts[next]);
        if (table->attempts[next].kind == ATTEMPT_ALONE)
            break;
    }
    _exit(0);
}

/* A profile may kill instead of refusing: the attempt that had no answer then counts as refused with ENOSYS, which is as
 * close as an app can get and live; the attempts after it are made by the next process. */
static void try_table(const struct attempt_table *table, int *errors) {
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

struct refusal *measure_refusals(size_t *count) {
    struct refusal *refusals = NULL;
    *count = 0;
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++) {
        const struct attempt_table *table = tables[t];
        size_t size = table->count * sizeof(int);
        int *errors = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (errors == MAP_FAILED)
            die("mmap");
        memset(errors, 0xff, size); /* NOT_TRIED */
        try_table(table, errors);
        for (size_t i = 0; i < table->count; i++) {
            const struct attempt *attempt = &table->attempts[i];
            if (!is_refused(errors[i]))
                continue;
            refusals = xrealloc(refusals, (*count + 1) * sizeof *refusals);
            refusals[(*count)++] = (struct refusal){
                .arch = table->arch,
                .number = attempt->number,
                .flag = attempt->kind == ATTEMPT_CLONE ? (uint32_t)attempt->arguments[0] : 0,
                .error = errors[i],
            };
        }
        munmap(errors, size);
    }
    return refusals;
}

enum { X32_BIT = 0x40000000 };

const char *arch_word(uint32_t arch, uint32_t number) {
    for (size_t t = 0; t < ARRAY_LENGTH(tables); t++)
        if (tables[t]->arch == arch && (tables[t]->attempts[0].number & X32_BIT) == (number & X32_BIT))
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

static bool holds(const struct refusal *refusals, size_t count, const struct refusal *wanted) {
    for (size_t i = 0; i < count; i++)
        if (!memcmp(&refusals[i], wanted, sizeof *wanted))
            return true;
    return false;
}

void install_refusals(const struct refusal *wanted, size_t wanted_count, const struct refusal *present,
                      size_t present_count) {
    struct rules rules = {0};
    for (size_t i = 0; i < wanted_count; i++) {
        const struct refusal *refusal = &wanted[i];
        if (holds(present, present_count, refusal))
            continue;
        add_rule(&rules, (struct rule){
                             .arch = refusal->arch,
                             .number = refusal->number,
                             .action = SECCOMP_RET_ERRNO | ((uint32_t)refusal->error & SECCOMP_RET_DATA),
                             .test = refusal->flag ? ARGUMENT_HAS : ALWAYS,
                             .value = refusal->flag,
                         });
    }
    if (install_rules(&rules, 0) < 0)
        die("the filter that gives the native refusals back");
}
