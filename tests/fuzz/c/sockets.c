/* sockets.c: lines of /proc/net/tcp, tcp6, udp, udp6 and unix. */
#include "files/sockets.c"

#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size < LINE_SIZE ? size : LINE_SIZE - 1};
    struct listener listener;
    char *line = take_rest(&bytes);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (read_listener(line, &families[i], &listener)) {
            CHECK(listener.port <= 65535);
            CHECK(memchr(listener.address, '\0', sizeof listener.address));
        }
    if (read_unix_listener(line, &listener)) {
        CHECK(!listener.port && *listener.address);
        CHECK(memchr(listener.address, '\0', sizeof listener.address));
    }
    free(line);
    return 0;
}
