#include "call_watcher.h"

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call_counter.h"
#include "call_program.h"
#include "call_record.h"
#include "call_table.h"
#include "captured.h"
#include "container.h"
#include "observe.h"
#include "records.h"
#include "flush.h"
#include "table.h"
#include "util.h"
#include "watch_layout.h"

#include <asm/unistd.h>

struct map_use {
    uint32_t place, map; /* the instruction that names the map */
};

#include "call_watcher.inc"

enum {
    NOTHING = -1,
    RING_SIZE = 64 << 20, /* some 400,000 calls */
    LEAST_RING_SIZE = 1 << 20,
    SHARE = 16, /* of the container's memory, if that is limited */
    TOLD = 32768,
    SCRATCH_SIZE = 48 << 10,
    REST_MS = 5, /* calls that are told within this time are recorded together */
};

static struct {
    int maps[WATCH_MAPS], tracepoints[2];
    bool runs;
    size_t ring_size;
    uint64_t *consumed;       /* where the probe is in the ring */
    const uint64_t *produced; /* where the programs are */
    const char *ring;
    struct watch_state *state;
    uint64_t lost, unreadable;
    int64_t due;
    bool never_rests;
    char *trouble;
    size_t trouble_size;
} watcher;

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static uint64_t address(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

static bool fail(const char *what) {
    format(watcher.trouble, watcher.trouble_size, "%s: %s", what, strerror(errno));
    return false;
}

static int make_map(enum bpf_map_type type, uint32_t key_size, uint32_t value_size, uint32_t entries) {
    bool is_state = value_size == sizeof(struct watch_state);
    union bpf_attr attributes = {.map_type = type,
                                 .map_flags = is_state ? BPF_F_MMAPABLE : 0,
                                 .key_size = key_size,
                                 .value_size = value_size,
                                 .max_entries = entries,
                                 .map_name = "slimmer_watch"};
    return bpf(BPF_MAP_CREATE, &attributes);
}

/* The kernel counts the ring as the container's memory. UINT64_MAX: there is no limit. */
static uint64_t memory_limit(void) {
    static const char *const files[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    char text[64];
    uint64_t limit;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        if (read_text(files[i], text, sizeof text) > 0) {
            text[strcspn(text, "\n")] = '\0';
            if (parse_number(text, 10, &limit))
                return limit;
        }
    return UINT64_MAX;
}

static bool make_ring(void) {
    uint64_t limit = memory_limit();
    watcher.ring_size = RING_SIZE;
    while (watcher.ring_size > LEAST_RING_SIZE && watcher.ring_size > limit / SHARE)
        watcher.ring_size /= 2;
    do
        watcher.maps[MAP_RING] = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)watcher.ring_size);
    while (watcher.maps[MAP_RING] < 0 && errno == ENOMEM && (watcher.ring_size /= 2) >= LEAST_RING_SIZE);
    if (watcher.maps[MAP_RING] < 0)
        return fail("a ring buffer cannot be made (Linux 5.8)");
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    watcher.consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, watcher.maps[MAP_RING], 0);
    /* The data follows the position twice, so that what crosses the end lies in one piece. */
    watcher.produced = mmap(NULL, page + 2 * watcher.ring_size, PROT_READ, MAP_SHARED, watcher.maps[MAP_RING], (off_t)page);
    if (watcher.consumed == MAP_FAILED || watcher.produced == MAP_FAILED)
        return fail("the ring buffer cannot be mapped");
    watcher.ring = (const char *)watcher.produced + page;
    return true;
}

static bool make_maps(void) {
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    int *maps = watcher.maps;
    maps[MAP_STATE] = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct watch_state), 1);
    maps[MAP_CALLS] = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct watched_call), WATCHED_WAYS * WATCHED_NUMBERS);
    maps[MAP_SCRATCH] = make_map(BPF_MAP_TYPE_ARRAY, 4, SCRATCH_SIZE, processors > 0 ? (uint32_t)processors : 1);
    maps[MAP_TOLD] = make_map(BPF_MAP_TYPE_LRU_HASH, 8, 1, TOLD);
    for (int map = 0; map < MAP_RING; map++)
        if (maps[map] < 0)
            return fail("a BPF map cannot be made");
    return make_ring();
}

