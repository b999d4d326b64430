/* An app that reads a file and says what is in it. With the word "secretive" it makes one more call where nobody watches it.
 * With "refused", it says which error each of some calls gets. */
#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_watched(void) {
    DIR *root = opendir("/");
    for (struct dirent *entry; root && (entry = readdir(root));)
        if (!strncmp(entry->d_name, ".slimmer-", 9))
            return 1;
    return 0;
}

static void try(const char *name, long number, long argument) {
    long result = syscall(number, argument, -1, 0, 0, 0);
    printf("%s %d\n", name, result < 0 ? errno : 0);
}

int main(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "";
    char line[64];
    FILE *file = fopen("/srv/message", "r");
    if (!file || !fgets(line, sizeof line, file))
        return 1;
    fputs(line, stdout);
    if (!strcmp(word, "secretive") && !is_watched() && munlockall())
        return 3;
    if (!strcmp(word, "refused")) {
        try("ptrace", SYS_ptrace, -1);
        try("mount", SYS_mount, 0);
        try("kexec_load", SYS_kexec_load, 0);
        try("bpf", SYS_bpf, -1);
        try("sched_yield", SYS_sched_yield, 0);
    }
    return 0;
}
