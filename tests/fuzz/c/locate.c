/* resolve.c: from the path in a call, the caller's root and its working directory to the path that is recorded. */
#define read_link link_of_caller

#include "files/resolve.c"

#include <stdlib.h>

#include "fuzz.h"

static struct {
    char *root, *base, *path;
} call;

/* What the kernel says of a caller's links: absolute, without empty parts and dots. */
ssize_t link_of_caller(const char *link, char *path, size_t size) {
    const char *target = ends_with(link, strlen(link), "/root") ? call.root : call.base;
    if (strlen(target) >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(path, target);
    return (ssize_t)strlen(path);
}

static char *kernel_path(struct bytes *bytes) {
    char *text = take_string(bytes), *path = malloc(strlen(text) + 2), *rest;
    *path = '\0';
    for (char *part = strtok_r(text, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
        if (strcmp(part, ".") && strcmp(part, ".."))
            strcat(strcat(path, "/"), part);
    free(text);
    return *path ? path : strcpy(path, "/");
}

static void check(struct location *location) {
    char path[LOCATION_SIZE + 64];
    const char *rest = location->asked + location->root_length;
    CHECK(location->root_length <= strlen(location->asked) && strlen(location->asked) < LOCATION_SIZE);
    CHECK(location->asked[0] == '/' && (!*rest || *rest == '/'));
    CHECK(!strstr(rest, "//") && !strstr(rest, "/./") && !ends_with(rest, strlen(rest), "/."));
    CHECK(!strncmp(location->asked, call.root, location->root_length) || !location->base[0] ||
          location->root_length == location->base_length);
    translate(1, location, path, sizeof path);
    is_own_path(location->asked);
    is_kernel_path(location->asked);
    never_had_a_name("/proc/self/exe", location->asked);
}

static void locate_all(void *context) {
    static const struct caller caller = {.thread = 1, .listener = -1};
    static struct location location;
    (void)context;
    if (locate(&caller, AT_FDCWD, call.path, &location))
        check(&location);
    if (locate_in_root(&caller, 3, call.path, &location))
        check(&location);
    locate_descriptor(&caller, 3, &location);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    other_roots = take_number(&bytes, 1) & 1;
    call.root = kernel_path(&bytes);
    call.base = kernel_path(&bytes);
    call.path = take_string(&bytes);
    if (strlen(call.path) < PATH_MAX) /* read_string takes no more */
        CHECK(survives(locate_all, NULL));
    free(call.root);
    free(call.base);
    free(call.path);
    return 0;
}
