/* The BPF programs of the call counter, instruction by instruction. */
#ifndef CALL_PROGRAM_H
#define CALL_PROGRAM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of calls, for each way into the kernel. */
enum { WAY_NATIVE, WAY_COMPAT, WAY_X32, WAYS, NUMBERS = 1024 };

/* What the programs share with the probe: a map of one entry. */
struct call_counts {
    uint8_t seen[WAYS][NUMBERS];
    /* The kernel's addresses of what is watched, and how deep its PID namespace lies. */
    uint64_t pid_namespace, mount_namespace, program;
    uint32_t level, is_learned;
};

/* What to watch: the processes of a PID namespace with those within it, or those of a mount namespace. */
enum call_scope { SCOPE_PID_NAMESPACE, SCOPE_MOUNT_NAMESPACE };

/* Where the kernel keeps what the programs look at, in bytes. */
struct call_offsets {
    uint32_t thread_pid, level, numbers, upid_size, upid_namespace;
    uint32_t mm, exe_file, inode, nsproxy, mount_namespace, way_flags;
};

bool find_call_offsets(struct call_offsets *offsets, char *trouble, size_t size);

enum { MOST_INSTRUCTIONS = 96 };
struct call_program {
    struct bpf_insn code[MOST_INSTRUCTIONS];
    size_t length;
};

/* Writes into the map what the process that runs it is: its namespaces and its program. */
void make_learner(struct call_program *program, const struct call_offsets *offsets, int map);
/* Notes each call of what is watched, unless the probe makes it. */
void make_counter(struct call_program *program, const struct call_offsets *offsets, int map, enum call_scope scope,
                  const struct call_counts *learned);

#endif
