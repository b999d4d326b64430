/* Where the running kernel keeps what the recorder's BPF programs read. */
#ifndef WATCH_LAYOUT_H
#define WATCH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "call_record.h"

/* Fills in the offsets. False, with a reason, if the kernel does not describe them. */
bool find_watch_layout(struct watch_state *state, char *trouble, size_t size);

#endif
