/* try-calls: makes the harmless attempts of syscall_probes.inc, and tells in one line what each came to. It shows that a seccomp profile is
 * in force, and needs almost no call itself. */
#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "modes.h"
#include "nonce.h"
#include "syscall_probes.h"
#include "util.h"

static int attempt(const struct syscall_probe *probe) {
    const long *arguments = probe->arguments;
    long result = syscall((long)probe->number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
    return result < 0 ? errno : 0;
}

int try_calls_main(int argc, char **argv) {
    (void)argv;
    if (argc != 1)
        die_plain(EXIT_USAGE, "usage: slimmer-probe try-calls");
    /* As `ask` does: no other process may put its own words in this one's mouth. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        die("PR_SET_DUMPABLE");
    struct buffer line = {0};
    buffer_addf(&line, "%s", nonce());
    for (size_t i = 0; i < native_syscall_probes.count; i++) {
        const struct syscall_probe *probe = &native_syscall_probes.probes[i];
        if (probe->kind != SYSCALL_PROBE_CLONE)
            buffer_addf(&line, " %u:%d", probe->number, attempt(probe));
    }
    buffer_add_text(&line, "\n");
    if (write_full(STDOUT_FILENO, line.data, line.length))
        die("stdout");
    return 0;
}
