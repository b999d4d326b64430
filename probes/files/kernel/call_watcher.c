/* The recorder's BPF programs, at the raw tracepoints sys_exit and sched_process_exec. Each tells of one call of the watched container:
 * what its arguments point to, the folders that its paths start from, and what was opened.
 *
 * The kernel's structures are read at offsets that the probe takes from BTF (struct watch_state), so one compilation fits all kernels.
 * After a change: python scripts/bpf_program.py. */
#include "../call_record.h"

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t address;

/* bpf-helpers(7): the numbers are those of enum bpf_func_id. */
static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static long (*map_update)(void *map, const void *key, const void *value, uint64_t flags) = (void *)2;
static uint32_t (*processor)(void) = (void *)8;
static long (*get_name)(void *buffer, uint32_t size) = (void *)16;
static address (*current_task)(void) = (void *)35;
static long (*read_user)(void *to, uint32_t size, address from) = (void *)112;
static long (*read_kernel)(void *to, uint32_t size, address from) = (void *)113;
static long (*read_user_text)(void *to, uint32_t size, address from) = (void *)114;
static long (*read_kernel_text)(void *to, uint32_t size, address from) = (void *)115;
static long (*output)(void *ring, void *data, uint64_t size, uint64_t flags) = (void *)130;

/* Stand for the maps: the probe puts their descriptors into the instructions. */
extern char map_state, map_calls, map_scratch, map_told, map_ring;

enum {
    PATH_LIMIT = 4096,
    NAME_LIMIT = 256,
    STEPS = 160, /* from a folder up to the root */
    DATA_MASK = 32767,
    DATA_SIZE = DATA_MASK + 1 + 2 * PATH_LIMIT,
    REGISTERS = 512,
    FILTERS = 16,
    WANTED = 4, /* two folders, the root, and what was opened; a power of two */
    MESSAGES = 32,
    AT_CURRENT = -100,
    INTERRUPTED_FIRST = -531, /* the call is made again (include/linux/errno.h) */
    INTERRUPTED_LAST = -512,
    ADDRESS_SIZE = 110, /* struct sockaddr_un */
    UNIX = 1,
    MADE = 1 << 20, /* FMODE_CREATED */
    BAD_ADDRESS = -14,
    BIND = 2, CONNECT = 3, SENDTO = 11, SENDMSG = 16, SENDMMSG = 20, /* socketcall */
};

struct wanted_path {
    address path;
    uint64_t key;
    uint32_t kind, unused;
};

struct scratch {
    char registers[REGISTERS];
    struct call_record record;
    char data[DATA_SIZE];
    /* How much of `data` is used. It lies here because the verifier forgets what it knows of it, and so need not look at each
     * step of a loop for each value. */
    uint32_t end, path_end, told, wanted, is_relative[2];
    struct wanted_path paths[WANTED];
};

struct watch {
    struct watch_state *state;
    struct scratch *scratch;
    address task;
    uint64_t hash;
};

/* Keeps the compiler from drawing conclusions that the kernel's verifier does not. */
#define HIDE(value) __asm__ volatile("" : "+r"(value))

INLINE uint64_t fetch(address from) {
    uint64_t value = 0;
    read_kernel(&value, sizeof value, from);
    return value;
}

INLINE uint32_t fetch32(address from) {
    uint32_t value = 0;
    read_kernel(&value, sizeof value, from);
    return value;
}

INLINE void mix(struct watch *watch, uint64_t value) {
    uint64_t hash = (watch->hash ^ value) * 0x9e3779b97f4a7c15ULL;
    watch->hash = hash ^ hash >> 29;
}

INLINE char *at(struct watch *watch, uint32_t place) {
    uint64_t offset = place;
    HIDE(offset);
    offset &= DATA_MASK;
    return watch->scratch->data + offset;
}

