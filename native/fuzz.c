/*
 * Fuzzes nsexec: its whole main() on random, mutated, truncated and oversized programs, with every system call replaced
 * by one that looks at all its arguments, fails at random, and keeps a table of descriptors to watch over their use.
 *
 *     fuzz SECONDS [SEED [ITERATION]]    with ITERATION: that one alone
 *
 * An iteration depends on the seed and its number only. Meant to be built with -fsanitize=address,undefined.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _FILE_OFFSET_BITS 64

/* All headers that nsexec.c includes come before the macros that replace what they declare. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static uint64_t random_state;

static uint64_t random_number(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(size_t bound)
{
    return bound ? (size_t)(random_number() % bound) : 0;
}

static bool one_in(size_t n)
{
    return below(n) == 0;
}

#define DEMAND(condition) demand(condition, #condition, __LINE__)

static void demand(bool good, const char *condition, int line)
{
    if (good)
        return;
    fprintf(stderr, "fuzz.c:%d: not true: %s\n", line, condition);
    abort();
}

/* --- What nsexec sees instead of the kernel ----------------------------------------------------------------------- */

enum { FDS = 4096, PROGRAM_FD = 40, CHILD = 4242, SELF = 4241 };

static struct {
    const unsigned char *program;
    size_t size;
    size_t failure_rate; /* of the operations' system calls: one in so many */
    bool refused; /* the program is not valid, nothing of it may be carried out */
    bool is_open[FDS], cloexec[FDS];
    bool one_by_one; /* close_range(2) failed */
    bool in_monitor, in_reader, in_relay, in_monitor_alone; /* alone: the child was reaped, its pid may be another's */
    int signals; /* the relay's descriptor, -1 before */
    uint32_t *shared; /* of nsexec and the reader of filters */
    int waits;
    int status_fd;
    void *memory[64];
    int allocations;
    jmp_buf end;
} world;

static struct {
    uint64_t iteration, accepted, executed, monitored, relayed, cleaned;
} *figures; /* shared with the parent, which reads them when the worker is dead */

static int fails(int error)
{
    errno = error;
    return -1;
}

/* The errno values that make nsexec go different ways, and some others. */
static int some_error(void)
{
    static const int errors[] = { ENOENT, EACCES, ENOTDIR, ELOOP, ENAMETOOLONG, ENOEXEC, EPERM, ENOMEM, EINVAL,
                                  EMFILE, 4095 };

    return errors[below(sizeof errors / sizeof *errors)];
}

static int succeeds_or_not(void)
{
    DEMAND(!world.refused);
    return one_in(world.failure_rate) ? fails(some_error()) : 0;
}

static bool valid_fd(int fd)
{
    return fd >= 0 && fd < FDS && world.is_open[fd];
}

static int new_fd(bool cloexec, int from)
{
    for (int fd = from; fd < FDS; fd++)
        if (!world.is_open[fd]) {
            world.is_open[fd] = true;
            world.cloexec[fd] = cloexec;
            return fd;
        }
    return fails(EMFILE);
}

static _Noreturn void fake_exit(int status)
{
    DEMAND(status >= 0 && status <= 255);
    longjmp(world.end, 1);
}

static void *remember(void *memory)
{
    if (memory) {
        DEMAND(world.allocations < 64);
        world.memory[world.allocations++] = memory;
    }
    return memory;
}

static void *fake_malloc(size_t size)
{
    DEMAND(size <= (32 << 20) + 1);
    return remember(one_in(64) ? NULL : malloc(size));
}

/* nsexec's own: whether a clean-up is still to be carried out, and whether that has begun. */
static bool clean_up_is_due, is_cleaning_up;

static void *fake_calloc(size_t count, size_t size)
{
    /* Never more than the bytes of a program justify: a pointer takes five of them at least, a group four. */
    DEMAND(count * size <= 16 + 2 * world.size);
    return remember(one_in(64) ? NULL : calloc(count, size));
}

static void fake_free(void *memory)
{
    for (int i = 0; i < world.allocations; i++)
        if (world.memory[i] == memory)
            world.memory[i] = world.memory[--world.allocations];
    free(memory);
}

static int fake_close(int fd)
{
    if (!valid_fd(fd)) {
        DEMAND(fd <= 2 || world.one_by_one || world.in_monitor);
        return fails(EBADF);
    }
    world.is_open[fd] = false;
    return one_in(16) ? fails(EIO) : 0;
}

static int fake_fcntl(int fd, int command, int argument)
{
    if (!valid_fd(fd))
        return fails(EBADF);
    if (command == F_DUPFD_CLOEXEC) {
        DEMAND(argument == 3);
        return one_in(8) ? fails(EMFILE) : new_fd(true, argument);
    }
    if (command == F_SETFL) {
        DEMAND(argument == (O_RDWR | O_NONBLOCK) && fd >= 3); /* never on a stream that the caller shares */
        return succeeds_or_not();
    }
    DEMAND(command == F_SETFD && argument == FD_CLOEXEC);
    world.cloexec[fd] = true;
    return 0;
}

static int fake_openat(int directory, const char *path, int flags, mode_t mode)
{
    (void)mode;
    DEMAND(directory == AT_FDCWD || valid_fd(directory));
    DEMAND(flags & O_CLOEXEC);
    DEMAND(strlen(path) < world.size);
    return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
}

static int fake_fstat(int fd, struct stat *s)
{
    DEMAND(valid_fd(fd));
    if (one_in(16))
        return fails(EIO);
    *s = (struct stat){ .st_size = (off_t)world.size, .st_dev = below(3), .st_ino = below(3),
                         .st_mode = one_in(2) ? S_IFCHR : S_IFREG, .st_rdev = one_in(2) ? makedev(5, 2) : below(3),
                         .st_uid = one_in(8) ? UINT32_MAX : 0, .st_gid = one_in(8) ? UINT32_MAX : 0 };
    if (fd == PROGRAM_FD && one_in(64))
        s->st_size = one_in(2) ? -1 : (off_t)1 << 40;
    return 0;
}

static ssize_t fake_pread(int fd, void *into, size_t room, off_t at)
{
    size_t left = world.size - (size_t)at, size;

    DEMAND(fd == PROGRAM_FD && valid_fd(fd) && at >= 0 && (size_t)at <= world.size);
    if (one_in(32))
        return fails(one_in(4) ? EIO : EINTR);
    size = left < room ? left : room;
    if (one_in(8))
        size = below(size + 1);
    memcpy(into, world.program + at, size);
    return (ssize_t)size;
}