static bool put_call(uint32_t key, const struct watched_call *value) {
    union bpf_attr attributes = {.map_fd = (uint32_t)watcher.maps[MAP_CALLS], .key = address(&key), .value = address(value)};
    return !bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

static bool fill_calls(void) {
    for (unsigned way = 0; way < WATCHED_WAYS; way++)
        for (uint32_t number = 0; number < WATCHED_NUMBERS; number++) {
            struct watched_call call;
            if (describe_watched_call(way, number, &call) && !put_call(way * WATCHED_NUMBERS + number, &call))
                return fail("a BPF map cannot be written");
        }
    return true;
}

/* The PID namespace is the container's own if its first process is in this container (call_counter.c). */
static bool aim_at_own(struct watch_state *state) {
    const struct call_counts *learned = learned_surroundings();
    if (!learned) {
        format(watcher.trouble, watcher.trouble_size, "%s", counter_trouble());
        return false;
    }
    state->scope = in_this_container(1) ? WATCH_PID_NAMESPACE : WATCH_MOUNT_NAMESPACE;
    state->watched_level = state->told_level = learned->level;
    state->pid_namespace = learned->pid_namespace;
    state->mounts = learned->mount_namespace;
    state->own_program = learned->program;
    return true;
}

/* The kernel's addresses are not known of another container, and none of its processes is under the gate's filter. */
static bool aim_at_other(struct watch_state *state) {
    uint32_t processes, mounts;
    if (!sees_all_processes() || !number_namespaces(&processes, &mounts, &state->watched_level)) {
        format(watcher.trouble, watcher.trouble_size, "the probe is not in the machine's first PID namespace");
        return false;
    }
    state->scope = processes ? WATCH_PID_NUMBER : WATCH_MOUNT_NUMBER;
    state->pid_namespace = processes;
    state->mounts = mounts;
    state->everything = 1;
    return true;
}

static bool fill_state(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (sizeof(struct watch_state) + page - 1) / page * page;
    struct watch_state *state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, watcher.maps[MAP_STATE], 0);
    if (state == MAP_FAILED)
        return fail("a BPF map cannot be written");
    watcher.state = state;
    if (!find_watch_layout(state, watcher.trouble, watcher.trouble_size))
        return false;
    state->exec_number = __NR_execve;
    return is_outside_container() ? aim_at_other(state) : aim_at_own(state);
}

static int load(const uint64_t *code, size_t length, const struct map_use *uses, size_t count) {
    struct bpf_insn *instructions = check_alloc(malloc(length * sizeof *instructions));
    memcpy(instructions, code, length * sizeof *instructions);
    for (size_t i = 0; i < count; i++) {
        instructions[uses[i].place].src_reg = BPF_PSEUDO_MAP_FD;
        instructions[uses[i].place].imm = watcher.maps[uses[i].map];
    }
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
                                 .insns = address(instructions),
                                 .insn_cnt = (uint32_t)length,
                                 .license = address("GPL"), /* the helpers that read the kernel's memory ask for it */
                                 .prog_name = "slimmer_watch"};
    int loaded = bpf(BPF_PROG_LOAD, &attributes);
    int error = errno;
    free(instructions);
    errno = error;
    return loaded;
}

static bool attach(int place, const char *tracepoint, int program) {
    if (program < 0)
        return fail("a BPF program cannot be loaded");
    union bpf_attr attributes = {.raw_tracepoint = {.name = address(tracepoint), .prog_fd = (uint32_t)program}};
    watcher.tracepoints[place] = bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes);
    int error = errno;
    close(program);
    errno = error;
    return watcher.tracepoints[place] >= 0 || fail(tracepoint);
}

static bool load_programs(void) {
    return attach(0, "sched_process_exec",
                  load(sched_process_exec_code, ARRAY_LENGTH(sched_process_exec_code), sched_process_exec_maps,
                       ARRAY_LENGTH(sched_process_exec_maps))) &&
           attach(1, "sys_exit",
                  load(sys_exit_code, ARRAY_LENGTH(sys_exit_code), sys_exit_maps, ARRAY_LENGTH(sys_exit_maps)));
}

