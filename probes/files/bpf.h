/* Seccomp filters made from rules: a search tree over the system calls' numbers for each architecture. The kernel
 * remembers the numbers that a filter always allows, so calls without a rule cost nothing after that. */
#ifndef BPF_H
#define BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum test {
    ALWAYS,
    ARGUMENT_EQUALS, /* the low 32 bits are `value` */
    ARGUMENT_HAS,    /* the low 32 bits share a bit with `value` */
    ARGUMENT_IS_SET, /* not zero, in all 64 bits */
};

/* A call with this number and argument gets `action` (SECCOMP_RET_*). Several rules may name one number: the first that
 * fits wins, in no promised order. */
struct rule {
    uint32_t arch, number, action;
    enum test test;
    unsigned argument;
    uint32_t value;
};

struct rules {
    struct rule *rules;
    size_t count, room;
};

void add_rule(struct rules *rules, struct rule rule);

/* Installs the filter for this thread and whatever it starts. Returns the listener with SECCOMP_FILTER_FLAG_NEW_LISTENER in
 * `flags`, else 0; or -1 with errno. Sorts the rules. Flags of newer kernels are left out where they are not known. */
int install_rules(struct rules *rules, unsigned flags);

#endif