static bool starts_with(const struct iovec *part, const char *start)
{
    return part->iov_len >= strlen(start) && memcmp(part->iov_base, start, strlen(start)) == 0;
}

/* nsexec's own: a copy of descriptor 2, once the streams are those of a terminal. */
static int talk_fd;

static ssize_t fake_writev(int fd, const struct iovec *parts, int count)
{
    static volatile unsigned char sink;
    size_t size = 0;

    DEMAND(fd == STDERR_FILENO || ((fd == world.status_fd || fd == talk_fd) && valid_fd(fd)));
    DEMAND(count > 0);
    /* The main function refuses what the decoder refused when it was tried alone, and nothing else. */
    DEMAND(world.refused || !starts_with(parts, fd == world.status_fd ? "\xff\xff\xff\xff" : "nsexec: bad program"));
    for (int i = 0; i < count; i++) {
        for (size_t j = 0; j < parts[i].iov_len; j++)
            sink ^= ((const unsigned char *)parts[i].iov_base)[j];
        size += parts[i].iov_len;
    }
    if (one_in(8))
        return fails(one_in(2) ? EINTR : one_in(2) ? EAGAIN : EPIPE);
    return (ssize_t)(size == 0 ? 0 : one_in(4) ? 1 + below(size) : size);
}

static int fake_setns(int fd, int type)
{
    (void)type;
    DEMAND(valid_fd(fd));
    return succeeds_or_not();
}

/* What a relay asks of a terminal. */
static int fake_terminal_ioctl(int fd, unsigned long question, unsigned long argument)
{
    switch (question) {
    case TIOCGWINSZ:
        memset((void *)argument, 1, sizeof(struct winsize));
        return one_in(2) ? fails(ENOTTY) : 0;
    case TIOCSWINSZ:
        DEMAND(fd == -1 || (valid_fd(fd) && fd >= 3)); /* -1: hung up */
        return 0;
    case TIOCSIG:
        DEMAND(world.in_relay && valid_fd(fd) && (argument == SIGINT || argument == SIGQUIT));
        return 0;
    case TIOCSPTLCK:
        DEMAND(valid_fd(fd) && fd >= 3 && *(const int *)argument == 0);
        return succeeds_or_not();
    case TIOCGPTPEER:
        DEMAND(valid_fd(fd) && fd >= 3 && argument == (O_RDWR | O_NOCTTY | O_CLOEXEC));
        return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
    case TIOCSCTTY:
        DEMAND(valid_fd(fd) && fd >= 3 && argument == 0);
        return succeeds_or_not();
    default:
        return fails(EINVAL);
    }
}

static int fake_ioctl(int fd, unsigned long question, ...)
{
    va_list arguments;
    unsigned long argument;

    if ((question >> 8 & 0xff) == 'T' && question != 0x54e3) {
        va_start(arguments, question);
        argument = va_arg(arguments, unsigned long);
        va_end(arguments);
        return fake_terminal_ioctl(fd, question, argument);
    }
    DEMAND(valid_fd(fd));
    DEMAND(question == 0x894c || question == 0x54e3 || question == 0xb701 || question == 0xb702);
    return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
}

static int fake_open_by_handle_at(int mount, struct file_handle *handle, int flags)
{
    static volatile unsigned char sink;

    DEMAND(mount < 0 && flags == (O_RDONLY | O_CLOEXEC));
    DEMAND(handle->handle_bytes > 0 && handle->handle_bytes <= 128);
    for (unsigned i = 0; i < handle->handle_bytes; i++)
        sink ^= handle->f_handle[i];
    return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
}

static ssize_t fake_write(int fd, const void *bytes, size_t size)
{
    static volatile unsigned char sink;

    DEMAND(world.in_relay ? fd != STDIN_FILENO && fd != STDERR_FILENO : valid_fd(fd) && fd >= 3);
    DEMAND(size < world.size || world.in_relay);
    for (size_t i = 0; i < size; i++)
        sink ^= ((const unsigned char *)bytes)[i];
    if (world.in_relay && !valid_fd(fd))
        return fails(EBADF);
    if (world.in_relay && one_in(8))
        return fails(one_in(2) ? EAGAIN : one_in(2) ? EINTR : EIO);
    return succeeds_or_not() < 0 ? -1 : one_in(8) ? (ssize_t)below(size + 1) : (ssize_t)size;
}

static int fake_open(const char *path, int flags)
{
    DEMAND(strcmp(path, ".") == 0 && flags == (O_PATH | O_CLOEXEC));
    return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
}

static int fake_unshare(int kinds)
{
    DEMAND(kinds != 0);
    return succeeds_or_not();
}

static int fake_mount(const char *path, unsigned long type)
{
    unsigned long one = type & ~(unsigned long)MS_REC;

    DEMAND(strlen(path) < world.size);
    DEMAND(one == MS_SHARED || one == MS_PRIVATE || one == MS_SLAVE || one == MS_UNBINDABLE);
    return succeeds_or_not();
}

static int fake_umount2(const char *path, int flags)
{
    DEMAND(strcmp(path, ".") == 0 && flags == MNT_DETACH);
    return succeeds_or_not();
}

static int fake_make(int directory, const char *path, mode_t mode)
{
    DEMAND(mode <= 07777);
    DEMAND(valid_fd(directory));
    DEMAND(strlen(path) < world.size);
    return succeeds_or_not();
}

static int fake_change_mode(int fd, mode_t mode)
{
    DEMAND(mode <= 07777);
    DEMAND(valid_fd(fd));
    return succeeds_or_not();
}

static int fake_change_owner(int fd, uid_t owner, gid_t group)
{
    DEMAND(owner != (uid_t)-1 && group == (gid_t)-1);
    DEMAND(valid_fd(fd));
    return succeeds_or_not();
}

