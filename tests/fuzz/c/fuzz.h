/* What the harnesses share. A harness runs the probe's own code on bytes that somebody else chose; what the probe's code needs
 * of the world, it gets from here: standard input and output are in memory, and the end of the process is the end of a try. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run as a finding, with the expression. */
#define CHECK(expression) ((expression) ? (void)0 : fuzz_failed(#expression, __FILE__, __LINE__))
void fuzz_failed(const char *expression, const char *file, int line) __attribute__((noreturn));

/* Runs `work`; false when that ended the process, as `die` does. */
bool survives(void (*work)(void *context), void *context);

/* An input that is taken apart from its beginning. At its end there are zeros and empty texts. */
struct bytes {
    const uint8_t *data;
    size_t size;
};
uint64_t take_number(struct bytes *bytes, size_t width);
/* The text up to the next NUL or the end, in memory of its own and just its size, to be freed. */
char *take_string(struct bytes *bytes);
/* All that is left, with a NUL behind it, to be freed. */
char *take_rest(struct bytes *bytes);

/* From now on standard input holds these bytes, and what goes to standard output is kept. */
void open_memory(const void *input, size_t size);
struct bytes written_memory(void);
void close_memory(void);

/* From now on every path is looked up below a folder of odd files, which is made once. */
void enter_jail(void);

#endif
