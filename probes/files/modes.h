/* The modes of the probe: one function each, called with the words after the program's name (argv[0] is the mode).
 * Each returns the program's exit code. docs/probe-protocol.md says what they do. */
#ifndef MODES_H
#define MODES_H

int ask_main(int argc, char **argv);
int run_main(int argc, char **argv);
int supervise_main(int argc, char **argv);
int attach_main(int argc, char **argv);
int relay_main(int argc, char **argv);
int socket_relay_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int release_main(int argc, char **argv);
int try_calls_main(int argc, char **argv);
int listening_main(int argc, char **argv);
int serve_main(int argc, char **argv) __attribute__((weak));

#endif