/* A mount's file descriptor, or none. */
static long fake_mount_call(long number, va_list more)
{
    int fd = va_arg(more, int);

    if (number == SYS_open_tree || number == SYS_move_mount) {
        DEMAND(fd == AT_FDCWD || valid_fd(fd));
        DEMAND(strlen(va_arg(more, const char *)) < world.size);
        if (number == SYS_move_mount) {
            int to = va_arg(more, int);

            DEMAND(fd != AT_FDCWD && (to == AT_FDCWD || valid_fd(to)));
            DEMAND(strlen(va_arg(more, const char *)) < world.size);
            return succeeds_or_not();
        }
        DEMAND(va_arg(more, unsigned) & O_CLOEXEC);
    } else {
        DEMAND(valid_fd(fd));
        if (number == SYS_fsconfig) {
            unsigned command = va_arg(more, unsigned);
            const char *key = va_arg(more, const char *), *value = va_arg(more, const char *);

            DEMAND(command == 6 ? !key && !value : strlen(key) < 64 && (command == 0 ? !value : strlen(value) < world.size));
            return succeeds_or_not();
        }
    }
    return succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
}

static int fake_fchdir(int fd)
{
    DEMAND(valid_fd(fd));
    return succeeds_or_not();
}

static int fake_chroot(const char *path)
{
    DEMAND(strcmp(path, ".") == 0);
    return succeeds_or_not();
}

static int fake_setgroups(size_t count, const gid_t *groups)
{
    static volatile gid_t sink;

    DEMAND(count <= 65536);
    for (size_t i = 0; i < count; i++)
        sink ^= groups[i];
    return succeeds_or_not();
}

static int fake_setids(uint32_t real, uint32_t effective, uint32_t saved)
{
    DEMAND(real == effective && real == saved && real != UINT32_MAX);
    return succeeds_or_not();
}

static int fake_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    (void)b, (void)c, (void)d;
    if (option == PR_SET_DUMPABLE && a == 0)
        return one_in(256) ? fails(EPERM) : 0;
    if (option == PR_SET_NAME)
        return 0;
    if (option == PR_CAPBSET_READ && one_in(2))
        return 1;
    return succeeds_or_not();
}

static mode_t fake_umask(mode_t mask)
{
    DEMAND(!world.refused && mask <= 0777);
    return 022;
}

static void *fake_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *memory;

    DEMAND(!world.refused && !at && protection == (PROT_READ | PROT_WRITE) && flags == (MAP_SHARED | MAP_ANONYMOUS));
    DEMAND(fd == -1 && offset == 0 && size < 1 << 20);
    memory = one_in(8) || world.allocations > 32 ? NULL : remember(calloc(1, size));
    world.shared = memory;
    return memory ? memory : MAP_FAILED;
}

static int fake_setitimer(int which, const struct itimerval *limit, struct itimerval *old)
{
    DEMAND(which == ITIMER_REAL && old == NULL && world.in_reader);
    DEMAND(limit->it_value.tv_sec > 0 || limit->it_value.tv_usec > 0);
    DEMAND(limit->it_value.tv_sec <= 60 && limit->it_value.tv_usec < 1000000);
    return succeeds_or_not();
}

/* Filters of all sizes, for ever or until it fails: what a kernel would never say, too. */
static long fake_ptrace(long request, long pid, unsigned long address, void *data)
{
    static const long lengths[] = { 0, 1, 4096, 32767, 32768, 65535, 65536, INT_MAX };
    static long length;

    DEMAND(world.in_reader && pid > 0 && pid <= INT_MAX);
    switch (request) {
    case PTRACE_SEIZE:
    case PTRACE_INTERRUPT:
        DEMAND(address == 0 && data == NULL);
        return succeeds_or_not();
    case PTRACE_SECCOMP_GET_FILTER:
        if (one_in(64))
            return fails(one_in(2) ? ENOENT : EACCES);
        if (data)
            memset(data, 0x5a, (size_t)length * sizeof(struct sock_filter));
        else
            length = one_in(2) ? (long)below(8) : one_in(16) ? lengths[below(8)] : (long)below(4097);
        return data && one_in(64) ? length + 1 : length;
    case PTRACE_SECCOMP_GET_METADATA:
        DEMAND(address == sizeof(struct seccomp_metadata));
        ((struct seccomp_metadata *)data)->flags = below(4);
        return one_in(4) ? fails(EINVAL) : 16;
    default:
        DEMAND(request == PTRACE_DETACH && address == 0 && (unsigned long)data <= 255);
        return 0;
    }
}

static int fake_prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old)
{
    (void)resource;
    DEMAND(pid == 0 && old == NULL);
    DEMAND(new->rlim_cur == RLIM_INFINITY || new->rlim_cur <= INT64_MAX);
    return succeeds_or_not();
}

static int fake_getrlimit(int resource, struct rlimit *limit)
{
    DEMAND(resource == RLIMIT_NOFILE);
    *limit = (struct rlimit){ FDS, FDS };
    return 0;
}

static int fake_setrlimit(int resource, const struct rlimit *limit)
{
    DEMAND(world.in_monitor && resource == RLIMIT_CORE && limit->rlim_cur == 0 && limit->rlim_max == 0);
    return 0;
}

static int fake_sigaction(int signal, const struct sigaction *new, struct sigaction *old)
{
    if (new && new->sa_flags == SA_SIGINFO) {
        DEMAND(world.in_monitor && !old);
        world.in_relay = true;
        DEMAND(signal == SIGILL || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE || signal == SIGSEGV);
        return 0;
    }
    DEMAND(signal == SIGCHLD);
    if (old) {
        memset(old, 0, sizeof *old);
        old->sa_handler = one_in(2) ? SIG_IGN : SIG_DFL;
    }
    DEMAND(!new || new->sa_handler == SIG_IGN);
    return 0;
}

static int fake_sigtimedwait(siginfo_t *received)
{
    static const int codes[] = { SI_USER, SI_QUEUE, SI_TKILL, SI_KERNEL };

    DEMAND(world.in_monitor);
    if (one_in(8))
        return fails(EINTR);
    memset(received, 0, sizeof *received);
    received->si_signo = (int)(1 + below(64));
    received->si_code = codes[below(4)];
    received->si_pid = one_in(2) ? CHILD : 1;
    return received->si_signo;
}

/* A file of the kernel: lines, most of them of pids. */
static ssize_t fake_list(int fd, char *into, size_t room)
{
    static const char *const lines[] = { "4242\n", "1\n", "0\n", "4241\n", "99999999999\n", "-1\n", "\n", "12", "oom_kill 0\n" };
    size_t size = 0;

    DEMAND(valid_fd(fd) && fd >= 3 && room <= 4096);
    if (one_in(16))
        return fails(one_in(2) ? EINTR : ENODEV);
    for (size_t count = one_in(2) ? 0 : one_in(8) ? 1000 : 1 + below(70); count > 0; count--) {
        const char *line = lines[below(sizeof lines / sizeof *lines)];

        if (strlen(line) > room - size)
            break;
        memcpy(into + size, line, strlen(line));
        size += strlen(line);
    }
    return (ssize_t)size;
}