INLINE void put_head(struct watch *watch, uint32_t kind, uint64_t key, uint32_t length) {
    struct call_piece *head = (struct call_piece *)at(watch, watch->scratch->end);
    head->key = key;
    head->kind = kind;
    head->length = length;
    watch->scratch->end += sizeof *head + ((length + 7) & ~7U);
    if (watch->scratch->end > DATA_MASK - 2 * PATH_LIMIT) {
        watch->scratch->end = 0;
        watch->scratch->record.flags |= RECORD_CUT;
    }
}

INLINE char *place_of_content(struct watch *watch) {
    return at(watch, watch->scratch->end) + sizeof(struct call_piece);
}

INLINE void mix_content(struct watch *watch, const char *content, uint32_t length) {
    mix(watch, length);
    for (uint32_t i = 0; i < PATH_LIMIT / 8 && i * 8 < length; i++)
        mix(watch, *(const uint64_t *)(content + i * 8));
}

/* False if there is no text that can be read; 1 byte or more otherwise. */
INLINE long put_text(struct watch *watch, address from) {
    char *content = place_of_content(watch);
    long length = read_user_text(content, PATH_LIMIT, from);
    if (length <= 0 || length > PATH_LIMIT)
        return 0;
    uint64_t last = (uint64_t)length;
    HIDE(last);
    last &= 8191;
    *(uint64_t *)(content + (last & ~7ULL)) &= last & 7 ? (1ULL << (last & 7) * 8) - 1 : 0;
    mix_content(watch, content, (uint32_t)length);
    /* What these lead to depends on the process. */
    uint32_t start = *(uint32_t *)content;
    if (start == 0x6f72702f /* "/pro" */ || start == 0x7665642f /* "/dev" */)
        mix(watch, watch->scratch->record.process);
    put_head(watch, PIECE_MEMORY, from, (uint32_t)length);
    return length;
}

INLINE int put_memory(struct watch *watch, address from, uint32_t size) {
    char *content = place_of_content(watch);
    if (read_user(content, size, from))
        return 0;
    put_head(watch, PIECE_MEMORY, from, size);
    return 1;
}

/* The names from a struct path up to the root of all mounts. */
INLINE void put_path(struct watch *watch, uint32_t kind, uint64_t key, address path) {
    struct watch_state *state = watch->state;
    address vfs_mount = fetch(path + state->path_mount), dentry = fetch(path + state->path_dentry);
    address mount = vfs_mount - state->mount, root = fetch(vfs_mount + state->mount_root);
    struct scratch *scratch = watch->scratch;
    int done = 0;
    if (!dentry || !vfs_mount)
        return;
    scratch->path_end = scratch->end + sizeof(struct call_piece);
    for (int i = 0; i < STEPS; i++) {
        if (dentry == root) {
            address above = fetch(mount + state->mount_parent);
            if (above == mount) {
                /* A mount without a namespace is the kernel's own (pipes, memory) or was taken away. */
                done = fetch(mount + state->mount_namespace) ? 1 : -1;
                break;
            }
            dentry = fetch(mount + state->mountpoint);
            mount = above;
            root = fetch(mount + state->mount + state->mount_root);
            continue;
        }
        address parent = fetch(dentry + state->d_parent);
        if (parent == dentry) {
            done = -1;
            break;
        }
        long length =
            read_kernel_text(at(watch, scratch->path_end), NAME_LIMIT, fetch(dentry + state->d_name + state->name));
        if (length <= 0 || scratch->path_end > scratch->end + PATH_LIMIT)
            break;
        scratch->path_end += (uint32_t)length;
        dentry = parent;
    }
    if (!done)
        scratch->record.flags |= RECORD_CUT;
    if (done > 0)
        put_head(watch, kind, key, scratch->path_end - scratch->end - sizeof(struct call_piece));
}

INLINE void mix_path(struct watch *watch, address path) {
    mix(watch, fetch(path + watch->state->path_mount));
    mix(watch, fetch(path + watch->state->path_dentry));
}

