/* Which recorders run, and why another does not: chosen by `run`, which installs the filter, told by `supervise` and `attach`. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>

#include "filter.h"

enum recorder { RECORDER_AUTO, RECORDER_NOTIFY, RECORDER_PTRACE, RECORDER_FANOTIFY, RECORDER_BPF };

bool parse_recorder(const char *name, enum recorder *recorder);

/* What `run` came to. `listener_error` is the errno of a refused listener, 0 when there is one or none was asked for. */
struct gate {
    enum recorder asked;
    enum filter_scope scope;
    enum filter_means means;
    int listener_error;
};

/* Installs the recording filter. Ends the process when what was asked for cannot be had. */
struct gate install_gate(enum recorder asked);

/* The gate is told through the thread's name, which needs no channel and goes away with execve. */
void publish_gate(const struct gate *gate);
/* False when the process has not come to its gate yet. */
bool read_gate(int pid, struct gate *gate);

/* Writes the `recorder` records. `fanotify_trouble` is empty when fanotify runs. */
void tell_recorders(const struct gate *gate, const char *fanotify_trouble);
/* The same without a gate: the processes ran already, and nothing is put into them. */
void tell_attached_recorders(bool watches_calls, const char *trouble);

#endif
