#include "btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

enum { MOST_BYTES = 64 << 20, DEEPEST = 8 };

struct btf {
    char *data;
    const char *types, *names;
    size_t types_size, names_size, count;
    uint32_t *places; /* of each type among the types; the first has number 1 */
};

/* The kinds that older headers do not name. */
enum { KIND_FLOAT = 16, KIND_DECL_TAG = 17, KIND_TYPE_TAG = 18, KIND_ENUM64 = 19 };

static unsigned kind_of(const struct btf_type *type) {
    return type->info >> 24 & 0x1f;
}

static size_t member_count(const struct btf_type *type) {
    return type->info & 0xffff;
}

/* How many bytes follow a type, or -1 for a kind that is not known. */
static int64_t tail_size(const struct btf_type *type) {
    int64_t count = (int64_t)member_count(type);
    switch (kind_of(type)) {
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_DATASEC:
    case KIND_ENUM64:
        return 12 * count;
    case BTF_KIND_ENUM:
    case BTF_KIND_FUNC_PROTO:
        return 8 * count;
    case BTF_KIND_ARRAY:
        return 12;
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case KIND_DECL_TAG:
        return 4;
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case KIND_FLOAT:
    case KIND_TYPE_TAG:
        return 0;
    default:
        return -1;
    }
}

static bool read_all(struct btf *btf, size_t *length) {
    struct stat status;
    int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = !fstat(fd, &status) && status.st_size > 0 && status.st_size <= MOST_BYTES;
    if (done) {
        btf->data = check_alloc(malloc((size_t)status.st_size));
        ssize_t count = read_full(fd, btf->data, (size_t)status.st_size);
        done = count == status.st_size;
        *length = done ? (size_t)count : 0;
    }
    close(fd);
    return done;
}

static bool find_sections(struct btf *btf, size_t length) {
    struct btf_header header;
    if (length < sizeof header)
        return false;
    memcpy(&header, btf->data, sizeof header);
    uint64_t types = (uint64_t)header.hdr_len + header.type_off, names = (uint64_t)header.hdr_len + header.str_off;
    if (header.magic != BTF_MAGIC || types + header.type_len > length || names + header.str_len > length ||
        !header.str_len || btf->data[names + header.str_len - 1])
        return false;
    btf->types = btf->data + types;
    btf->names = btf->data + names;
    btf->types_size = header.type_len;
    btf->names_size = header.str_len;
    return true;
}

static const struct btf_type *type_at(const struct btf *btf, uint32_t place) {
    return (const struct btf_type *)(btf->types + place);
}

static bool number_types(struct btf *btf) {
    btf->places = xcalloc(btf->types_size / sizeof(struct btf_type) + 1, sizeof *btf->places);
    for (size_t place = 0; place < btf->types_size;) {
        const struct btf_type *type = type_at(btf, (uint32_t)place);
        int64_t tail = place + sizeof *type <= btf->types_size ? tail_size(type) : -1;
        if (tail < 0 || place + sizeof *type + (size_t)tail > btf->types_size)
            return false;
        btf->places[btf->count++] = (uint32_t)place;
        place += sizeof *type + (size_t)tail;
    }
    return true;
}

struct btf *btf_open(char *trouble, size_t size) {
    struct btf *btf = xcalloc(1, sizeof *btf);
    size_t length = 0;
    if (!read_all(btf, &length))
        format(trouble, size, BTF_PATH ": %s", strerror(errno));
    else if (!find_sections(btf, length) || !number_types(btf))
        format(trouble, size, BTF_PATH " is not understood");
    else
        return btf;
    btf_close(btf);
    return NULL;
}

void btf_close(struct btf *btf) {
    free(btf->data);
    free(btf->places);
    free(btf);
}

static const char *name_of(const struct btf *btf, uint32_t offset) {
    return offset < btf->names_size ? btf->names + offset : "";
}

static const struct btf_type *find_type(const struct btf *btf, const char *name) {
    for (size_t i = 0; i < btf->count; i++) {
        const struct btf_type *type = type_at(btf, btf->places[i]);
        if (kind_of(type) == BTF_KIND_STRUCT && !strcmp(name_of(btf, type->name_off), name))
            return type;
    }
    return NULL;
}

static int64_t offset_in(const struct btf *btf, const struct btf_type *type, const char *name, int depth) {
    const struct btf_member *members = (const struct btf_member *)(type + 1);
    bool has_bit_sizes = type->info >> 31;
    for (size_t i = 0; i < member_count(type); i++) {
        int64_t offset = (has_bit_sizes ? members[i].offset & 0xffffff : members[i].offset) / 8;
        const char *own = name_of(btf, members[i].name_off);
        if (!strcmp(own, name))
            return offset;
        if (*own || !members[i].type || members[i].type > btf->count || depth == DEEPEST)
            continue;
        const struct btf_type *inner = type_at(btf, btf->places[members[i].type - 1]);
        if (kind_of(inner) != BTF_KIND_STRUCT && kind_of(inner) != BTF_KIND_UNION)
            continue;
        int64_t found = offset_in(btf, inner, name, depth + 1);
        if (found >= 0)
            return offset + found;
    }
    return -1;
}

int64_t btf_offset(const struct btf *btf, const char *structure, const char *member) {
    const struct btf_type *type = find_type(btf, structure);
    return type ? offset_in(btf, type, member, 0) : -1;
}

int64_t btf_size(const struct btf *btf, const char *structure) {
    const struct btf_type *type = find_type(btf, structure);
    return type ? (int64_t)type->size : -1;
}
