/* ask: one line, which tells who speaks (nonce.h) and who this process is (identity.h). */
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "identity.h"
#include "modes.h"
#include "nonce.h"
#include "util.h"

int ask_main(int argc, char **argv) {
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe ask");
    /* In a shared PID namespace a process of another container, with the same rights, could put its own words in this one's mouth. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        die("PR_SET_DUMPABLE");
    struct identity identity;
    measure_identity(&identity);
    struct buffer line = {0};
    char *text = identity_line(&identity);
    buffer_addf(&line, "%s ", nonce());
    buffer_add_text(&line, text);
    buffer_add_text(&line, "\n");
    if (write_full(STDOUT_FILENO, line.data, line.length))
        die("stdout");
    return 0;
}
