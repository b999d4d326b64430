/* SHA-256 (FIPS 180-4). */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK = 64, SHA256_HEX_SIZE = 65 };

struct sha256 {
    uint32_t state[8];
    uint64_t size; /* of all that was added, in bytes */
    unsigned char block[SHA256_BLOCK];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* The digest in 64 hexadecimal digits, and a NUL. */
void sha256_end(struct sha256 *hash, char digest[SHA256_HEX_SIZE]);

#endif
