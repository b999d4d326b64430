#include "call_program.h"

#include <string.h>

#include "btf.h"
#include "util.h"

#ifdef __x86_64__
#define WAY_FLAGS_MEMBER "status"
enum { COMPAT_FLAG = 0x2 /* TS_COMPAT, arch/x86/include/asm/thread_info.h */, X32_BIT = 0x40000000 };
#else
#define WAY_FLAGS_MEMBER "flags"
enum { COMPAT_FLAG = 1 << 22 /* TIF_32BIT, arch/arm64/include/asm/thread_info.h */, X32_BIT = 0 };
#endif

enum { FUNC_GET_CURRENT_TASK_BTF = 158 }; /* BPF_FUNC_get_current_task_btf, Linux 5.11 */

static bool find(const struct btf *btf, uint32_t *place, const char *structure, const char *member, char *trouble,
                 size_t size) {
    int64_t offset = btf_offset(btf, structure, member);
    if (offset < 0)
        format(trouble, size, "the kernel's struct %s has no %s", structure, member);
    *place = (uint32_t)offset;
    return offset >= 0;
}

bool find_call_offsets(struct call_offsets *offsets, char *trouble, size_t size) {
    struct btf *btf = btf_open(trouble, size);
    if (!btf)
        return false;
    uint32_t thread_info;
    const struct {
        uint32_t *place;
        const char *structure, *member;
    } wanted[] = {
        {&offsets->thread_pid, "task_struct", "thread_pid"},
        {&offsets->level, "pid", "level"},
        {&offsets->numbers, "pid", "numbers"},
        {&offsets->upid_namespace, "upid", "ns"},
        {&offsets->mm, "task_struct", "mm"},
        {&offsets->exe_file, "mm_struct", "exe_file"},
        {&offsets->inode, "file", "f_inode"},
        {&offsets->nsproxy, "task_struct", "nsproxy"},
        {&offsets->mount_namespace, "nsproxy", "mnt_ns"},
        {&thread_info, "task_struct", "thread_info"},
        {&offsets->way_flags, "thread_info", WAY_FLAGS_MEMBER},
    };
    bool found = true;
    for (size_t i = 0; found && i < ARRAY_LENGTH(wanted); i++)
        found = find(btf, wanted[i].place, wanted[i].structure, wanted[i].member, trouble, size);
    offsets->way_flags += thread_info;
    offsets->upid_size = (uint32_t)btf_size(btf, "upid");
    btf_close(btf);
    return found;
}

static size_t emit(struct call_program *program, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
    if (program->length == MOST_INSTRUCTIONS)
        die_plain(EXIT_PROBE, "the call counter is longer than there is room for");
    program->code[program->length] =
        (struct bpf_insn){.code = code, .dst_reg = to, .src_reg = from, .off = offset, .imm = value};
    return program->length++;
}

