#include "tar.h"

#include <stdio.h>
#include <string.h>

#include "response.h"

enum { BLOCK = 512, NAME_SIZE = 100 };

struct header {
    char name[NAME_SIZE], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[NAME_SIZE];
    char magic[8], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static void pad_to_block(uint64_t size) {
    static const char zeros[BLOCK];
    if (size % BLOCK)
        response_add(zeros, BLOCK - size % BLOCK);
}

void tar_pad(uint64_t size) {
    pad_to_block(size);
}

void tar_end(void) {
    static const char zeros[2 * BLOCK];
    response_add(zeros, sizeof zeros);
}

/* The length counts its own digits, too. */
void tar_add_record(struct buffer *records, const char *key, const void *value, size_t size) {
    size_t rest = strlen(key) + size + 3, length = rest;
    for (size_t before = 0; length != before;) {
        before = length;
        length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
    }
    buffer_addf(records, "%zu ", length);
    buffer_add_text(records, key);
    buffer_add_text(records, "=");
    buffer_add(records, value, size);
    buffer_add_text(records, "\n");
}

static void add_text_record(struct buffer *records, const char *key, const char *value) {
    tar_add_record(records, key, value, strlen(value));
}

/* As many octal digits as the field holds before its NUL. False, and 0, when the number has more. */
static bool set_number(char *field, size_t size, uint64_t value) {
    bool fits = value >> 3 * (size - 1) == 0;
    format(field, size, "%0*llo", (int)size - 1, fits ? (unsigned long long)value : 0ULL);
    return fits;
}

static void set_number_or_record(char *field, size_t size, uint64_t value, struct buffer *records, const char *key) {
    char text[32];
    if (set_number(field, size, value))
        return;
    format(text, sizeof text, "%llu", (unsigned long long)value);
    add_text_record(records, key, text);
}

static void set_name_or_record(char *field, const char *name, struct buffer *records, const char *key) {
    size_t length = strlen(name);
    memcpy(field, name, length < NAME_SIZE ? length : NAME_SIZE);
    if (length > NAME_SIZE)
        add_text_record(records, key, name);
}

/* A time before 1970 is written as a decimal number, too: -1.25 is 0.75 s after second -2. */
static void set_time(struct header *header, const struct tar_member *member, struct buffer *records) {
    bool past = member->seconds < 0;
    bool fits = set_number(header->mtime, sizeof header->mtime, past ? 0 : (uint64_t)member->seconds);
    if (fits && !past && !member->nanoseconds)
        return;
    bool borrow = past && member->nanoseconds;
    uint64_t whole = past ? -(uint64_t)member->seconds - borrow : (uint64_t)member->seconds;
    long fraction = borrow ? 1000000000 - member->nanoseconds : member->nanoseconds;
    char text[64];
    format(text, sizeof text, "%s%llu.%09ld", past ? "-" : "", (unsigned long long)whole, fraction);
    add_text_record(records, "mtime", text);
}

static void add_header(struct header *header, enum tar_type type) {
    header->type = (char)type;
    memcpy(header->magic, "ustar\0" "00", sizeof header->magic);
    memset(header->checksum, ' ', sizeof header->checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((const unsigned char *)header)[i];
    format(header->checksum, sizeof header->checksum - 1, "%06o", sum);
    response_add(header, BLOCK);
}

static void add_records(const struct buffer *records) {
    struct header header = {.name = "PaxHeaders/records"};
    set_number(header.mode, sizeof header.mode, 0644);
    set_number(header.uid, sizeof header.uid, 0);
    set_number(header.gid, sizeof header.gid, 0);
    set_number(header.size, sizeof header.size, records->length);
    set_number(header.mtime, sizeof header.mtime, 0);
    add_header(&header, TAR_RECORDS);
    response_add(records->data, records->length);
    pad_to_block(records->length);
}

void tar_add_member(const struct tar_member *member, struct buffer *records) {
    struct header header = {0};
    set_name_or_record(header.name, member->name, records, "path");
    set_name_or_record(header.link, member->link, records, "linkpath");
    set_number(header.mode, sizeof header.mode, member->mode);
    set_number_or_record(header.uid, sizeof header.uid, member->uid, records, "uid");
    set_number_or_record(header.gid, sizeof header.gid, member->gid, records, "gid");
    set_number_or_record(header.size, sizeof header.size, member->size, records, "size");
    set_time(&header, member, records);
    set_number(header.major, sizeof header.major, member->major);
    set_number(header.minor, sizeof header.minor, member->minor);
    if (records->length)
        add_records(records);
    add_header(&header, member->type);
}