/* The address of the struct path behind a descriptor, or 0. */
INLINE address path_of(struct watch *watch, int32_t descriptor, address *file) {
    struct watch_state *state = watch->state;
    *file = 0;
    if (descriptor == AT_CURRENT)
        return fetch(watch->task + state->fs) + state->working_folder;
    address table = fetch(fetch(watch->task + state->files) + state->fdt);
    if (descriptor < 0 || (uint32_t)descriptor >= fetch32(table + state->max_fds))
        return 0;
    *file = fetch(fetch(table + state->fd) + 8 * (uint64_t)(uint32_t)descriptor);
    return *file ? *file + state->file_path : 0;
}

INLINE uint64_t argument(struct watch *watch, int index) {
    uint64_t place = (uint64_t)index;
    HIDE(place);
    place &= 7;
    return place < 6 ? watch->scratch->record.arguments[place] : 0;
}

INLINE int is_watched(struct watch *watch) {
    struct watch_state *state = watch->state;
    address task = watch->task, pid = fetch(task + state->thread_pid);
    uint32_t level = fetch32(pid + state->level), watched = state->watched_level;
    if (level < watched)
        return 0;
    uint64_t number = state->numbers + (uint64_t)watched * state->upid_size;
    uint64_t found, wanted;
    if (state->scope == WATCH_PID_NAMESPACE || state->scope == WATCH_PID_NUMBER) {
        found = fetch(pid + number + state->upid_namespace);
        wanted = state->pid_namespace;
        if (state->scope == WATCH_PID_NUMBER)
            found = fetch32(found + state->pid_namespace_number);
    } else {
        found = fetch(fetch(task + state->nsproxy) + state->namespace_of_mounts);
        wanted = state->mounts;
        if (state->scope == WATCH_MOUNT_NUMBER)
            found = fetch32(found + state->mount_namespace_number);
    }
    if (found != wanted)
        return 0;
    number = state->numbers + (uint64_t)state->told_level * state->upid_size;
    address file = fetch(fetch(task + state->mm) + state->exe_file);
    if (!file || fetch(file + state->file_inode) == state->own_program)
        return 0;
    uint32_t name[4] = {0};
    get_name(name, sizeof name);
    if (name[0] == 0x636e7572 && (name[1] & 0xffff) == 0x5b3a) /* "runc:[": it enters the container for `docker exec` */
        return 0;
    struct call_record *record = &watch->scratch->record;
    record->program = file;
    record->thread = fetch32(pid + number + state->upid_number);
    record->process =
        fetch32(fetch(fetch(task + state->group_leader) + state->thread_pid) + number + state->upid_number);
    return 1;
}

/* True if the gate's filter is on this process: one that has a listener. */
INLINE int is_held(struct watch *watch) {
    address filter = fetch(watch->task + watch->state->filter);
    for (int i = 0; i < FILTERS && filter; i++) {
        if (fetch(filter + watch->state->filter_listener))
            return 1;
        filter = fetch(filter + watch->state->filter_before);
    }
    return 0;
}

INLINE void send(struct watch *watch) {
    struct call_record *record = &watch->scratch->record;
    uint64_t length = watch->scratch->end;
    record->length = (uint32_t)length;
    HIDE(length);
    length &= DATA_MASK;
    if (output(&map_ring, record, sizeof *record + length, 0))
        __sync_fetch_and_add(&watch->state->lost, 1);
}

INLINE int start(struct watch *watch) {
    uint32_t zero = 0, here = processor();
    watch->state = map_lookup(&map_state, &zero);
    watch->scratch = map_lookup(&map_scratch, &here);
    watch->task = current_task();
    watch->hash = 0;
    if (!watch->state || !watch->scratch)
        return 0;
    watch->scratch->end = 0;
    watch->scratch->wanted = 0;
    return 1;
}

