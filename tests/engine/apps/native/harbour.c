/* A harbour's site: a server of one process and one connection at a time. Pages are in pages.c. */
#include <locale.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pages.h"

static int listening(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 16) < 0) {
		perror("harbour");
		exit(1);
	}
	return server;
}

static void serve(FILE *client)
{
	char line[1024], name[64] = "", argument[128] = "", page[PAGE_SIZE] = "";

	if (!fgets(line, sizeof line, client))
		return;
	sscanf(line, "GET /%63[^/? ]/%127[^? ]", name, argument);
	while (fgets(line, sizeof line, client) && strcmp(line, "\r\n") != 0)
		continue;
	bool found = page_of(name, argument, page);
	fprintf(client, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		found ? "200 OK" : "404 Not Found", strlen(page), page);
}

int main(void)
{
	int server = listening(8080);

	setlocale(LC_ALL, "");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, _exit);
	for (;;) {
		int client = accept(server, NULL, NULL);
		FILE *stream = client < 0 ? NULL : fdopen(client, "r+");

		if (!stream)
			continue;
		serve(stream);
		fclose(stream);
	}
}
