/*
 * nsexec: carries out a program of operations, the last of which executes a command. protocol.md says what it does and
 * why it exists. This file goes from the bytes up: reading, what the operations need, the operations, their table,
 * decoding, failures, and the whole.
 *
 * It stays single-threaded, and opens nothing that the program does not name. A new operation is one row in the table
 * and one function.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _FILE_OFFSET_BITS 64

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
#include <signal.h>
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
#define SYS_close_range 436 /* Linux 5.9; headers may be older than the kernel */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* Linux 5.3 */
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif
#ifndef SYS_clone3
#define SYS_clone3 435 /* Linux 5.3 */
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424 /* Linux 5.1 */
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41) /* Linux 4.13 */
#endif
#ifndef TIOCSIG
#define TIOCSIG _IOW('T', 0x36, int) /* Linux 2.6.36 */
#endif
#ifndef SYS_open_tree /* and the next three: Linux 5.2 */
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif

enum {
    VERSION = 1,
    HEADER_SIZE = 28,
    OPERATION_HEADER_SIZE = 8,
    MAX_PROGRAM = 32 << 20,
    MAX_OPERATIONS = 4096,
    MAX_SLOTS = 256,
    MAX_FIELDS = 6,
    MAX_GROUPS = 65536,
    MAX_SIGNAL = 64,
    MAX_HANDLE = 128,
    MAX_FILTER_CODE = 1 << 15, /* the kernel takes no more of one thread, and counts four more for each filter */
    MAX_FILTERS = MAX_FILTER_CODE / 5,
    EXIT_REFUSED = 125,
};

enum { TRACE = 1 };         /* flags of the header */
enum { TRY = 1, ONCE = 2 }; /* flags of an operation */

/* The seccomp filters of a thread, in the order in which it got them, one behind the other. */
struct filters {
    int error; /* 0: they are all there */
    uint32_t count, size;
    uint16_t length[MAX_FILTERS];
    bool is_logged[MAX_FILTERS]; /* SECCOMP_FILTER_FLAG_LOG */
    struct sock_filter code[MAX_FILTER_CODE];
};

/* What one field was decoded into. The bytes stand in the program. */
struct value {
    int64_t number;             /* n; f and o: the slot, NO_SLOT for none */
    const unsigned char *bytes; /* s (ends in NUL), b; l, x and p: the elements as they are encoded */
    size_t size;                /* of those bytes, the NUL of s not counted */
    uint32_t count;             /* of the elements of l, x and p */
};

struct nsexec {
    const unsigned char *program;
    uint32_t size;
    uint16_t flags;
    uint32_t operations;
    uint32_t slots;
    int exit_status;
    int status_fd;
    int slot[MAX_SLOTS]; /* descriptors, -1 where empty */
    int highest;         /* no descriptor with a higher number was ever open */
    bool mark[UINT8_MAX + 1];
    uint32_t skipped; /* so many of the next operations are not carried out */
    int deathsig;
    int lifeline; /* a pipe whose other end only the monitor holds, -1 for none */
    struct filters *filters; /* NULL: none were read */
    struct value clean_up, otherwise; /* blocks, once clean_up_is_due */
    bool is_kept[MAX_SLOTS];          /* for them */
};

static const int64_t NO_SLOT = -1;

static const char *text(const struct value *v)
{
    return (const char *)v->bytes;
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

/* Walks over bytes that it does not trust. The first problem sticks, and every read after it comes back empty. */
struct reader {
    const unsigned char *at, *end;
    const char *problem; /* NULL while there is none */
    const unsigned char *problem_at;
};

static bool refuse(struct reader *r, const unsigned char *at, const char *problem)
{
    if (!r->problem) {
        r->problem = problem;
        r->problem_at = at;
        r->end = r->at;
    }
    return false;
}

static const unsigned char *take(struct reader *r, size_t size)
{
    const unsigned char *bytes = r->at;

    if (size > (size_t)(r->end - r->at)) {
        refuse(r, r->at, "it ends too early, or a length is wrong");
        return NULL;
    }
    r->at += size;
    return bytes;
}

static uint64_t take_number(struct reader *r, size_t size)
{
    const unsigned char *bytes = take(r, size);
    uint64_t number = 0;

    while (bytes && size-- > 0)
        number = number << 8 | bytes[size];
    return number;
}

static uint32_t take_u32(struct reader *r)
{
    return (uint32_t)take_number(r, 4);
}

static struct value take_blob(struct reader *r)
{
    struct value v = { .size = take_u32(r) };

    v.bytes = take(r, v.size);
    return v;
}

static struct value take_string(struct reader *r)
{
    struct value v = take_blob(r);
    const unsigned char *end = take(r, 1);

    if (end && *end != 0)
        refuse(r, end, "no NUL byte after a string");
    else if (end && memchr(v.bytes, 0, v.size))
        refuse(r, v.bytes, "a NUL byte in a string");
    return v;
}

static struct value take_list(struct reader *r)
{
    struct value v = { .count = take_u32(r) };

    v.bytes = r->at;
    for (uint32_t i = 0; i < v.count && !r->problem; i++)
        take_string(r);
    v.size = (size_t)(r->at - v.bytes);
    return v;
}

struct explanation {
    uint32_t error; /* 0: any other */
    int exit_status;
    struct value text;
};

static struct explanation take_explanation(struct reader *r)
{
    struct explanation e = { .error = take_u32(r) };
    const unsigned char *at = r->at;
    uint32_t exit_status = take_u32(r);

    if (exit_status > 255)
        refuse(r, at, "an exit status over 255");
    e.exit_status = (int)exit_status;
    e.text = take_string(r);
    return e;
}

static struct value take_explanations(struct reader *r)
{
    struct value v = { .count = take_u32(r) };

    v.bytes = r->at;
    for (uint32_t i = 0; i < v.count && !r->problem; i++)
        take_explanation(r);
    v.size = (size_t)(r->at - v.bytes);
    return v;
}

static struct value take_slot(struct reader *r, uint32_t slots, bool may_be_none)
{
    const unsigned char *at = r->at;
    uint32_t slot = take_u32(r);

    if (may_be_none && slot == UINT32_MAX)
        return (struct value){ .number = NO_SLOT };
    if (slot >= slots)
        refuse(r, at, "no such slot");
    return (struct value){ .number = slot };
}

static struct reader elements(const struct value *v)
{
    return (struct reader){ .at = v->bytes, .end = v->bytes + v->size };
}

/* --- Signals ------------------------------------------------------------------------------------------------------ */

/*
 * Signal sets are 64-bit masks here, bit n-1 for signal n, and go to the kernel directly: the C library hides the
 * signals that it keeps for itself (32, 33), which a command may well have inherited as ignored or blocked.
 */
static const uint64_t EVERY_SIGNAL = UINT64_MAX;

static uint64_t bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

static int change_mask(int how, uint64_t mask, uint64_t *old)
{
    return (int)syscall(SYS_rt_sigprocmask, how, &mask, old, sizeof mask);
}

static int default_action(int signal)
{
    /* The kernel's struct sigaction is at most this large, and all zero it means SIG_DFL. */
    static const unsigned long zero[8];

    return (int)syscall(SYS_rt_sigaction, signal, zero, NULL, sizeof(uint64_t));
}

/* --- Descriptors -------------------------------------------------------------------------------------------------- */

static void note_descriptor(struct nsexec *n, int fd)
{
    if (fd > n->highest)
        n->highest = fd;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void drop_keeping_errno(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

/*
 * Keeps 0, 1 and 2 free when they came closed: the command finds them closed too, and no message of ours is written
 * into a file that happened to get their number.
 */
static int above_stdio(struct nsexec *n, int fd)
{
    if (fd >= 0 && fd <= STDERR_FILENO) {
        int low = fd;

        fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        drop_keeping_errno(low);
    }
    note_descriptor(n, fd);
    return fd;
}

static int fill_slot(struct nsexec *n, const struct value *slot, int fd)
{
    fd = above_stdio(n, fd);
    if (fd < 0)
        return -1;
    drop(&n->slot[slot->number]);
    n->slot[slot->number] = fd;
    return 0;
}

static int slot_fd(const struct nsexec *n, const struct value *slot)
{
    int fd = n->slot[slot->number];

    if (fd < 0)
        errno = EBADF;
    return fd;
}

/* Where to say why something failed: a copy of standard error, once that is a terminal's side. */
static int talk_fd = STDERR_FILENO;

static bool is_in_use(const struct nsexec *n, int fd)
{
    for (uint32_t i = 0; i < n->slots; i++)
        if (n->slot[i] == fd)
            return true;
    return fd == n->status_fd || fd == n->lifeline || (fd == talk_fd && fd != STDERR_FILENO);
}

/* --- The monitor -------------------------------------------------------------------------------------------------- */

/* Ends like the child did, so that our parent sees from us what it would have seen from the command. */
static _Noreturn void end_like(int status)
{
    const struct rlimit none = { 0, 0 };
    int signal;

    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    signal = WTERMSIG(status);
    setrlimit(RLIMIT_CORE, &none);
    default_action(signal);
    kill(getpid(), signal);
    change_mask(SIG_UNBLOCK, bit(signal), NULL);
    _exit(128 + signal); /* only the first process of a pid namespace comes here */
}

static bool is_passed_on(const siginfo_t *s, pid_t child)
{
    if (s->si_signo == SIGCHLD || s->si_signo == SIGCONT)
        return false;
    if (s->si_code <= 0) /* kill, tgkill, sigqueue; a child that signals its whole process group has its own share */
        return s->si_pid != child;
    switch (s->si_signo) {
    case SIGALRM: /* of an alarm(2) before us: it outlives execve(2) but not fork(2) */
        return true;
    case SIGHUP: /* goes to the session leader alone when the terminal hangs up, else to a process group */
        return getsid(0) == getpid() || getpgid(child) != getpgrp();
    default:
        return false;
    }
}

/* Of this process, and not yet carried out. */
static bool clean_up_is_due;

static void clean_up(struct nsexec *n);

static bool is_for_clean_up(const struct nsexec *n, int fd)
{
    if (!clean_up_is_due)
        return false;
    for (uint32_t i = 0; i < n->slots; i++)
        if (n->is_kept[i] && n->slot[i] == fd)
            return true;
    return fd == STDERR_FILENO || fd == talk_fd; /* where it says what failed */
}

/* Nobody shall wait for the end of a pipe that the command closed, and the monitor still holds. */
static void close_all_but_these(const struct nsexec *n, const int *kept, size_t count)
{
    for (int fd = 0; fd <= n->highest; fd++) {
        bool is_kept = is_for_clean_up(n, fd);

        for (size_t i = 0; i < count; i++)
            is_kept |= kept[i] == fd;
        if (!is_kept)
            close(fd);
    }
}

/*
 * Stops as the child did, so that a shell shows for us what it would have shown for the command. All signals are
 * blocked. What a terminal sends stops nobody in an orphaned process group, SIGSTOP does: a SIGCONT that came tells
 * that we were stopped, as the signal before took back any older one. So does a newer stop, which took back that SIGCONT.
 */
static void stop_by(int signal)
{
    const uint64_t since = bit(SIGCONT) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
    uint64_t pending = 0;

    if (signal != SIGSTOP) {
        default_action(signal);
        kill(getpid(), signal);
        change_mask(SIG_UNBLOCK, bit(signal), NULL);
        change_mask(SIG_BLOCK, bit(signal), NULL);
        syscall(SYS_rt_sigpending, &pending, sizeof pending);
    }
    if (!(pending & since))
        kill(getpid(), SIGSTOP);
}

static _Noreturn void monitor(struct nsexec *n, pid_t child)
{
    bool to_be_continued = false;

    for (;;) {
        siginfo_t received;
        int status;
        pid_t changed = waitpid(child, &status, WUNTRACED | WCONTINUED | WNOHANG);

        if (changed == child && WIFSTOPPED(status)) {
            stop_by(WSTOPSIG(status));
            to_be_continued = true;
        } else if (changed == child && WIFCONTINUED(status)) {
            /* A shell continues the whole process group. A second SIGCONT might undo a stop that came since. */
            to_be_continued = false;
        } else if (changed == child) {
            clean_up(n);
            end_like(status);
        } else if (changed < 0) {
            clean_up(n);
            _exit(EXIT_REFUSED);
        } else if (to_be_continued) {
            kill(child, SIGCONT);
            to_be_continued = false;
        } else if (syscall(SYS_rt_sigtimedwait, &EVERY_SIGNAL, &received, NULL, sizeof EVERY_SIGNAL) > 0 &&
                   is_passed_on(&received, child)) {
            kill(child, received.si_signo);
        }
    }
}

/* Every change of ids clears the signal; the lifeline tells of a monitor that died while none was set. */
static void arm_deathsig(const struct nsexec *n)
{
    struct pollfd lifeline = { .fd = n->lifeline, .events = POLLIN };

    if (n->deathsig == 0)
        return;
    prctl(PR_SET_PDEATHSIG, (unsigned long)n->deathsig, 0UL, 0UL, 0UL);
    if (poll(&lifeline, 1, 0) > 0)
        kill(getpid(), n->deathsig);
}

static int open_lifeline(struct nsexec *n, int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        ends[i] = above_stdio(n, ends[i]);
        if (ends[i] < 0) {
            drop(&ends[1 - i]);
            return -1;
        }
    }
    return 0;
}

/* --- The relay ---------------------------------------------------------------------------------------------------- */

enum {
    RELAY_ROOM = 4096,        /* what a terminal holds at most; a pipe that is ready takes as much without waiting */
    LAST_OUTPUT = 1 << 20,    /* of what others still write when the command has ended */
    SHOW_BEFORE_STOP = 50,    /* milliseconds that our terminal has to take what was written before a stop */
    LOOK_FOR_FOREGROUND = 250 /* milliseconds; nobody is told when a shell brings a running job to the foreground */
};

/* Filled only when it is empty. */
struct buffer {
    unsigned char bytes[RELAY_ROOM];
    size_t from, to;
};

/* A monitor that stands between two terminals: ours, if descriptor 0 is one, and that of the command. */
static struct relay {
    int input, output, signals; /* input -1: over */
    int master, side;           /* -1: hung up. side: held, so that it is open also while the command has closed it */
    bool has_terminal;
    struct termios saved; /* of our terminal */
    volatile sig_atomic_t is_raw;
    volatile pid_t child; /* 0: it has ended */
    int status;
    bool is_drained;
    size_t left; /* of LAST_OUTPUT */
    bool in_line;
    struct buffer typed, shown;
} relay;

static bool is_empty(const struct buffer *b)
{
    return b->from == b->to;
}

static void hand_on_size(void)
{
    struct winsize size;

    if (ioctl(relay.input, TIOCGWINSZ, &size) == 0 || ioctl(relay.output, TIOCGWINSZ, &size) == 0)
        ioctl(relay.master, TIOCSWINSZ, &size); /* the kernel tells the processes there, if it is another */
}

/* A terminal that is not our controlling one knows no foreground. */
static bool in_foreground(void)
{
    pid_t group = tcgetpgrp(relay.input);

    return group < 0 || group == getpgrp();
}

/* What is typed goes to the other terminal as it is: keys that make signals or lines do so there. */
static void make_raw(void)
{
    struct termios raw = relay.saved;

    if (!relay.has_terminal || relay.is_raw || !in_foreground())
        return;
    cfmakeraw(&raw);
    relay.is_raw = true;
    tcsetattr(relay.input, TCSANOW, &raw);
    hand_on_size();
}

/* In the background it is a shell's, which has set it as it wants it. */
static void restore_terminal(void)
{
    if (relay.is_raw && in_foreground())
        tcsetattr(relay.input, TCSANOW, &relay.saved);
    relay.is_raw = false;
}

/* The processes there get SIGHUP from the kernel. */
static void hang_up(void)
{
    drop(&relay.master);
    drop(&relay.side);
    relay.typed.from = relay.typed.to = relay.shown.from = relay.shown.to = 0;
    relay.is_drained = true;
}

/* As ^D typed: once ends a line that was begun, at the start of one it ends the input. */
static void type_end(bool twice)
{
    struct termios there;

    if (tcgetattr(relay.master, &there) < 0 || there.c_cc[VEOF] == _POSIX_VDISABLE)
        return;
    relay.typed.from = relay.typed.to = 0;
    for (int i = 0; i < 1 + twice; i++)
        relay.typed.bytes[relay.typed.to++] = there.c_cc[VEOF];
    relay.in_line = false;
}

static void read_input(short events)
{
    ssize_t got = read(relay.input, relay.typed.bytes, sizeof relay.typed.bytes);

    if (got > 0) {
        relay.typed.from = 0, relay.typed.to = (size_t)got;
        relay.in_line = relay.typed.bytes[got - 1] != '\n';
    } else if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    } else if (!relay.has_terminal) {
        relay.input = -1;
        type_end(relay.in_line);
    } else if (got == 0 && !(events & POLLHUP)) {
        type_end(false); /* another process took the terminal out of raw mode */
    } else if (in_foreground()) {
        relay.input = -1;
        hang_up();
    } else {
        relay.is_raw = false;
    }
}

static void read_master(void)
{
    ssize_t got = read(relay.master, relay.shown.bytes, sizeof relay.shown.bytes);

    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        relay.is_drained = !relay.child && errno == EAGAIN;
        return;
    }
    if (got <= 0) { /* somebody inside hung it up: vhangup(2) */
        hang_up();
        return;
    }
    relay.shown.from = 0, relay.shown.to = (size_t)got;
    if (relay.child)
        return;
    relay.left -= (size_t)got < relay.left ? (size_t)got : relay.left;
    relay.is_drained = relay.left == 0;
}

