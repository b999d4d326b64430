/* records.c: accesses with paths of any bytes become records of three fields, none of which is written twice. */
#include "files/records.c"

#include <stdlib.h>

#include "fuzz.h"

static void write_one(struct bytes *bytes) {
    struct access access = {
        .operation = take_number(bytes, 1) % ARRAY_LENGTH(operation_names),
        .found = take_number(bytes, 1) & 1,
        .process = (int)take_number(bytes, 4),
    };
    char *executable = take_string(bytes), *asked = take_string(bytes), *resolved = take_string(bytes);
    access.executable = executable_number(executable);
    access.asked = asked;
    access.resolved = resolved;
    write_access(&access);
    CHECK(access_is_known(&access));
    size_t before = pending_bytes();
    write_access(&access);
    CHECK(pending_bytes() == before);
    free(executable);
    free(asked);
    free(resolved);
}

static void check_stream(struct bytes bytes) {
    size_t fields = 0;
    for (size_t i = 0; i < bytes.size; i++)
        fields += !bytes.data[i];
    CHECK(fields % 3 == 0 && (!bytes.size || !bytes.data[bytes.size - 1]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    table_clear(&written);
    table_clear(&executables);
    counters = (struct counters){0};
    open_memory("", 0);
    while (bytes.size)
        write_one(&bytes);
    write_counters("drained", "");
    CHECK(flush_records() && !pending_bytes());
    check_stream(written_memory());
    close_memory();
    return 0;
}