INLINE int read_call(struct watch *watch, address registers) {
    struct watch_state *state = watch->state;
    struct call_record *record = &watch->scratch->record;
    uint64_t size = state->registers_size;
    HIDE(size);
    size &= REGISTERS - 1;
    if (read_kernel(watch->scratch->registers, size, registers))
        return 0;
    uint64_t place = state->number_register & (REGISTERS - 8);
    uint64_t number = *(uint64_t *)(watch->scratch->registers + place) & 0xffffffff;
    uint32_t way = fetch32(watch->task + state->way_flags) & state->compat_flag ? 1 : 0;
    if (!way && number & state->x32_bit) {
        way = 2;
        number ^= state->x32_bit;
    }
    record->way = way;
    record->number = (uint32_t)number;
    record->flags = 0;
    return number < WATCHED_NUMBERS;
}

INLINE void read_arguments(struct watch *watch) {
    struct call_record *record = &watch->scratch->record;
    for (int i = 0; i < 6; i++) {
        uint64_t place = watch->state->arguments[record->way == 1][i] & (REGISTERS - 8);
        uint64_t value = *(uint64_t *)(watch->scratch->registers + place);
        record->arguments[i] = record->way == 1 ? value & 0xffffffff : value;
    }
}

/* The path is put into the record at the end, in one place: the verifier looks at each use of a loop anew. */
INLINE void want_path(struct watch *watch, uint32_t kind, uint64_t key, address path) {
    uint64_t place = watch->scratch->wanted;
    if (!path)
        return;
    HIDE(place);
    place &= WANTED - 1;
    struct wanted_path *wanted = &watch->scratch->paths[place];
    wanted->path = path;
    wanted->key = key;
    wanted->kind = kind;
    watch->scratch->wanted = (uint32_t)place + 1;
}

INLINE void want_folder(struct watch *watch, int32_t descriptor) {
    address file;
    want_path(watch, PIECE_FOLDER, (uint64_t)(uint32_t)descriptor, path_of(watch, descriptor, &file));
}

INLINE void want_root(struct watch *watch) {
    want_path(watch, PIECE_ROOT, 0, fetch(watch->task + watch->state->fs) + watch->state->root);
}

INLINE void put_wanted_paths(struct watch *watch) {
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < WANTED; i++) {
        struct wanted_path *wanted = &watch->scratch->paths[i];
        if (i >= watch->scratch->wanted)
            break;
        put_path(watch, wanted->kind, wanted->key, wanted->path);
    }
}

INLINE void mix_folder(struct watch *watch, int32_t descriptor) {
    address file, path = path_of(watch, descriptor, &file);
    if (path)
        mix_path(watch, path);
}

/* 1: tell of the address, 0: it is no path. */
INLINE int put_address(struct watch *watch, address from, uint64_t size) {
    char *content = place_of_content(watch);
    if (size > ADDRESS_SIZE)
        size = ADDRESS_SIZE;
    if (size < 3 || !from)
        return 0;
    *(uint64_t *)(content + 104) = 0; /* the end that mix_content may read */
    uint64_t length = size;
    HIDE(length);
    length &= 127;
    if (read_user(content, length, from) || *(uint16_t *)content != UNIX || !content[2])
        return 0;
    put_head(watch, PIECE_MEMORY, from, (uint32_t)size);
    return 1;
}

INLINE int put_message(struct watch *watch, address header) {
    int wide = watch->scratch->record.way != 1;
    uint64_t bytes[2] = {0};
    if (read_user(bytes, wide ? 12 : 8, header))
        return 0;
    uint64_t from = wide ? bytes[0] : bytes[0] & 0xffffffff, size = wide ? bytes[1] & 0xffffffff : bytes[0] >> 32;
    return put_address(watch, from, size) && put_memory(watch, header, wide ? 12 : 8);
}

