/* The recording filter: which system calls wake the recorder. */
#ifndef FILTER_H
#define FILTER_H

#include <stdbool.h>

enum filter_scope {
    SCOPE_ALL,  /* every call that names a path */
    SCOPE_GATE, /* execve, which is the gate; exit, which is the end; listen */
    SCOPE_CHANGES, /* those, and the calls after which paths may lead elsewhere, for a recorder that sees all others go by */
};

enum filter_means {
    MEANS_LISTENER, /* user notification: returns the listener */
    MEANS_TRACE,    /* a stop for the ptrace tracer; without one the calls fail with ENOSYS */
};

struct call;
/* True if the filter of SCOPE_CHANGES names the call. */
bool changes_places(const struct call *call);

/* Returns the listener or 0, or -1 with errno. */
int install_recording_filter(enum filter_scope scope, enum filter_means means);

#endif