/* Of the signals, of our terminal or pipe, or of the other terminal; and a byte that is waited for. */
static ssize_t fake_read(int fd, void *into, size_t room)
{
    static const int codes[] = { SI_USER, SI_QUEUE, SI_TKILL, SI_KERNEL };
    size_t size = one_in(8) ? 0 : one_in(2) ? room : 1 + below(room);

    if (room != 1 && (is_cleaning_up || !world.in_relay))
        return fake_list(fd, into, room);
    DEMAND(room == 1 ? valid_fd(fd) : world.in_relay && (fd == STDIN_FILENO || (valid_fd(fd) && fd >= 3)));
    if (!valid_fd(fd))
        return fails(EBADF);
    if (one_in(8))
        return fails(one_in(2) ? EAGAIN : one_in(2) ? EINTR : EIO);
    if (fd == world.signals) {
        struct signalfd_siginfo *s = into;

        DEMAND(room == sizeof *s);
        memset(s, 0, sizeof *s);
        s->ssi_signo = one_in(2) ? SIGCHLD : (uint32_t)(1 + below(64));
        s->ssi_code = codes[below(4)];
        s->ssi_pid = one_in(2) ? CHILD : one_in(2) ? SELF : (uint32_t)below(2);
        return (ssize_t)room;
    }
    memset(into, one_in(2) ? '\n' : 'x', size);
    return (ssize_t)size;
}

static int fake_tcgetattr(int fd, struct termios *settings)
{
    if (!valid_fd(fd) || one_in(4))
        return fails(ENOTTY);
    memset(settings, (int)below(3), sizeof *settings);
    return 0;
}

static int fake_tcsetattr(int fd, int when, const struct termios *settings)
{
    (void)settings;
    DEMAND(fd == STDIN_FILENO || (fd >= 3 && !world.in_relay) || fd == -1);
    DEMAND(when == TCSANOW);
    return one_in(8) ? fails(EIO) : 0;
}

static pid_t fake_tcgetpgrp(int fd)
{
    DEMAND(world.in_relay && (fd == STDIN_FILENO || fd == -1));
    return one_in(4) ? fails(ENOTTY) : one_in(2) ? SELF : CHILD;
}

static pid_t fake_setsid(void)
{
    DEMAND(!world.in_monitor);
    return succeeds_or_not() < 0 ? -1 : SELF;
}

static int fake_dup2(int from, int to)
{
    DEMAND(valid_fd(from) && from >= 3 && to >= 0 && to <= 2);
    if (succeeds_or_not() < 0)
        return -1;
    world.is_open[to] = true;
    world.cloexec[to] = false;
    return to;
}

static pid_t fake_fork(void);

static long fake_syscall(long number, ...)
{
    long result = -1;
    va_list arguments;

    va_start(arguments, number);
    if (number == SYS_rt_sigprocmask) {
        int how = va_arg(arguments, int);
        const uint64_t *mask = va_arg(arguments, const uint64_t *);
        uint64_t *old = va_arg(arguments, uint64_t *);

        DEMAND(how == SIG_BLOCK || how == SIG_UNBLOCK || how == SIG_SETMASK);
        DEMAND(mask && va_arg(arguments, size_t) == 8);
        if (old)
            *old = *mask ^ random_number();
        result = 0;
    } else if (number == SYS_rt_sigaction) {
        int signal = va_arg(arguments, int);

        DEMAND(signal > 0 && signal <= 64);
        DEMAND(world.in_monitor || (signal != SIGKILL && signal != SIGSTOP));
        result = signal == SIGCHLD || world.in_monitor || world.in_reader ? 0 : succeeds_or_not();
    } else if (number == SYS_rt_sigpending) {
        DEMAND(world.in_monitor);
        *va_arg(arguments, uint64_t *) = random_number();
        DEMAND(va_arg(arguments, size_t) == 8);
        result = 0;
    } else if (number == SYS_signalfd4) {
        DEMAND(va_arg(arguments, int) == -1 && *va_arg(arguments, const uint64_t *) == UINT64_MAX);
        DEMAND(va_arg(arguments, size_t) == 8 && va_arg(arguments, int) == (SFD_CLOEXEC | SFD_NONBLOCK));
        result = succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
    } else if (number == SYS_rt_sigtimedwait) {
        uint64_t awaited = *va_arg(arguments, const uint64_t *);
        siginfo_t *received = va_arg(arguments, siginfo_t *);

        /* Of SIGPIPE it only takes away what its own write may have brought. */
        DEMAND(received ? awaited == UINT64_MAX : awaited == UINT64_C(1) << (SIGPIPE - 1));
        result = received ? fake_sigtimedwait(received) : fails(EAGAIN);
    } else if (number == SYS_close_range) {
        unsigned first = va_arg(arguments, unsigned), last = va_arg(arguments, unsigned);

        DEMAND(first >= 3 && first <= last && va_arg(arguments, unsigned) == 0);
        if (one_in(512)) {
            world.one_by_one = true;
            result = fails(ENOSYS);
        } else {
            for (unsigned fd = first; fd <= last && fd < FDS; fd++)
                world.is_open[fd] = false;
            result = 0;
        }
    } else if (number == SYS_fsopen) {
        DEMAND(strlen(va_arg(arguments, const char *)) < world.size && va_arg(arguments, unsigned) == 1);
        result = succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
    } else if (number == SYS_fsconfig || number == SYS_fsmount || number == SYS_open_tree || number == SYS_move_mount) {
        result = fake_mount_call(number, arguments);
    } else if (number == SYS_pidfd_open) {
        DEMAND(va_arg(arguments, int) > 0 && va_arg(arguments, unsigned) == 0);
        result = succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
    } else if (number == SYS_pidfd_send_signal) {
        DEMAND(valid_fd(va_arg(arguments, int)) && va_arg(arguments, int) == SIGKILL);
        DEMAND(va_arg(arguments, void *) == NULL && va_arg(arguments, unsigned) == 0);
        result = succeeds_or_not();
    } else if (number == SYS_pidfd_getfd) {
        DEMAND(valid_fd(va_arg(arguments, int)) && va_arg(arguments, int) >= 0 && va_arg(arguments, unsigned) == 0);
        result = succeeds_or_not() < 0 ? -1 : new_fd(true, 0);
    } else if (number == SYS_capget || number == SYS_capset) {
        struct __user_cap_header_struct *header = va_arg(arguments, struct __user_cap_header_struct *);
        struct __user_cap_data_struct *set = va_arg(arguments, struct __user_cap_data_struct *);

        DEMAND(header->version == _LINUX_CAPABILITY_VERSION_3 && header->pid == 0);
        for (int i = 0; i < 2; i++) {
            if (number == SYS_capset)
                DEMAND((set[i].effective & ~set[i].permitted) == 0);
            else
                set[i] = (struct __user_cap_data_struct){ .permitted = (uint32_t)random_number() };
        }
        result = succeeds_or_not();
    } else if (number == SYS_clone) {
        for (int i = 0; i < 5; i++)
            DEMAND(va_arg(arguments, unsigned long) == 0);
        result = succeeds_or_not() < 0 ? -1 : one_in(4) ? CHILD : 0;
        world.in_reader = result == 0;
    } else if (number == SYS_clone3) {
        const uint64_t *how = va_arg(arguments, const uint64_t *);

        DEMAND(va_arg(arguments, size_t) == 88 && how[0] == UINT64_C(1) << 33 && how[4] == SIGCHLD);
        DEMAND(valid_fd((int)how[10]) && !world.refused);
        result = one_in(8) ? fails(ENOSYS) : fake_fork();
    } else if (number == SYS_ptrace) {
        long request = va_arg(arguments, long), pid = va_arg(arguments, long);
        unsigned long address = va_arg(arguments, unsigned long);

        result = fake_ptrace(request, pid, address, va_arg(arguments, void *));
    } else if (number == SYS_seccomp) {
        DEMAND(va_arg(arguments, int) == SECCOMP_SET_MODE_FILTER);
        (void)va_arg(arguments, unsigned);
        DEMAND(va_arg(arguments, const struct sock_fprog *)->filter != NULL && !world.in_reader);
        result = succeeds_or_not();
    } else {
        DEMAND(false);
    }
    va_end(arguments);
    return result;
}

