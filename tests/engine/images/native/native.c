// What C programs reach only on some of their ways: native [ROUTE]. A route that works prints "good" and exits with 0.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <iconv.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *wait_for_ever(void *unused) {
    pause();
    return unused;
}

static int service(void) { return getservbyname("domain", "udp") != NULL; }

static int protocol(void) { return getprotobyname("ospf") != NULL; }

static int latin(void) {
    char text[] = "caf\xc3\xa9", out[8] = "";
    char *from = text, *to = out;
    size_t left = strlen(text), room = sizeof out;
    iconv_t converter = iconv_open("ISO-8859-15", "UTF-8");
    return converter != (iconv_t)-1 && iconv(converter, &from, &left, &to, &room) == 0 && memcmp(out, "caf\xe9", 4) == 0;
}

static int cancel(void) {
    pthread_t thread;
    void *result = NULL;
    return pthread_create(&thread, NULL, wait_for_ever, NULL) == 0 && pthread_cancel(thread) == 0 &&
           pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED;
}

static int load(void) {
    void *library = dlopen("libz.so.1", RTLD_NOW);
    return library != NULL && dlsym(library, "crc32") != NULL;
}

static const struct {
    const char *name;
    int (*works)(void);
} routes[] = {{"service", service}, {"protocol", protocol}, {"latin", latin}, {"cancel", cancel}, {"load", load}};

int main(int count, char **words) {
    for (size_t i = 0; count == 2 && i < sizeof routes / sizeof *routes; i++)
        if (strcmp(words[1], routes[i].name) == 0 && !routes[i].works()) return 1;
    puts("good");
    return 0;
}
