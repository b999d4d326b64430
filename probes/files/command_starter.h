/* The process that starts commands: see commands.h. */
#ifndef COMMAND_STARTER_H
#define COMMAND_STARTER_H

/* Takes `run`, `tell` and `ping` orders from `socket`, a line each, and answers with lines `ID CODE HEX` and `pong`; ends at the end
 * of the orders. */
void start_commands(int socket) __attribute__((noreturn));

#endif
