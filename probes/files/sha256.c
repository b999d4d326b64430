#include "sha256.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "util.h"

#if defined(__x86_64__) && !defined(PORTABLE) /* its tests compile it both ways */
#define HAS_FAST 1
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, 4.2.2. */
static const uint32_t constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, int count) {
    return value >> count | value << (32 - count);
}

/* FIPS 180-4, 6.2.2, step 1. */
static void schedule(uint32_t words[64], const unsigned char *block) {
    for (int t = 0; t < 16; t++) {
        memcpy(&words[t], block + 4 * t, 4);
        words[t] = be32toh(words[t]);
    }
    for (int t = 16; t < 64; t++) {
        uint32_t a = words[t - 15], b = words[t - 2];
        uint32_t sigma0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3, sigma1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        words[t] = sigma1 + words[t - 7] + sigma0 + words[t - 16];
    }
}

static void compress_block(uint32_t state[8], const unsigned char *block) {
    uint32_t words[64];
    schedule(words, block);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25), choice = (e & f) ^ (~e & g);
        uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22), majority = (a & b) ^ (a & c) ^ (b & c);
        uint32_t first = h + sum1 + choice + constants[t] + words[t];
        h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + sum0 + majority;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void compress(uint32_t state[8], const unsigned char *blocks, size_t count) {
    for (; count; count--, blocks += SHA256_BLOCK)
        compress_block(state, blocks);
}

#ifdef HAS_FAST
/* The processor's own instructions (Intel SDM, "SHA Extensions") are several times as fast. */
#define FAST __attribute__((target("sha,sse4.1,ssse3")))

FAST static inline __m128i next_words(const __m128i words[4]) {
    __m128i seven_back = _mm_alignr_epi8(words[3], words[2], 4);
    return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(words[0], words[1]), seven_back), words[3]);
}

/* Four rounds a step; the letters are the working variables of FIPS 180-4, highest first. */
FAST static void compress_fast(uint32_t state[8], const unsigned char *blocks, size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[0]), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)&state[4]), 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; count; count--, blocks += SHA256_BLOCK) {
        __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i words[4] = {0}; /* the last sixteen, oldest first */
        for (int step = 0; step < 16; step++) {
            __m128i next = step < 4 ? _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)blocks + step), big_endian)
                                    : next_words(words);
            words[0] = words[1], words[1] = words[2], words[2] = words[3], words[3] = next;
            __m128i input = _mm_add_epi32(next, _mm_load_si128((const __m128i *)&constants[4 * step]));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, input);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(input, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)&state[0], _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)&state[4], _mm_alignr_epi8(dchg, feba, 8));
}

static bool is_fast(void) {
    static int known = -1;
    unsigned a, b, c, d;
    if (known < 0)
        known = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) &&
                __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
    return known;
}
#else
static bool is_fast(void) {
    return false;
}
#define compress_fast compress
#endif

static void add_blocks(struct sha256 *hash, const unsigned char *blocks, size_t count) {
    (is_fast() ? compress_fast : compress)(hash->state, blocks, count);
}

void sha256_start(struct sha256 *hash) {
    *hash = (struct sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                      0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *hash, const void *data, size_t size) {
    const unsigned char *rest = data;
    size_t waiting = hash->size % SHA256_BLOCK;
    hash->size += size;
    if (waiting) {
        size_t count = SHA256_BLOCK - waiting < size ? SHA256_BLOCK - waiting : size;
        memcpy(hash->block + waiting, rest, count);
        rest += count, size -= count;
        if (waiting + count < SHA256_BLOCK)
            return;
        add_blocks(hash, hash->block, 1);
    }
    add_blocks(hash, rest, size / SHA256_BLOCK);
    memcpy(hash->block, rest + size / SHA256_BLOCK * SHA256_BLOCK, size % SHA256_BLOCK);
}

/* A one bit, zeros, and the size in bits as the last eight bytes of a block (FIPS 180-4, 5.1.1). */
void sha256_end(struct sha256 *hash, char digest[SHA256_HEX_SIZE]) {
    static const unsigned char padding[SHA256_BLOCK] = {0x80};
    uint64_t bits = htobe64(hash->size * 8);
    size_t zeros_end = SHA256_BLOCK - sizeof bits, waiting = hash->size % SHA256_BLOCK;
    sha256_add(hash, padding, (waiting < zeros_end ? zeros_end : SHA256_BLOCK + zeros_end) - waiting);
    sha256_add(hash, &bits, sizeof bits);
    for (int i = 0; i < 8; i++)
        format(digest + 8 * i, SHA256_HEX_SIZE - (size_t)(8 * i), "%08x", hash->state[i]);
}