/* An address, or messages with one each. */
INLINE int capture_addresses(struct watch *watch, const struct watched_call *call) {
    struct scratch *scratch = watch->scratch;
    int kind = call->kind;
    uint64_t from = argument(watch, call->texts[0]), size = argument(watch, call->extra) & 0xffffffff;
    if (kind == WATCH_SOCKETCALL) {
        uint32_t words[6] = {0};
        uint64_t which = scratch->record.arguments[0];
        uint64_t length = which == SENDTO ? 24 : which == SENDMMSG ? 16 : which == CONNECT || which == SENDMSG || which == BIND ? 12 : 0;
        if (which == BIND && !watch->state->everything && is_held(watch))
            return 0;
        HIDE(length);
        length &= 31;
        if (!length || length > sizeof words || !put_memory(watch, scratch->record.arguments[1], length) ||
            read_user(words, length, scratch->record.arguments[1]))
            return 0;
        from = which == SENDTO ? words[4] : words[1];
        size = which == SENDTO ? words[5] : words[2];
        kind = which == SENDMSG ? WATCH_MESSAGE : which == SENDMMSG ? WATCH_MESSAGES : WATCH_ADDRESS;
    }
    if (kind == WATCH_ADDRESS)
        return put_address(watch, from, size);
    scratch->told = 0;
    uint64_t step = scratch->record.way != 1 ? 64 : 32, count = kind == WATCH_MESSAGE ? 1 : size;
    for (uint32_t i = 0; i < MESSAGES && i < count; i++)
        if (put_message(watch, from + i * step))
            scratch->told = 1;
    if (count > MESSAGES && scratch->told)
        scratch->record.flags |= RECORD_CUT;
    return scratch->told;
}

/* The same call with the same outcome by the same program needs to be told once. */
INLINE int was_told(struct watch *watch) {
    uint64_t key = watch->hash;
    uint8_t one = 1;
    if (map_lookup(&map_told, &key))
        return 1;
    map_update(&map_told, &key, &one, 0);
    return 0;
}

INLINE int32_t folder_of(struct watch *watch, int8_t index) {
    return index < 0 ? AT_CURRENT : (int32_t)argument(watch, index);
}

/* Returns 0 if there is nothing to tell. */
INLINE int capture_paths(struct watch *watch, const struct watched_call *call, int64_t result) {
    struct watch_state *state = watch->state;
    struct call_record *record = &watch->scratch->record;
    address file = 0, opened = 0;
    struct scratch *scratch = watch->scratch;
    scratch->told = 0;
    for (int i = 0; i < 2; i++) {
        scratch->is_relative[i] = 0;
        if (call->texts[i] < 0 || !argument(watch, call->texts[i]))
            continue;
        char *content = place_of_content(watch);
        if (put_text(watch, argument(watch, call->texts[i]))) {
            scratch->told = 1;
            /* With RESOLVE_IN_ROOT, an absolute path starts from the folder as well. */
            if (content[0] != '/' || call->flags & WATCH_STRUCTURE) {
                scratch->is_relative[i] = 1;
                mix_folder(watch, folder_of(watch, call->folders[i]));
            }
        } else if (result != BAD_ADDRESS) {
            __sync_fetch_and_add(&state->unreadable, 1);
        }
    }
    if (!scratch->told)
        return 0;
    if (call->flags & WATCH_STRUCTURE)
        put_memory(watch, argument(watch, call->extra), 24);
    if (call->flags & WATCH_OPENS && result >= 0)
        opened = path_of(watch, (int32_t)result, &file);
    if (opened) {
        mix_path(watch, opened);
        mix(watch, fetch(file + state->file_inode));
        if (fetch32(file + state->file_mode) & MADE)
            record->flags |= RECORD_CREATED;
    }
    mix_path(watch, fetch(watch->task + state->fs) + state->root);
    mix(watch, (uint64_t)record->way << 32 | record->number);
    mix(watch, call->extra < 0 ? 0 : argument(watch, call->extra));
    mix(watch, (uint64_t)(result < 0 ? result : 0));
    mix(watch, record->program);
    mix(watch, record->flags);
    mix(watch, state->generation);
    if (!(call->flags & (WATCH_HELD | WATCH_STRUCTURE)) && was_told(watch))
        return 0;
    if (scratch->is_relative[0])
        want_folder(watch, folder_of(watch, call->folders[0]));
    if (scratch->is_relative[1])
        want_folder(watch, folder_of(watch, call->folders[1]));
    want_root(watch);
    want_path(watch, PIECE_OPENED, 0, opened);
    return 1;
}

