/* The identity as a value: measuring, writing and reading it. drop_privileges.c takes it on. */
#include "identity.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seccomp_denials.h"
#include "util.h"

#define IDENTITY_VERSION "1"

static uint64_t capability_set(const char *status, const char *name) {
    const char *line = strstr(status, name);
    if (!line)
        die_plain(EXIT_PROBE, "/proc/self/status has no %s", name);
    return strtoull(line + strlen(name), NULL, 16);
}

static void measure_capabilities(struct identity *identity) {
    char status[8192];
    if (read_text("/proc/self/status", status, sizeof status) < 0)
        die("/proc/self/status");
    identity->inheritable = capability_set(status, "\nCapInh:");
    identity->permitted = capability_set(status, "\nCapPrm:");
    identity->effective = capability_set(status, "\nCapEff:");
    identity->bounding = capability_set(status, "\nCapBnd:");
    identity->ambient = capability_set(status, "\nCapAmb:");
}

static void measure_groups(struct identity *identity) {
    int count = getgroups(0, NULL);
    if (count < 0)
        die("getgroups");
    identity->groups = xcalloc((size_t)count + 1, sizeof *identity->groups);
    count = getgroups(count, identity->groups);
    if (count < 0)
        die("getgroups");
    identity->group_count = (size_t)count;
}

void measure_identity(struct identity *identity) {
    *identity = (struct identity){.uid = getuid(), .gid = getgid()};
    measure_groups(identity);
    measure_capabilities(identity);
    int no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (no_new_privs < 0 || securebits < 0)
        die("prctl");
    identity->no_new_privs = no_new_privs;
    identity->securebits = (unsigned)securebits;
    identity->umask = umask(0);
    umask(identity->umask);
    const char *home = getenv("HOME");
    identity->home = home ? xstrdup(home) : NULL;
    for (int i = 0; i < LIMITS; i++)
        if (getrlimit(i, &identity->limits[i]))
            die("getrlimit");
    identity->denials = measure_denials(&identity->denial_count);
}

static void add_encoded(struct buffer *line, const char *text) {
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '%') /* a char may be signed, or not */
            buffer_addf(line, "%%%02x", (unsigned char)*text);
        else
            buffer_add(line, text, 1);
}

static void add_lists(struct buffer *line, const struct identity *identity) {
    buffer_add_text(line, " limits=");
    for (int i = 0; i < LIMITS; i++)
        buffer_addf(line, "%s%d:%llu:%llu", i ? "," : "", i, (unsigned long long)identity->limits[i].rlim_cur,
                    (unsigned long long)identity->limits[i].rlim_max);
    buffer_add_text(line, " refuse=");
    for (size_t i = 0; i < identity->denial_count; i++) {
        const struct denial *denial = &identity->denials[i];
        buffer_addf(line, "%s%s:%u", i ? "," : "", arch_word(denial->arch, denial->number), denial->number);
        if (denial->flag)
            buffer_addf(line, "&%x", denial->flag);
        buffer_addf(line, ":%d", denial->error);
    }
}

char *identity_line(const struct identity *identity) {
    struct buffer line = {0};
    buffer_addf(&line, "v=" IDENTITY_VERSION " uid=%u gid=%u groups=", identity->uid, identity->gid);
    for (size_t i = 0; i < identity->group_count; i++)
        buffer_addf(&line, "%s%u", i ? "," : "", identity->groups[i]);
    buffer_addf(&line, " inheritable=%llx permitted=%llx effective=%llx bounding=%llx ambient=%llx",
                (unsigned long long)identity->inheritable, (unsigned long long)identity->permitted,
                (unsigned long long)identity->effective, (unsigned long long)identity->bounding,
                (unsigned long long)identity->ambient);
    buffer_addf(&line, " no_new_privs=%d securebits=%x umask=%o", identity->no_new_privs, identity->securebits,
                (unsigned)identity->umask);
    if (identity->home) {
        buffer_add_text(&line, " home=");
        add_encoded(&line, identity->home);
    }
    add_lists(&line, identity);
    buffer_add(&line, "", 1);
    return line.data;
}

static uint64_t number(const char *text, int base, uint64_t maximum) {
    uint64_t value;
    if (!text || !parse_number(text, base, &value) || value > maximum)
        die_plain(EXIT_USAGE, "not a number of an identity: %s", text ? text : "");
    return value;
}

/* A second list would be written behind the first, into memory that was made for the second alone. */
static void expect_first(const void *list, const char *key) {
    if (list)
        die_plain(EXIT_USAGE, "an identity names its %s twice", key);
}

