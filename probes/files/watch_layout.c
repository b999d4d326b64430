#include "watch_layout.h"

#include <sys/ptrace.h>

#include "btf.h"
#include "util.h"

#ifdef __x86_64__
#define WAY_FLAGS_MEMBER "status"
enum { COMPAT_FLAG = 0x2 /* TS_COMPAT, arch/x86/include/asm/thread_info.h */, X32_BIT = 0x40000000 };
/* The members of struct pt_regs in the order of a call's arguments (entry_64.S, entry_64_compat.S). */
static const char *const registers[2][6] = {{"di", "si", "dx", "r10", "r8", "r9"}, {"bx", "cx", "dx", "si", "di", "bp"}};
#define NUMBER_REGISTER "orig_ax"
#else
#define WAY_FLAGS_MEMBER "flags"
enum { COMPAT_FLAG = 1 << 22 /* TIF_32BIT, arch/arm64/include/asm/thread_info.h */, X32_BIT = 0 };
#define NUMBER_REGISTER "syscallno"
#endif

struct place {
    uint32_t *offset;
    const char *structure, *member;
};

static bool find(const struct btf *btf, const struct place *place, char *trouble, size_t size) {
    int64_t offset = btf_offset(btf, place->structure, place->member);
    if (offset < 0)
        format(trouble, size, "the kernel's struct %s has no %s", place->structure, place->member);
    *place->offset = (uint32_t)offset;
    return offset >= 0;
}

static bool find_registers(const struct btf *btf, struct watch_state *state, char *trouble, size_t size) {
    state->registers_size = (uint32_t)btf_size(btf, "pt_regs");
    if (!find(btf, &(struct place){&state->number_register, "pt_regs", NUMBER_REGISTER}, trouble, size))
        return false;
    for (int way = 0; way < 2; way++)
        for (unsigned i = 0; i < 6; i++) {
            uint32_t *offset = &state->arguments[way][i];
#ifdef __x86_64__
            if (!find(btf, &(struct place){offset, "pt_regs", registers[way][i]}, trouble, size))
                return false;
#else
            /* The first register holds the result when the call returns. */
            if (i == 0 && !find(btf, &(struct place){offset, "pt_regs", "orig_x0"}, trouble, size))
                return false;
            if (i > 0)
                *offset = 8 * i;
#endif
        }
    return true;
}

bool find_watch_layout(struct watch_state *state, char *trouble, size_t size) {
    uint32_t thread_info, seccomp, number;
    const struct place places[] = {
        {&state->group_leader, "task_struct", "group_leader"},
        {&state->thread_pid, "task_struct", "thread_pid"},
        {&state->level, "pid", "level"},
        {&state->numbers, "pid", "numbers"},
        {&state->upid_number, "upid", "nr"},
        {&state->upid_namespace, "upid", "ns"},
        {&state->mm, "task_struct", "mm"},
        {&state->exe_file, "mm_struct", "exe_file"},
        {&state->file_inode, "file", "f_inode"},
        {&state->file_path, "file", "f_path"},
        {&state->file_mode, "file", "f_mode"},
        {&state->fs, "task_struct", "fs"},
        {&state->root, "fs_struct", "root"},
        {&state->working_folder, "fs_struct", "pwd"},
        {&state->files, "task_struct", "files"},
        {&state->fdt, "files_struct", "fdt"},
        {&state->fd, "fdtable", "fd"},
        {&state->max_fds, "fdtable", "max_fds"},
        {&state->path_mount, "path", "mnt"},
        {&state->path_dentry, "path", "dentry"},
        {&state->d_parent, "dentry", "d_parent"},
        {&state->d_name, "dentry", "d_name"},
        {&state->d_inode, "dentry", "d_inode"},
        {&state->name, "qstr", "name"},
        {&state->mount, "mount", "mnt"},
        {&state->mount_parent, "mount", "mnt_parent"},
        {&state->mountpoint, "mount", "mnt_mountpoint"},
        {&state->mount_namespace, "mount", "mnt_ns"},
        {&state->mount_root, "vfsmount", "mnt_root"},
        {&state->nsproxy, "task_struct", "nsproxy"},
        {&state->namespace_of_mounts, "nsproxy", "mnt_ns"},
        {&thread_info, "task_struct", "thread_info"},
        {&state->way_flags, "thread_info", WAY_FLAGS_MEMBER},
        {&seccomp, "task_struct", "seccomp"},
        {&state->filter, "seccomp", "filter"},
        {&state->filter_listener, "seccomp_filter", "notif"},
        {&state->filter_before, "seccomp_filter", "prev"},
        {&state->program_name, "linux_binprm", "filename"},
        {&number, "ns_common", "inum"},
        {&state->pid_namespace_number, "pid_namespace", "ns"},
        {&state->mount_namespace_number, "mnt_namespace", "ns"},
    };
    struct btf *btf = btf_open(trouble, size);
    if (!btf)
        return false;
    bool found = true;
    for (size_t i = 0; found && i < ARRAY_LENGTH(places); i++)
        found = find(btf, &places[i], trouble, size);
    found = found && find_registers(btf, state, trouble, size);
    state->way_flags += thread_info;
    state->filter += seccomp;
    state->pid_namespace_number += number;
    state->mount_namespace_number += number;
    state->upid_size = (uint32_t)btf_size(btf, "upid");
    state->compat_flag = COMPAT_FLAG;
    state->x32_bit = X32_BIT;
    btf_close(btf);
    return found;
}
