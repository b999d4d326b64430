#include "afterwards.h"

#include <errno.h>
#include <string.h>

#include "util.h"

bool is_certain(const struct captured *captured) {
    char path[PATH_MAX];
    return captured_opened(captured, path, sizeof path);
}

/* O_TMPFILE opens a file of which only the folder was asked for: "#" and its number. */
static bool is_unnamed(const char *opened, const struct location *location) {
    const char *name = strrchr(opened, '/');
    const char *asked = strrchr(location->asked, '/');
    return name[1] == '#' && name[2] && !name[2 + strspn(name + 2, "0123456789")] && (!asked || strcmp(name, asked));
}

static enum outcome tell_opened(const struct captured *captured, const struct location *location, const char *opened,
                                char *resolved, size_t size) {
    resolved[0] = '\0';
    if (captured->record->flags & RECORD_CREATED)
        return OUTCOME_MISSING;
    if (is_path_of_file(opened) && strcmp(opened, location->asked))
        format(resolved, size, "%s", opened);
    return OUTCOME_FOUND;
}

/* The folder that a path starts from may be gone. Its path is the kernel's, without links, so ".." takes its last name away. */
static void climb(struct location *location) {
    char *rest = location->asked + location->base_length, *end = rest;
    while (end > location->asked + location->root_length && !strncmp(rest, "/..", 3) && (!rest[3] || rest[3] == '/')) {
        rest += 3;
        do
            end--;
        while (*end != '/');
    }
    memmove(end, rest, strlen(rest) + 1);
    if (!*location->asked)
        strcpy(location->asked, "/");
    location->base_length = (size_t)(end - location->asked);
}

/* What was there and is gone: its folder, and its name. */
static void resolve_folder(pid_t thread, struct location folder, char *resolved, size_t size) {
    const struct location whole = folder;
    char *name = strrchr(folder.asked, '/');
    const char *own_name = strrchr(whole.asked, '/');
    resolved[0] = '\0';
    if (name <= folder.asked + folder.root_length)
        return;
    *name = '\0';
    if (look(thread, &folder, true, resolved, size) != OUTCOME_FOUND || !*resolved)
        return;
    if (strlen(resolved) + strlen(own_name) < size)
        strcat(resolved, own_name);
    else
        resolved[0] = '\0';
}

enum outcome look_afterwards(const struct request *request, const struct location *location, char *resolved, size_t size) {
    const struct captured *captured = request->caller->captured;
    int64_t result = captured->record->result;
    char opened[PATH_MAX];
    if (captured_opened(captured, opened, sizeof opened) && !is_unnamed(opened, location))
        return tell_opened(captured, location, opened, resolved, size);
    enum outcome now = look(request->caller->thread, location, request->follow, resolved, size);
    bool is_new = request->operation == OP_CREATE && !request->follow && result >= 0 && !request->may_replace;
    if (is_new || (result == -ENOENT && !request->is_one_of_two && request->operation != OP_EXEC)) {
        resolved[0] = '\0';
        return OUTCOME_MISSING;
    }
    if (result < 0 || now == OUTCOME_FOUND)
        return now;
    struct location climbed = *location;
    climb(&climbed);
    if (look(request->caller->thread, &climbed, request->follow, resolved, size) != OUTCOME_FOUND)
        resolve_folder(request->caller->thread, climbed, resolved, size);
    else if (!*resolved && strcmp(climbed.asked, location->asked))
        format(resolved, size, "%s", climbed.asked);
    return OUTCOME_FOUND;
}