static void parse_groups(char *list, struct identity *identity) {
    expect_first(identity->groups, "groups");
    identity->groups = xcalloc(strlen(list) + 1, sizeof *identity->groups);
    for (char *rest, *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        identity->groups[identity->group_count++] = (gid_t)number(word, 10, UINT32_MAX);
}

static void parse_limits(char *list, struct identity *identity) {
    for (char *rest, *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *inner;
        uint64_t resource = number(strtok_r(word, ":", &inner), 10, LIMITS - 1);
        identity->limits[resource].rlim_cur = number(strtok_r(NULL, ":", &inner), 10, UINT64_MAX);
        identity->limits[resource].rlim_max = number(strtok_r(NULL, ":", &inner), 10, UINT64_MAX);
    }
}

static void parse_denials(char *list, struct identity *identity) {
    expect_first(identity->denials, "denials");
    identity->denials = xcalloc(strlen(list) + 1, sizeof *identity->denials);
    for (char *rest, *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        struct denial denial = {0};
        char *inner, *arch = strtok_r(word, ":", &inner), *call = strtok_r(NULL, ":", &inner);
        char *flag = call ? strchr(call, '&') : NULL;
        if (flag)
            *flag++ = '\0';
        if (!arch || !parse_arch_word(arch, &denial.arch))
            die_plain(EXIT_USAGE, "not an architecture of an identity: %s", arch ? arch : "");
        denial.number = (uint32_t)number(call, 10, UINT32_MAX);
        if (!arch_word(denial.arch, denial.number))
            die_plain(EXIT_USAGE, "an identity names a call that %s has not: %u", arch, denial.number);
        denial.flag = flag ? (uint32_t)number(flag, 16, UINT32_MAX) : 0;
        denial.error = (int)number(strtok_r(NULL, ":", &inner), 10, 4095);
        identity->denials[identity->denial_count++] = denial;
    }
}

static void decode(char *text) {
    char *end = text;
    for (; *text; text++, end++) {
        *end = *text;
        if (*text != '%')
            continue;
        char digits[3] = {text[1], text[1] ? text[2] : '\0', '\0'};
        if (!digits[1])
            die_plain(EXIT_USAGE, "an identity ends within an escape");
        *end = (char)number(digits, 16, 255);
        text += 2;
    }
    *end = '\0';
}

static void parse_word(const char *key, char *value, struct identity *identity) {
    if (!strcmp(key, "v") && strcmp(value, IDENTITY_VERSION))
        die_plain(EXIT_USAGE, "an identity of version %s", value);
    else if (!strcmp(key, "uid"))
        identity->uid = (uid_t)number(value, 10, UINT32_MAX);
    else if (!strcmp(key, "gid"))
        identity->gid = (gid_t)number(value, 10, UINT32_MAX);
    else if (!strcmp(key, "groups"))
        parse_groups(value, identity);
    else if (!strcmp(key, "inheritable"))
        identity->inheritable = number(value, 16, UINT64_MAX);
    else if (!strcmp(key, "permitted"))
        identity->permitted = number(value, 16, UINT64_MAX);
    else if (!strcmp(key, "effective"))
        identity->effective = number(value, 16, UINT64_MAX);
    else if (!strcmp(key, "bounding"))
        identity->bounding = number(value, 16, UINT64_MAX);
    else if (!strcmp(key, "ambient"))
        identity->ambient = number(value, 16, UINT64_MAX);
    else if (!strcmp(key, "no_new_privs"))
        identity->no_new_privs = number(value, 10, 1);
    else if (!strcmp(key, "securebits"))
        identity->securebits = (unsigned)number(value, 16, UINT32_MAX);
    else if (!strcmp(key, "umask"))
        identity->umask = (mode_t)number(value, 8, 0777);
    else if (!strcmp(key, "limits"))
        parse_limits(value, identity);
    else if (!strcmp(key, "refuse"))
        parse_denials(value, identity);
    else if (!strcmp(key, "home")) {
        decode(value);
        identity->home = value;
    }
}

void parse_identity(char *line, struct identity *identity) {
    *identity = (struct identity){0};
    for (int i = 0; i < LIMITS; i++)
        identity->limits[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    bool versioned = !strncmp(line, "v=", 2);
    for (char *rest, *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        char *value = strchr(word, '=');
        if (!value || !versioned)
            die_plain(EXIT_USAGE, "not an identity: %s", word);
        *value++ = '\0';
        parse_word(word, value, identity);
    }
    if (!versioned)
        die_plain(EXIT_USAGE, "not an identity");
}
