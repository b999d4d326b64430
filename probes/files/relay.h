/* Carrying a connection over this process's stdin and stdout. */
#ifndef RELAY_H
#define RELAY_H

/* Copies stdin to the socket and the socket to stdout, with half-close. It returns when the service has closed its side: what
 * slimmer might still send then has no reader. */
void carry_connection(int socket);

#endif
