/* Where the running kernel keeps the members of its structures: read from its own description (BTF, /sys/kernel/btf/vmlinux;
 * the format is in the kernel's Documentation/bpf/btf.rst). */
#ifndef BTF_H
#define BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

/* Returns the description, or NULL with a reason in `trouble`. */
struct btf *btf_open(char *trouble, size_t size);
void btf_close(struct btf *btf);

/* The offset of a member in bytes, also if it lies in members without a name; and the structure's size. -1 if there is no such
 * structure or member. */
int64_t btf_offset(const struct btf *btf, const char *structure, const char *member);
int64_t btf_size(const struct btf *btf, const char *structure);

#endif
