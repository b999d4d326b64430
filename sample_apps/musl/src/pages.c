/* The pages: a file, the output of a command, or the name of the user that the server runs as. */
#include "pages.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIMIT = 64 * 1024 };

static char *read_all(FILE *stream)
{
    char *text = malloc(LIMIT + 1);
    if (text)
        text[fread(text, 1, LIMIT, stream)] = '\0';
    return text;
}

char *page_from_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = read_all(file);
    fclose(file);
    return text;
}

char *page_from_command(const char *command)
{
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return NULL;
    char *text = read_all(pipe);
    if (pclose(pipe) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *page_about_me(void)
{
    const struct passwd *user = getpwuid(getuid());
    char *text = malloc(256);
    if (text)
        snprintf(text, 256, "user %s, home %s\n", user ? user->pw_name : "unknown", user ? user->pw_dir : "unknown");
    return text;
}