bool start_call_watcher(char *trouble, size_t size) {
    watcher.trouble = trouble;
    watcher.trouble_size = size;
    watcher.runs = make_maps() && fill_calls() && fill_state() && load_programs();
    /* The programs keep the maps; descriptors may be few. */
    for (int map = 0; map < MAP_RING; map++)
        if (watcher.maps[map] >= 0)
            close(watcher.maps[map]);
    return watcher.runs;
}

bool call_watcher_runs(void) {
    return watcher.runs;
}

int watcher_descriptor(void) {
    return watcher.runs ? watcher.maps[MAP_RING] : NOTHING;
}

int64_t watcher_due(void) {
    return watcher.due;
}

/* Programs by the kernel's address of their open file, and by the process that ran them last. */
static struct table by_file, by_process;

static uint32_t ask_program(pid_t process) {
    return process_at_a_glance(process).executable;
}

/* The number of the program that makes a call. Of a start (exec), that is the one before. */
static uint32_t program_of(const struct captured *captured) {
    const struct call_record *record = captured->record;
    uint64_t file = hash_bytes(0, &record->program, sizeof record->program);
    uint64_t process = hash_bytes(0, &record->process, sizeof record->process);
    char path[PATH_MAX];
    bool added;
    uint32_t *known = table_put(&by_file, file, &added);
    if (record->flags & RECORD_EXEC)
        *known = captured_program(captured, path, sizeof path) ? executable_number(path) : 0;
    else if (!*known)
        *known = ask_program((pid_t)record->thread);
    uint32_t *last = table_put(&by_process, process, &added);
    uint32_t before = *last;
    *last = *known;
    return record->flags & RECORD_EXEC ? before : *known;
}

static void record_call(const char *data, size_t size) {
    const struct call_record *record = (const struct call_record *)data;
    if (size < sizeof *record || record->length != size - sizeof *record || record->flags & RECORD_CUT) {
        counters.unreadable++;
        return;
    }
    struct captured captured = {.record = record, .pieces = data + sizeof *record};
    struct caller caller = {.thread = (pid_t)record->thread, .listener = NOTHING, .captured = &captured};
    captured.executable = program_of(&captured);
    memcpy(caller.arguments, record->arguments, sizeof caller.arguments);
    if (number_watched_call(record->way, record->number, &caller.arch, &caller.number))
        observe_call(&caller);
}

/* Returns how much was read. A record that is still being written is waited for: the programs cannot be interrupted. */
static uint64_t read_ring(void) {
    uint64_t place = *watcher.consumed, first = place;
    uint64_t end = __atomic_load_n(watcher.produced, __ATOMIC_ACQUIRE);
    while (place < end) {
        const char *head = watcher.ring + (place & (watcher.ring_size - 1));
        uint32_t length = __atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE);
        if (length & BPF_RINGBUF_BUSY_BIT) {
            sched_yield();
            continue;
        }
        bool is_discarded = length & BPF_RINGBUF_DISCARD_BIT;
        length &= ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        if (!is_discarded)
            record_call(head + BPF_RINGBUF_HDR_SZ, length);
        place += (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
        __atomic_store_n(watcher.consumed, place, __ATOMIC_RELEASE);
    }
    return place - first;
}

void count_watcher_losses(void) {
    if (!watcher.runs)
        return;
    uint64_t lost = __atomic_load_n(&watcher.state->lost, __ATOMIC_RELAXED);
    uint64_t unreadable = __atomic_load_n(&watcher.state->unreadable, __ATOMIC_RELAXED);
    counters.lost += lost - watcher.lost;
    counters.unreadable += unreadable - watcher.unreadable;
    watcher.lost = lost;
    watcher.unreadable = unreadable;
}

void serve_watched_calls(void) {
    if (read_ring())
        send_records_soon();
    watcher.due = watcher.never_rests ? 0 : now_ms() + REST_MS;
}

void watch_without_rest(void) {
    watcher.never_rests = true;
    watcher.due = 0;
}

void drain_watched_calls(void) {
    if (watcher.runs)
        read_ring();
}
