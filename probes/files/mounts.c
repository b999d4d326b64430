#include "mounts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "util.h"

/* Blanks, newlines and backslashes in a name are written as a backslash and three octal digits. */
static void decode(char *text) {
    char *write = text;
    for (const char *read = text; *read; write++) {
        if (read[0] == '\\' && strspn(read + 1, "01234567") >= 3) {
            *write = (char)((read[1] - '0') * 64 + (read[2] - '0') * 8 + (read[3] - '0'));
            read += 4;
        } else {
            *write = *read++;
        }
    }
    *write = '\0';
}

/* ID, parent, device, root, mount point, options, any number of tags, "-", type, source, options. */
static bool parse_mount(char *line, struct mount *mount) {
    char *words[5], *save, *word = strtok_r(line, " ", &save);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (!word)
            return false;
        words[i] = word;
        word = strtok_r(NULL, " ", &save);
    }
    decode(words[3]);
    decode(words[4]);
    while (word && strcmp(word, "-"))
        word = strtok_r(NULL, " ", &save);
    *mount = (struct mount){words[3], words[4], word ? strtok_r(NULL, " ", &save) : NULL};
    return mount->type;
}

bool visit_mounts(bool (*visit)(const struct mount *mount, void *context), void *context) {
    char path[64];
    container_proc_path("mountinfo", path, sizeof path);
    FILE *file = fopen(path, "re");
    if (!file)
        die("%s", path);
    char *line = NULL;
    size_t size = 0;
    bool found = false;
    while (!found && getline(&line, &size, file) > 0) {
        struct mount mount;
        if (parse_mount(line, &mount))
            found = visit(&mount, context);
    }
    free(line);
    fclose(file);
    return found;
}

bool is_probe_path(const char *path) {
    static char folder[PATH_MAX];
    static size_t length;
    if (!length) {
        if (read_link("/proc/self/exe", folder, sizeof folder) < 0)
            die("/proc/self/exe");
        length = (size_t)(strrchr(folder, '/') - folder);
        folder[length] = '\0';
    }
    return !strncmp(path, folder, length) && (!path[length] || path[length] == '/');
}
