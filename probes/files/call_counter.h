/* Which system calls the container's processes make: a BPF program at the raw tracepoint sys_enter sets one byte for each number.
 * The probe's own processes are left out. docs/decisions/0024-see-system-calls-with-a-bpf-program.md says why. */
#ifndef CALL_COUNTER_H
#define CALL_COUNTER_H

/* Starts it, or says why it cannot run. The supervisor keeps it until it ends. */
void start_call_counter(void);
/* What it knows of the container, for another program that watches the same; NULL if it does not run. */
struct call_counts;
const struct call_counts *learned_surroundings(void);
const char *counter_trouble(void);
/* Writes the recorder's record: that it runs and what for, or why it does not. */
void tell_call_counter(const char *reason);
/* Writes a `calls` record for each architecture of which calls were made so far. */
void tell_calls(void);

#endif
