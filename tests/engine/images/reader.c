/* Prints files: a static program that is the app of an image without anything else. */
#include <stdio.h>

static int print(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file)
        return 1;
    for (int c = getc(file); c != EOF; c = getc(file))
        putchar(c);
    return fclose(file);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (print(argv[i]))
            return 1;
    return argc < 2 || fflush(stdout);
}
