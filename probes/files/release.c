/* release: ends the supervisor in this PID namespace, where it cannot end by itself because it was stopped (SIGSTOP). A process that
 * it traces could not be killed before that: it waits at its own exit for its tracer. Other runs' supervisors are other programs. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "container.h"
#include "modes.h"
#include "util.h"

enum { WORDS = 4096 };

static bool is_supervisor(int process) {
    char path[64], words[WORDS];
    format(path, sizeof path, "/proc/%d/cmdline", process);
    ssize_t length = read_text(path, words, sizeof words);
    const char *mode = words + strlen(length > 0 ? words : "") + 1;
    return length > 0 && mode < words + length && !strcmp(mode, "supervise");
}

static bool end_supervisor(int process, void *context) {
    (void)context;
    if (!runs_probe(process) || !is_supervisor(process))
        return false;
    if (kill(process, SIGKILL) && errno != ESRCH)
        die("cannot end process %d", process);
    return false;
}

int release_main(int argc, char **argv) {
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe release");
    visit_numbers("/proc", end_supervisor, NULL);
    return 0;
}