/* False: nobody will ever read it. */
static bool write_from(struct buffer *b, int fd)
{
    ssize_t written = write(fd, b->bytes + b->from, b->to - b->from);

    if (written > 0)
        b->from += (size_t)written;
    return written >= 0 || errno == EINTR || errno == EAGAIN;
}

/* What was written before a stop is shown before it, if our terminal takes it: a shell prints its prompt next. */
static void show_what_came(void)
{
    struct pollfd output = { .fd = relay.output, .events = POLLOUT };

    for (size_t left = LAST_OUTPUT; left >= RELAY_ROOM; left -= RELAY_ROOM) {
        if (is_empty(&relay.shown) && relay.master >= 0)
            read_master();
        if (is_empty(&relay.shown) || poll(&output, 1, SHOW_BEFORE_STOP) <= 0 ||
            !write_from(&relay.shown, relay.output))
            return;
    }
}

static void stop_relay(int signal)
{
    show_what_came();
    restore_terminal();
    stop_by(signal);
    make_raw();
}

static void look_after_child(void)
{
    int status;
    pid_t changed;

    while (relay.child && (changed = waitpid(relay.child, &status, WUNTRACED | WNOHANG)) != 0) {
        if (changed > 0 && WIFSTOPPED(status)) {
            stop_relay(WSTOPSIG(status));
            kill(relay.child, SIGCONT);
            continue;
        }
        relay.status = changed > 0 ? status : EXIT_REFUSED << 8;
        relay.left = LAST_OUTPUT;
        relay.child = 0;
    }
}

static void take_signal(int signal, bool was_typed)
{
    switch (signal) {
    case SIGCHLD:
        look_after_child();
        break;
    case SIGWINCH:
        hand_on_size();
        break;
    case SIGCONT: /* whoever stopped us may have changed the terminal */
        relay.is_raw = false;
        make_raw();
        break;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        stop_relay(signal);
        break;
    default:
        if (!relay.child) /* nobody waits for the rest of the output */
            relay.is_drained = true, relay.shown.from = relay.shown.to;
        else if (was_typed && relay.master >= 0)
            ioctl(relay.master, TIOCSIG, signal);
        else
            kill(relay.child, signal);
    }
}

static void read_signal(void)
{
    struct signalfd_siginfo s;
    pid_t sender;
    bool is_own, was_typed;

    if (read(relay.signals, &s, sizeof s) != sizeof s)
        return;
    sender = s.ssi_code <= 0 ? (pid_t)s.ssi_pid : 0; /* 0 too: somebody outside our pid namespace */
    is_own = sender != 0 && (sender == getpid() || sender == relay.child);
    was_typed = s.ssi_code > 0 && (s.ssi_signo == SIGINT || s.ssi_signo == SIGQUIT);
    if (!is_own)
        take_signal((int)s.ssi_signo, was_typed);
}

/* One of our own errors must not leave the terminal raw; the same signals from others are the command's. */
static void on_crash(int signal, siginfo_t *s, void *context)
{
    (void)context;
    if (s->si_code <= 0 && s->si_pid != getpid()) {
        if (relay.child)
            kill(relay.child, signal);
        return;
    }
    if (relay.is_raw)
        tcsetattr(relay.input, TCSANOW, &relay.saved);
    default_action(signal);
    kill(getpid(), signal);
}

static void expect_crashes(void)
{
    static const int signals[] = { SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV };
    const struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO };

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &action, NULL) == 0)
            change_mask(SIG_UNBLOCK, bit(signals[i]), NULL);
}

