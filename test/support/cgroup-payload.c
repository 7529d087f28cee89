/*
 * What a command in a cgroup does to meet its limits.
 *
 *     memory MEGABYTES [hold] touches so much, and says "lived"; then waits to be killed
 *     spin THREADS SECONDS    computes in so many threads, and prints the processors that it was seen on
 *     use THREADS SECONDS     the same; prints the seconds of processor time that it had, and those that passed
 *     fork COUNT              starts so many that sleep, and prints which was the first that failed, or 0
 *     write FILE MEGABYTES    writes so much past the page cache, and prints milliseconds
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static double end;
static volatile int seen[1024];

static void *spin(void *unused)
{
    do
        seen[sched_getcpu() % 1024] = 1;
    while (now() < end);
    return unused;
}

static void spin_all(int threads, double seconds)
{
    pthread_t all[64];

    end = now() + seconds;
    for (int i = 0; i < threads && i < 64; i++)
        pthread_create(&all[i], NULL, spin, NULL);
    for (int i = 0; i < threads && i < 64; i++)
        pthread_join(all[i], NULL);
}

static int where_it_spins(int threads, double seconds)
{
    spin_all(threads, seconds);
    for (int i = 0; i < 1024; i++)
        if (seen[i])
            printf("%d\n", i);
    return 0;
}

static int what_it_uses(int threads, double seconds)
{
    double began = now();

    spin_all(threads, seconds);
    printf("%.3f %.3f\n", read_clock(CLOCK_PROCESS_CPUTIME_ID), now() - began);
    return 0;
}

static int touch(size_t megabytes, int hold)
{
    char *room = malloc(megabytes << 20);

    if (!room)
        return 1;
    for (size_t i = 0; i < megabytes << 20; i += 4096)
        room[i] = 1;
    puts("lived");
    fflush(stdout);
    if (hold)
        pause();
    return 0;
}

static int fork_all(int count)
{
    pid_t children[1024];
    int failed = 0, i = 0;

    for (; i < count && i < 1024 && !failed; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pause();
            _exit(0);
        }
        if (children[i] < 0)
            failed = i + 1;
    }
    printf("%d %s\n", failed, failed ? strerror(errno) : "");
    fflush(stdout);
    for (int each = 0; each < i; each++)
        if (children[each] > 0)
            kill(children[each], 9);
    while (wait(NULL) > 0)
        ;
    return 0;
}

static int write_past_cache(const char *path, int megabytes)
{
    void *block;
    double began = now();
    int fd = open(path, O_WRONLY | O_DIRECT);

    if (fd < 0 || posix_memalign(&block, 4096, 65536))
        return 1;
    memset(block, 1, 65536);
    for (int i = 0; i < megabytes * 16; i++)
        if (write(fd, block, 65536) != 65536)
            return 1;
    printf("%.0f\n", (now() - began) * 1000);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (argc > 2 && !strcmp(what, "memory"))
        return touch((size_t)atoi(argv[2]), argc > 3);
    if (argc > 3 && !strcmp(what, "spin"))
        return where_it_spins(atoi(argv[2]), atof(argv[3]));
    if (argc > 3 && !strcmp(what, "use"))
        return what_it_uses(atoi(argv[2]), atof(argv[3]));
    if (argc > 2 && !strcmp(what, "fork"))
        return fork_all(atoi(argv[2]));
    if (argc > 3 && !strcmp(what, "write"))
        return write_past_cache(argv[2], atoi(argv[3]));
    return 2;
}
