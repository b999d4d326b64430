/* wait: does nothing until stdin ends. It keeps a container running in which `relay` is started. */
#include <errno.h>
#include <unistd.h>

#include "modes.h"
#include "util.h"

int wait_main(int argc, char **argv) {
    char nothing[64];
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe wait");
    for (ssize_t count; (count = read(STDIN_FILENO, nothing, sizeof nothing));)
        if (count < 0 && errno != EINTR)
            die("stdin");
    return 0;
}
