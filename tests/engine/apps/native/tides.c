/* When the water is high. */
#include <stdio.h>

void show(char *page, size_t size)
{
	snprintf(page, size, "high at six\n");
}
