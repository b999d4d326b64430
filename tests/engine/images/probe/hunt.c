/* hunt: an app that tries to trace the processes that the probe starts beside it. With a word it ends at once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_probes(pid_t process) {
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", process);
    FILE *file = fopen(path, "r");
    if (file) {
        if (!fgets(name, sizeof name, file))
            name[0] = '\0';
        fclose(file);
    }
    return !strncmp(name, "slimmer-probe", 13);
}

static void hunt(void) {
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(processes));) {
        pid_t process = atoi(entry->d_name);
        if (process <= 1 || !is_probes(process) || ptrace(PTRACE_SEIZE, process, NULL, NULL))
            continue;
        if (is_probes(process)) /* what has become a program of the image's meanwhile may be traced */
            printf("traced a process of the probe's\n");
    }
    closedir(processes);
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {
    }
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1)
        return 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("ready\n");
    for (;;)
        hunt();
}
