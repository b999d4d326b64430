/* What a call found, told from its result and from what it opened: by now the path may lead elsewhere. */
#ifndef AFTERWARDS_H
#define AFTERWARDS_H

#include "access.h"
#include "resolve.h"

/* True if the call's record says where the path led. */
bool is_certain(const struct captured *captured);

/* As `look`, for a caller that has gone on. */
enum outcome look_afterwards(const struct request *request, const struct location *location, char *resolved, size_t size);

#endif
