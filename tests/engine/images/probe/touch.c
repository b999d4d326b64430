/* touch [--exec PROGRAM] [PATH…]: opens each path; fails with the number of those that it could not open. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int failures = 0;
    if (argc > 2 && !strcmp(argv[1], "--exec")) {
        execv(argv[2], argv + 2);
        return 127;
    }
    for (int i = 1; i < argc; i++)
        failures += open(argv[i], O_RDONLY) < 0;
    return failures;
}