/* Before the child exists, so that it finds its terminal ready. */
static int prepare_relay(struct nsexec *n, int master, int side, int output)
{
    relay = (struct relay){ .input = STDIN_FILENO, .output = output, .master = master, .side = side };
    relay.signals = (int)syscall(SYS_signalfd4, -1, &EVERY_SIGNAL, sizeof EVERY_SIGNAL, SFD_CLOEXEC | SFD_NONBLOCK);
    relay.signals = above_stdio(n, relay.signals);
    if (relay.signals < 0 || fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return -1;
    relay.has_terminal = tcgetattr(STDIN_FILENO, &relay.saved) == 0;
    if (relay.has_terminal)
        tcsetattr(side, TCSANOW, &relay.saved);
    hand_on_size();
    return 0;
}

static int waiting_time(void)
{
    if (!relay.child && is_empty(&relay.shown))
        return 0;
    return relay.has_terminal && !relay.is_raw && relay.master >= 0 ? LOOK_FOR_FOREGROUND : -1;
}

static void relay_once(void)
{
    bool may_read = relay.child && is_empty(&relay.typed) && (!relay.has_terminal || relay.is_raw);
    bool may_show = is_empty(&relay.shown);
    short of_master = (short)((may_show ? POLLIN : 0) | (is_empty(&relay.typed) ? 0 : POLLOUT));
    struct pollfd of[] = {
        { .fd = relay.signals, .events = POLLIN },
        { .fd = may_read && relay.master >= 0 ? relay.input : -1, .events = POLLIN },
        { .fd = of_master ? relay.master : -1, .events = of_master }, /* it may be hung up, which it tells unasked */
        { .fd = may_show ? -1 : relay.output, .events = POLLOUT },
    };

    if (poll(of, sizeof of / sizeof *of, waiting_time()) < 0)
        return;
    if (of[0].revents)
        read_signal();
    make_raw();
    if (of[1].revents)
        read_input(of[1].revents);
    if (relay.master >= 0 && of[2].revents & POLLOUT && !write_from(&relay.typed, relay.master))
        hang_up();
    if (relay.master >= 0 && may_show && (of[2].revents & ~POLLOUT || !relay.child))
        read_master();
    if (of[3].revents && !write_from(&relay.shown, relay.output))
        hang_up();
}

/* Nothing here waits but poll(2), and each way has its own buffer: neither end can hold up the other, or a signal. */
static _Noreturn void relay_until_its_end(struct nsexec *n, pid_t child)
{
    relay.child = child;
    expect_crashes();
    make_raw();
    while (relay.child || !relay.is_drained || !is_empty(&relay.shown))
        relay_once();
    restore_terminal();
    clean_up(n);
    end_like(relay.status);
}

/* --- Executing ---------------------------------------------------------------------------------------------------- */

/* The elements of a list as execve(2) wants them, with room for one more before them. */
static char **pointers(const struct value *list)
{
    struct reader r = elements(list);
    char **room = calloc((size_t)list->count + 2, sizeof *room);

    for (uint32_t i = 0; room && i < list->count; i++) {
        struct value element = take_string(&r);

        room[1 + i] = (char *)element.bytes;
    }
    return room;
}

struct command {
    const char *file, *search, *shell;
    char **argv, **env; /* argv[-1] is there and free */
};

static void execute(const struct command *c, const char *path)
{
    execve(path, c->argv, c->env);
    if (errno != ENOEXEC || !*c->shell)
        return;
    c->argv[-1] = (char *)c->shell;
    c->argv[0] = (char *)path;
    execve(c->shell, c->argv - 1, c->env);
    errno = ENOEXEC; /* what is wrong with the file says more than what is wrong with the shell */
}

static bool search_goes_on(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
    case ESTALE: /* this one and the next two: a network file system that is not there at the moment */
    case ENODEV:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static void search_and_execute(const struct command *c)
{
    char path[PATH_MAX];
    bool denied = false;

    for (const char *element = c->search;; element++) {
        size_t length = strcspn(element, ":");
        const char *directory = length ? element : ".";
        int needed = snprintf(path, sizeof path, "%.*s/%s", length ? (int)length : 1, directory, c->file);

        errno = ENAMETOOLONG;
        if (needed > 0 && (size_t)needed < sizeof path)
            execute(c, path);
        denied |= errno == EACCES;
        if (!search_goes_on(errno))
            return;
        element += length;
        if (!*element)
            break;
    }
    if (denied)
        errno = EACCES;
}

/* --- The operations: each returns 0, or -1 and errno -------------------------------------------------------------- */

static int do_adopt(struct nsexec *n, const struct value *v)
{
    int fd = (int)v[0].number;

    if (is_in_use(n, fd)) {
        errno = EBADF;
        return -1;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    return fill_slot(n, &v[1], fd);
}

static int do_open(struct nsexec *n, const struct value *v)
{
    int directory = v[0].number == NO_SLOT ? AT_FDCWD : slot_fd(n, &v[0]);

    if (directory < 0 && directory != AT_FDCWD) /* openat(2) would not look at it if the path is absolute */
        return -1;
    return fill_slot(n, &v[4], openat(directory, text(&v[1]), (int)v[2].number | O_CLOEXEC, (mode_t)v[3].number));
}

static int do_close(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);

    n->slot[v[0].number] = -1;
    return fd < 0 ? -1 : close(fd);
}

static int do_expect(struct nsexec *n, const struct value *v)
{
    struct stat found;
    int fd = slot_fd(n, &v[0]);

    if (fd < 0 || fstat(fd, &found) < 0)
        return -1;
    if (found.st_ino == (uint64_t)v[2].number && (v[1].number == 0 || found.st_dev == (uint64_t)v[1].number))
        return 0;
    errno = ESTALE;
    return -1;
}

static int do_setns(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);

    return fd < 0 ? -1 : setns(fd, (int)v[1].number);
}

static int do_chdir(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);

    return fd < 0 ? -1 : fchdir(fd);
}

static int do_chroot(struct nsexec *n, const struct value *v)
{
    return do_chdir(n, v) < 0 ? -1 : chroot(".");
}

static int do_pidfd(struct nsexec *n, const struct value *v)
{
    return fill_slot(n, &v[1], (int)syscall(SYS_pidfd_open, (int)v[0].number, 0U));
}

static int do_getfd(struct nsexec *n, const struct value *v)
{
    int pidfd = slot_fd(n, &v[0]);

    return pidfd < 0 ? -1 : fill_slot(n, &v[2], (int)syscall(SYS_pidfd_getfd, pidfd, (int)v[1].number, 0U));
}

/* Questions whose answer is a namespace. Any other would make a number that is no descriptor look like one. */
static const char *check_reach(const struct value *v)
{
    switch (v[1].number) {
    case 0x894c: /* SIOCGSKNS, linux/sockios.h */
    case 0x54e3: /* TUNGETDEVNETNS, linux/if_tun.h */
    case 0xb701: /* NS_GET_USERNS, linux/nsfs.h */
    case 0xb702: /* NS_GET_PARENT */
        return NULL;
    default:
        return "not a question that leads to a namespace";
    }
}

static int do_reach(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);

    return fd < 0 ? -1 : fill_slot(n, &v[2], ioctl(fd, (unsigned long)v[1].number));
}

static const char *check_handle(const struct value *v)
{
    return v[1].size == 0 || v[1].size > MAX_HANDLE ? "not a file handle" : NULL;
}

static int do_handle(struct nsexec *n, const struct value *v)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE];
    } h;

    h.handle.handle_bytes = (unsigned)v[1].size;
    h.handle.handle_type = (int)v[0].number;
    memcpy(h.room + offsetof(struct file_handle, f_handle), v[1].bytes, v[1].size);
    return fill_slot(n, &v[3], open_by_handle_at((int)v[2].number, &h.handle, O_RDONLY | O_CLOEXEC));
}

/* In one piece: files of the kernel take a command from each write(2). */
static int do_write(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);
    ssize_t written = fd < 0 ? -1 : write(fd, v[1].bytes, v[1].size);

    if (written >= 0 && (size_t)written != v[1].size) {
        errno = EIO;
        return -1;
    }
    return written < 0 ? -1 : 0;
}

static int do_skip(struct nsexec *n, const struct value *v)
{
    if (n->mark[v[0].number])
        n->skipped = (uint32_t)v[1].number;
    return 0;
}

static int do_unless(struct nsexec *n, const struct value *v)
{
    if (!n->mark[v[0].number])
        n->skipped = (uint32_t)v[1].number;
    return 0;
}

static const char *check_setgroups(const struct value *v)
{
    return v[0].size % 4 != 0 || v[0].size / 4 > MAX_GROUPS ? "not a list of groups" : NULL;
}

static int do_setgroups(struct nsexec *n, const struct value *v)
{
    struct reader r = elements(&v[0]);
    size_t count = v[0].size / 4;
    gid_t *groups = calloc(count + 1, sizeof *groups);
    int result, error;

    (void)n;
    if (!groups)
        return -1;
    for (size_t i = 0; i < count; i++)
        groups[i] = take_u32(&r);
    result = setgroups(count, groups);
    error = errno;
    free(groups);
    errno = error;
    return result;
}

static int do_setgid(struct nsexec *n, const struct value *v)
{
    gid_t gid = (gid_t)v[0].number;

    (void)n;
    return setresgid(gid, gid, gid);
}

static int do_setuid(struct nsexec *n, const struct value *v)
{
    uid_t uid = (uid_t)v[0].number;

    (void)n;
    return setresuid(uid, uid, uid);
}

/* The ids of a file, as they are called in the user namespace that we are in now. */
static int owner(const struct nsexec *n, const struct value *slot, struct stat *s)
{
    int fd = slot_fd(n, slot);

    if (fd < 0 || fstat(fd, s) < 0)
        return -1;
    if (s->st_gid != (gid_t)-1 && s->st_uid != (uid_t)-1) /* which would leave ours as they are */
        return 0;
    errno = EINVAL;
    return -1;
}

static int do_gid_of(struct nsexec *n, const struct value *v)
{
    struct stat s;

    return owner(n, &v[0], &s) < 0 ? -1 : setresgid(s.st_gid, s.st_gid, s.st_gid);
}

static int do_uid_of(struct nsexec *n, const struct value *v)
{
    struct stat s;

    return owner(n, &v[0], &s) < 0 ? -1 : setresuid(s.st_uid, s.st_uid, s.st_uid);
}

static uint64_t whole(uint32_t low, uint32_t high)
{
    return low | (uint64_t)high << 32;
}

