/* fill: writes to its own file system until nothing more fits, says so, and ends with 3. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    static char piece[1 << 16];
    int file = open("/filled", O_CREAT | O_WRONLY, 0600);
    memset(piece, 'x', sizeof piece);
    while (write(file, piece, sizeof piece) > 0)
        continue;
    puts(strerror(errno));
    return 3;
}
