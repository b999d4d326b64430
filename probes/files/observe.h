/* What a held system call means: records for the paths that it names, and what else the supervisor must know. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "caller.h"

enum verdict {
    GO_ON,
    REFUSE, /* the call is to fail with ENOSYS */
};

enum verdict observe_call(const struct caller *caller);

#endif