/* A capability must be permitted and inheritable to become ambient, and ambient to outlive exec without uid 0. */
static int do_ambient(struct nsexec *n, const struct value *v)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct set[2] = { { 0 }, { 0 } };
    uint64_t raised;

    (void)n;
    if (syscall(SYS_capget, &header, set) < 0)
        return -1;
    raised = (uint64_t)v[0].number & whole(set[0].permitted, set[1].permitted);
    set[0].inheritable |= (uint32_t)raised;
    set[1].inheritable |= (uint32_t)(raised >> 32);
    if (syscall(SYS_capset, &header, set) < 0)
        return -1;
    for (unsigned capability = 0; capability < 64; capability++)
        if (raised >> capability & 1 && prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE,
                                              (unsigned long)capability, 0UL, 0UL) < 0)
            return -1;
    return 0;
}

static int do_umask(struct nsexec *n, const struct value *v)
{
    (void)n;
    umask((mode_t)v[0].number);
    return 0;
}

static int do_chown(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);

    return fd < 0 ? -1 : fchown(fd, (uid_t)v[1].number, (gid_t)-1);
}

/* What is not permitted cannot be had: of these two only what is there already is asked for. */
static int do_capset(struct nsexec *n, const struct value *v)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct set[2] = { { 0 }, { 0 } };
    uint64_t permitted, effective, inheritable = (uint64_t)v[2].number;

    (void)n;
    if (syscall(SYS_capget, &header, set) < 0)
        return -1;
    permitted = (uint64_t)v[1].number & whole(set[0].permitted, set[1].permitted);
    effective = (uint64_t)v[0].number & permitted;
    for (int i = 0; i < 2; i++)
        set[i] = (struct __user_cap_data_struct){ .effective = (uint32_t)(effective >> 32 * i),
                                                  .permitted = (uint32_t)(permitted >> 32 * i),
                                                  .inheritable = (uint32_t)(inheritable >> 32 * i) };
    return (int)syscall(SYS_capset, &header, set);
}

static int do_bounding(struct nsexec *n, const struct value *v)
{
    (void)n;
    for (unsigned long capability = 0; capability < 64; capability++) {
        if ((uint64_t)v[0].number >> capability & 1)
            continue;
        /* 0: it is dropped already; an error: this kernel has no such capability. */
        if (prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL) == 1 &&
            prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) < 0)
            return -1;
    }
    return 0;
}

static long trace(int request, pid_t pid, unsigned long address, void *data)
{
    return syscall(SYS_ptrace, (long)request, (long)pid, address, data);
}

static int stop(pid_t pid, int *status)
{
    pid_t changed;

    if (trace(PTRACE_SEIZE, pid, 0, NULL) < 0 || trace(PTRACE_INTERRUPT, pid, 0, NULL) < 0)
        return errno;
    do
        changed = waitpid(pid, status, __WALL);
    while (changed < 0 && errno == EINTR);
    if (changed == pid && WIFSTOPPED(*status))
        return 0;
    return changed < 0 ? errno : ESRCH;
}

static int copy_filters(struct filters *f, pid_t pid)
{
    for (;; f->count++) {
        struct seccomp_metadata metadata = { .filter_off = f->count };
        long length = trace(PTRACE_SECCOMP_GET_FILTER, pid, f->count, NULL);

        if (length < 0)
            return errno == ENOENT ? 0 : errno; /* that was the last one */
        if (f->count == MAX_FILTERS || length > UINT16_MAX || (uint32_t)length > MAX_FILTER_CODE - f->size)
            return E2BIG;
        /* It is asked for twice, but a filter never changes, and the thread stands still. */
        if (trace(PTRACE_SECCOMP_GET_FILTER, pid, f->count, f->code + f->size) != length)
            return EIO;
        f->length[f->count] = (uint16_t)length;
        f->is_logged[f->count] =
            trace(PTRACE_SECCOMP_GET_METADATA, pid, sizeof metadata, &metadata) > 0 &&
            metadata.flags & SECCOMP_FILTER_FLAG_LOG;
        f->size += (uint32_t)length;
    }
}

/*
 * In a process of its own: when that ends, in whatever way, the kernel lets the thread go on. A signal that the thread
 * stopped for is given to it.
 */
static _Noreturn void read_filters(struct filters *f, pid_t pid, int milliseconds)
{
    const struct itimerval limit = { .it_value = { milliseconds / 1000, milliseconds % 1000 * 1000 } };
    int status = 0;

    f->error = ETIMEDOUT;
    default_action(SIGALRM);
    change_mask(SIG_UNBLOCK, bit(SIGALRM), NULL);
    if (setitimer(ITIMER_REAL, &limit, NULL) < 0)
        _exit(1);
    f->error = stop(pid, &status);
    if (f->error == 0) {
        f->error = copy_filters(f, pid);
        trace(PTRACE_DETACH, pid, 0, status >> 16 ? NULL : (void *)(long)WSTOPSIG(status));
    }
    _exit(0);
}

static int do_seccomp_of(struct nsexec *n, const struct value *v)
{
    struct filters *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t reader;

    if (f == MAP_FAILED)
        return -1;
    f->error = ETIMEDOUT;
    /* Like fork(2), but its end sends no signal: how SIGCHLD is handled, or whether it is blocked, plays no part. */
    reader = (pid_t)syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);
    if (reader == 0)
        read_filters(f, (pid_t)v[0].number, (int)v[1].number);
    if (reader < 0)
        return -1;
    while (waitpid(reader, NULL, __WALL) < 0 && errno == EINTR)
        ;
    n->filters = f;
    errno = f->error;
    return f->error ? -1 : 0;
}

static int do_seccomp(struct nsexec *n, const struct value *v)
{
    uint32_t at = 0;

    if (!n->filters || n->filters->error) {
        errno = ENODATA;
        return -1;
    }
    for (uint32_t i = 0; i < n->filters->count; i++) {
        const struct sock_fprog filter = { n->filters->length[i], n->filters->code + at };
        unsigned flags = (unsigned)v[0].number | (n->filters->is_logged[i] ? SECCOMP_FILTER_FLAG_LOG : 0);

        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter) < 0)
            return -1;
        at += filter.len;
    }
    return 0;
}

/* A parent that died before its death could send a signal no longer reads what is reported to it. */
static void notice_death_before(const struct nsexec *n, int signal)
{
    struct pollfd status = { .fd = n->status_fd };

    if (n->status_fd >= 0 && poll(&status, 1, 0) > 0 && status.revents & POLLERR)
        kill(getpid(), signal);
}

static int do_prctl(struct nsexec *n, const struct value *v)
{
    if (prctl((int)v[0].number, (unsigned long)v[1].number, (unsigned long)v[2].number, (unsigned long)v[3].number,
              (unsigned long)v[4].number) < 0)
        return -1;
    if (v[0].number == PR_SET_PDEATHSIG && v[1].number > 0 && v[1].number <= MAX_SIGNAL)
        notice_death_before(n, (int)v[1].number);
    return 0;
}

static int do_rlimit(struct nsexec *n, const struct value *v)
{
    /* RLIM_INFINITY is -1 here as in the program */
    const struct rlimit limits = { .rlim_cur = (rlim_t)v[1].number, .rlim_max = (rlim_t)v[2].number };

    (void)n;
    return prlimit(0, (int)v[0].number, &limits, NULL);
}

static const char *check_signals(const struct value *v)
{
    return (uint64_t)v[0].number & (bit(SIGKILL) | bit(SIGSTOP)) ? "SIGKILL or SIGSTOP among the signals" : NULL;
}

static int do_signals(struct nsexec *n, const struct value *v)
{
    uint64_t by_default = (uint64_t)v[0].number;

    (void)n;
    for (int signal = 1; signal <= MAX_SIGNAL; signal++)
        if (by_default & bit(signal) && default_action(signal) < 0)
            return -1;
    return change_mask(SIG_SETMASK, (uint64_t)v[1].number, NULL);
}

/* fork(2), where `cgroup` is none; else its child begins in that cgroup of v2, where moving it would take a while. */
static pid_t fork_into(int cgroup)
{
    const struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
    } how = { .flags = UINT64_C(1) << 33 /* CLONE_INTO_CGROUP, Linux 5.7 */, .exit_signal = SIGCHLD,
              .cgroup = (uint64_t)cgroup };

    return cgroup < 0 ? fork() : (pid_t)syscall(SYS_clone3, &how, sizeof how);
}

/*
 * fork(2), with a pipe that tells the child of the parent's end. In the parent (the child's pid) all signals are
 * blocked, and the pipe's end is in *lifeline. In the child (0) all is as it was before.
 */
static pid_t fork_watched(struct nsexec *n, int deathsig, int cgroup, int *lifeline)
{
    int ends[2] = { -1, -1 };
    struct sigaction on_child;
    uint64_t mask = 0;
    pid_t child;
    int error;

    if (deathsig != 0 && open_lifeline(n, ends) < 0)
        return -1;
    arm_deathsig(n); /* this process may be the child of a `fork` before, and about to be a monitor itself */
    change_mask(SIG_SETMASK, EVERY_SIGNAL, &mask);
    sigaction(SIGCHLD, NULL, &on_child);
    default_action(SIGCHLD); /* ignored, it would make the kernel reap the child and waitpid(2) fail */

    child = fork_into(cgroup);
    *lifeline = ends[1];
    if (child > 0)
        return child;

    error = errno;
    if (on_child.sa_handler == SIG_IGN)
        sigaction(SIGCHLD, &on_child, NULL);
    change_mask(SIG_SETMASK, mask, NULL);
    drop(&ends[1]);
    if (child < 0) {
        drop(&ends[0]);
        errno = error;
        return -1;
    }
    drop(&n->lifeline);
    n->lifeline = ends[0];
    n->deathsig = deathsig;
    clean_up_is_due = false; /* it is the parent's */
    arm_deathsig(n);
    return 0;
}

static int become_monitor_and_child(struct nsexec *n, int deathsig, int cgroup)
{
    int lifeline;
    pid_t child = fork_watched(n, deathsig, cgroup, &lifeline);

    if (child > 0) {
        close_all_but_these(n, &lifeline, 1);
        monitor(n, child);
    }
    return child;
}

static int do_fork(struct nsexec *n, const struct value *v)
{
    return become_monitor_and_child(n, (int)v[0].number, -1);
}

static int do_fork_into(struct nsexec *n, const struct value *v)
{
    int cgroup = slot_fd(n, &v[1]);

    return cgroup < 0 ? -1 : become_monitor_and_child(n, (int)v[0].number, cgroup);
}

/* The same slot for both would make of the terminal's two sides one. */
static const char *check_pty(const struct value *v)
{
    return v[0].number == v[1].number ? "one slot for both sides" : NULL;
}

