/* The identity that the app would have without slimmer: `ask` measures it, one line carries it, `run` takes it on. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { LIMITS = 16 }; /* RLIM_NLIMITS of the kernel */

/* A system call that is refused natively: with `flag` (of clone) or, when that is 0, always. */
struct denial {
    uint32_t arch, number, flag;
    int error;
};

struct identity {
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t group_count;
    uint64_t inheritable, permitted, effective, bounding, ambient;
    bool no_new_privs;
    unsigned securebits;
    mode_t umask;
    char *home; /* NULL: not set */
    struct rlimit limits[LIMITS];
    struct denial *denials;
    size_t denial_count;
};

/* Of this process. Ends the process when it cannot be measured. */
void measure_identity(struct identity *identity);
/* The line without its newline, to be freed. */
char *identity_line(const struct identity *identity);
/* Ends the process when the line is not an identity. Changes `line`. */
void parse_identity(char *line, struct identity *identity);

/* Makes this process (root, with SETUID, SETGID and SETPCAP) what the identity says, except for the denials and HOME. */
void drop_privileges(const struct identity *identity);
/* Gives stdin, stdout and stderr to the identity's user, so that /dev/stdout can be opened again. */
void give_stdio(const struct identity *identity);

#endif
