/* How well a text packs: the library for that is this plug-in's alone. */
#include <stdio.h>
#include <zlib.h>

void show(char *page, size_t size)
{
	static const unsigned char text[1000];
	unsigned char packed[2000];
	unsigned long length = sizeof packed;

	snprintf(page, size, "%s\n", compress(packed, &length, text, sizeof text) == Z_OK && length < 100 ? "well" : "badly");
}
