/* Prints a file: a static program that is the app of an image without anything else. */
#include <stdio.h>

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file)
        return 1;
    for (int c = getc(file); c != EOF; c = getc(file))
        putchar(c);
    return fclose(file) || fflush(stdout);
}
