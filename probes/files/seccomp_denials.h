/* Refusals: which system calls the native profile refuses, and the filter that refuses them again. */
#ifndef SECCOMP_DENIALS_H
#define SECCOMP_DENIALS_H

#include <stddef.h>

#include "identity.h"

/* Tries every attempt; each that failed with EPERM, EACCES or ENOSYS is a denial. To be freed. */
struct denial *measure_denials(size_t *count);

/* The word for an architecture ("native", "compat", "x32"), and back (NULL and false when there is none). */
const char *arch_word(uint32_t arch, uint32_t number);
bool parse_arch_word(const char *word, uint32_t *arch);

/* Refuses what `wanted` refuses and `present` does not. `present` was measured in this container, as the identity. */
void install_denials(const struct denial *wanted, size_t wanted_count, const struct denial *present, size_t present_count);

#endif
