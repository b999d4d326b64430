/* Pages of the harbour's site: each writes a text into `page`, of PAGE_SIZE bytes, and returns whether there is one. */
#pragma once

#include <stdbool.h>

#define PAGE_SIZE 4096

bool page_of(const char *name, const char *argument, char *page);