/* The other side of a new terminal, by the kernel and not by a path, which could lead to something else. */
static int do_pty(struct nsexec *n, const struct value *v)
{
    int unlock = 0, master = slot_fd(n, &v[0]);
    struct stat found;

    if (master < 0 || fstat(master, &found) < 0)
        return -1;
    if (!S_ISCHR(found.st_mode) || found.st_rdev != makedev(5, 2)) { /* /dev/ptmx, admin-guide/devices.txt */
        errno = ENODEV;
        return -1;
    }
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return -1;
    return fill_slot(n, &v[1], ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
}

/* From here on the command's side is its terminal, and all of its three streams. */
static int take_side(struct nsexec *n, const struct value *v, int side)
{
    /* a terminal of ours is raw by now: what is said goes through the command's, which shows lines as lines */
    if (!isatty(STDERR_FILENO)) {
        int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (fd >= 0)
            talk_fd = fd;
    }
    if (setsid() < 0 || ioctl(side, TIOCSCTTY, 0) < 0)
        return -1;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(side, fd) < 0)
            return -1;
    for (int i = 0; i < 3; i++)
        if (v[i].number != NO_SLOT)
            drop(&n->slot[v[i].number]);
    return 0;
}

static int do_relay(struct nsexec *n, const struct value *v)
{
    int master = slot_fd(n, &v[0]), side = slot_fd(n, &v[1]);
    int output = v[2].number == NO_SLOT ? STDOUT_FILENO : n->slot[v[2].number];
    int lifeline;
    pid_t child;

    if (master < 0 || side < 0) /* either left EBADF */
        return -1;
    if (prepare_relay(n, master, side, output < 0 ? STDOUT_FILENO : output) < 0)
        return -1;
    child = fork_watched(n, (int)v[3].number, -1, &lifeline);
    if (child > 0) {
        close_all_but_these(n, (int[]){ STDIN_FILENO, relay.output, master, side, relay.signals, lifeline }, 6);
        n->slot[v[0].number] = n->slot[v[1].number] = -1; /* it closes them when it hangs up */
        relay_until_its_end(n, child);
    }
    drop_keeping_errno(relay.signals);
    return child < 0 ? -1 : take_side(n, v, side);
}

static const char *check_unshare(const struct value *v)
{
    const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID |
                                CLONE_NEWUSER | CLONE_NEWCGROUP | 0x80; /* CLONE_NEWTIME */

    return v[0].number == 0 || (uint64_t)v[0].number & ~namespaces ? "not kinds of namespaces" : NULL;
}

static int do_unshare(struct nsexec *n, const struct value *v)
{
    (void)n;
    return unshare((int)v[0].number);
}

/* mount(2) does many things: here it only changes how mounts hear of each other. */
static const char *check_propagate(const struct value *v)
{
    switch ((uint64_t)v[1].number & ~(uint64_t)MS_REC) {
    case MS_SHARED:
    case MS_PRIVATE:
    case MS_SLAVE:
    case MS_UNBINDABLE:
        return NULL;
    default:
        return "not a type of propagation";
    }
}

static int do_propagate(struct nsexec *n, const struct value *v)
{
    (void)n;
    return mount("none", text(&v[0]), NULL, (unsigned long)v[1].number, NULL);
}

/* Source: linux/mount.h, whose names not every C library has. */
enum { SET_FLAG = 0, SET_STRING = 1, CREATE = 6, CLOEXEC = 1, MOVE_EMPTY_PATH = 4 };

static int configure(int context, const char *option)
{
    char key[64];
    size_t length = strcspn(option, "=");

    if (length >= sizeof key) {
        errno = EINVAL;
        return -1;
    }
    memcpy(key, option, length);
    key[length] = 0;
    if (!option[length])
        return (int)syscall(SYS_fsconfig, context, SET_FLAG, key, NULL, 0);
    return (int)syscall(SYS_fsconfig, context, SET_STRING, key, option + length + 1, 0);
}

/* Options are `key` or `key=value`. The mount is nowhere until it is attached. */
static int do_fsmount(struct nsexec *n, const struct value *v)
{
    struct reader r = elements(&v[1]);
    int context = above_stdio(n, (int)syscall(SYS_fsopen, text(&v[0]), CLOEXEC)), mount = -1, error;
    bool configured = context >= 0;

    for (uint32_t i = 0; configured && i < v[1].count; i++) {
        struct value option = take_string(&r);

        configured = configure(context, text(&option)) >= 0;
    }
    if (configured && syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0) >= 0)
        mount = (int)syscall(SYS_fsmount, context, CLOEXEC, (unsigned)v[2].number);
    error = errno;
    drop(&context);
    errno = error;
    return fill_slot(n, &v[3], mount);
}

/* AT_FDCWD where there is none. */
static int directory_fd(const struct nsexec *n, const struct value *slot, int *fd)
{
    *fd = slot->number == NO_SLOT ? AT_FDCWD : slot_fd(n, slot);
    return *fd < 0 && *fd != AT_FDCWD ? -1 : 0;
}

static const char *check_tree(const struct value *v)
{
    const uint64_t known = 1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;

    return (uint64_t)v[2].number & ~known ? "unknown flags of open_tree" : NULL;
}

static int do_tree(struct nsexec *n, const struct value *v)
{
    int directory;

    if (directory_fd(n, &v[0], &directory) < 0)
        return -1;
    return fill_slot(n, &v[3], (int)syscall(SYS_open_tree, directory, text(&v[1]),
                                            (unsigned)v[2].number | O_CLOEXEC));
}

static const char *check_attach(const struct value *v)
{
    return (uint64_t)v[3].number & ~UINT64_C(0x70) ? "unknown flags of move_mount" : NULL; /* MOVE_MOUNT_T_* */
}

static int do_attach(struct nsexec *n, const struct value *v)
{
    int mount = slot_fd(n, &v[0]), directory;

    if (mount < 0 || directory_fd(n, &v[1], &directory) < 0)
        return -1;
    return (int)syscall(SYS_move_mount, mount, "", directory, text(&v[2]),
                        (unsigned)v[3].number | MOVE_EMPTY_PATH);
}

/* umount2(2) takes a path only: that of the working directory needs none. */
static int do_detach(struct nsexec *n, const struct value *v)
{
    int mount = slot_fd(n, &v[0]), back, result, error;

    if (mount < 0)
        return -1;
    back = above_stdio(n, open(".", O_PATH | O_CLOEXEC));
    if (back < 0)
        return -1;
    result = fchdir(mount) < 0 ? -1 : umount2(".", MNT_DETACH);
    error = errno;
    if (fchdir(back) < 0 && result == 0) {
        result = -1;
        error = errno;
    }
    close(back);
    errno = error;
    return result;
}

/* The umask does not count: the program says what the mode is. */
static int do_mkdir(struct nsexec *n, const struct value *v)
{
    int directory = slot_fd(n, &v[0]);
    mode_t mode = (mode_t)v[2].number;

    if (directory < 0 || mkdirat(directory, text(&v[1]), mode) < 0)
        return -1;
    return fchmodat(directory, text(&v[1]), mode, 0);
}

static int do_symlink(struct nsexec *n, const struct value *v)
{
    int directory = slot_fd(n, &v[0]);

    return directory < 0 ? -1 : symlinkat(text(&v[2]), directory, text(&v[1]));
}

static int write_whole(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* A new file: one that is there already is never written to. */
static int do_file(struct nsexec *n, const struct value *v)
{
    int directory = slot_fd(n, &v[0]), fd, result, error;
    mode_t mode = (mode_t)v[2].number;

    if (directory < 0)
        return -1;
    fd = above_stdio(n, openat(directory, text(&v[1]), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (fd < 0)
        return -1;
    result = fchmod(fd, mode) < 0 ? -1 : write_whole(fd, v[3].bytes, v[3].size);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Ended by a byte, or by the end of all who could write one. */
static int do_wait(struct nsexec *n, const struct value *v)
{
    int fd = slot_fd(n, &v[0]);
    char byte;
    ssize_t got;

    if (fd < 0)
        return -1;
    do
        got = read(fd, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        errno = EPIPE;
    return got == 1 ? 0 : -1;
}

/* Milliseconds until it is tried again, ever longer; 0: the time is over. */
static long next_pause(long *last, long *left)
{
    const long longest = 50;

    *last = *last * 2 < longest ? *last * 2 + !*last : longest;
    *last = *last < *left ? *last : *left;
    *left -= *last;
    return *last;
}

static bool pause_before_next(long *last, long *left)
{
    const long milliseconds = next_pause(last, left);

    if (milliseconds == 0)
        return false;
    nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000 * 1000 }, NULL);
    return true;
}

/* Who still has something open in it may be about to end. */
static int do_rmdir(struct nsexec *n, const struct value *v)
{
    long pause = 0, left = 2000;
    int directory = slot_fd(n, &v[0]);

    if (directory < 0)
        return -1;
    do {
        if (unlinkat(directory, text(&v[1]), AT_REMOVEDIR) == 0)
            return 0;
        if (errno != EBUSY)
            return -1;
    } while (pause_before_next(&pause, &left));
    errno = EBUSY;
    return -1;
}

static int do_unlink(struct nsexec *n, const struct value *v)
{
    int directory = slot_fd(n, &v[0]);

    return directory < 0 ? -1 : unlinkat(directory, text(&v[1]), 0);
}

/* Of a directory of the kernel's: two, and one for each directory in it. */
static int do_links(struct nsexec *n, const struct value *v)
{
    struct stat found;
    int fd = slot_fd(n, &v[0]);

    if (fd < 0 || fstat(fd, &found) < 0)
        return -1;
    errno = ENOTEMPTY;
    return found.st_nlink <= (uint64_t)v[1].number ? 0 : -1;
}

enum { FILE_ROOM = 4096, KILLED_AT_ONCE = 64 };

/* The start of a file of the kernel, as it reads now: opened anew, as some keep what they said to a descriptor. */
static ssize_t read_start(struct nsexec *n, const struct value *slot, const char *path, char into[FILE_ROOM])
{
    int directory = slot_fd(n, slot), fd;
    ssize_t size = 0, got;

    if (directory < 0)
        return -1;
    fd = above_stdio(n, openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0));
    if (fd < 0)
        return -1;
    do {
        got = read(fd, into + size, FILE_ROOM - (size_t)size);
        size += got > 0 ? got : 0;
    } while (size < FILE_ROOM && (got > 0 || (got < 0 && errno == EINTR)));
    drop_keeping_errno(fd);
    return got < 0 ? -1 : size;
}

static int do_holds(struct nsexec *n, const struct value *v)
{
    char bytes[FILE_ROOM];
    ssize_t size = read_start(n, &v[0], text(&v[1]), bytes);

    if (size < 0)
        return -1;
    if (memmem(bytes, (size_t)size, v[2].bytes, v[2].size))
        return 0;
    errno = ESTALE;
    return -1;
}

/* The next number that is a whole line; 0: there is none. One that is no process we could name, or we, is -1. */
static pid_t next_listed(const char **at, const char *end)
{
    const char *line_end = memchr(*at, '\n', (size_t)(end - *at));
    int64_t pid = 0;

    if (!line_end)
        return 0;
    for (const char *c = *at; c < line_end && pid >= 0; c++)
        pid = *c >= '0' && *c <= '9' && pid < INT_MAX / 10 ? 10 * pid + (*c - '0') : -1;
    *at = line_end + 1;
    return pid > 0 && pid != getpid() ? (pid_t)pid : -1;
}

/*
 * Whom the file lists gets SIGKILL, by a descriptor, and only who is still listed once that is open: meanwhile the number
 * could have become another's. Returns how many were listed, or -1.
 */
static int kill_listed(struct nsexec *n, const struct value *slot, const char *path)
{
    char list[FILE_ROOM];
    const char *at = list;
    pid_t pid, pids[KILLED_AT_ONCE];
    int fds[KILLED_AT_ONCE], count = 0, listed = 0;
    ssize_t size = read_start(n, slot, path, list);

    if (size < 0)
        return -1;
    for (; count < KILLED_AT_ONCE && (pid = next_listed(&at, list + size)) != 0; listed++) {
        if (pid < 0)
            continue;
        pids[count] = pid;
        fds[count] = above_stdio(n, (int)syscall(SYS_pidfd_open, pid, 0U));
        if (fds[count] < 0 && errno != ESRCH) {
            listed = -1;
            break;
        }
        count += fds[count] >= 0;
    }
    if (count > 0 && (size = read_start(n, slot, path, list)) < 0)
        listed = -1;
    for (at = list; listed > 0 && (pid = next_listed(&at, list + size)) != 0;)
        for (int i = 0; i < count; i++)
            if (pids[i] == pid)
                syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0U);
    while (count > 0)
        drop_keeping_errno(fds[--count]);
    return listed;
}

static int do_kill(struct nsexec *n, const struct value *v)
{
    long pause = 0, left = (long)v[2].number;
    int listed;

    do {
        listed = kill_listed(n, &v[0], text(&v[1]));
        if (listed <= 0)
            return listed;
        if (listed == KILLED_AT_ONCE) /* there are more */
            pause = 0;
    } while (pause_before_next(&pause, &left));
    errno = ETIMEDOUT;
    return -1;
}

/* The signals that are blocked stay so for it. */
static _Noreturn void become_command(const struct value *v)
{
    char **argv = pointers(&v[1]), **env = pointers(&v[2]);

    if (argv && env)
        execve(text(&v[0]), argv + 1, env + 1);
    _exit(EXIT_REFUSED);
}

/* A command of its own, and its end. */
static int do_spawn(struct nsexec *n, const struct value *v)
{
    pid_t child = (pid_t)syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL), ended; /* like fork(2) */
    int status = 0;

    (void)n;
    if (child == 0)
        become_command(v);
    if (child < 0)
        return -1;
    do
        ended = waitpid(child, &status, __WALL);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return -1;
    errno = EIO;
    return status == 0 ? 0 : -1;
}

