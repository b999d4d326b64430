#include "call_counter.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call_program.h"
#include "container.h"
#include "records.h"
#include "util.h"

enum { NOTHING = -1 };

static struct call_counts surroundings;

static struct {
    int map, tracepoint;
    char trouble[512];
} counter = {NOTHING, NOTHING, ""};

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static uint64_t address(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

static bool fail(const char *what) {
    const char *hint = errno == EPERM || errno == EACCES ? " (CAP_SYS_ADMIN in the first user namespace is needed)" : "";
    format(counter.trouble, sizeof counter.trouble, "%s: %s%s", what, strerror(errno), hint);
    return false;
}

static bool make_map(void) {
    union bpf_attr attributes = {.map_type = BPF_MAP_TYPE_ARRAY,
                                 .key_size = sizeof(uint32_t),
                                 .value_size = sizeof(struct call_counts),
                                 .max_entries = 1,
                                 .map_name = "slimmer_calls"};
    counter.map = bpf(BPF_MAP_CREATE, &attributes);
    return counter.map >= 0 || fail("a BPF map cannot be made");
}

static bool read_counts(struct call_counts *counts) {
    uint32_t key = 0;
    union bpf_attr attributes = {
        .map_fd = (uint32_t)counter.map, .key = address(&key), .value = address(counts)};
    return !bpf(BPF_MAP_LOOKUP_ELEM, &attributes);
}

static int load(const struct call_program *program) {
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
                                 .insns = address(program->code),
                                 .insn_cnt = (uint32_t)program->length,
                                 .license = address("GPL"), /* the helpers that read the kernel's memory ask for it */
                                 .prog_name = "slimmer_calls"};
    return bpf(BPF_PROG_LOAD, &attributes);
}

/* Runs the learner once, in this process (Linux 5.10). */
static bool learn(const struct call_offsets *offsets, struct call_counts *learned) {
    static struct call_program program;
    uint64_t arguments[2] = {0};
    make_learner(&program, offsets, counter.map);
    int learner = load(&program);
    if (learner < 0)
        return fail("a BPF program cannot be loaded");
    union bpf_attr attributes = {.test = {.prog_fd = (uint32_t)learner,
                                          .ctx_in = address(arguments),
                                          .ctx_size_in = sizeof arguments}};
    bool ran = !bpf(BPF_PROG_TEST_RUN, &attributes) || fail("a BPF program cannot be tried out (Linux 5.10)");
    close(learner);
    if (!ran || !read_counts(learned))
        return ran ? fail("a BPF map cannot be read") : false;
    if (learned->is_learned && learned->pid_namespace && learned->mount_namespace && learned->program)
        return true;
    format(counter.trouble, sizeof counter.trouble, "a BPF program cannot read the kernel's memory here");
    return false;
}

/* The PID namespace is the container's own if its first process is in this container. It holds the processes of the app's own
 * sandboxes, too. Otherwise strangers are in it, and the mount namespace tells who belongs to the container. */
static bool attach(const struct call_offsets *offsets, const struct call_counts *learned) {
    static struct call_program program;
    enum call_scope scope = in_this_container(1) ? SCOPE_PID_NAMESPACE : SCOPE_MOUNT_NAMESPACE;
    make_counter(&program, offsets, counter.map, scope, learned);
    int loaded = load(&program);
    if (loaded < 0)
        return fail("a BPF program cannot be loaded (Linux 5.11)");
    union bpf_attr attributes = {
        .raw_tracepoint = {.name = address("sys_enter"), .prog_fd = (uint32_t)loaded}};
    counter.tracepoint = bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes);
    int error = errno;
    close(loaded);
    errno = error;
    return counter.tracepoint >= 0 || fail("the tracepoint sys_enter cannot be used");
}

void start_call_counter(void) {
    struct call_offsets offsets;
    if (make_map() && find_call_offsets(&offsets, counter.trouble, sizeof counter.trouble) &&
        learn(&offsets, &surroundings))
        attach(&offsets, &surroundings);
}

const struct call_counts *learned_surroundings(void) {
    return counter.tracepoint >= 0 ? &surroundings : NULL;
}

const char *counter_trouble(void) {
    return counter.trouble;
}

void tell_call_counter(const char *reason) {
    bool runs = counter.tracepoint >= 0;
    write_record(runs ? "recorder bpf on" : "recorder bpf off", runs ? reason : counter.trouble, "");
}

void tell_calls(void) {
    static const char *const heads[WAYS] = {"calls native", "calls compat", "calls x32"};
    struct call_counts counts;
    if (counter.tracepoint < 0)
        return;
    if (!read_counts(&counts))
        die("the BPF map cannot be read");
    for (size_t way = 0; way < WAYS; way++) {
        struct buffer numbers = {0};
        for (unsigned number = 0; number < NUMBERS; number++)
            if (counts.seen[way][number])
                buffer_addf(&numbers, numbers.length ? " %u" : "%u", number);
        if (numbers.length) {
            buffer_add(&numbers, "", 1);
            write_record(heads[way], numbers.data, "");
        }
        buffer_free(&numbers);
    }
}
