/* Looking at files in every way that a system call allows, each way a case of its own with a folder of its own. What the
 * recorders are to see of each case is in tests/engine/probe/cases.py. */
#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>
#include <stddef.h>

struct look {
    const char *name; /* of the case, and of its folder */
    void (*run)(void);
};

/* Ended by an entry without a name. */
extern const struct look opens[], lookups[], changes[], execs[], sockets[], processes[];

/* The path of something in the folder of the case that runs; good until eight more were asked for. */
const char *at(const char *name);
/* Says which expectation of which case failed, with errno, and lets the case fail. */
void expect(bool ok, const char *what);
/* Opens, expects that to work, and closes. */
void open_and_close(const char *path, int flags);
/* Waits for a process and expects it to end with 0. */
void expect_success(int process, const char *what);

#endif
