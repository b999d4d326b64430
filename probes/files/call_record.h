/* What the BPF programs of the recorder and the probe share: the maps' values and the records in the ring buffer. The programs are in
 * kernel/call_watcher.c; scripts/bpf_program.py compiles them into call_watcher.inc. */
#ifndef CALL_RECORD_H
#define CALL_RECORD_H

#include <stdint.h>

/* The ways into the kernel, and numbers of calls for each: as in call_program.h. */
enum { WATCHED_WAYS = 3, WATCHED_NUMBERS = 1024 };

/* The maps, in the order in which the instructions name them. */
enum watch_map { MAP_STATE, MAP_CALLS, MAP_SCRATCH, MAP_TOLD, MAP_RING, WATCH_MAPS };

/* What to capture of a call when it returns. Arguments are counted from 0; -1: none. */
enum watch_kind {
    WATCH_NOTHING,
    WATCH_PATHS,   /* up to two texts and the folders that they start from */
    WATCH_FOLDER,  /* the folder behind a descriptor (getdents) */
    WATCH_ADDRESS, /* a socket address and its length */
    WATCH_MESSAGE, /* struct msghdr, and the address in it */
    WATCH_MESSAGES, /* several of them */
    WATCH_SOCKETCALL, /* i386: the arguments lie in memory */
};

enum watch_flag {
    WATCH_OPENS = 1,      /* returns a descriptor of what it opened */
    WATCH_HELD = 2,       /* the gate's filter holds it: it is told only of processes without that filter */
    WATCH_REDIRECTS = 4,  /* paths may lead elsewhere afterwards */
    WATCH_STRUCTURE = 8,  /* the flags' argument points to struct open_how */
    WATCH_EXEC = 16,      /* does not return here if it succeeds */
};

struct watched_call {
    uint8_t kind, flags;
    int8_t texts[2];
    int8_t folders[2]; /* the argument with the descriptor, or -1: the current folder */
    int8_t extra;      /* the argument with the flags or the length */
    uint8_t unused;
};

/* The namespaces of the processes to watch: by the kernel's addresses, or by their numbers (namespaces(7)). */
enum watch_scope { WATCH_PID_NAMESPACE, WATCH_MOUNT_NAMESPACE, WATCH_PID_NUMBER, WATCH_MOUNT_NUMBER };

/* The one value of MAP_STATE: where the running kernel keeps what is read (bytes), what to watch, and what came of it. */
struct watch_state {
    uint32_t group_leader, thread_pid, level, numbers, upid_size, upid_number, upid_namespace;
    uint32_t mm, exe_file, file_inode, file_path, file_mode, fs, root, working_folder, files, fdt, fd, max_fds;
    uint32_t path_mount, path_dentry, d_parent, d_name, d_inode, name, mount, mount_parent, mountpoint, mount_namespace, mount_root;
    uint32_t nsproxy, namespace_of_mounts, way_flags, compat_flag, x32_bit;
    uint32_t filter, filter_listener, filter_before;
    uint32_t program_name; /* in struct linux_binprm */
    uint32_t registers_size, number_register;
    uint32_t arguments[2][6]; /* in struct pt_regs: native, compat */
    uint32_t exec_number;
    uint32_t pid_namespace_number, mount_namespace_number; /* where they are in struct pid_namespace and mnt_namespace */
    uint32_t scope, watched_level, told_level; /* the PID namespace that tells, and the one by whose numbers to tell */
    uint32_t everything; /* no process is under the gate's filter: WATCH_HELD says nothing */
    uint64_t pid_namespace, mounts, own_program;
    /* Counters, from here on written by the programs. */
    uint64_t generation, events, lost, unreadable;
};

enum record_flag {
    RECORD_EXEC = 1,    /* a program has started: the text is the kernel's, the call's other arguments are not known */
    RECORD_CREATED = 2, /* the call made the file that it opened */
    RECORD_CUT = 4,     /* something did not fit */
};

struct call_record {
    uint32_t thread, process; /* their numbers in the PID namespace of the probe */
    uint32_t way, number, flags, length; /* `length`: of the pieces */
    int64_t result;
    uint64_t program; /* the kernel's address of the executable's open file */
    uint64_t arguments[6];
};

/* Pieces follow, each with its head. Those that are paths hold names, from the last to the first, each with a NUL. */
enum piece_kind { PIECE_MEMORY, PIECE_FOLDER, PIECE_ROOT, PIECE_OPENED, PIECE_PROGRAM };

struct call_piece {
    uint64_t key; /* the address of the memory, the descriptor of the folder (as an argument) */
    uint32_t kind, length; /* the next piece begins at a multiple of 8 */
};

#endif
