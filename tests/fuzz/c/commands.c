/* command_starter.c: the words of a command, which come as hexadecimal digits; written so again, they are the same. */
#include "files/command_starter.c"

#include <ctype.h>

#include "fuzz.h"

static void check_words(const char *digits, char **words, int count) {
    const char *place = digits;
    for (int i = 0; i < count; i++)
        for (const char *letter = words[i];; letter++, place += 2) {
            char pair[3];
            format(pair, sizeof pair, "%02x", (unsigned char)*letter);
            CHECK(tolower((unsigned char)place[0]) == pair[0] && tolower((unsigned char)place[1]) == pair[1]);
            if (!*letter) {
                place += 2;
                break;
            }
        }
    CHECK(!words[count] && strlen(place) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes bytes = {data, size};
    char *digits = take_rest(&bytes);
    int count;
    char **words = decode_words(digits, &count);
    if (words) {
        check_words(digits, words, count);
        free(words[0]);
        free(words);
    }
    free(digits);
    return 0;
}
