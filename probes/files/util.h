/* What every mode needs: ending with a reason, and whole writes. */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof *(array))

enum exit_code { EXIT_USAGE = 2, EXIT_PROBE = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NO_COMMAND = 127 };

/* Prints "slimmer-probe: MESSAGE" on stderr and ends the process. `die` adds the text of errno. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void die_plain(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* From now on, a process that is about to end with a reason first hands it to `will` (once). */
void on_death(void (*will)(const char *message));

void *check_alloc(void *memory);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t size);
char *xstrdup(const char *text);

/* snprintf that ends the process rather than cut the text short; returns the length. */
size_t format(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes everything, or returns -1 with errno. */
int write_full(int fd, const void *data, size_t size);
/* Reads until `size` bytes or the end of the file; returns the count, or -1 with errno. */
ssize_t read_full(int fd, void *data, size_t size);
/* Reads a small text file and ends it with NUL; returns the length, or -1 with errno. */
ssize_t read_text(const char *path, char *buffer, size_t size);
/* The target of a link, ended with NUL; returns the length, or -1 with errno (ENAMETOOLONG when it was cut). */
ssize_t read_link(const char *path, char *buffer, size_t size);

/* From now on, reading and writing never wait. */
void never_wait(int fd);

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);
void sleep_ms(int ms);

/* A byte buffer that grows; running out of memory ends the process. */
struct buffer {
    char *data;
    size_t length, room;
};
void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_addf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes `size` bytes off the front. */
void buffer_drop(struct buffer *buffer, size_t size);
void buffer_free(struct buffer *buffer);

/* A whole decimal or hexadecimal number; false when the text holds anything else. */
bool parse_number(const char *text, int base, uint64_t *value);

#endif