INLINE int capture_folder(struct watch *watch, const struct watched_call *call, int64_t result) {
    int32_t descriptor = (int32_t)argument(watch, call->extra);
    if (result < 0)
        return 0;
    mix_folder(watch, descriptor);
    mix(watch, watch->scratch->record.program);
    mix(watch, watch->state->generation);
    if (was_told(watch))
        return 0;
    want_folder(watch, descriptor);
    return 1;
}

/* Returns 0 if there is nothing to tell. */
INLINE int capture(struct watch *watch, const struct watched_call *call, int64_t result) {
    if (call->kind == WATCH_PATHS)
        return capture_paths(watch, call, result);
    if (call->kind == WATCH_FOLDER)
        return capture_folder(watch, call, result);
    if (!capture_addresses(watch, call))
        return 0;
    want_folder(watch, AT_CURRENT);
    want_root(watch);
    return 1;
}

SECTION("sys_exit")
int watch_call(uint64_t *context) {
    struct watch watch;
    int64_t result = (int64_t)context[1];
    if (!start(&watch) || !read_call(&watch, context[0]))
        return 0;
    struct call_record *record = &watch.scratch->record;
    uint32_t place = record->way * WATCHED_NUMBERS + record->number;
    const struct watched_call *call = map_lookup(&map_calls, &place);
    if (!call || !call->kind || (result <= INTERRUPTED_LAST && result >= INTERRUPTED_FIRST))
        return 0;
    if (call->flags & WATCH_EXEC && result >= 0)
        return 0;
    if (!is_watched(&watch))
        return 0;
    if (call->flags & WATCH_REDIRECTS && result >= 0)
        __sync_fetch_and_add(&watch.state->generation, 1);
    __sync_fetch_and_add(&watch.state->events, 1);
    if (call->flags & WATCH_HELD && !watch.state->everything && is_held(&watch))
        return 0;
    read_arguments(&watch);
    record->result = result;
    if (!capture(&watch, call, result))
        return 0;
    put_wanted_paths(&watch);
    send(&watch);
    return 0;
}

/* The tracepoint's arguments are the task, its earlier number, and the struct linux_binprm. */
SECTION("sched_process_exec")
int watch_exec(uint64_t *context) {
    struct watch watch;
    if (!start(&watch) || !is_watched(&watch))
        return 0;
    struct watch_state *state = watch.state;
    struct call_record *record = &watch.scratch->record;
    address name = fetch(context[2] + state->program_name);
    record->way = 0;
    record->number = state->exec_number;
    record->flags = RECORD_EXEC;
    record->result = 0;
    for (int i = 0; i < 6; i++)
        record->arguments[i] = 0;
    record->arguments[0] = name;
    if (state->everything || !is_held(&watch)) {
        long length = read_kernel_text(place_of_content(&watch), PATH_LIMIT, name);
        if (length > 0 && length <= PATH_LIMIT)
            put_head(&watch, PIECE_MEMORY, name, (uint32_t)length);
        want_folder(&watch, AT_CURRENT);
        want_root(&watch);
    }
    want_path(&watch, PIECE_PROGRAM, 0, record->program + state->file_path);
    put_wanted_paths(&watch);
    __sync_fetch_and_add(&state->events, 1);
    send(&watch);
    return 0;
}
