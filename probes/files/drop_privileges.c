/* Taking the identity on, in the order that leaves each step the privilege it needs. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "identity.h"
#include "util.h"

enum { CAPABILITIES = 64 };

static void drop_bounding(uint64_t kept) {
    for (int i = 0; i < CAPABILITIES; i++) {
        int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (held > 0 && !(kept >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0))
            die("cannot drop capability %d from the bounding set", i);
    }
}

static void set_limits(const struct identity *identity) {
    for (int i = 0; i < LIMITS; i++) {
        struct rlimit now;
        const struct rlimit *wanted = &identity->limits[i];
        if (getrlimit(i, &now))
            die("getrlimit");
        if ((now.rlim_cur != wanted->rlim_cur || now.rlim_max != wanted->rlim_max) && setrlimit(i, wanted))
            die("cannot set resource limit %d", i);
    }
}

static void set_capabilities(const struct identity *identity) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int half = 0; half < 2; half++)
        data[half] = (struct __user_cap_data_struct){
            .effective = (uint32_t)(identity->effective >> (32 * half)),
            .permitted = (uint32_t)(identity->permitted >> (32 * half)),
            .inheritable = (uint32_t)(identity->inheritable >> (32 * half)),
        };
    if (syscall(SYS_capset, &header, data))
        die("capset");
    for (int i = 0; i < CAPABILITIES; i++)
        if (identity->ambient >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0))
            die("cannot raise ambient capability %d", i);
}

static void set_securebits(unsigned wanted) {
    int now = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (now < 0 || ((unsigned)now != wanted && prctl(PR_SET_SECUREBITS, wanted, 0, 0, 0)))
        die("cannot set the secure bits");
}

void drop_privileges(const struct identity *identity) {
    set_limits(identity);
    drop_bounding(identity->bounding);
    if (setgroups(identity->group_count, identity->groups))
        die("setgroups");
    if (setresgid(identity->gid, identity->gid, identity->gid))
        die("setresgid");
    /* Without this, leaving uid 0 clears the permitted set, which the identity may have kept. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        die("PR_SET_KEEPCAPS");
    if (setresuid(identity->uid, identity->uid, identity->uid))
        die("setresuid");
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0))
        die("PR_SET_KEEPCAPS");
    set_securebits(identity->securebits);
    set_capabilities(identity);
    if (identity->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        die("PR_SET_NO_NEW_PRIVS");
    umask(identity->umask);
}

/* As runc does it (fixStdioPermissions): not for /dev/null, and not where the user owns it already. */
void give_stdio(const struct identity *identity) {
    struct stat null, status;
    bool has_null = !stat("/dev/null", &null);
    for (int fd = 0; fd < 3; fd++) {
        if (fstat(fd, &status))
            continue;
        if (status.st_uid == identity->uid || (has_null && status.st_rdev == null.st_rdev))
            continue;
        if (fchown(fd, identity->uid, (gid_t)-1) && errno != EPERM && errno != EINVAL && errno != EROFS)
            die("cannot give descriptor %d to the user", fd);
    }
}
