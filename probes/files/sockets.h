/* The TCP and Unix sockets on which this container listens and the UDP sockets that it has bound, told as `listen` records. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* A process calls listen(), which takes effect only after the recorder has let the call go on: a look will soon be worth it. */
void note_listen(void);

/* When the next look is due (now_ms). */
int64_t sockets_due(void);
/* Looks if a look is due, and writes what is new. True if it looked. */
bool look_at_sockets(void);

/* The number of TCP and Unix sockets on which processes of this container listen now. */
unsigned listening_sockets(void);

#endif
