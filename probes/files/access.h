/* One path of one call: reading it, finding what it leads to, recording it. */
#ifndef ACCESS_H
#define ACCESS_H

#include "calls.h"
#include "caller.h"

struct request {
    const struct caller *caller;
    enum operation operation;
    int dirfd;
    bool follow;
    bool in_root;       /* the directory is the path's root (openat2) */
    bool or_descriptor; /* an empty path means the descriptor itself (execveat) */
    bool is_one_of_two; /* the call names another path as well, and its result may be about that one */
    bool may_replace;   /* what is made may take the place of what was there */
};

void access_by_address(const struct request *request, uint64_t address);
void access_by_path(const struct request *request, const char *path);
void access_by_descriptor(const struct caller *caller, enum operation operation, int fd);

/* A link or a folder gets another place: a path that was looked at may lead elsewhere from now on. */
void expect_other_ways(void);

/* An open that fanotify saw. In the company of another recorder an open that it has recorded already is no news. */
bool event_is_news(const char *path, bool in_company);
/* Records what was not seen in a call: `path` is the kernel's, and the process may be gone. */
void access_of_process(pid_t process, enum operation operation, const char *path);

#endif