static const char *check_spawn(const struct value *v)
{
    return v[1].count == 0 ? "an empty argv" : NULL;
}

static void keep_slots_of(struct nsexec *n, const struct value *block);

/* For the end of the child of the next `fork` or `relay`, or for a failure before it. */
static int do_after(struct nsexec *n, const struct value *v)
{
    n->clean_up = v[0];
    n->otherwise = v[1];
    for (size_t i = 0; i < MAX_SLOTS; i++)
        n->is_kept[i] = false;
    keep_slots_of(n, &n->clean_up);
    keep_slots_of(n, &n->otherwise);
    clean_up_is_due = true;
    return 0;
}

static const char *check_exec(const struct value *v)
{
    return v[3].count == 0 ? "an empty argv" : NULL;
}

static int do_exec(struct nsexec *n, const struct value *v)
{
    char **argv = pointers(&v[3]), **env = pointers(&v[4]);
    int error;

    if (argv && env) {
        const struct command c = { text(&v[0]), text(&v[1]), text(&v[2]), argv + 1, env + 1 };

        arm_deathsig(n);
        if (!*c.file)
            errno = ENOENT;
        else if (!*c.search || strchr(c.file, '/'))
            execute(&c, c.file);
        else
            search_and_execute(&c);
    }
    error = errno;
    free(argv);
    free(env);
    errno = error;
    return -1;
}

/* --- The table of operations -------------------------------------------------------------------------------------- */

struct range {
    int64_t least, most;
};

#define AN_INT { INT_MIN, INT_MAX }
#define A_LONG { LONG_MIN, LONG_MAX }
#define ANY { INT64_MIN, INT64_MAX }
#define AN_ID { 0, UINT32_MAX - 1 }
#define A_LIMIT { -1, INT64_MAX }
#define NO_NUMBER { { 0, 0 } }

struct operation {
    uint16_t code;
    const char *name;
    const char *fields; /* types as in protocol.md */
    int (*run)(struct nsexec *, const struct value *);
    struct range range[MAX_FIELDS];             /* of the fields that are numbers; one without a range must be 0 */
    const char *(*check)(const struct value *); /* for what a range cannot say: the problem, or NULL */
};

/* clang-format off */
static const struct operation operations[] = {
    {  1, "adopt",     "nf",    do_adopt,     { [0] = { 0, INT_MAX } },                          NULL },
    {  2, "open",      "osnnf", do_open,      { [2] = AN_INT, [3] = { 0, UINT32_MAX } },         NULL },
    {  3, "close",     "f",     do_close,     NO_NUMBER,                                         NULL },
    {  4, "expect",    "fnn",   do_expect,    { [1] = ANY, [2] = ANY },                          NULL },
    {  5, "setns",     "fn",    do_setns,     { [1] = AN_INT },                                  NULL },
    {  6, "chroot",    "f",     do_chroot,    NO_NUMBER,                                         NULL },
    {  7, "chdir",     "f",     do_chdir,     NO_NUMBER,                                         NULL },
    {  8, "setgroups", "b",     do_setgroups, NO_NUMBER,                                         check_setgroups },
    {  9, "setgid",    "n",     do_setgid,    { [0] = AN_ID },                                   NULL },
    { 10, "setuid",    "n",     do_setuid,    { [0] = AN_ID },                                   NULL },
    { 11, "prctl",     "nnnnn", do_prctl,     { AN_INT, A_LONG, A_LONG, A_LONG, A_LONG },        NULL },
    { 12, "rlimit",    "nnn",   do_rlimit,    { AN_INT, A_LIMIT, A_LIMIT },                      NULL },
    { 13, "signals",   "nn",    do_signals,   { ANY, ANY },                                      check_signals },
    { 14, "fork",      "n",     do_fork,      { [0] = { 0, MAX_SIGNAL } },                       NULL },
    { 16, "skip",      "nn",    do_skip,      { { 1, UINT8_MAX }, { 1, MAX_OPERATIONS } },       NULL },
    { 17, "pidfd",     "nf",    do_pidfd,     { [0] = { 1, INT_MAX } },                          NULL },
    { 18, "getfd",     "fnf",   do_getfd,     { [1] = { 0, INT_MAX } },                          NULL },
    { 19, "reach",     "fnf",   do_reach,     { [1] = AN_INT },                                  check_reach },
    { 20, "handle",    "nbnf",  do_handle,    { [0] = AN_INT, [2] = { INT_MIN, -1 } },           check_handle },
    { 21, "write",     "fb",    do_write,     NO_NUMBER,                                         NULL },
    { 22, "gid_of",    "f",     do_gid_of,    NO_NUMBER,                                         NULL },
    { 23, "uid_of",    "f",     do_uid_of,    NO_NUMBER,                                         NULL },
    { 24, "ambient",   "n",     do_ambient,   { ANY },                                           NULL },
    { 25, "pty",       "ff",    do_pty,       NO_NUMBER,                                         check_pty },
    { 26, "relay",     "ffon",  do_relay,     { [3] = { 0, MAX_SIGNAL } },                       check_pty },
    { 27, "umask",     "n",     do_umask,     { [0] = { 0, 0777 } },                             NULL },
    { 28, "capset",    "nnn",   do_capset,    { ANY, ANY, ANY },                                 NULL },
    { 29, "bounding",  "n",     do_bounding,  { ANY },                                           NULL },
    { 30, "seccomp_of", "nn",   do_seccomp_of, { { 1, INT_MAX }, { 1, 60000 } },                 NULL },
    { 31, "seccomp",   "n",     do_seccomp,   { [0] = { 0, UINT32_MAX } },                       NULL },
    { 32, "chown",     "fn",    do_chown,     { [1] = AN_ID },                                   NULL },
    { 40, "unless",    "nn",    do_unless,    { { 1, UINT8_MAX }, { 1, MAX_OPERATIONS } },       NULL },
    { 41, "unshare",   "n",     do_unshare,   { AN_INT },                                        check_unshare },
    { 42, "propagate", "sn",    do_propagate, { [1] = { 0, INT_MAX } },                          check_propagate },
    { 43, "fsmount",   "slnf",  do_fsmount,   { [2] = { 0, INT_MAX } },                          NULL },
    { 44, "tree",      "osnf",  do_tree,      { [2] = { 0, INT_MAX } },                          check_tree },
    { 45, "attach",    "fosn",  do_attach,    { [3] = { 0, INT_MAX } },                          check_attach },
    { 46, "detach",    "f",     do_detach,    NO_NUMBER,                                         NULL },
    { 47, "mkdir",     "fsn",   do_mkdir,     { [2] = { 0, 07777 } },                            NULL },
    { 48, "symlink",   "fss",   do_symlink,   NO_NUMBER,                                         NULL },
    { 49, "file",      "fsnb",  do_file,      { [2] = { 0, 07777 } },                            NULL },
    { 50, "wait",      "f",     do_wait,      NO_NUMBER,                                         NULL },
    { 51, "rmdir",     "fs",    do_rmdir,     NO_NUMBER,                                         NULL },
    { 52, "after",     "pp",    do_after,     NO_NUMBER,                                         NULL },
    { 53, "holds",     "fsb",   do_holds,     NO_NUMBER,                                         NULL },
    { 54, "kill",      "fsn",   do_kill,      { [2] = { 0, 60000 } },                            NULL },
    { 55, "spawn",     "sll",   do_spawn,     NO_NUMBER,                                         check_spawn },
    { 56, "unlink",    "fs",    do_unlink,    NO_NUMBER,                                         NULL },
    { 57, "links",     "fn",    do_links,     { [1] = { 0, UINT32_MAX } },                       NULL },
    { 58, "fork_into", "nf",    do_fork_into, { [0] = { 0, MAX_SIGNAL } },                       NULL },
    { 15, "exec",      "sssll", do_exec,      NO_NUMBER,                                         check_exec },
};
/* clang-format on */

