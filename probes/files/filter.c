#include "filter.h"

#include <linux/net.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bpf.h"
#include "calls.h"
#include "util.h"

/* A name comes, goes or gets another meaning. */
static bool changes_name(const struct path_argument *path) {
    return path->used && path->last == STAY && (path->operation == OP_CREATE || path->operation == OP_CHANGE);
}

bool changes_places(const struct call *call) {
    switch (call->kind) {
    case KIND_EXEC:
    case KIND_CHDIR:
    case KIND_ROOT:
    case KIND_RENAME:
    case KIND_REDIRECT:
    case KIND_IO_URING: /* refused */
        return true;
    case KIND_PATHS:
    case KIND_ADDRESS:
        return changes_name(&call->paths[0]) || changes_name(&call->paths[1]);
    default:
        return false;
    }
}

static bool in_scope(const struct call *call, enum filter_scope scope) {
    switch (call->kind) {
    case KIND_EXEC:
    case KIND_EXIT:
    case KIND_EXIT_GROUP:
    case KIND_LISTEN:
    case KIND_SOCKETCALL:
    case KIND_SECCOMP: /* an app's own filter may clash with the gate's, too */
    case KIND_PRCTL:
        return true;
    default:
        return scope == SCOPE_ALL || (scope == SCOPE_CHANGES && changes_places(call));
    }
}

/* i386 has one call for all of sockets; its first argument says which. */
static void add_socketcall(struct rules *rules, struct rule rule, enum filter_scope scope) {
    /* The first makes a name, the others follow one. */
    static const uint32_t with_paths[] = {SYS_BIND, SYS_CONNECT, SYS_SENDTO, SYS_SENDMSG, SYS_SENDMMSG};
    rule.test = ARGUMENT_EQUALS;
    rule.value = SYS_LISTEN;
    add_rule(rules, rule);
    size_t count = scope == SCOPE_ALL ? ARRAY_LENGTH(with_paths) : scope == SCOPE_CHANGES ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        rule.value = with_paths[i];
        add_rule(rules, rule);
    }
}

/* The filter sees arguments but not what they point to. What no value of an argument can make a matter of paths is let
 * through here: prctl other than PR_SET_SECCOMP, sendto without an address, the descriptor form of utimensat (futimens).
 * The descriptor form of newfstatat and statx (AT_EMPTY_PATH) is not: the flag does not prove that the path is empty. */
static void add_call(struct rules *rules, const struct call *call, struct rule rule, enum filter_scope scope) {
    switch (call->kind) {
    case KIND_SOCKETCALL:
        add_socketcall(rules, rule, scope);
        return;
    case KIND_PRCTL:
        rule.test = ARGUMENT_EQUALS;
        rule.value = PR_SET_SECCOMP;
        break;
    case KIND_SECCOMP:
        rule.test = ARGUMENT_EQUALS;
        rule.value = SECCOMP_SET_MODE_FILTER;
        break;
    case KIND_PATHS:
    case KIND_CHDIR:
    case KIND_ADDRESS:
        rule.test = ARGUMENT_IS_SET;
        rule.argument = (unsigned)call->paths[0].path;
        if (call->paths[1].used)
            rule.test = ALWAYS;
        break;
    }
    add_rule(rules, rule);
}

int install_recording_filter(enum filter_scope scope, enum filter_means means) {
    struct rules rules = {0};
    uint32_t action = means == MEANS_LISTENER ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_TRACE;
    for (const struct call_table *const *table = call_tables; *table; table++)
        for (size_t i = 0; i < (*table)->count; i++) {
            const struct call *call = &(*table)->calls[i];
            struct rule rule = {.arch = (*table)->arch, .number = call->number, .action = action};
            if (in_scope(call, scope))
                add_call(&rules, call, rule, scope);
        }
    return install_rules(&rules, means == MEANS_LISTENER ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
}
