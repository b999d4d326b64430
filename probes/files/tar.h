/* A POSIX tar (pax interchange format, POSIX.1-2008, pax(1)), written into the answer. What an ustar header cannot
 * hold (long names, large numbers, fractions of a second, extended attributes) goes into a header of records in
 * front. Names are bytes and stay as they are, as GNU tar writes them. */
#ifndef TAR_H
#define TAR_H

#include <stdint.h>
#include <sys/types.h>

#include "util.h"

enum tar_type {
    TAR_FILE = '0',
    TAR_HARD_LINK = '1',
    TAR_LINK = '2',
    TAR_CHARACTER_DEVICE = '3',
    TAR_BLOCK_DEVICE = '4',
    TAR_DIRECTORY = '5',
    TAR_FIFO = '6',
    TAR_RECORDS = 'x',
};

struct tar_member {
    const char *name; /* without a slash in front; a directory's ends with one */
    const char *link; /* what a link leads to, else "" */
    enum tar_type type;
    unsigned mode, uid, gid;
    uint64_t size; /* of the content that follows */
    int64_t seconds;
    long nanoseconds; /* 0 to 999,999,999 after `seconds`, which may lie before 1970 */
    unsigned major, minor;
};

/* A record of the header in front: "LENGTH KEY=VALUE\n". */
void tar_add_record(struct buffer *records, const char *key, const void *value, size_t size);
/* Writes the member's header; `records` holds what the caller wants in front, and gets the rest. */
void tar_add_member(const struct tar_member *member, struct buffer *records);
/* Fills up the last block of a content. */
void tar_pad(uint64_t size);
void tar_end(void);

#endif
