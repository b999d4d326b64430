/* thirty_two [PROGRAM]: what a 32-bit program does with files, and then the same by PROGRAM. Says what it found. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void *look(void *path) {
    struct stat status;
    printf("thread: %d\n", stat(path, &status));
    return NULL;
}

static int entries(const char *path) {
    int count = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder))
        count++;
    return count;
}

static void run(char *program) {
    int status;
    if (fork() == 0)
        execv(program, (char *[]){program, NULL});
    wait(&status);
    printf("ended: %d\n", status);
}

int main(int argc, char **argv) {
    char target[64] = "";
    struct stat status;
    pthread_t thread;
    printf("%zu bits\n", sizeof(void *) * 8);
    printf("open: %d\n", open("/srv/opened", O_RDONLY) < 0);
    printf("stat: %d\n", stat("/srv/looked-at", &status));
    printf("access: %d\n", access("/srv/accessed", R_OK));
    printf("link of %zd\n", readlink("/srv/link", target, sizeof target));
    printf("entries: %d\n", entries("/srv/listed"));
    pthread_create(&thread, NULL, look, "/srv/in-thread");
    pthread_join(thread, NULL);
    fflush(stdout);
    if (argc > 1)
        run(argv[1]);
    return 0;
}
