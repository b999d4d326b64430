/* The words that tell slimmer that it is this program that speaks. slimmer writes them anew into the program for each run. */
#ifndef NONCE_H
#define NONCE_H

enum { NONCE_LENGTH = 32 };

/* NONCE_LENGTH characters and a NUL; all "-" in a program that slimmer has not prepared. */
const char *nonce(void);

#endif
