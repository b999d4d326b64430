/* slimmer-probe: see docs/probe-protocol.md for the modes and what they say to slimmer. */
#include <stdio.h>
#include <string.h>

#include "modes.h"
#include "util.h"
#include "version.h"

static int version_main(int argc, char **argv) {
    (void)argc, (void)argv;
    return printf("slimmer-probe %s %s\n", PROBE_VERSION, ARCHITECTURE) < 0 || fflush(stdout) ? EXIT_PROBE : 0;
}

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} modes[] = {
    {"version", version_main}, {"ask", ask_main},     {"run", run_main},     {"supervise", supervise_main},
    {"attach", attach_main},   {"serve", serve_main}, {"relay", relay_main}, {"listening", listening_main},
    {"release", release_main}, {"wait", wait_main},   {"socket-relay", socket_relay_main},
    {"try-calls", try_calls_main},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < ARRAY_LENGTH(modes); i++)
        if (!strcmp(argv[1], modes[i].name) && modes[i].main)
            return modes[i].main(argc - 1, argv + 1);
    die_plain(EXIT_USAGE, "usage: slimmer-probe version|ask|run|supervise|attach|serve|relay|socket-relay|listening|release|try-calls|wait …");
}