static DIR *fake_opendir(const char *path)
{
    (void)path;
    return NULL;
}

static int fake_pipe2(int ends[2], int flags)
{
    DEMAND(flags == O_CLOEXEC);
    if (succeeds_or_not() < 0)
        return -1;
    ends[0] = new_fd(true, 0);
    ends[1] = new_fd(true, 0);
    return 0;
}

static int fake_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (count > 1) {
        DEMAND(world.in_relay && count == 4);
        if (one_in(8))
            return fails(EINTR);
        for (nfds_t i = 0; i < count; i++) {
            DEMAND(fds[i].fd >= -1 && fds[i].fd != STDERR_FILENO);
            fds[i].revents = fds[i].fd < 0 ? 0 : !valid_fd(fds[i].fd) ? POLLNVAL
                           : one_in(2) ? fds[i].events : one_in(4) ? POLLHUP : 0;
        }
        world.signals = fds[0].fd; /* the one place where its number can be seen */
        return 1;
    }
    DEMAND(count == 1);
    if (timeout == 0) /* the lifeline, or the status pipe, of which nothing is awaited */
        DEMAND(fds->fd >= (fds->events ? 3 : 0) && valid_fd(fds->fd));
    fds->revents = (short)(one_in(2) ? 0 : fds->events ? fds->events | POLLHUP : POLLERR);
    return fds->revents != 0;
}

static pid_t fake_fork(void)
{
    if (one_in(8))
        return fails(ENOMEM);
    world.in_monitor = one_in(4);
    world.waits = 0;
    return world.in_monitor ? CHILD : 0;
}

/* As the reader of filters, or for it; or for another command. */
static pid_t fake_wait_for_one(pid_t pid, int *status)
{
    DEMAND(world.in_reader ? status != NULL : pid == CHILD);
    if (one_in(8))
        return fails(one_in(2) ? EINTR : ECHILD);
    if (!status && one_in(2)) {
        world.shared[0] = 0;        /* no error */
        world.shared[1] = (uint32_t)below(4); /* filters */
    }
    if (status && !world.in_reader)
        *status = one_in(2) ? 0 : (int)below(65536);
    else if (status)
        *status = one_in(8) ? 9 : one_in(2) ? 0x80057f : SIGTERM << 8 | 0x7f; /* killed, interrupted, given a signal */
    return pid;
}

static pid_t fake_waitpid(pid_t pid, int *status, int options)
{
    if (options == __WALL)
        return fake_wait_for_one(pid, status);
    DEMAND(world.in_monitor && pid == CHILD);
    if (options == (WUNTRACED | WNOHANG)) {
        if (world.waits++ == 0) {
            int open_fds = 0;

            figures->relayed++;
            for (int fd = 0; fd < FDS; fd++)
                open_fds += world.is_open[fd];
            DEMAND(clean_up_is_due || open_fds <= 6); /* input, output, both sides, signals, the lifeline */
        }
        if (world.waits < 20 && !one_in(8)) {
            *status = SIGTSTP << 8 | 0x7f;
            return one_in(2) ? 0 : CHILD;
        }
        world.in_monitor_alone = true;
        if (one_in(16))
            return fails(ECHILD);
        *status = one_in(2) ? (int)below(256) << 8 : (int)(1 + below(64));
        return CHILD;
    }
    DEMAND(options == (WUNTRACED | WCONTINUED | WNOHANG));
    if (world.waits == 0) {
        int open_fds = 0;

        figures->monitored++;
        for (int fd = 0; fd < FDS; fd++)
            open_fds += world.is_open[fd];
        DEMAND(clean_up_is_due || open_fds <= 1); /* the lifeline */
    }
    if (world.waits++ < 20 && !one_in(8)) {
        *status = one_in(2) ? SIGTSTP << 8 | 0x7f : 0xffff; /* stopped, continued */
        return one_in(2) ? 0 : CHILD;
    }
    if (one_in(16))
        return fails(ECHILD);
    *status = one_in(2) ? (int)below(256) << 8 : (int)(1 + below(64));
    return CHILD;
}

