/* serve.c and what it starts (index, pack, read, hash): the input is what comes on stdin. Whatever that is, the answers are
 * whole chunks, each answer ends with an empty one and a status, and a tar consists of whole blocks. */
#define enter_pristine_root stay_outside

#include "files/response.c"
#include "files/serve.c"

#include "fuzz.h"

void stay_outside(void) {
}

static void serve(void *context) {
    char *arguments[] = {"serve", NULL};
    (void)context;
    serve_main(1, arguments);
}

/* The next chunk's length; its data is passed over. */
static size_t take_chunk(struct bytes *bytes) {
    uint32_t length;
    CHECK(bytes->size >= sizeof length);
    memcpy(&length, bytes->data, sizeof length);
    length = le32toh(length);
    CHECK(length <= CHUNK_LIMIT && bytes->size >= sizeof length + length);
    bytes->data += sizeof length + length;
    bytes->size -= sizeof length + length;
    return length;
}

static void check_answers(struct bytes bytes) {
    CHECK(take_chunk(&bytes) == NONCE_LENGTH);
    while (bytes.size) {
        while (take_chunk(&bytes)) {
        }
        CHECK(take_chunk(&bytes) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enter_jail();
    input_start = input_end = filled = 0;
    open_memory(data, size);
    if (survives(serve, NULL))
        check_answers(written_memory());
    close_memory();
    return 0;
}
