#include "bpf.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct program {
    struct sock_filter code[BPF_MAXINSNS];
    size_t length;
};

static size_t emit(struct program *program, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
    if (program->length == BPF_MAXINSNS)
        die_plain(EXIT_PROBE, "the filter is longer than the kernel takes");
    program->code[program->length] =
        (struct sock_filter){.code = code, .k = value, .jt = if_true, .jf = if_false};
    return program->length++;
}

static void emit_load(struct program *program, size_t offset) {
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct program *program, uint32_t action) {
    emit(program, BPF_RET | BPF_K, action, 0, 0);
}

/* Conditional jumps reach 255 instructions; this one reaches them all. */
static size_t emit_far_jump(struct program *program) {
    return emit(program, BPF_JMP | BPF_JA, 0, 0, 0);
}

static void land_here(struct program *program, size_t jump) {
    program->code[jump].k = (uint32_t)(program->length - jump - 1);
}

static size_t argument_offset(unsigned argument, bool high) {
    /* Both architectures are little-endian: the low half comes first. */
    return offsetof(struct seccomp_data, args) + 8 * argument + (high ? 4 : 0);
}

static void emit_rule(struct program *program, const struct rule *rule) {
    switch (rule->test) {
    case ALWAYS:
        break;
    case ARGUMENT_EQUALS:
        emit_load(program, argument_offset(rule->argument, false));
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1);
        break;
    case ARGUMENT_HAS:
        emit_load(program, argument_offset(rule->argument, false));
        emit(program, BPF_JMP | BPF_JSET | BPF_K, rule->value, 0, 1);
        break;
    case ARGUMENT_IS_SET:
        emit_load(program, argument_offset(rule->argument, false));
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
        emit_load(program, argument_offset(rule->argument, true));
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
        break;
    }
    emit_return(program, rule->action);
}

/* The accumulator holds the call's number; every way through ends in a return. */
static void emit_leaf(struct program *program, const struct rule *rules, size_t count) {
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, rules->number, 1, 0);
    emit_return(program, SECCOMP_RET_ALLOW);
    for (size_t i = 0; i < count; i++)
        emit_rule(program, &rules[i]);
    if (rules[count - 1].test != ALWAYS)
        emit_return(program, SECCOMP_RET_ALLOW);
}

static void emit_tree(struct program *program, const struct rule *rules, size_t count) {
    size_t middle = count / 2;
    while (middle > 0 && rules[middle - 1].number == rules[middle].number)
        middle--;
    if (middle == 0) /* the first half is all one number: put the border behind it */
        while (middle < count && rules[middle].number == rules[0].number)
            middle++;
    if (middle == count) {
        emit_leaf(program, rules, count);
        return;
    }
    emit(program, BPF_JMP | BPF_JGE | BPF_K, rules[middle].number, 0, 1);
    size_t to_upper = emit_far_jump(program);
    emit_tree(program, rules, middle);
    land_here(program, to_upper);
    emit_tree(program, rules + middle, count - middle);
}

static int compare(const void *left, const void *right) {
    const struct rule *a = left, *b = right;
    if (a->arch != b->arch)
        return a->arch < b->arch ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void compile(struct program *program, struct rules *rules) {
    qsort(rules->rules, rules->count, sizeof *rules->rules, compare);
    emit_load(program, offsetof(struct seccomp_data, arch));
    for (size_t start = 0, end; start < rules->count; start = end) {
        uint32_t arch = rules->rules[start].arch;
        for (end = start; end < rules->count && rules->rules[end].arch == arch; end++) {
        }
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, arch, 1, 0);
        size_t to_next = emit_far_jump(program);
        emit_load(program, offsetof(struct seccomp_data, nr));
        emit_tree(program, rules->rules + start, end - start);
        land_here(program, to_next);
    }
    emit_return(program, SECCOMP_RET_ALLOW);
}

void add_rule(struct rules *rules, struct rule rule) {
    if (rules->count == rules->room) {
        rules->room = rules->room ? rules->room * 2 : 256;
        rules->rules = xrealloc(rules->rules, rules->room * sizeof *rules->rules);
    }
    rules->rules[rules->count++] = rule;
}

/* Kernels refuse flags that they do not know (EINVAL): try with all, then with fewer. SPEC_ALLOW (4.17) keeps the app's
 * speculation mitigations as they would be without us; WAIT_KILLABLE_RECV (5.19) keeps signals from taking back a call
 * that the supervisor has begun to look at. */
static int install(const struct program *program, unsigned flags) {
    struct sock_fprog code = {.len = (unsigned short)program->length, .filter = (struct sock_filter *)program->code};
    unsigned killable = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0;
    const unsigned extras[] = {SECCOMP_FILTER_FLAG_SPEC_ALLOW | killable, SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0};
    long result = -1;
    for (size_t i = 0; i < ARRAY_LENGTH(extras); i++) {
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | extras[i], &code);
        if (result >= 0 || errno != EINVAL)
            break;
    }
    return (int)result;
}

int install_rules(struct rules *rules, unsigned flags) {
    static struct program program;
    program.length = 0;
    if (!rules->count)
        return 0;
    compile(&program, rules);
    return install(&program, flags);
}
