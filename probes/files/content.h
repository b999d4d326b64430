/* Contents of files. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stdint.h>

/* Copies exactly `size` bytes into the answer; false, with a reason given, when there are fewer. Closes `fd`. */
bool response_content(int fd, uint64_t size, const char *path);

#endif
