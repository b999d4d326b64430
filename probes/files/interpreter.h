/* Which program the kernel loads to run another: the `#!` line of a script, PT_INTERP of an ELF file. */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include <stdbool.h>
#include <stddef.h>

/* `fd` may be open with O_PATH. False when the file needs no interpreter, or is none that can be read. */
bool read_interpreter(int fd, char *path, size_t size);

#endif
