/* `run` processes that have come to their gate and wait there to be taken over. */
#ifndef GATE_FINDER_H
#define GATE_FINDER_H

#include <stddef.h>
#include <sys/types.h>

#include "recorder.h"

/* A process of this container that waits and was not taken over before; 0 when there is none. */
pid_t find_waiting_at_gate(struct gate *gate);

/* The first word of the command that it will run, cut where it is longer than `size`; "" when it cannot be told. */
void read_command(pid_t process, char *command, size_t size);

#endif
