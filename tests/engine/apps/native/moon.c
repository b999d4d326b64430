/* How the moon is. */
#include <stdio.h>

void show(char *page, size_t size)
{
	snprintf(page, size, "half\n");
}