static const struct operation *find_operation(uint16_t code)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (operations[i].code == code)
            return &operations[i];
    return NULL;
}

/* What may stand in a block: nothing that has a block itself, divides the process or changes who it is. */
static bool is_for_blocks(const struct operation *o)
{
    static int (*const all[])(struct nsexec *, const struct value *) = {
        do_open, do_close, do_write, do_detach, do_rmdir, do_holds, do_kill, do_spawn, do_unlink, do_links,
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] == o->run)
            return true;
    return false;
}

/* --- Decoding ----------------------------------------------------------------------------------------------------- */

struct step {
    const struct operation *operation;
    uint8_t flags;
    uint8_t mark;
    struct value field[MAX_FIELDS];
    struct value label;
    struct value explanations;
};

static struct value take_block(struct reader *r, uint32_t slots);

static struct value take_field(struct reader *r, char type, const struct range *range, uint32_t slots)
{
    const unsigned char *at = r->at;
    struct value v;

    switch (type) {
    case 'n':
        v = (struct value){ .number = (int64_t)take_number(r, 8) };
        if (v.number < range->least || v.number > range->most)
            refuse(r, at, "a number out of range");
        return v;
    case 's':
        return take_string(r);
    case 'b':
        return take_blob(r);
    case 'l':
        return take_list(r);
    case 'f':
        return take_slot(r, slots, false);
    case 'o':
        return take_slot(r, slots, true);
    case 'p':
        return take_block(r, slots);
    default:
        refuse(r, at, "a field type that nsexec lacks");
        return (struct value){ 0 };
    }
}

/* Where an operation stands. */
enum place { BEFORE_THE_LAST, LAST_OF_ALL, IN_BLOCK };

static enum place place_of(const struct nsexec *n, uint32_t index)
{
    return index + 1 == n->operations ? LAST_OF_ALL : BEFORE_THE_LAST;
}

static bool take_step_header(struct reader *r, enum place place, struct step *s, uint32_t *size)
{
    const unsigned char *at = r->at;
    uint16_t code = (uint16_t)take_number(r, 2);

    s->flags = (uint8_t)take_number(r, 1);
    s->mark = (uint8_t)take_number(r, 1);
    *size = take_u32(r);
    s->operation = find_operation(code);
    if (r->problem)
        return false;
    if (!s->operation)
        return refuse(r, at, "an unknown operation");
    if (s->flags & ~(TRY | ONCE))
        return refuse(r, at + 2, "an unknown flag");
    if (s->flags & ONCE && s->mark == 0)
        return refuse(r, at + 3, "ONCE without a mark");
    if (*size < OPERATION_HEADER_SIZE || *size - OPERATION_HEADER_SIZE > (size_t)(r->end - r->at))
        return refuse(r, at + 4, "the size of the operation does not fit");
    if (place == IN_BLOCK && !is_for_blocks(s->operation))
        return refuse(r, at, "not an operation for a block");
    if ((s->operation->run == do_exec) != (place == LAST_OF_ALL))
        return refuse(r, at, "exec must be the last operation and stand only there");
    if (place == LAST_OF_ALL && s->flags)
        return refuse(r, at + 2, "exec with a flag");
    return true;
}

/* Both passes read the program with this one function: the first to check all of it, the second to carry it out. */
static bool take_step(struct reader *r, uint32_t slots, enum place place, struct step *s)
{
    const unsigned char *start = r->at, *end_of_program = r->end;
    const char *problem;
    uint32_t size;

    if (!take_step_header(r, place, s, &size))
        return false;
    r->end = start + size;
    for (size_t i = 0; s->operation->fields[i]; i++)
        s->field[i] = take_field(r, s->operation->fields[i], &s->operation->range[i], slots);
    s->label = take_string(r);
    s->explanations = take_explanations(r);
    if (r->problem)
        return false;
    if (r->at != r->end)
        return refuse(r, r->at, "bytes left over in an operation");
    problem = s->operation->check ? s->operation->check(s->field) : NULL;
    if (problem)
        return refuse(r, start + OPERATION_HEADER_SIZE, problem);
    r->end = end_of_program;
    return true;
}

/* What may stand in a block has no block among its fields: this goes no deeper. */
static struct value take_block(struct reader *r, uint32_t slots)
{
    const unsigned char *at = r->at;
    struct value v = { .count = take_u32(r) };
    struct step s;

    if (v.count > MAX_OPERATIONS)
        refuse(r, at, "too many operations in a block");
    v.bytes = r->at;
    for (uint32_t i = 0; i < v.count && !r->problem; i++)
        take_step(r, slots, IN_BLOCK, &s);
    v.size = (size_t)(r->at - v.bytes);
    return v;
}

static bool take_header(struct nsexec *n, struct reader *r)
{
    const unsigned char *start = r->at;
    uint32_t size, exit_status;
    int status_fd;

    if (n->size < HEADER_SIZE)
        return refuse(r, r->end, "no whole header");
    if (memcmp(take(r, 4), "NSXP", 4) != 0)
        return refuse(r, start, "not a program");
    if (take_number(r, 2) != VERSION)
        return refuse(r, start + 4, "an unknown version");
    n->flags = (uint16_t)take_number(r, 2);
    size = take_u32(r);
    n->operations = take_u32(r);
    n->slots = take_u32(r);
    exit_status = take_u32(r);
    n->exit_status = (int)exit_status;
    status_fd = (int)(int32_t)take_u32(r);

    if (status_fd < -1)
        return refuse(r, start + 24, "a negative status descriptor");
    if (status_fd >= 0 && fcntl(status_fd, F_SETFD, FD_CLOEXEC) < 0)
        return refuse(r, start + 24, "the status descriptor is not open");
    n->status_fd = status_fd; /* first, because whatever else is wrong is said there */
    if (n->flags & ~TRACE)
        return refuse(r, start + 6, "an unknown flag");
    if (size != n->size)
        return refuse(r, start + 8, "its size is not the size of the file");
    if (n->operations == 0 || n->operations > MAX_OPERATIONS)
        return refuse(r, start + 12, "no operation, or too many");
    if (n->slots > MAX_SLOTS)
        return refuse(r, start + 16, "too many slots");
    if (exit_status > 255)
        return refuse(r, start + 20, "an exit status over 255");
    return true;
}

static bool check_program(struct nsexec *n, struct reader *r)
{
    struct step s;

    if (!take_header(n, r))
        return false;
    for (uint32_t i = 0; i < n->operations; i++) {
        const unsigned char *at = r->at;

        if (!take_step(r, n->slots, place_of(n, i), &s))
            return false;
        if ((s.operation->run == do_skip || s.operation->run == do_unless) && s.field[1].number > n->operations - (int64_t)i - 2)
            return refuse(r, at + OPERATION_HEADER_SIZE + 8, "exec would be skipped");
    }
    return r->at == r->end || refuse(r, r->at, "bytes left over after the last operation");
}

static struct reader whole_program(const struct nsexec *n)
{
    return (struct reader){ .at = n->program, .end = n->program + n->size };
}

static struct reader all_steps(const struct nsexec *n)
{
    return (struct reader){ .at = n->program + HEADER_SIZE, .end = n->program + n->size };
}

/* --- Failures ----------------------------------------------------------------------------------------------------- */

static const char *errno_name(int error)
{
    switch (error) {
#define NAME(e) case e: return #e;
    NAME(EPERM) NAME(ENOENT) NAME(ESRCH) NAME(EINTR) NAME(EIO) NAME(ENXIO) NAME(E2BIG) NAME(ENOEXEC) NAME(EBADF)
    NAME(ECHILD) NAME(EAGAIN) NAME(ENOMEM) NAME(EACCES) NAME(EFAULT) NAME(ENOTBLK) NAME(EBUSY) NAME(EEXIST)
    NAME(EXDEV) NAME(ENODEV) NAME(ENOTDIR) NAME(EISDIR) NAME(EINVAL) NAME(ENFILE) NAME(EMFILE) NAME(ENOTTY)
    NAME(ETXTBSY) NAME(EFBIG) NAME(ENOSPC) NAME(ESPIPE) NAME(EROFS) NAME(EMLINK) NAME(EPIPE) NAME(EDOM) NAME(ERANGE)
    NAME(EDEADLK) NAME(ENAMETOOLONG) NAME(ENOLCK) NAME(ENOSYS) NAME(ENOTEMPTY) NAME(ELOOP) NAME(ENOMSG) NAME(ENODATA)
    NAME(ETIME) NAME(EREMOTE) NAME(ENOLINK) NAME(ECOMM) NAME(EPROTO) NAME(EBADMSG) NAME(EOVERFLOW) NAME(ELIBACC)
    NAME(ELIBBAD) NAME(EILSEQ) NAME(EUSERS) NAME(ENOTSOCK) NAME(EMSGSIZE) NAME(EPROTONOSUPPORT) NAME(EOPNOTSUPP)
    NAME(EAFNOSUPPORT) NAME(EADDRINUSE) NAME(EADDRNOTAVAIL) NAME(ENETDOWN) NAME(ENETUNREACH) NAME(ECONNREFUSED)
    NAME(ECONNRESET) NAME(ENOBUFS) NAME(EISCONN) NAME(ENOTCONN) NAME(ETIMEDOUT) NAME(EHOSTUNREACH) NAME(EALREADY)
    NAME(EINPROGRESS) NAME(ESTALE) NAME(EUCLEAN) NAME(EREMOTEIO) NAME(EDQUOT) NAME(ENOMEDIUM) NAME(EMEDIUMTYPE)
    NAME(ECANCELED) NAME(ENOKEY) NAME(EKEYEXPIRED) NAME(EKEYREVOKED) NAME(EKEYREJECTED) NAME(EOWNERDEAD)
    NAME(ENOTRECOVERABLE)
#undef NAME
    default: return NULL;
    }
}

static void write_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t written = writev(fd, parts, count);
        struct pollfd writable = { .fd = fd, .events = POLLOUT };

        if (written < 0 && errno == EAGAIN) /* a caller made our end of its pipe non-blocking */
            poll(&writable, 1, -1);
        else if (written < 0 && errno != EINTR)
            return;
        for (; written >= 0 && count > 0 && (size_t)written >= parts->iov_len; parts++, count--)
            written -= (ssize_t)parts->iov_len;
        if (written > 0) {
            parts->iov_base = (char *)parts->iov_base + written;
            parts->iov_len -= (size_t)written;
        }
    }
}

enum { MAX_PARTS = 12 };

