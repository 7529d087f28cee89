/*
 * crowd GROUPS PROCESSES [CGROUP]: a host to measure on. Makes GROUPS groups of PROCESSES sleeping processes each; a
 * group has six fresh namespaces (mnt, uts, ipc, net, cgroup, pid). With CGROUP each is a container: it starts in the
 * cgroup of this path followed by the number of the group (eight hex digits), and each of its processes has a socket.
 * Prints "ready PID INODE" (a process in the first group, and a network namespace that only a descriptor of ours keeps)
 * and waits.
 *
 * It ends when its standard input closes or a signal asks it to, and only after all the others are gone. If it is killed
 * the kernel ends them: each leader asks to die with this process, the first process of each pid namespace with
 * its leader, and that one's death takes its namespace along.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
    perror(what);
    _exit(1);
}

static void sleep_forever(void)
{
    for (;;)
        pause();
}

/* Asks to die with the parent, and then tells it: if it is gone already, writing to it is death by SIGPIPE. */
static void die_with_parent(int parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        fail("prctl");
    if (write(parent, "", 1) != 1)
        fail("write");
}

static void sleep_with_socket(int is_container)
{
    if (is_container && socket(AF_UNIX, SOCK_DGRAM, 0) < 0)
        fail("socket");
    sleep_forever();
}

/* The first process of the group's pid namespace. */
static void begin(int leader, int sleepers, int is_container)
{
    die_with_parent(leader);
    for (int i = 0; i < sleepers; i++) {
        pid_t child = fork();
        if (child < 0)
            fail("fork");
        if (child == 0)
            sleep_with_socket(is_container);
    }
    if (write(leader, "", 1) != 1)
        fail("write");
    sleep_with_socket(is_container);
}

static void join_cgroup(const char *prefix, int group)
{
    char path[4096];

    snprintf(path, sizeof path, "%s%08x/cgroup.procs", prefix, group);
    int procs = open(path, O_WRONLY | O_CLOEXEC);
    if (procs < 0 || write(procs, "0", 1) != 1)
        fail(path);
    close(procs);
}

static void lead(int crowd, int processes, const char *cgroup, int group)
{
    int told[2];
    char bytes[1];

    die_with_parent(crowd);
    if (cgroup != NULL)
        join_cgroup(cgroup, group);
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID) < 0)
        fail("unshare");
    if (pipe(told) < 0)
        fail("pipe");
    pid_t first = fork();
    if (first < 0)
        fail("fork");
    if (first == 0) {
        close(told[0]);
        close(crowd);
        begin(told[1], processes - 2, cgroup != NULL);
    }
    close(told[1]);
    for (int heard = 0; heard < 2; heard++)
        if (read(told[0], bytes, 1) != 1)
            _exit(1);
    if (write(crowd, "", 1) != 1)
        fail("write");
    close(crowd);
    sleep_with_socket(cgroup != NULL);
}

/* The inode of a network namespace without a process, which lives as long as we do. */
static unsigned long keep_empty_namespace(void)
{
    struct stat status;
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || unshare(CLONE_NEWNET) < 0)
        fail("unshare");
    int kept = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (kept < 0 || fstat(kept, &status) < 0 || setns(own, CLONE_NEWNET) < 0)
        fail("setns");
    close(own);
    return status.st_ino;
}

static void end(const pid_t *leaders, int groups)
{
    for (int i = 0; i < groups; i++)
        kill(leaders[i], SIGKILL);
    /* As their subreaper we get the leaders' children too; a first process ends after all of its namespace. */
    while (wait(NULL) > 0 || errno == EINTR)
        ;
}

int main(int argc, char **argv)
{
    int groups = argc == 3 || argc == 4 ? atoi(argv[1]) : 0;
    int processes = argc == 3 || argc == 4 ? atoi(argv[2]) : 0;
    const char *cgroup = argc == 4 ? argv[3] : NULL;
    if (groups < 1 || processes < 2) {
        fprintf(stderr, "usage: crowd GROUPS PROCESSES [CGROUP] (at least 1 and 2)\n");
        return 2;
    }

    sigset_t asked;
    sigemptyset(&asked);
    sigaddset(&asked, SIGHUP);
    sigaddset(&asked, SIGINT);
    sigaddset(&asked, SIGTERM);
    sigprocmask(SIG_BLOCK, &asked, NULL);
    struct pollfd until[2] = {{.fd = STDIN_FILENO}, {.fd = signalfd(-1, &asked, SFD_CLOEXEC), .events = POLLIN}};
    pid_t *leaders = calloc((size_t)groups, sizeof *leaders);
    int told[2];
    if (until[1].fd < 0 || leaders == NULL || pipe(told) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        fail("crowd");
    signal(SIGPIPE, SIG_DFL);

    int made = 0;
    for (; made < groups; made++) {
        leaders[made] = fork();
        if (leaders[made] < 0)
            break;
        if (leaders[made] == 0) {
            close(told[0]);
            lead(told[1], processes, cgroup, made);
        }
    }
    close(told[1]);

    /* Two bytes of each group: its leader is bound to us, and all of it is there. */
    int heard = 0;
    int asked_to_end = 0;
    char byte;
    while (heard < 2 * groups && made == groups && !asked_to_end) {
        struct pollfd news[3] = {{.fd = told[0], .events = POLLIN}, until[0], until[1]};
        if (poll(news, 3, -1) < 0 && errno != EINTR)
            break;
        asked_to_end = news[1].revents != 0 || news[2].revents != 0;
        if (news[0].revents != 0) {
            if (read(told[0], &byte, 1) != 1)
                break;
            heard++;
        }
    }
    int complete = heard == 2 * groups;
    if (complete) {
        printf("ready %d %lu\n", leaders[0], keep_empty_namespace());
        fflush(stdout);
        while (poll(until, 2, -1) < 0 && errno == EINTR)
            ;
    } else {
        fprintf(stderr, "crowd: not all of the %d groups could be made\n", groups);
    }
    end(leaders, made);
    return complete ? 0 : 1;
}
