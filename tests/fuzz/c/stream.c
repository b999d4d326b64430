/* lines.c, on which stream.c and commands.c stand: orders that come in any pieces are the lines of the input. */
#include "files/lines.c"

#include "fuzz.h"

static void check_line(struct bytes *expected, const char *line) {
    const uint8_t *end = memchr(expected->data, '\n', expected->size);
    CHECK(end && !memcmp(line, expected->data, (size_t)(end - expected->data)) && !line[end - expected->data]);
    expected->size -= (size_t)(end - expected->data) + 1;
    expected->data = end + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lines lines = {0};
    struct bytes rest = {data, size};
    size_t piece = 1 + take_number(&rest, 1);
    struct bytes expected = rest;
    while (rest.size) {
        size_t count = piece < rest.size ? piece : rest.size;
        open_memory(rest.data, count);
        CHECK(!receive_lines(&lines, 0)); /* it has read to the end of this piece */
        rest.data += count;
        rest.size -= count;
        for (const char *line; (line = next_line(&lines));)
            check_line(&expected, line);
        CHECK(!has_line(&lines));
    }
    CHECK(!expected.size || !memchr(expected.data, '\n', expected.size));
    close_memory();
    buffer_free(&lines.waiting);
    buffer_free(&lines.line);
    return 0;
}
