/* tar.c: members with any name, link, numbers and records; read back, they say the same (pax(1), "pax Header Block"). */
#include "files/response.c"
#include "files/tar.c"

#include <stdlib.h>

#include "fuzz.h"

struct read_back {
    const uint8_t *name, *link;
    size_t name_length, link_length;
};

static uint64_t octal(const char *field, size_t size) {
    uint64_t value = 0;
    CHECK(!field[size - 1]);
    for (size_t i = 0; field[i]; i++) {
        CHECK(field[i] >= '0' && field[i] <= '7');
        value = value * 8 + (uint64_t)(field[i] - '0');
    }
    return value;
}

static void check_sum(const struct header *header) {
    struct header blank = *header;
    unsigned sum = 0;
    memset(blank.checksum, ' ', sizeof blank.checksum);
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((const unsigned char *)&blank)[i];
    CHECK(octal(header->checksum, 7) == sum);
}

/* One record: its length, blank, key, "=", value, newline. */
static size_t read_record(const uint8_t *record, size_t size, struct read_back *found) {
    char *end;
    size_t length = strtoul((const char *)record, &end, 10);
    const uint8_t *key = (const uint8_t *)end + 1, *value = memchr(key, '=', size);
    CHECK(*end == ' ' && length <= size && value && record[length - 1] == '\n');
    size_t value_length = length - (size_t)(++value - record) - 1;
    if (!memcmp(key, "path=", 5)) {
        found->name = value;
        found->name_length = value_length;
    } else if (!memcmp(key, "linkpath=", 9)) {
        found->link = value;
        found->link_length = value_length;
    }
    return length;
}

static void take_header(struct bytes *bytes, struct header *header) {
    CHECK(bytes->size >= BLOCK);
    memcpy(header, bytes->data, BLOCK);
    bytes->data += BLOCK;
    bytes->size -= BLOCK;
    check_sum(header);
}

static void read_member(struct bytes bytes, const struct tar_member *member) {
    struct header header;
    struct read_back found = {0};
    take_header(&bytes, &header);
    if (header.type == TAR_RECORDS) {
        size_t size = octal(header.size, sizeof header.size), whole = (size + BLOCK - 1) / BLOCK * BLOCK;
        CHECK(whole <= bytes.size);
        for (size_t at = 0; at < size;)
            at += read_record(bytes.data + at, size - at, &found);
        bytes.data += whole;
        bytes.size -= whole;
        take_header(&bytes, &header);
    }
    if (!found.name) {
        found.name = (const uint8_t *)header.name;
        found.name_length = strnlen(header.name, NAME_SIZE);
    }
    if (!found.link) {
        found.link = (const uint8_t *)header.link;
        found.link_length = strnlen(header.link, NAME_SIZE);
    }
    CHECK(found.name_length == strlen(member->name) && !memcmp(found.name, member->name, found.name_length));
    CHECK(found.link_length == strlen(member->link) && !memcmp(found.link, member->link, found.link_length));
    CHECK(header.type == (char)member->type && !bytes.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct buffer records;
    struct bytes bytes = {data, size};
    struct tar_member member = {
        .type = "012345"[take_number(&bytes, 1) % 6],
        .mode = take_number(&bytes, 2) & 07777,
        .uid = (unsigned)take_number(&bytes, 4),
        .gid = (unsigned)take_number(&bytes, 4),
        .size = take_number(&bytes, 8),
        .seconds = (int64_t)take_number(&bytes, 8),
        .nanoseconds = (long)(take_number(&bytes, 4) % 1000000000),
        .major = (unsigned)take_number(&bytes, 2),
        .minor = (unsigned)take_number(&bytes, 3),
    };
    char *name = take_string(&bytes), *link = take_string(&bytes);
    size_t value_size = bytes.size;
    char *value = take_rest(&bytes);
    member.name = name;
    member.link = link;
    records.length = 0;
    tar_add_record(&records, "SCHILY.xattr.user.any", value, value_size);
    filled = 0;
    open_memory("", 0);
    tar_add_member(&member, &records);
    if (filled)
        send_chunk();
    struct bytes written = written_memory();
    if (written.size <= CHUNK_LIMIT)
        read_member((struct bytes){written.data + 4, written.size - 4}, &member);
    close_memory();
    free(name);
    free(link);
    free(value);
    return 0;
}