static int fake_kill(pid_t pid, int signal)
{
    DEMAND(pid == SELF || (world.in_monitor && pid == CHILD && !world.in_monitor_alone));
    DEMAND(signal > 0 && signal <= 64);
    return 0;
}

static pid_t fake_pid(void)
{
    return SELF;
}

static pid_t fake_pid_of(pid_t pid)
{
    (void)pid;
    return one_in(2) ? SELF : CHILD;
}

static int fake_execve(const char *path, char *const argv[], char *const env[])
{
    static volatile size_t sink;

    DEMAND(!world.refused && (!world.in_monitor || world.in_reader)); /* which may be about to be another command */
    DEMAND(argv[0] != NULL);
    DEMAND(memcmp(world.memory[0], world.program, world.size) == 0); /* it was read whole */
    sink = strlen(path);
    for (int i = 0; argv[i]; i++)
        sink += strlen(argv[i]);
    for (int i = 0; env[i]; i++)
        sink += strlen(env[i]);
    for (int fd = 3; fd < FDS; fd++)
        DEMAND(!world.is_open[fd] || world.cloexec[fd]);
    if (one_in(4)) {
        figures->executed++;
        longjmp(world.end, 1);
    }
    return fails(some_error());
}

#define _exit fake_exit
#define malloc fake_malloc
#define calloc fake_calloc
#define free fake_free
#define read fake_read
#define tcgetattr fake_tcgetattr
#define tcsetattr fake_tcsetattr
#define tcgetpgrp fake_tcgetpgrp
#define setsid fake_setsid
#define dup2 fake_dup2
#define close fake_close
#define fcntl(fd, command, argument) fake_fcntl(fd, command, argument)
#define openat fake_openat
#define fstat(fd, s) fake_fstat(fd, s)
#define pread fake_pread
#define writev fake_writev
#define setns fake_setns
#define fchdir fake_fchdir
#define open fake_open
#define unshare fake_unshare
#define mount(source, path, type, flags, data) fake_mount(path, flags)
#define umount2 fake_umount2
#define mkdirat fake_make
#define fchmodat(directory, path, mode, flags) fake_make(directory, path, mode)
#define unlinkat(directory, path, flags) fake_make(directory, path, 0)
#define nanosleep(pause, rest) ((void)(pause))
#define symlinkat(target, directory, path) fake_make(directory, path, 0)
#define fchmod fake_change_mode
#define fchown fake_change_owner
#define ioctl fake_ioctl
#define open_by_handle_at fake_open_by_handle_at
#define write fake_write
#define chroot(path) fake_chroot(path)
#define setgroups(count, groups) fake_setgroups(count, groups)
#define setresgid fake_setids
#define setresuid fake_setids
#define prctl(option, a, b, c, d) fake_prctl(option, a, b, c, d)
#define umask fake_umask
#define mmap(at, size, protection, flags, fd, offset) fake_mmap(at, size, protection, flags, fd, offset)
#define setitimer(which, limit, old) fake_setitimer(which, limit, old)
#define prlimit(pid, resource, new, old) fake_prlimit(pid, resource, new, old)
#define getrlimit fake_getrlimit
#define setrlimit fake_setrlimit
#define sigaction(signal, new, old) fake_sigaction(signal, new, old)
#define syscall fake_syscall
#define opendir fake_opendir
#define pipe2 fake_pipe2
#define poll(fds, count, timeout) fake_poll(fds, count, timeout)
#define fork() fake_fork()
#define waitpid fake_waitpid
#define kill fake_kill
#define getpid fake_pid
#define getpgrp fake_pid
#define getsid fake_pid_of
#define getpgid fake_pid_of
#define execve fake_execve
#define main nsexec_main
#include "nsexec.c"
#undef _exit
#undef malloc
#undef calloc
#undef free
#undef read
#undef close
#undef fcntl
#undef open
#undef mount
#undef openat
#undef fstat
#undef pread
#undef writev
#undef ioctl
#undef write
#undef prctl
#undef mmap
#undef syscall
#undef fork
#undef waitpid
#undef kill
#undef getpid
#undef main

#include "builder.h"

/* --- Making programs ---------------------------------------------------------------------------------------------- */

static uint64_t interesting(void)
{
    static const uint64_t numbers[] = {
        0, 1, 2, 3, 7, 8, 9, 64, 65, 255, 256, 257, 4095, 4096, 65535, 65536, INT_MAX, UINT32_MAX - 1, UINT32_MAX,
        (uint64_t)INT_MAX + 1, (uint64_t)UINT32_MAX + 1, INT64_MAX, (uint64_t)INT64_MIN, UINT64_MAX, UINT64_MAX - 1,
    };

    return one_in(4) ? random_number() >> below(64) : numbers[below(sizeof numbers / sizeof *numbers)];
}

static void random_bytes(struct builder *b, size_t size)
{
    while (size-- > 0)
        put(b, random_number(), 1);
}

static void random_string(struct builder *b)
{
    static const char *const words[] = { "", "sh", "/bin/sh", ":", "/bin:/usr/bin", "::a:", "a/b", "A=1", "%s%n" };
    size_t size = one_in(64) ? below(6000) : below(12);

    if (!one_in(3)) {
        str(b, words[below(sizeof words / sizeof *words)]);
        return;
    }
    put_length(b, size);
    while (size-- > 0)
        put(b, 1 + below(255), 1);
    put(b, 0, 1);
}

static void random_operation(struct builder *b, const struct operation *o);

static void random_field(struct builder *b, char type, const struct range *range)
{
    static const uint16_t late[] = { OPEN, CLOSE, WRITE, DETACH, RMDIR, HOLDS, KILL, SPAWN, UNLINK, LINKS };
    struct block outer;
    size_t count;
    int64_t number;

    switch (type) {
    case 'n':
        number = one_in(8) ? one_in(2) ? 0xb701 : 0x894c : (int64_t)interesting();
        if (!one_in(64) && (number < range->least || number > range->most))
            number = one_in(4) ? range->least : one_in(3) ? range->most : (int64_t)below(64);
        num(b, number);
        break;
    case 's':
        random_string(b);
        break;
    case 'b':
        count = one_in(64) ? below(65540) : 4 * below(5);
        put_length(b, count);
        random_bytes(b, count);
        break;
    case 'l':
        count = one_in(64) ? below(1000) : one_in(16) ? 0 : 1 + below(4);
        put_length(b, count);
        while (count-- > 0)
            random_string(b);
        break;
    case 'f':
    case 'o':
        if (type == 'o' && one_in(2))
            none(b);
        else
            slot(b, one_in(128) ? (uint32_t)interesting() : (uint32_t)below(4));
        break;
    case 'p':
        outer = begin_block(b);
        for (count = below(4); count > 0; count--)
            random_operation(b, one_in(64) ? &operations[below(sizeof operations / sizeof *operations)]
                                           : find_operation(late[below(sizeof late / sizeof *late)]));
        end_block(b, outer);
        break;
    default:
        abort();
    }
}

