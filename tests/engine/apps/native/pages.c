#include "pages.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <grp.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLUGINS "/usr/local/lib/harbour"
#define CHARTS "/usr/local/share/harbour/charts"

/* A plug-in is a library with a function `show`, found by the name that the request gives. */
static bool plugin(const char *name, char *page)
{
	char path[256];
	snprintf(path, sizeof path, PLUGINS "/%s.so", name);
	void *library = dlopen(path, RTLD_NOW);
	void (*show)(char *, size_t);

	if (!library)
		return false;
	*(void **)&show = dlsym(library, "show");
	if (show)
		show(page, PAGE_SIZE);
	dlclose(library);
	return show != NULL;
}

static bool chart(const char *name, char *page)
{
	char path[256];
	snprintf(path, sizeof path, CHARTS "/%s.txt", name);
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	page[fread(page, 1, PAGE_SIZE - 1, file)] = 0;
	fclose(file);
	return true;
}

static bool charset(const char *name, char *page)
{
	char text[] = "Größe", *from = text, bytes[64], *to = bytes;
	size_t left = strlen(text), room = sizeof bytes;
	iconv_t conversion = iconv_open(name, "UTF-8");

	if (conversion == (iconv_t)-1)
		return false;
	bool converted = iconv(conversion, &from, &left, &to, &room) != (size_t)-1;
	iconv_close(conversion);
	for (char *byte = bytes; byte < to; byte++)
		page += sprintf(page, "%02x", (unsigned char)*byte);
	return converted;
}

static bool time_in(const char *zone, char *page)
{
	time_t noon = 1719835200;
	setenv("TZ", zone, 1);
	tzset();
	return strftime(page, PAGE_SIZE, "%H:%M %Z\n", localtime(&noon)) > 0;
}

static bool in_words(const char *name, char *page)
{
	struct tm day = { .tm_year = 70, .tm_mon = 2, .tm_mday = 1 };
	locale_t locale = newlocale(LC_ALL_MASK, name, (locale_t)0);

	if (!locale)
		return false;
	strftime_l(page, PAGE_SIZE, "%A, %d. %B\n", &day, locale);
	freelocale(locale);
	return true;
}

/* In the locale that the environment names. */
static bool formatted(const char *unused, char *page)
{
	(void)unused;
	return snprintf(page, PAGE_SIZE, "%'.2f\n", 1234567.5) > 0;
}

static bool user(const char *name, char *page)
{
	struct passwd *entry = getpwnam(name);
	struct group *group = entry ? getgrgid(entry->pw_gid) : NULL;
	snprintf(page, PAGE_SIZE, "%s %s\n", entry ? entry->pw_dir : "", group ? group->gr_name : "");
	return group != NULL;
}

static bool host(const char *name, char *page)
{
	struct addrinfo wanted = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	if (getaddrinfo(name, "https", &wanted, &found) != 0)
		return false;
	struct sockaddr_in *address = (struct sockaddr_in *)found->ai_addr;
	snprintf(page, PAGE_SIZE, "%s %d\n", inet_ntoa(address->sin_addr), ntohs(address->sin_port));
	freeaddrinfo(found);
	return true;
}

static bool service(const char *name, char *page)
{
	struct servent *entry = getservbyname(name, "tcp");
	struct protoent *protocol = getprotobyname("udp");
	snprintf(page, PAGE_SIZE, "%d %d\n", entry ? ntohs((uint16_t)entry->s_port) : 0, protocol ? protocol->p_proto : 0);
	return entry && protocol;
}

static bool authorities(const char *unused, char *page)
{
	(void)unused;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	bool set = context && SSL_CTX_set_default_verify_paths(context) == 1;
	X509_STORE *store = set ? SSL_CTX_get_cert_store(context) : NULL;
	bool many = store && sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) > 50;
	snprintf(page, PAGE_SIZE, "%s\n", many ? "many" : "few");
	SSL_CTX_free(context);
	return set;
}

/* Old digests are in a provider of their own, a library that OpenSSL loads by name. */
static bool legacy(const char *unused, char *page)
{
	(void)unused;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	OSSL_PROVIDER *provider = OSSL_PROVIDER_load(NULL, "legacy");
	bool done = provider && EVP_Digest("a", 1, digest, &size, EVP_md4(), NULL);
	snprintf(page, PAGE_SIZE, "%02x %u\n", size ? digest[0] : 0, size);
	if (provider)
		OSSL_PROVIDER_unload(provider);
	return done;
}

static bool shell(const char *unused, char *page)
{
	(void)unused;
	FILE *command = popen("printf 'b\\na\\n' | sort | tr a-z A-Z", "re");
	if (!command)
		return false;
	page[fread(page, 1, PAGE_SIZE - 1, command)] = 0;
	return pclose(command) == 0 && *page;
}

static bool front(const char *unused, char *page)
{
	(void)unused;
	return snprintf(page, PAGE_SIZE, "The harbour\n") > 0;
}

static const struct {
	const char *name;
	bool (*page)(const char *argument, char *page);
} pages[] = {
	{ "", front },		 { "plugin", plugin },	{ "chart", chart }, { "charset", charset },
	{ "time", time_in },	 { "words", in_words }, { "user", user },   { "host", host },
	{ "service", service },	 { "tls", authorities }, { "legacy", legacy }, { "shell", shell },
	{ "number", formatted },
};

bool page_of(const char *name, const char *argument, char *page)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		if (strcmp(pages[i].name, name) == 0)
			return pages[i].page(argument, page);
	return false;
}
