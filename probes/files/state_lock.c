#include "state_lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util.h"

static pthread_mutex_t turn;
static int wakes = -1;

void init_state_lock(void) {
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) || pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) ||
        pthread_mutex_init(&turn, &attributes))
        die_plain(EXIT_PROBE, "a mutex cannot be made");
    wakes = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakes < 0)
        die("eventfd");
}

void lock_state(void) {
    if (pthread_mutex_lock(&turn))
        die_plain(EXIT_PROBE, "the lock cannot be taken");
}

bool try_lock_state(void) {
    int error = pthread_mutex_trylock(&turn);
    if (error && error != EBUSY)
        die_plain(EXIT_PROBE, "the lock cannot be tried");
    return !error;
}

void unlock_state(void) {
    if (pthread_mutex_unlock(&turn))
        die_plain(EXIT_PROBE, "the lock cannot be ended");
}

void wake_main_thread(void) {
    if (eventfd_write(wakes, 1) && errno != EAGAIN) /* EAGAIN: it has been woken very often */
        die("eventfd");
}

int wake_descriptor(void) {
    return wakes;
}

void take_wakes(void) {
    eventfd_t count;
    if (eventfd_read(wakes, &count) && errno != EAGAIN)
        die("eventfd");
}
