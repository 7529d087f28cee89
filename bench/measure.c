/*
 * measure COMMAND [ARG...]: runs it once, its output into a pipe that is read to its end. Prints its wall time in
 * nanoseconds, its processor time (user and system) in microseconds, its peak memory in KiB (ru_maxrss) and its status
 * as wait(2) has it.
 *
 * A small process does this, because the peak of a forked child begins with what its parent had, and because forking a
 * process of Node's size is itself of the order of what is measured.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct timespec before, after;
    struct rusage usage;
    char output[65536];
    int told[2];
    int status;

    if (argc < 2) {
        fprintf(stderr, "usage: measure COMMAND [ARG...]\n");
        return 2;
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || pipe2(told, O_CLOEXEC) < 0) {
        perror("measure");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, STDIN_FILENO);
        dup2(told[1], STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    close(told[1]);
    while (read(told[0], output, sizeof output) > 0)
        ;
    if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
        perror(argv[1]);
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long wall = (after.tv_sec - before.tv_sec) * 1000000000LL + (after.tv_nsec - before.tv_nsec);
    long long user = usage.ru_utime.tv_sec * 1000000LL + usage.ru_utime.tv_usec;
    long long system = usage.ru_stime.tv_sec * 1000000LL + usage.ru_stime.tv_usec;
    printf("%lld %lld %ld %d\n", wall, user + system, usage.ru_maxrss, status);
    return 0;
}
