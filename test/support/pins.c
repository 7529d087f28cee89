/*
 * pins WAY: keeps a network namespace alive in one way only, and says which: a line "ready INODE ID" (ID by NS_GET_ID, 0
 * where the kernel has none), then waits. The ways: thread socket fd table mount tun flight sysfs;
 * tree (open_tree of its file), watch (inotify), proc (a file of /proc/PID/net), detached (a mount in a tree that is mounted
 * nowhere), named (a tun device by another name).
 * With its end all is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_GET_ID _IOR(0xb7, 13, uint64_t)
#define OWN "/proc/thread-self/ns/net"

static int home;

static void need(int done, const char *what)
{
    if (done)
        return;
    perror(what);
    exit(1);
}

static int open_own(void)
{
    int fd = open(OWN, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, OWN);
    return fd;
}

static void say_ready(ino_t inode, uint64_t id)
{
    printf("ready %ju %ju\n", (uintmax_t)inode, (uintmax_t)id);
    fflush(stdout);
}

/* Into a fresh namespace. Says it once the pin is set, when we are back. */
static ino_t inode;
static uint64_t id;

static void enter_fresh(void)
{
    struct stat status;
    need(unshare(CLONE_NEWNET) == 0, "unshare");
    int fd = open_own();
    need(fstat(fd, &status) == 0, "fstat");
    inode = status.st_ino;
    if (ioctl(fd, NS_GET_ID, &id) < 0)
        id = 0;
    close(fd);
}

static void go_home(void)
{
    need(setns(home, CLONE_NEWNET) == 0, "setns");
}

static void wait_forever(void)
{
    close(home);
    say_ready(inode, id);
    for (;;)
        pause();
}

static void *thread_stays(void *unused)
{
    enter_fresh();
    wait_forever();
    return unused;
}

static void *thread_with_own_table(void *unused)
{
    need(unshare(CLONE_FILES) == 0, "unshare");
    enter_fresh();
    open_own();
    go_home();
    wait_forever();
    return unused;
}

static void begin_thread(void *(*act)(void *))
{
    pthread_t thread;
    need(pthread_create(&thread, NULL, act, NULL) == 0, "pthread_create");
    for (;;)
        pause();
}

static void keep_socket(void)
{
    enter_fresh();
    /* Not bound: no list of the kernel has it. */
    need(socket(AF_INET, SOCK_STREAM, 0) >= 0, "socket");
    go_home();
}

static void keep_descriptor(void)
{
    enter_fresh();
    open_own();
    go_home();
}

static void keep_tun(void)
{
    struct ifreq request = {.ifr_name = "pin0", .ifr_flags = IFF_TUN | IFF_NO_PI};
    enter_fresh();
    int fd = open("/dev/net/tun", O_RDWR);
    need(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0, "/dev/net/tun");
    go_home();
}

static void keep_in_flight(void)
{
    int pair[2];
    char byte = 0, space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    enter_fresh();
    int fd = open_own();
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    need(sendmsg(pair[0], &message, 0) == 1, "sendmsg");
    close(fd);
    go_home();
}

/* A mount in a mount namespace without a process: that one we keep by a descriptor. */
static void keep_mount(int sysfs)
{
    char path[64];
    int told[2], kept[2];
    struct { ino_t inode; uint64_t id; } made;
    need(pipe(told) == 0 && pipe(kept) == 0, "pipe");
    pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        close(kept[1]);
        need(unshare(CLONE_NEWNS) == 0, "unshare");
        need(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
        need(mount("pins", "/mnt", "tmpfs", 0, NULL) == 0, "tmpfs");
        enter_fresh();
        if (sysfs) {
            need(mkdir("/mnt/sys", 0755) == 0 && mount("pins", "/mnt/sys", "sysfs", 0, NULL) == 0, "sysfs");
        } else {
            close(open("/mnt/pinned", O_CREAT | O_WRONLY, 0600));
            need(mount(OWN, "/mnt/pinned", NULL, MS_BIND, NULL) == 0, "bind");
        }
        made.inode = inode, made.id = id;
        need(write(told[1], &made, sizeof made) == sizeof made, "write");
        read(kept[0], path, 1);
        _exit(0);
    }
    close(told[1]);
    need(read(told[0], &made, sizeof made) == sizeof made, "read");
    inode = made.inode, id = made.id;
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", child);
    need(open(path, O_RDONLY) >= 0, path);
    close(kept[0]), close(kept[1]), close(told[0]);
    need(waitpid(child, NULL, 0) == child, "waitpid");
}

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

static void clone_tree(const char *path, int flags)
{
    need(syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | flags) >= 0, "open_tree");
}

static void keep_tree(void)
{
    enter_fresh();
    clone_tree(OWN, 0);
    go_home();
}

static void keep_watch(void)
{
    enter_fresh();
    need(inotify_add_watch(inotify_init1(0), OWN, IN_MODIFY) >= 0, "inotify");
    go_home();
}

static void keep_proc(void)
{
    enter_fresh();
    need(open("/proc/thread-self/net/dev", O_RDONLY) >= 0, "net/dev");
    go_home();
}

static void keep_detached(void)
{
    need(unshare(CLONE_NEWNS) == 0, "unshare");
    need(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
    need(mount("pins", "/mnt", "tmpfs", 0, NULL) == 0, "tmpfs");
    close(open("/mnt/pinned", O_CREAT | O_WRONLY, 0600));
    enter_fresh();
    need(mount(OWN, "/mnt/pinned", NULL, MS_BIND, NULL) == 0, "bind");
    clone_tree("/mnt", AT_RECURSIVE);
    need(umount2("/mnt", MNT_DETACH) == 0, "umount");
    go_home();
}

static void keep_named(void)
{
    struct ifreq request = {.ifr_name = "pin1", .ifr_flags = IFF_TUN | IFF_NO_PI};
    char path[64];
    snprintf(path, sizeof path, "/dev/pins-%d", getpid());
    need(mknod(path, S_IFCHR | 0600, makedev(10, 200)) == 0, "mknod");
    enter_fresh();
    int fd = open(path, O_RDWR);
    unlink(path);
    need(fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0, "tun device");
    go_home();
}

int main(int argc, char **argv)
{
    const char *way = argc == 2 ? argv[1] : "";
    home = open_own();
    if (strcmp(way, "thread") == 0)
        begin_thread(thread_stays);
    else if (strcmp(way, "table") == 0)
        begin_thread(thread_with_own_table);
    else if (strcmp(way, "socket") == 0)
        keep_socket();
    else if (strcmp(way, "fd") == 0)
        keep_descriptor();
    else if (strcmp(way, "tun") == 0)
        keep_tun();
    else if (strcmp(way, "flight") == 0)
        keep_in_flight();
    else if (strcmp(way, "mount") == 0 || strcmp(way, "sysfs") == 0)
        keep_mount(strcmp(way, "sysfs") == 0);
    else if (strcmp(way, "tree") == 0)
        keep_tree();
    else if (strcmp(way, "watch") == 0)
        keep_watch();
    else if (strcmp(way, "proc") == 0)
        keep_proc();
    else if (strcmp(way, "detached") == 0)
        keep_detached();
    else if (strcmp(way, "named") == 0)
        keep_named();
    else
        return 2;
    wait_forever();
}
