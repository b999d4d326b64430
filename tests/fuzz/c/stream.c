/* stream.c: orders that come on stdin in any pieces. */
#include "files/stream.c"

#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    orders_length = 0;
    for (struct bytes rest = {data, size}; rest.size;) {
        size_t piece = 1 + take_number(&rest, 2) % ORDERS_LIMIT;
        piece = piece < rest.size ? piece : rest.size;
        open_memory(rest.data, piece);
        stream_receive();
        rest.data += piece;
        rest.size -= piece;
        for (const char *found; (found = stream_order());)
            CHECK(strlen(found) < ORDERS_LIMIT && !strchr(found, '\n'));
        CHECK(orders_length <= ORDERS_LIMIT && !stream_has_order());
    }
    close_memory();
    return 0;
}