static void random_operation(struct builder *b, const struct operation *o)
{
    bool is_exec = o->code == EXEC;
    uint8_t flags = is_exec ? 0 : (uint8_t)(random_number() & random_number() & 3);
    size_t explanations = one_in(64) ? below(500) : below(3);

    flagged(b, o->code, flags, (uint8_t)(flags & ONCE || one_in(2) ? 1 + below(3) : 0));
    for (size_t i = 0; o->fields[i]; i++)
        random_field(b, o->fields[i], &o->range[i]);
    label(b, one_in(2) ? "a label" : "");
    while (explanations-- > 0)
        explain_as(b, one_in(2) ? 0 : some_error(), (uint32_t)below(256), one_in(2) ? "text\n" : "");
}

/* Random slots hardly ever have what a relay needs. */
static void add_relay(struct builder *b)
{
    for (uint32_t i = 0; i < 3; i++)
        op(b, OPEN), none(b), str(b, "/dev/ptmx"), num(b, O_RDWR), num(b, 0), slot(b, i);
    flagged(b, PTY, TRY, 1), slot(b, 0), slot(b, 1);
    op(b, RELAY), slot(b, 0), slot(b, 1), one_in(2) ? none(b) : slot(b, 2), num(b, (int64_t)below(65));
}

static void random_program(struct builder *b)
{
    size_t kinds = sizeof operations / sizeof *operations, count = one_in(128) ? below(4200) : below(12);

    start(b);
    set(b, 6, one_in(2), 2);
    set(b, AT_SLOTS, one_in(64) ? interesting() : 4 + below(252), 4);
    set(b, AT_EXIT_STATUS, one_in(64) ? interesting() : below(256), 4);
    set(b, AT_STATUS_FD, one_in(32) ? interesting() : one_in(2) ? UINT32_MAX : 5, 4);
    if (one_in(8))
        random_operation(b, find_operation(AFTER));
    if (one_in(4))
        add_relay(b);
    while (count-- > 0)
        random_operation(b, &operations[below(kinds - 1)]);
    random_operation(b, &operations[kinds - 1]);
    finish(b);
}

/* Cuts at `at` what is `removed` long and puts the bytes there. */
static void replace(struct builder *b, size_t at, size_t removed, const unsigned char *bytes, size_t size)
{
    struct builder tail = { 0 }, inserted = { 0 };

    raw(&inserted, bytes, size);
    raw(&tail, b->bytes + at + removed, b->size - at - removed);
    b->size = at;
    raw(b, inserted.bytes, inserted.size);
    raw(b, tail.bytes, tail.size);
    free(tail.bytes);
    free(inserted.bytes);
}

/* Where an operation starts, as long as the sizes are right; the end of the program else. */
static size_t nth_operation(const struct builder *b, size_t n)
{
    size_t at = HEADER_SIZE;

    while (n-- > 0 && at + 8 <= b->size && get(b, at + 4) >= 8 && get(b, at + 4) <= b->size - at)
        at += get(b, at + 4);
    return at < b->size ? at : b->size;
}

static void mutate(struct builder *b)
{
    unsigned char some[64];
    size_t at = below(b->size), from, to, size;

    if (b->size < HEADER_SIZE + 8) {
        random_bytes(b, 64);
        return;
    }
    switch (below(10)) {
    case 0:
        b->bytes[at] ^= (unsigned char)(1 << below(8));
        break;
    case 1:
        b->bytes[at] = (unsigned char)interesting();
        break;
    case 2: /* a length or a count; it is where it was when the program was made, at least mostly */
        at = b->lengths ? b->length[below(b->lengths)] : at;
        if (at + 4 <= b->size)
            set(b, at, one_in(2) ? get(b, at) + below(9) - 4 : one_in(2) ? b->size - at - below(9) : interesting(), 4);
        break;
    case 3:
        size = one_in(2) ? 4 : 8;
        if (at + size <= b->size)
            set(b, at, interesting(), size);
        break;
    case 4:
        b->size = at;
        break;
    case 5:
        random_bytes(b, below(40));
        break;
    case 6: /* a byte more or less inside */
        for (size_t i = 0; i < sizeof some; i++)
            some[i] = (unsigned char)random_number();
        if (one_in(2))
            replace(b, at, 0, some, below(sizeof some));
        else
            replace(b, at, below(b->size - at < 16 ? b->size - at : 16), some, 0);
        break;
    case 7: /* an operation twice, or somewhere else */
        from = nth_operation(b, below(8));
        to = nth_operation(b, below(8));
        if (from + 8 <= b->size && (size = get(b, from + 4)) <= b->size - from && size < 100000)
            replace(b, to, 0, b->bytes + from, size);
        break;
    case 8: /* an operation less */
        from = nth_operation(b, below(8));
        if (from + 8 <= b->size && (size = get(b, from + 4)) <= b->size - from)
            replace(b, from, size, NULL, 0);
        break;
    case 9: /* an operation's size */
        from = nth_operation(b, below(8));
        if (from + 8 <= b->size)
            set(b, from + 4, one_in(2) ? get(b, from + 4) + below(9) - 4 : interesting(), 4);
        break;
    }
}

/* Some mutations leave a header that would be all that is ever looked at. */
static void repair_header(struct builder *b)
{
    uint32_t count = 0;
    size_t at = HEADER_SIZE;

    if (b->size < HEADER_SIZE)
        return;
    set(b, AT_SIZE, b->size, 4);
    for (; at + 8 <= b->size && get(b, at + 4) >= 8 && get(b, at + 4) <= b->size - at; count++)
        at += get(b, at + 4);
    set(b, AT_OPERATIONS, count, 4);
}

