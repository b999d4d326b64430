/* What the BPF programs are told of each system call: calls.inc in their terms. */
#ifndef CALL_TABLE_H
#define CALL_TABLE_H

#include <stdbool.h>

#include "call_record.h"

/* False for a call that they need not look at. */
bool describe_watched_call(unsigned way, uint32_t number, struct watched_call *watched);
/* The architecture and the number by which the probe knows the call. */
bool number_watched_call(unsigned way, uint32_t number, uint32_t *arch, uint32_t *full_number);

#endif
