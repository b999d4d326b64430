#include "modes.h"
#include "util.h"
int ask_main(int argc, char **argv) { (void)argc, (void)argv; return EXIT_PROBE; }
int run_main(int argc, char **argv) { (void)argc, (void)argv; return EXIT_PROBE; }
int supervise_main(int argc, char **argv) { (void)argc, (void)argv; return EXIT_PROBE; }
