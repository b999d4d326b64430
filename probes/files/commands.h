/* Commands that slimmer wants to be run in the container, under the recorder as the app itself.
 *
 * They are started by a process that leaves the supervisor before the app runs, and that never looks for the probe again: not
 * by its name, which the app may have given to something else by then. This process is the probe, and so are its children
 * until they call execve as the app's user. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <poll.h>

/* Makes that process. To be called before there are threads, and before the app runs. */
void open_commands(void);

/* `order` is what follows "run " or "tell " (docs/probe-protocol.md, "Orders"). */
void start_command(const char *order);
void tell_of_command(const char *order);

/* Asks that process for a sign of life, which becomes the record `pong`: an app may stop it alone. */
void ask_commands(void);

/* What to poll for, and what to do then: passes orders on, and writes `result` records. Ends the process when the other one is gone. */
struct pollfd commands_polled(void);
void serve_commands(void);

#endif