static void set(struct call_program *program, uint8_t to, int32_t value) {
    emit(program, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

static void move(struct call_program *program, uint8_t to, uint8_t from) {
    emit(program, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static void add(struct call_program *program, uint8_t to, int32_t value) {
    emit(program, BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}

static void call(struct call_program *program, int32_t helper) {
    emit(program, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* A constant of 64 bits takes two instructions. */
static void set_wide(struct call_program *program, uint8_t to, uint8_t kind, uint64_t value) {
    emit(program, BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, (int32_t)(uint32_t)value);
    emit(program, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

static void point_to_counts(struct call_program *program, uint8_t to, int map) {
    set_wide(program, to, BPF_PSEUDO_MAP_VALUE, (uint32_t)map);
}

static void land_here(struct call_program *program, size_t jump) {
    program->code[jump].off = (int16_t)(program->length - jump - 1);
}

static void leave(struct call_program *program) {
    set(program, BPF_REG_0, 0);
    emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* `to` = what lies `offset` bytes behind the kernel's address in `from`; 0 if that cannot be read. */
static void fetch(struct call_program *program, uint8_t to, uint8_t from, uint32_t offset, uint8_t width) {
    move(program, BPF_REG_1, BPF_REG_10);
    add(program, BPF_REG_1, -8);
    set(program, BPF_REG_2, width == BPF_DW ? 8 : 4);
    move(program, BPF_REG_3, from);
    add(program, BPF_REG_3, (int32_t)offset);
    call(program, BPF_FUNC_probe_read_kernel);
    emit(program, BPF_LDX | width | BPF_MEM, to, BPF_REG_10, -8, 0);
}

static void fetch_pid_namespace(struct call_program *program, const struct call_offsets *offsets, uint8_t to, uint8_t pid,
                                uint32_t level) {
    fetch(program, to, pid, offsets->numbers + level * offsets->upid_size + offsets->upid_namespace, BPF_DW);
}

static void fetch_mount_namespace(struct call_program *program, const struct call_offsets *offsets, uint8_t to,
                                  uint8_t task) {
    fetch(program, to, task, offsets->nsproxy, BPF_DW);
    fetch(program, to, to, offsets->mount_namespace, BPF_DW);
}

static void fetch_program(struct call_program *program, const struct call_offsets *offsets, uint8_t to, uint8_t task) {
    fetch(program, to, task, offsets->mm, BPF_DW);
    fetch(program, to, to, offsets->exe_file, BPF_DW);
    fetch(program, to, to, offsets->inode, BPF_DW);
}

static void keep(struct call_program *program, size_t place, uint8_t from, uint8_t width) {
    emit(program, BPF_STX | width | BPF_MEM, BPF_REG_9, from, (int16_t)place, 0);
}

void make_learner(struct call_program *program, const struct call_offsets *offsets, int map) {
    program->length = 0;
    point_to_counts(program, BPF_REG_9, map);
    call(program, BPF_FUNC_get_current_task);
    move(program, BPF_REG_8, BPF_REG_0);
    fetch_mount_namespace(program, offsets, BPF_REG_6, BPF_REG_8);
    keep(program, offsetof(struct call_counts, mount_namespace), BPF_REG_6, BPF_DW);
    fetch_program(program, offsets, BPF_REG_6, BPF_REG_8);
    keep(program, offsetof(struct call_counts, program), BPF_REG_6, BPF_DW);
    fetch(program, BPF_REG_8, BPF_REG_8, offsets->thread_pid, BPF_DW);
    fetch(program, BPF_REG_6, BPF_REG_8, offsets->level, BPF_W);
    keep(program, offsetof(struct call_counts, level), BPF_REG_6, BPF_W);
    /* Of its own PID namespace: the last of the pid's numbers. */
    emit(program, BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_6, 0, 0, (int32_t)offsets->upid_size);
    emit(program, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_8, BPF_REG_6, 0, 0);
    fetch_pid_namespace(program, offsets, BPF_REG_6, BPF_REG_8, 0);
    keep(program, offsetof(struct call_counts, pid_namespace), BPF_REG_6, BPF_DW);
    set(program, BPF_REG_6, 1);
    keep(program, offsetof(struct call_counts, is_learned), BPF_REG_6, BPF_W);
    leave(program);
}

/* Registers: 6 the number; 7 scratch; 8 the task; 9 the byte in `seen`. The helper's result has the kernel's type, so its members can be
 * loaded directly: half the cost of reading the kernel's memory with another helper. */
static size_t find_byte(struct call_program *program, const struct call_offsets *offsets, int map) {
    emit(program, BPF_LDX | BPF_W | BPF_MEM, BPF_REG_7, BPF_REG_8, (int16_t)offsets->way_flags, 0);
    emit(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_7, 0, 0, COMPAT_FLAG);
    point_to_counts(program, BPF_REG_9, map);
    size_t not_compat = emit(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, 0);
    add(program, BPF_REG_9, WAY_COMPAT * NUMBERS);
    size_t to_bound = emit(program, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    land_here(program, not_compat);
    size_t not_x32 = 0;
    if (X32_BIT) {
        move(program, BPF_REG_7, BPF_REG_6);
        emit(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_7, 0, 0, X32_BIT);
        not_x32 = emit(program, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, 0);
        emit(program, BPF_ALU64 | BPF_XOR | BPF_K, BPF_REG_6, 0, 0, X32_BIT);
        add(program, BPF_REG_9, WAY_X32 * NUMBERS);
        land_here(program, not_x32);
    }
    land_here(program, to_bound);
    size_t out = emit(program, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_6, 0, 0, NUMBERS - 1);
    emit(program, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_9, BPF_REG_6, 0, 0);
    return out;
}

static size_t leave_unless_watched(struct call_program *program, const struct call_offsets *offsets,
                                   enum call_scope scope, const struct call_counts *learned, size_t *too_shallow) {
    *too_shallow = 0;
    if (scope == SCOPE_MOUNT_NAMESPACE) {
        fetch_mount_namespace(program, offsets, BPF_REG_7, BPF_REG_8);
        set_wide(program, BPF_REG_2, 0, learned->mount_namespace);
    } else {
        fetch(program, BPF_REG_6, BPF_REG_8, offsets->thread_pid, BPF_DW);
        fetch(program, BPF_REG_7, BPF_REG_6, offsets->level, BPF_W);
        *too_shallow = emit(program, BPF_JMP | BPF_JLT | BPF_K, BPF_REG_7, 0, 0, (int32_t)learned->level);
        fetch_pid_namespace(program, offsets, BPF_REG_7, BPF_REG_6, learned->level);
        set_wide(program, BPF_REG_2, 0, learned->pid_namespace);
    }
    return emit(program, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_7, BPF_REG_2, 0, 0);
}

/* What was seen before is asked first: it settles almost every call on the machine. */
void make_counter(struct call_program *program, const struct call_offsets *offsets, int map, enum call_scope scope,
                  const struct call_counts *learned) {
    program->length = 0;
    emit(program, BPF_LDX | BPF_DW | BPF_MEM, BPF_REG_6, BPF_REG_1, 8, 0); /* the second argument of sys_enter */
    call(program, FUNC_GET_CURRENT_TASK_BTF);
    move(program, BPF_REG_8, BPF_REG_0);
    size_t unknown = find_byte(program, offsets, map), too_shallow;
    emit(program, BPF_LDX | BPF_B | BPF_MEM, BPF_REG_7, BPF_REG_9, 0, 0);
    size_t seen = emit(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_7, 0, 0, 0);
    size_t stranger = leave_unless_watched(program, offsets, scope, learned, &too_shallow);
    fetch_program(program, offsets, BPF_REG_7, BPF_REG_8);
    set_wide(program, BPF_REG_2, 0, learned->program);
    size_t probe = emit(program, BPF_JMP | BPF_JEQ | BPF_X, BPF_REG_7, BPF_REG_2, 0, 0);
    emit(program, BPF_ST | BPF_B | BPF_MEM, BPF_REG_9, 0, 0, 1);
    const size_t jumps[] = {unknown, seen, stranger, probe};
    for (size_t i = 0; i < ARRAY_LENGTH(jumps); i++)
        land_here(program, jumps[i]);
    if (too_shallow)
        land_here(program, too_shallow);
    leave(program);
}
