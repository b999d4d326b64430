/* identity.c: the line that `ask` prints and `run` reads. What is read and written again must mean the same. */
#include "identity.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

struct reading {
    char *line;
    struct identity identity;
};

static void parse(void *context) {
    struct reading *reading = context;
    parse_identity(reading->line, &reading->identity);
}

static bool read_line(char *line, struct reading *reading) {
    *reading = (struct reading){.line = line};
    return survives(parse, reading);
}

static void forget(struct reading *reading) {
    free(reading->identity.groups);
    free(reading->identity.denials);
    free(reading->line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    struct reading first, second;
    if (read_line(take_rest(&bytes), &first)) {
        char *written = identity_line(&first.identity);
        CHECK(read_line(strdup(written), &second));
        char *again = identity_line(&second.identity);
        CHECK(!strcmp(written, again));
        free(written);
        free(again);
        forget(&second);
    }
    forget(&first);
    return 0;
}
