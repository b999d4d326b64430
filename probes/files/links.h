/* Hard links: under which name a file with several came first. */
#ifndef LINKS_H
#define LINKS_H

#include <sys/stat.h>

/* The name under which this file was given before, or NULL: then `name` is kept, which must stay valid. */
const char *earlier_name(const struct stat *status, const char *name);
void forget_names(void);

#endif