static void make_program(struct builder *b)
{
    switch (below(16)) {
    case 0:
        b->size = b->lengths = 0;
        random_bytes(b, below(300));
        return;
    case 1:
        random_program(b);
        b->size = HEADER_SIZE;
        random_bytes(b, below(300));
        repair_header(b);
        return;
    default:
        random_program(b);
        for (size_t mutations = one_in(3) ? 0 : 1 + below(4); mutations > 0; mutations--)
            mutate(b);
        if (!one_in(8))
            repair_header(b);
    }
}

/* --- Trying them -------------------------------------------------------------------------------------------------- */

static void open_some(void)
{
    memset(world.is_open, 0, sizeof world.is_open);
    memset(world.cloexec, 0, sizeof world.cloexec);
    for (int fd = 0; fd < 64; fd++)
        world.is_open[fd] = fd < 3 ? !one_in(8) : one_in(2);
    world.is_open[PROGRAM_FD] = true;
    world.is_open[5] = !one_in(8);
}

static void encode_block(struct builder *again, uint32_t slots, const struct value *block);

static void encode_field(struct builder *b, char type, const struct value *v)
{
    switch (type) {
    case 'n':
        num(b, v->number);
        break;
    case 's':
        str(b, text(v));
        break;
    case 'b':
        blob(b, v->bytes, v->size);
        break;
    case 'l':
        put(b, v->count, 4);
        raw(b, v->bytes, v->size);
        break;
    default:
        put(b, (uint64_t)v->number, 4);
    }
}

static void encode_step(struct builder *again, uint32_t slots, const struct step *s)
{
    flagged(again, s->operation->code, s->flags, s->mark);
    for (size_t j = 0; s->operation->fields[j]; j++) {
        if (s->operation->fields[j] == 'p')
            encode_block(again, slots, &s->field[j]);
        else
            encode_field(again, s->operation->fields[j], &s->field[j]);
    }
    label(again, text(&s->label));
    set(again, again->explanations, s->explanations.count, 4);
    raw(again, s->explanations.bytes, s->explanations.size);
    end_op(again);
}

static void encode_block(struct builder *again, uint32_t slots, const struct value *block)
{
    const struct block outer = begin_block(again);
    struct reader r = elements(block);
    struct step s;

    for (uint32_t i = 0; i < block->count; i++) {
        DEMAND(take_step(&r, slots, IN_BLOCK, &s));
        encode_step(again, slots, &s);
    }
    end_block(again, outer);
}

/* What was decoded, encoded again, must be the same bytes: nothing was skipped, and nothing read twice. */
static void compare_decoded(const struct nsexec *n)
{
    struct builder again = { 0 };
    struct reader r = all_steps(n);
    struct step s;

    raw(&again, n->program, HEADER_SIZE);
    for (uint32_t i = 0; i < n->operations; i++) {
        DEMAND(take_step(&r, n->slots, place_of(n, i), &s));
        encode_step(&again, n->slots, &s);
    }
    DEMAND(again.size == n->size && memcmp(again.bytes, n->program, n->size) == 0);
    free(again.bytes);
}

static void try_program(const struct builder *b)
{
    struct nsexec n = { .status_fd = -1, .lifeline = -1, .size = (uint32_t)b->size };
    unsigned char *exact = malloc(b->size ? b->size : 1); /* so that an access beyond the end is seen */
    char argument[] = "40", name[] = "nsexec", *argv[] = { name, argument, NULL };
    struct reader r;

    if (b->size)
        memcpy(exact, b->bytes, b->size);
    n.program = exact;
    world.program = b->bytes;
    world.size = b->size;
    world.failure_rate = one_in(2) ? 4 : 100;
    clean_up_is_due = is_cleaning_up = false;
    world.one_by_one = world.in_monitor = world.in_reader = world.in_relay = world.in_monitor_alone = false;
    world.signals = -1;
    talk_fd = STDERR_FILENO;
    open_some();
    world.is_open[PROGRAM_FD] = false; /* it is closed when the program is decoded */
    r = whole_program(&n);
    world.refused = !check_program(&n, &r);
    DEMAND(world.refused == (r.problem != NULL));
    DEMAND(!r.problem || (r.problem_at >= n.program && r.problem_at <= n.program + n.size));
    if (!world.refused) {
        figures->accepted++;
        compare_decoded(&n);
    }
    world.status_fd = n.status_fd;
    world.is_open[PROGRAM_FD] = true;
    memset(world.cloexec, 0, sizeof world.cloexec);
    if (setjmp(world.end) == 0)
        nsexec_main(2, argv);
    figures->cleaned += is_cleaning_up;
    while (world.allocations > 0)
        free(world.memory[--world.allocations]);
    free(exact);
}

static void iterate(uint64_t seed, uint64_t iteration)
{
    static struct builder b;

    random_state = seed * UINT64_C(0x2545f4914f6cdd1d) ^ iteration * UINT64_C(0x9e3779b97f4a7c15);
    figures->iteration = iteration;
    make_program(&b);
    try_program(&b);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;
    struct timespec started, now;
    int status = 1;
    pid_t worker;

    figures = mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (figures == MAP_FAILED)
        return 1;
    printf("# fuzz %g %llu\n", seconds, (unsigned long long)seed);
    fflush(stdout);
    worker = fork();
    if (worker == 0) {
        prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
        if (argc > 3) {
            iterate(seed, strtoull(argv[3], NULL, 10));
            exit(0);
        }
        clock_gettime(CLOCK_MONOTONIC, &started);
        for (uint64_t i = 1;; i++) {
            iterate(seed, i);
            if (i % 256 == 0) {
                clock_gettime(CLOCK_MONOTONIC, &now);
                if ((double)(now.tv_sec - started.tv_sec) + (double)(now.tv_nsec - started.tv_nsec) / 1e9 >= seconds)
                    exit(0);
            }
        }
    }
    if (worker > 0)
        waitpid(worker, &status, 0);
    printf("# %llu programs, %llu accepted, %llu executed, %llu with a monitor, %llu with a relay, %llu cleaned up\n",
           (unsigned long long)figures->iteration, (unsigned long long)figures->accepted,
           (unsigned long long)figures->executed, (unsigned long long)figures->monitored,
           (unsigned long long)figures->relayed, (unsigned long long)figures->cleaned);
    if (status != 0)
        printf("not ok - repeat it with: fuzz 0 %llu %llu\n", (unsigned long long)seed,
               (unsigned long long)figures->iteration);
    else
        printf("ok - fuzzing found nothing\n");
    return status != 0;
}