/* A reader that is gone, as `head`, must not end us in the middle: nobody would clean up. */
static void say_parts(const char *const *parts)
{
    static const struct timespec at_once;
    const uint64_t broken = bit(SIGPIPE);
    struct iovec vector[MAX_PARTS];
    uint64_t mask = broken;
    int count = 0;

    for (; count < MAX_PARTS && parts[count]; count++)
        vector[count] = (struct iovec){ (void *)parts[count], strlen(parts[count]) };
    change_mask(SIG_BLOCK, broken, &mask);
    write_all(talk_fd, vector, count);
    if (mask & broken)
        return;
    syscall(SYS_rt_sigtimedwait, &broken, NULL, &at_once, sizeof broken);
    change_mask(SIG_UNBLOCK, broken, NULL);
}

#define SAY(...) say_parts((const char *const[]){ __VA_ARGS__, NULL })

struct decimal {
    char digits[24];
};

static const char *decimal(struct decimal *d, uint64_t number)
{
    snprintf(d->digits, sizeof d->digits, "%llu", (unsigned long long)number);
    return d->digits;
}

static void report(int status_fd, uint32_t index, uint32_t error)
{
    unsigned char record[8];
    struct iovec part = { record, sizeof record };

    for (unsigned i = 0; i < 4; i++) {
        record[i] = (unsigned char)(index >> 8 * i);
        record[4 + i] = (unsigned char)(error >> 8 * i);
    }
    write_all(status_fd, &part, 1);
}

static const char *label_of(const struct step *s)
{
    return s->label.size > 0 ? text(&s->label) : s->operation->name;
}

static bool explain(const struct step *s, int error, struct explanation *e)
{
    struct reader r = elements(&s->explanations);

    for (uint32_t i = 0; i < s->explanations.count; i++) {
        *e = take_explanation(&r);
        if (e->error == (uint32_t)error)
            return true;
    }
    return false;
}

static void remark(const struct step *s, int error)
{
    struct explanation e;

    if (explain(s, error, &e))
        SAY(text(&e.text));
}

/* In the words of the program, if it has some; the number of the step counts from 0. False: it has none. */
static bool say_why(const struct step *s, const char *which, uint32_t index, int error, struct explanation *e)
{
    bool explained = explain(s, error, e) || explain(s, 0, e);

    if (explained && e->text.size > 0) {
        SAY(text(&e->text));
    } else {
        struct decimal number, code;
        const char *name = errno_name(error);

        SAY("nstool: ", which, " ", decimal(&number, (uint64_t)index + 1), ": ", label_of(s), ": ", strerror(error),
            " (", name ? name : decimal(&code, (uint64_t)error), ")\n");
    }
    return explained;
}

static _Noreturn void fail(struct nsexec *n, uint32_t index, const struct step *s, int error)
{
    struct explanation e;
    bool explained;

    change_mask(SIG_BLOCK, bit(SIGPIPE), NULL); /* a reader that is gone must not change how we end */
    if (n->status_fd >= 0) {
        report(n->status_fd, index, (uint32_t)error);
        explained = explain(s, error, &e) || explain(s, 0, &e);
    } else {
        explained = say_why(s, "step", index, error, &e);
    }
    clean_up(n);
    _exit(explained ? e.exit_status : n->exit_status);
}

/* --- Cleaning up -------------------------------------------------------------------------------------------------- */

static void keep_slots_of(struct nsexec *n, const struct value *block)
{
    struct reader r = elements(block);
    struct step s;

    for (uint32_t i = 0; i < block->count && take_step(&r, n->slots, IN_BLOCK, &s); i++)
        for (size_t j = 0; s.operation->fields[j]; j++)
            if (strchr("fo", s.operation->fields[j]) && s.field[j].number != NO_SLOT)
                n->is_kept[s.field[j].number] = true;
}

/* As far as nothing fails that may not; what failed is `failed` then. */
static bool carry_out_block(struct nsexec *n, const struct value *block, struct step *failed, uint32_t *index)
{
    struct reader r = elements(block);

    for (*index = 0; *index < block->count && take_step(&r, n->slots, IN_BLOCK, failed); ++*index) {
        if (failed->flags & ONCE && n->mark[failed->mark])
            continue;
        if (n->flags & TRACE)
            SAY(label_of(failed), "\n");
        if (failed->operation->run(n, failed->field) == 0)
            n->mark[failed->mark] = true;
        else if (failed->flags & TRY)
            remark(failed, errno);
        else
            return false;
    }
    return true;
}

static bool is_cleaning_up;

/* How we end is decided already: what fails here is said, and changes nothing of it. */
static void clean_up(struct nsexec *n)
{
    struct explanation e;
    struct step s;
    uint32_t index;

    if (!clean_up_is_due)
        return;
    clean_up_is_due = false;
    is_cleaning_up = true;
    change_mask(SIG_BLOCK, EVERY_SIGNAL, NULL); /* it is not to be left half done */
    default_action(SIGCHLD);
    if (!carry_out_block(n, &n->clean_up, &s, &index)) {
        remark(&s, errno);
        if (!carry_out_block(n, &n->otherwise, &s, &index))
            say_why(&s, "clean-up", index, errno, &e);
    }
}

static _Noreturn void refuse_program(const struct nsexec *n, const struct reader *r)
{
    struct decimal at;

    change_mask(SIG_BLOCK, bit(SIGPIPE), NULL);
    if (n->status_fd >= 0)
        report(n->status_fd, UINT32_MAX, EINVAL);
    else
        SAY("nsexec: bad program at byte ", decimal(&at, (uint64_t)(r->problem_at - n->program)), ": ", r->problem,
            "\n");
    _exit(EXIT_REFUSED);
}

static _Noreturn void give_up(const char *what, const char *why)
{
    SAY("nsexec: ", what, ": ", why, "\n");
    _exit(EXIT_REFUSED);
}

/* --- The whole ---------------------------------------------------------------------------------------------------- */

static void load(struct nsexec *n, int fd)
{
    unsigned char *program;
    struct stat file;
    size_t done = 0;

    if (fstat(fd, &file) < 0)
        give_up("the program", strerror(errno));
    if (file.st_size < 0 || file.st_size > MAX_PROGRAM)
        give_up("the program", "larger than 32 MiB");
    n->size = (uint32_t)file.st_size;
    program = malloc((size_t)n->size + 1);
    if (!program)
        give_up("the program", strerror(errno));
    while (done < n->size) {
        ssize_t got = pread(fd, program + done, n->size - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            give_up("the program", got < 0 ? strerror(errno) : "its file became shorter");
        done += (size_t)got;
    }
    n->program = program;
    close(fd);
}

/* For kernels before 5.9, and sandboxes that do not know close_range(2). */
static void close_one_by_one(unsigned first, unsigned last)
{
    const rlim_t enough = 1 << 20; /* the kernel's default for fs.nr_open; a limit may be set to billions */
    struct rlimit files = { enough, enough };
    struct dirent *entry;
    DIR *open_files = opendir("/proc/self/fd");

    while (open_files && (entry = readdir(open_files))) {
        unsigned long fd = strtoul(entry->d_name, NULL, 10); /* 0 for . and .. */

        if (fd >= first && fd <= last && fd != (unsigned long)dirfd(open_files))
            close((int)fd);
    }
    if (open_files) {
        closedir(open_files);
        return;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    for (unsigned fd = first; fd <= last && fd < files.rlim_cur && fd < enough; fd++)
        close((int)fd);
}

static void close_from_to(unsigned first, unsigned last)
{
    if (syscall(SYS_close_range, first, last, 0U) < 0)
        close_one_by_one(first, last);
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

/* Closes all descriptors from 3 on but these, which it sorts; negative ones among them do not count. */
static void close_all_but(int *kept, size_t count)
{
    unsigned from = STDERR_FILENO + 1;

    qsort(kept, count, sizeof *kept, compare_ints);
    for (size_t i = 0; i < count; i++) {
        if (kept[i] < 0 || (unsigned)kept[i] < from)
            continue;
        if ((unsigned)kept[i] > from)
            close_from_to(from, (unsigned)kept[i] - 1);
        from = (unsigned)kept[i] + 1;
    }
    close_from_to(from, UINT_MAX);
}

static void close_inherited(struct nsexec *n)
{
    int kept[MAX_OPERATIONS + 1];
    struct reader r = all_steps(n);
    size_t count = 0;
    struct step s;

    for (uint32_t i = 0; i < n->operations && take_step(&r, n->slots, place_of(n, i), &s); i++)
        if (s.operation->run == do_adopt)
            kept[count++] = (int)s.field[0].number;
    /* The operation itself may be skipped, or fail before. */
    for (size_t i = 0; i < count; i++)
        if (kept[i] > STDERR_FILENO && fcntl(kept[i], F_SETFD, FD_CLOEXEC) == 0)
            note_descriptor(n, kept[i]);
    kept[count++] = n->status_fd;
    note_descriptor(n, n->status_fd);
    close_all_but(kept, count);
}

static _Noreturn void carry_out(struct nsexec *n)
{
    struct reader r = all_steps(n);
    struct step s;

    for (uint32_t i = 0; i < n->operations && take_step(&r, n->slots, place_of(n, i), &s); i++) {
        if (n->skipped > 0) {
            n->skipped--;
            continue;
        }
        if (s.flags & ONCE && n->mark[s.mark])
            continue;
        if (n->flags & TRACE)
            SAY(label_of(&s), "\n");
        if (s.operation->run(n, s.field) == 0)
            n->mark[s.mark] = true;
        else if (s.flags & TRY)
            remark(&s, errno);
        else
            fail(n, i, &s, errno);
    }
    give_up("the program", "ended without exec"); /* which was checked before */
}

static int parse_descriptor(const char *argument)
{
    int64_t fd = 0;

    for (const char *c = argument; *c; c++) {
        if (*c < '0' || *c > '9')
            return -1;
        fd = 10 * fd + (*c - '0');
        if (fd > INT_MAX)
            return -1;
    }
    return *argument ? (int)fd : -1;
}

int main(int argc, char **argv)
{
    struct nsexec n = { .status_fd = -1, .highest = STDERR_FILENO, .lifeline = -1 };
    struct reader r;
    int fd;

    for (size_t i = 0; i < MAX_SLOTS; i++)
        n.slot[i] = -1;
    if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0)
        give_up("PR_SET_DUMPABLE", strerror(errno));
    /* executed by a descriptor its name would be that one's number */
    (void)prctl(PR_SET_NAME, (unsigned long)"nsexec", 0UL, 0UL, 0UL);
    fd = argc == 2 ? parse_descriptor(argv[1]) : -1;
    if (fd < 0)
        give_up("usage", "nsexec PROGRAM_FD");
    load(&n, fd);
    r = whole_program(&n);
    if (!check_program(&n, &r))
        refuse_program(&n, &r);
    close_inherited(&n);
    carry_out(&n);
}
