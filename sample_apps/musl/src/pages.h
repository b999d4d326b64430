/* What the server can show. Every function returns text that the caller frees, or NULL. */
#ifndef PAGES_H
#define PAGES_H

char *page_from_file(const char *path);
char *page_from_command(const char *command);
char *page_about_me(void);

#endif
