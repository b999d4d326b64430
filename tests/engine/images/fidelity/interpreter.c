/* The interpreter that a script's first line names: succeeds when it is given the script. */
#include <string.h>

int main(int argc, char **argv) {
	return argc >= 2 && strstr(argv[argc - 1], "script") ? 0 : 1;
}
