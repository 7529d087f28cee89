/*
 * Tests of nsexec: decoding is called directly, behaviour is tried in child processes.
 *
 *     test [NSEXEC]    calls nsexec's main in the children, or executes the binary NSEXEC there
 *
 * Prints a line per test in the manner of TAP. Exits with 1 if one failed. Runs as root and as a plain user, which
 * skips what needs privilege. Leaves no process and no file behind; a process that a test left is a failure.
 */
#define main nsexec_main
#include "nsexec.c"
#undef main

#include "builder.h"

#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

static const char *binary;
static char this_program[PATH_MAX];
static char scratch[PATH_MAX];
static struct builder b;
static int tests, failures, skips;

static void check(bool good, int line, const char *name)
{
    printf("%sok %d - %s", good ? "" : "not ", ++tests, name);
    if (!good)
        printf(" (test.c:%d)", line);
    putchar('\n');
    failures += !good;
}

#define CHECK(condition, name) check(condition, __LINE__, name)

static void skip(const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++tests, name, why);
    skips++;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("not ok %d - the test itself: %s: %s\n", ++tests, what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

static void nap(long milliseconds)
{
    nanosleep(&(struct timespec){ .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000 }, NULL);
}

static const char *in_scratch(const char *name)
{
    static char path[4][PATH_MAX + 64];
    static int next;
    char *it = path[next++ % 4];

    snprintf(it, sizeof path[0], "%s/%s", scratch, name);
    return it;
}

static void make_file(const char *name, mode_t mode, const char *content)
{
    int fd = open(in_scratch(name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);

    must(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content), name);
    fchmod(fd, mode);
    close(fd);
}

static void make_directory(const char *name)
{
    must(mkdir(in_scratch(name), 0755) == 0, name);
}

/* --- Decoding ----------------------------------------------------------------------------------------------------- */

static long problem_at;

/* The program stands in memory of exactly its size, so that an access beyond it is seen. */
static const char *decode(const unsigned char *bytes, size_t size)
{
    struct nsexec n = { .status_fd = -1, .highest = 2, .lifeline = -1, .size = (uint32_t)size };
    unsigned char *copy = malloc(size ? size : 1);
    struct reader r;

    memcpy(copy, bytes, size);
    n.program = copy;
    r = whole_program(&n);
    check_program(&n, &r);
    problem_at = r.problem ? r.problem_at - n.program : -1;
    free(copy);
    return r.problem;
}

static const char *decode_built(void)
{
    finish(&b);
    return decode(b.bytes, b.size);
}

static void accepted(int line, const char *name)
{
    const char *problem = decode_built();

    if (problem)
        printf("# byte %ld: %s\n", problem_at, problem);
    check(!problem, line, name);
}

static void refused(int line, long at, const char *expected, const char *name)
{
    const char *problem = decode_built();

    if (!problem || problem_at != at || !strstr(problem, expected))
        printf("# byte %ld: %s, expected byte %ld: %s\n", problem_at, problem ? problem : "accepted", at, expected);
    check(problem && problem_at == at && strstr(problem, expected), line, name);
}

#define ACCEPTED(name) accepted(__LINE__, name)
#define REFUSED(at, expected, name) refused(__LINE__, at, expected, name)

static void add_exec(void)
{
    op(&b, EXEC), str(&b, "true"), str(&b, "/usr/bin:/bin"), str(&b, ""), list(&b, "true", NULL), list(&b, NULL);
}

static void add_open(const char *path, int flags, uint32_t into)
{
    op(&b, OPEN), none(&b), str(&b, path), num(&b, flags), num(&b, 0), slot(&b, into);
}

/* The fields of a valid operation of each code. */
static void add_fields(uint16_t code)
{
    switch (code) {
    case ADOPT: num(&b, 7), slot(&b, 0); break;
    case OPEN: none(&b), str(&b, "/etc"), num(&b, O_RDONLY), num(&b, 0640), slot(&b, 1); break;
    case CLOSE: slot(&b, 1); break;
    case EXPECT: slot(&b, 0), num(&b, 0), num(&b, -1); break;
    case SETNS: slot(&b, 7), num(&b, CLONE_NEWNET); break;
    case CHROOT: slot(&b, 2); break;
    case CHDIR: slot(&b, 3); break;
    case SETGROUPS: blob(&b, "\1\0\0\0\2\0\0\0", 8); break;
    case SETGID: num(&b, UINT32_MAX - 1); break;
    case SETUID: num(&b, 0); break;
    case PRCTL: num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0); break;
    case RLIMIT: num(&b, RLIMIT_CORE), num(&b, 0), num(&b, -1); break;
    case SIGNALS: num(&b, -1 ^ (int64_t)(bit(SIGKILL) | bit(SIGSTOP))), num(&b, -1); break;
    case FORK: num(&b, 64); break;
    case EXEC:
        str(&b, "sh"), str(&b, "/bin:"), str(&b, "/bin/sh"), list(&b, "sh", "-c", "", NULL), list(&b, "A=1", "B", NULL);
        break;
    case SKIP: num(&b, 255), num(&b, 1); break;
    case PIDFD: num(&b, INT_MAX), slot(&b, 0); break;
    case GETFD: slot(&b, 0), num(&b, 0), slot(&b, 1); break;
    case REACH: slot(&b, 0), num(&b, 0xb701), slot(&b, 1); break;
    case HANDLE: num(&b, 0xf1), blob(&b, "12345678", 8), num(&b, -10003), slot(&b, 1); break;
    case WRITE: slot(&b, 0), blob(&b, "0", 1); break;
    case GID_OF: slot(&b, 0); break;
    case UID_OF: slot(&b, 0); break;
    case AMBIENT: num(&b, -1); break;
    case PTY: slot(&b, 0), slot(&b, 1); break;
    case RELAY: slot(&b, 0), slot(&b, 1), none(&b), num(&b, 64); break;
    case UMASK: num(&b, 0777); break;
    case CHOWN: slot(&b, 0), num(&b, 0); break;
    case CAPSET: num(&b, -1), num(&b, 1), num(&b, 0); break;
    case BOUNDING: num(&b, -1); break;
    case SECCOMP_OF: num(&b, 1), num(&b, 60000); break;
    case SECCOMP: num(&b, 0); break;
    }
}

/* All codes, EXEC as the last. */
static uint16_t nth_code(uint16_t n)
{
    return n == LAST ? EXEC : n < EXEC ? n : n + 1;
}

static void add_all_operations(void)
{
    for (uint16_t n = ADOPT; n <= LAST; n++) {
        uint16_t code = nth_code(n);

        flagged(&b, code, code == EXEC ? 0 : code % 4, (uint8_t)code);
        add_fields(code);
        label(&b, "what this is");
        explain_as(&b, EPERM, 4, "not allowed\n"), explain_as(&b, 0, 255, "");
    }
}

static void decoding_the_header(void)
{
    start(&b), add_exec(), ACCEPTED("the smallest program");
    start(&b), add_exec(), b.bytes[3] = 'Q', REFUSED(0, "not a program", "a wrong magic");
    start(&b), add_exec(), set(&b, 4, 2, 2), REFUSED(4, "version", "version 2");
    start(&b), add_exec(), set(&b, 4, 0, 2), REFUSED(4, "version", "version 0");
    start(&b), add_exec(), set(&b, 6, 1, 2), ACCEPTED("TRACE");
    start(&b), add_exec(), set(&b, 6, 2, 2), REFUSED(6, "flag", "an unknown flag of the program");
    start(&b), add_exec(), set(&b, 6, 0x8000, 2), REFUSED(6, "flag", "the highest flag of the program");
    start(&b), add_exec(), set(&b, AT_SLOTS, 256, 4), ACCEPTED("256 slots");
    start(&b), add_exec(), set(&b, AT_SLOTS, 257, 4), REFUSED(AT_SLOTS, "slots", "257 slots");
    start(&b), add_exec(), set(&b, AT_EXIT_STATUS, 255, 4), ACCEPTED("exit status 255");
    start(&b), add_exec(), set(&b, AT_EXIT_STATUS, 256, 4), REFUSED(AT_EXIT_STATUS, "exit status", "exit status 256");
    start(&b), add_exec(), set(&b, AT_STATUS_FD, (uint64_t)-2, 4);
    REFUSED(AT_STATUS_FD, "negative", "status descriptor -2");
    start(&b), add_exec(), set(&b, AT_STATUS_FD, 999, 4);
    REFUSED(AT_STATUS_FD, "not open", "a closed status descriptor");
    start(&b), REFUSED(AT_OPERATIONS, "no operation", "no operation");

    start(&b), add_exec(), finish(&b), set(&b, AT_SIZE, b.size - 1, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == AT_SIZE, "a size that is too small");
    set(&b, AT_SIZE, b.size + 1, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == AT_SIZE, "a size that is too large");
    start(&b), add_exec(), finish(&b), set(&b, AT_OPERATIONS, 2, 4);
    CHECK(decode(b.bytes, b.size), "more operations announced than there are");
    set(&b, AT_OPERATIONS, UINT32_MAX, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == AT_OPERATIONS, "4294967295 operations");
    start(&b), op(&b, CLOSE), slot(&b, 0), add_exec(), finish(&b), set(&b, AT_OPERATIONS, 1, 4);
    CHECK(decode(b.bytes, b.size), "fewer operations announced than there are");

    start(&b);
    for (int i = 0; i < MAX_OPERATIONS - 1; i++)
        op(&b, CLOSE), slot(&b, 0);
    add_exec(), ACCEPTED("4096 operations");
    start(&b);
    for (int i = 0; i < MAX_OPERATIONS; i++)
        op(&b, CLOSE), slot(&b, 0);
    add_exec(), REFUSED(AT_OPERATIONS, "too many", "4097 operations");
}

static void decoding_operations(void)
{
    static const uint16_t unknown[] = { 0, LAST + 1, 256 + CLOSE, UINT16_MAX };

    start(&b), add_all_operations(), ACCEPTED("a program of all operations");
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        start(&b), op(&b, unknown[i]), slot(&b, 0), add_exec();
        REFUSED(HEADER_SIZE, "unknown operation", "an unknown code");
    }
    start(&b), flagged(&b, CLOSE, 4, 1), slot(&b, 0), add_exec();
    REFUSED(30, "flag", "an unknown flag of an operation");
    start(&b), flagged(&b, CLOSE, ONCE, 0), slot(&b, 0), add_exec(), REFUSED(31, "ONCE", "ONCE without a mark");
    start(&b), flagged(&b, CLOSE, TRY, 0), slot(&b, 0), add_exec(), ACCEPTED("TRY without a mark");
    start(&b), op(&b, CLOSE), slot(&b, 0), REFUSED(HEADER_SIZE, "exec must", "a program without exec");
    start(&b), add_exec(), add_exec(), REFUSED(HEADER_SIZE, "exec must", "two exec");
    start(&b), add_exec(), op(&b, CLOSE), slot(&b, 0), REFUSED(HEADER_SIZE, "exec must", "exec before the end");
    start(&b), flagged(&b, EXEC, TRY, 0), add_fields(EXEC), REFUSED(30, "exec with a flag", "exec with TRY");
    start(&b), flagged(&b, EXEC, ONCE, 3), add_fields(EXEC), REFUSED(30, "exec with a flag", "exec with ONCE");
    start(&b), flagged(&b, EXEC, 0, 3), add_fields(EXEC), ACCEPTED("exec with a mark");

    start(&b), add_exec(), finish(&b), set(&b, 32, 7, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == 32, "an operation smaller than its header");
    set(&b, 32, 8, 4);
    CHECK(decode(b.bytes, b.size), "an operation without fields");
    set(&b, 32, UINT32_MAX, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == 32, "an operation of 4294967295 bytes");
    set(&b, 32, b.size - HEADER_SIZE + 1, 4);
    CHECK(decode(b.bytes, b.size) && problem_at == 32, "an operation that ends one byte after the program");
    set(&b, 32, b.size - HEADER_SIZE - 1, 4);
    CHECK(decode(b.bytes, b.size), "an operation one byte too short");
    start(&b), add_exec(), label(&b, ""), raw(&b, "", 1), REFUSED((long)b.size - 1, "left over", "a byte left over");
    start(&b), add_exec(), end_op(&b), raw(&b, "", 1);
    REFUSED((long)b.size - 1, "left over", "a byte after the last one");
}

static void decoding_fields(void)
{
    static const int64_t bad_fds[] = { -1, INT64_MIN, (int64_t)INT_MAX + 1, INT64_C(1) << 32 };

    start(&b), op(&b, CLOSE), slot(&b, 7), add_exec(), ACCEPTED("the last slot");
    start(&b), op(&b, CLOSE), slot(&b, 8), add_exec(), REFUSED(36, "no such slot", "a slot out of range");
    start(&b), op(&b, CLOSE), none(&b), add_exec(), REFUSED(36, "no such slot", "none where a slot must be");
    start(&b), op(&b, CLOSE), slot(&b, 0), add_exec(), set(&b, AT_SLOTS, 0, 4);
    REFUSED(36, "no such slot", "no slots at all");
    start(&b), op(&b, OPEN), slot(&b, 8), str(&b, ""), num(&b, 0), num(&b, 0), slot(&b, 0), add_exec();
    REFUSED(36, "no such slot", "a directory's slot out of range");

    for (size_t i = 0; i < sizeof bad_fds / sizeof *bad_fds; i++) {
        start(&b), op(&b, ADOPT), num(&b, bad_fds[i]), slot(&b, 0), add_exec();
        REFUSED(36, "out of range", "a descriptor out of range");
    }
    start(&b), op(&b, OPEN), none(&b), str(&b, ""), num(&b, INT64_C(1) << 31), num(&b, 0), slot(&b, 0), add_exec();
    REFUSED(45, "out of range", "open: flags out of range");
    start(&b), op(&b, OPEN), none(&b), str(&b, ""), num(&b, 0), num(&b, -1), slot(&b, 0), add_exec();
    REFUSED(53, "out of range", "open: mode out of range");
    start(&b), op(&b, SETNS), slot(&b, 0), num(&b, INT64_C(1) << 40), add_exec();
    REFUSED(40, "out of range", "setns: type out of range");
    start(&b), op(&b, SETGID), num(&b, UINT32_MAX), add_exec(), REFUSED(36, "out of range", "gid 4294967295");
    start(&b), op(&b, SETGID), num(&b, -1), add_exec(), REFUSED(36, "out of range", "gid -1");
    start(&b), op(&b, SETUID), num(&b, UINT32_MAX), add_exec(), REFUSED(36, "out of range", "uid 4294967295");
    start(&b), op(&b, SETUID), num(&b, UINT32_MAX - 1), add_exec(), ACCEPTED("uid 4294967294");
    start(&b), op(&b, PRCTL), num(&b, INT64_C(1) << 32), num(&b, 0), num(&b, 0), num(&b, 0), num(&b, 0), add_exec();
    REFUSED(36, "out of range", "prctl: option out of range");
    start(&b), op(&b, RLIMIT), num(&b, 0), num(&b, -2), num(&b, 0), add_exec();
    REFUSED(44, "out of range", "a limit of -2");
    start(&b), op(&b, SIGNALS), num(&b, (int64_t)bit(SIGKILL)), num(&b, 0), add_exec();
    REFUSED(36, "SIGKILL", "default for SIGKILL");
    start(&b), op(&b, SIGNALS), num(&b, (int64_t)bit(SIGSTOP)), num(&b, 0), add_exec();
    REFUSED(36, "SIGKILL", "default for SIGSTOP");
    start(&b), op(&b, FORK), num(&b, 65), add_exec(), REFUSED(36, "out of range", "deathsig 65");
    start(&b), op(&b, FORK), num(&b, -1), add_exec(), REFUSED(36, "out of range", "deathsig -1");
    start(&b), op(&b, SETGROUPS), blob(&b, "abcdef", 6), add_exec(), REFUSED(36, "groups", "one group and a half");
    start(&b), op(&b, SETGROUPS), blob(&b, "", 0), add_exec(), ACCEPTED("no groups");
    start(&b), op(&b, PIDFD), num(&b, 0), slot(&b, 0), add_exec(), REFUSED(36, "out of range", "a pidfd of 0");
    start(&b), op(&b, REACH), slot(&b, 0), num(&b, 0xb703), slot(&b, 1), add_exec();
    REFUSED(36, "question", "a question that leads to no namespace");
    start(&b), op(&b, HANDLE), num(&b, 0), blob(&b, "", 0), num(&b, -1), slot(&b, 0), add_exec();
    REFUSED(36, "handle", "an empty handle");
    char handle[MAX_HANDLE + 1] = "";
    start(&b), op(&b, HANDLE), num(&b, 0), blob(&b, handle, MAX_HANDLE), num(&b, -1), slot(&b, 0), add_exec();
    ACCEPTED("the largest handle");
    start(&b), op(&b, HANDLE), num(&b, 0), blob(&b, handle, MAX_HANDLE + 1), num(&b, -1), slot(&b, 0), add_exec();
    REFUSED(36, "handle", "a handle that is too large");
    start(&b), op(&b, HANDLE), num(&b, 0), blob(&b, "a", 1), num(&b, 0), slot(&b, 0), add_exec();
    REFUSED(49, "out of range", "a handle of a descriptor that has no slot");
    start(&b), op(&b, SKIP), num(&b, 0), num(&b, 1), op(&b, CLOSE), slot(&b, 0), add_exec();
    REFUSED(36, "out of range", "skip without a mark");
    start(&b), op(&b, SKIP), num(&b, 1), num(&b, 1), op(&b, CLOSE), slot(&b, 0), add_exec(), ACCEPTED("skip all but exec");
    start(&b), op(&b, SKIP), num(&b, 1), num(&b, 2), op(&b, CLOSE), slot(&b, 0), add_exec();
    REFUSED(44, "exec would be skipped", "skip exec");

    char *groups = calloc(MAX_GROUPS + 1, 4);
    start(&b), op(&b, SETGROUPS), blob(&b, groups, MAX_GROUPS * 4), add_exec(), ACCEPTED("65536 groups");
    start(&b), op(&b, SETGROUPS), blob(&b, groups, MAX_GROUPS * 4 + 4), add_exec();
    REFUSED(36, "groups", "65537 groups");
    free(groups);

    start(&b), op(&b, EXEC), str(&b, ""), str(&b, ""), str(&b, ""), list(&b, NULL), list(&b, "A=1", NULL);
    REFUSED(36, "argv", "an empty argv");
    start(&b), op(&b, PTY), slot(&b, 1), slot(&b, 1), add_exec(), REFUSED(36, "one slot", "pty with one slot");
    start(&b), op(&b, RELAY), slot(&b, 1), slot(&b, 1), none(&b), num(&b, 0), add_exec();
    REFUSED(36, "one slot", "relay with one slot");
    start(&b), op(&b, EXEC), str(&b, "a"), str(&b, ""), str(&b, ""), list(&b, "a", NULL), list(&b, NULL);
    ACCEPTED("an empty environment");
    start(&b), op(&b, EXEC), put(&b, 3, 4), raw(&b, "a\0b", 4), str(&b, ""), str(&b, ""), list(&b, "a", NULL);
    list(&b, NULL);
    REFUSED(40, "a NUL byte in a string", "a NUL byte in a string");
    start(&b), op(&b, EXEC), put(&b, 3, 4), raw(&b, "abcd", 4), str(&b, ""), str(&b, ""), list(&b, "a", NULL);
    list(&b, NULL);
    REFUSED(43, "no NUL byte", "a string without its NUL byte");
    start(&b), add_exec(), explain_as(&b, 1, 256, "");
    REFUSED((long)b.size - 9, "exit status", "an explanation's exit status 256");
}

static void decoding_lengths(void)
{
    static const uint32_t wrong[] = { 0, 1, 0x7fffffff, 0x80000000, UINT32_MAX - 4, UINT32_MAX };
    bool all = true, good;
    struct builder whole = { 0 };

    start(&b), add_all_operations(), finish(&b);
    raw(&whole, b.bytes, b.size);
    for (size_t i = 0; i < b.lengths; i++)
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong + 2; j++) {
            uint32_t is = get(&whole, b.length[i]), length = j < 6 ? wrong[j] : j == 6 ? is - 1 : is + 1;

            if (length == is)
                continue;
            set(&whole, b.length[i], length, 4);
            good = decode(whole.bytes, whole.size) != NULL;
            if (!good)
                printf("# the length at byte %zu was %u, is %u\n", b.length[i], is, length);
            all &= good;
            set(&whole, b.length[i], is, 4);
        }
    CHECK(all, "every wrong length or count of a program of all operations is refused");

    all = true;
    for (size_t size = 0; size < b.size; size++) {
        all &= decode(b.bytes, size) != NULL;
        if (size >= HEADER_SIZE) {
            set(&b, AT_SIZE, size, 4);
            all &= decode(b.bytes, size) != NULL;
            set(&b, AT_SIZE, b.size, 4);
        }
    }
    CHECK(all, "every truncation of a program of all operations is refused");

    all = true;
    for (uint16_t code = ADOPT; code <= LAST; code++) {
        start(&b), op(&b, code), add_fields(code), label(&b, "a label"), explain_as(&b, 1, 1, "text");
        for (size_t end = b.size - 1; end >= HEADER_SIZE + OPERATION_HEADER_SIZE; end--) {
            struct builder cut = { .operations = 1 };

            raw(&cut, b.bytes, end);
            set(&cut, HEADER_SIZE + 4, end - HEADER_SIZE, 4);
            if (code != EXEC) {
                flagged(&cut, EXEC, 0, 0), str(&cut, ""), str(&cut, ""), str(&cut, "");
                list(&cut, "", NULL), list(&cut, NULL);
            }
            finish(&cut);
            good = decode(cut.bytes, cut.size) != NULL;
            if (!good)
                printf("# %s of %zu bytes\n", find_operation(code)->name, end - HEADER_SIZE);
            all &= good;
            free(cut.bytes);
        }
    }
    CHECK(all, "every operation that ends early is refused");
    free(whole.bytes);
}

/* --- Running ------------------------------------------------------------------------------------------------------ */

struct run {
    pid_t pid;
    int out, err;  /* pipes from the command */
    int record_fd; /* the other end of the status descriptor, -1 for none */
    int status;
    char output[65536], errors[65536];
    unsigned char record[16];
    ssize_t record_size;
};

static struct run r;

static _Noreturn void become_nsexec(int program)
{
    char number[16];
    char *argv[] = { (char *)"nsexec", number, NULL };

    snprintf(number, sizeof number, "%d", program);
    if (binary) {
        execv(binary, argv);
        _exit(200);
    }
    _exit(nsexec_main(2, argv));
}

static int program_file(void)
{
    int fd = (int)syscall(SYS_memfd_create, "program", 0U);

    finish(&b);
    must(fd >= 0 && write(fd, b.bytes, b.size) == (ssize_t)b.size, "memfd_create");
    return fd;
}

static void begin_run(void (*prepare)(void))
{
    int out[2], err[2], program = program_file();

    must(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe");
    fflush(stdout);
    r.pid = fork();
    must(r.pid >= 0, "fork");
    if (r.pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        if (prepare)
            prepare();
        become_nsexec(program);
    }
    close(program), close(out[1]), close(err[1]);
    r.out = out[0], r.err = err[0];
}

static void drain(int fd, char *into, size_t room)
{
    size_t size = 0;
    ssize_t got;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (size < room - 1 && (got = read(fd, into + size, room - 1 - size)) > 0)
        size += (size_t)got;
    into[size] = '\0';
    close(fd);
}

static bool wait_for(pid_t pid, int *status, int options)
{
    for (int i = 0; i < 2000; i++) {
        if (waitpid(pid, status, options | WNOHANG) == pid)
            return true;
        nap(5);
    }
    printf("# process %d did not change its state within ten seconds\n", (int)pid);
    return false;
}

static void end_run(void)
{
    if (!wait_for(r.pid, &r.status, 0)) {
        kill(r.pid, SIGKILL);
        waitpid(r.pid, NULL, 0);
        r.status = -1;
    }
    drain(r.out, r.output, sizeof r.output);
    drain(r.err, r.errors, sizeof r.errors);
    r.record_size = -1;
    if (r.record_fd >= 0) {
        r.record_size = read(r.record_fd, r.record, sizeof r.record);
        close(r.record_fd);
    }
    r.record_fd = -1;
}

static void run(void (*prepare)(void))
{
    begin_run(prepare);
    end_run();
}

static bool read_line(char *line, size_t room)
{
    size_t size = 0;
    struct pollfd ready = { .fd = r.out, .events = POLLIN };

    while (size < room - 1 && poll(&ready, 1, 10000) == 1 && read(r.out, line + size, 1) == 1 && line[size] != '\n')
        size++;
    line[size] = '\0';
    return size > 0;
}

static void wait_until_ready(void)
{
    char line[64];

    must(read_line(line, sizeof line) && strcmp(line, "ready") == 0, "the command did not become ready");
}

static bool ended(const char *output, const char *errors, int exit_status)
{
    bool good = WIFEXITED(r.status) && WEXITSTATUS(r.status) == exit_status && strcmp(r.output, output) == 0 &&
                strcmp(r.errors, errors) == 0;

    if (!good)
        printf("# wait status %#x, stdout \"%.500s\", stderr \"%.500s\"\n# expected exit %d, \"%s\", \"%s\"\n",
               (unsigned)r.status, r.output, r.errors, exit_status, output, errors);
    return good;
}

/* As one does whose operation has no explanation, in a program made by start(). */
static bool failed(const char *step)
{
    char message[256];

    snprintf(message, sizeof message, "nstool: step %s\n", step);
    return ended("", message, 99);
}

static bool killed(int signal)
{
    bool good = WIFSIGNALED(r.status) && WTERMSIG(r.status) == signal && !WCOREDUMP(r.status);

    if (!good)
        printf("# wait status %#x, stdout \"%s\", stderr \"%s\"\n", (unsigned)r.status, r.output, r.errors);
    return good;
}

static void with_status_descriptor(void)
{
    int ends[2];

    must(pipe2(ends, 0) == 0, "pipe");
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    r.record_fd = ends[0];
    set(&b, AT_STATUS_FD, (uint64_t)ends[1], 4);
}

/* To be called once the run began: only then is an end of the pipe to be seen. */
static void close_status_descriptor(void)
{
    close((int)get(&b, AT_STATUS_FD));
}

static void run_with_status(void)
{
    with_status_descriptor();
    begin_run(NULL);
    close_status_descriptor();
    end_run();
}

static bool recorded(uint32_t index, uint32_t error)
{
    struct builder record = { .bytes = r.record };

    return r.record_size == 8 && get(&record, 0) == index && get(&record, 4) == error;
}

static void add_shell(const char *script)
{
    op(&b, EXEC), str(&b, "/bin/sh"), str(&b, ""), str(&b, ""), list(&b, "sh", "-c", script, NULL);
    list(&b, "PATH=/usr/bin:/bin", NULL);
}

static void add_fork(int deathsig)
{
    op(&b, FORK), num(&b, deathsig);
}

static void add_failure(void)
{
    op(&b, CLOSE), slot(&b, 0);
}

static void build_search(const char *file, const char *search, const char *shell)
{
    start(&b);
    op(&b, EXEC), str(&b, file), str(&b, search), str(&b, shell), list(&b, file, "one", "two", NULL), list(&b, NULL);
    label(&b, "exec");
    explain_as(&b, ENOENT, 127, "not found\n"), explain_as(&b, EACCES, 126, "denied\n");
    explain_as(&b, ENOEXEC, 126, "no program\n"), explain_as(&b, ENAMETOOLONG, 124, "too long\n");
}

static void searched(const char *file, const char *search, const char *shell)
{
    build_search(file, search, shell);
    run(NULL);
}

/* --- Behaviour ---------------------------------------------------------------------------------------------------- */

static void set_a_variable(void)
{
    setenv("NOT_FROM_THE_PROGRAM", "1", 1);
}

static void executing(void)
{
    char search[3 * PATH_MAX], longest[PATH_MAX + 64];
    int writer;

    start(&b), add_shell("exit 42"), run(NULL);
    CHECK(ended("", "", 42), "the command's exit status");
    start(&b), add_shell("kill -9 $$"), run(NULL);
    CHECK(killed(SIGKILL), "the command's death by a signal");
    start(&b), op(&b, EXEC), str(&b, "env"), str(&b, "/bin:/usr/bin"), str(&b, ""), list(&b, "whatever", NULL);
    list(&b, "A=1", "no equals sign", "", "A=2", NULL), run(set_a_variable);
    CHECK(ended("A=1\nno equals sign\n\nA=2\n", "", 0), "the environment comes from the program alone");
    start(&b), op(&b, EXEC), str(&b, "/bin/sh"), str(&b, "/nowhere"), str(&b, "");
    list(&b, "zero", "-c", "echo \"$0|$1|$2\"", "\xff", "", NULL);
    list(&b, NULL), run(NULL);
    CHECK(ended("\xff||\n", "", 0), "arguments are bytes, empty ones stay, and a slash in the file ends the search");

    make_directory("good"), make_directory("bad"), make_directory("busy");
    make_file("good/tool", 0755, "#!/bin/sh\necho good $*\n");
    make_file("bad/tool", 0644, "#!/bin/sh\necho bad\n");
    make_file("bad/text", 0755, "echo text $*\n");
    make_file("plain", 0644, "");
    must(symlink("loop", in_scratch("loop")) == 0, "symlink");

    snprintf(search, sizeof search, "%s:/nowhere:%s:%s:%s", in_scratch("bad"),
             in_scratch("plain"), in_scratch("loop"), in_scratch("good"));
    searched("tool", search, "");
    CHECK(ended("good one two\n", "", 0), "the search goes on after EACCES, ENOENT, ENOTDIR and ELOOP");
    snprintf(search, sizeof search, "%s:/nowhere", in_scratch("bad"));
    searched("tool", search, ""), CHECK(ended("", "denied\n", 126), "EACCES wins over a later ENOENT");
    searched("missing", "/nowhere:/nowhere/else", ""), CHECK(ended("", "not found\n", 127), "found nowhere");
    memset(longest, 'x', sizeof longest), longest[sizeof longest - 1] = '\0', longest[0] = '/';
    snprintf(search, sizeof search, "%s:%s", longest, in_scratch("good"));
    searched("tool", search, ""), CHECK(ended("good one two\n", "", 0), "an overlong element is skipped");
    searched("tool", longest, ""), CHECK(ended("", "too long\n", 124), "ENAMETOOLONG if there is no other");

    for (int excess = 0; excess < 2; excess++) {
        size_t used = strlen(in_scratch("good"));

        snprintf(search, sizeof search, "%s", in_scratch("good"));
        memset(search + used, '/', PATH_MAX), search[PATH_MAX - 1 - strlen("/tool") + (size_t)excess] = '\0';
        searched("tool", search, "");
        if (excess)
            CHECK(ended("", "too long\n", 124), "a path of 4096 bytes");
        else
            CHECK(ended("good one two\n", "", 0), "a path of 4095 bytes");
    }

    must(chdir(in_scratch("good")) == 0, "chdir");
    searched("tool", "/nowhere:", "");
    CHECK(ended("good one two\n", "", 0), "an empty element at the end is the working directory");
    searched("tool", ":/nowhere", ""), CHECK(ended("good one two\n", "", 0), "an empty element at the start too");
    searched("tool", "/nowhere::/nowhere", ""), CHECK(ended("good one two\n", "", 0), "and one in between");
    searched("tool", "", ""), CHECK(ended("good one two\n", "", 0), "an empty search takes the file as it stands");
    searched("", "/bin", ""), CHECK(ended("", "not found\n", 127), "an empty file is not found");
    must(chdir("/") == 0, "chdir");

    searched("text", in_scratch("bad"), "/bin/sh");
    CHECK(ended("text one two\n", "", 0), "a script without #! is given to the shell");
    searched(in_scratch("bad/text"), "", "/bin/sh"), CHECK(ended("text one two\n", "", 0), "without a search too");
    searched("text", in_scratch("bad"), ""), CHECK(ended("", "no program\n", 126), "ENOEXEC without a shell");
    searched("text", in_scratch("bad"), "/nowhere");
    CHECK(ended("", "no program\n", 126), "ENOEXEC with a shell that is missing");
    snprintf(search, sizeof search, "%s:%s", in_scratch("bad"), in_scratch("good"));
    make_file("good/text", 0755, "#!/bin/sh\necho another\n");
    searched("text", search, ""), CHECK(ended("", "no program\n", 126), "ENOEXEC ends the search");

    make_file("busy/tool", 0755, "#!/bin/sh\n");
    writer = open(in_scratch("busy/tool"), O_WRONLY | O_CLOEXEC);
    snprintf(search, sizeof search, "%s:%s:%s", in_scratch("bad"), in_scratch("busy"), in_scratch("good"));
    searched("tool", search, "");
    /* Linux 6.11 and 6.12 let a file be executed that is open for writing. */
    CHECK(failed("1: exec: Text file busy (ETXTBSY)") || ended("", "", 0), "any other error ends the search");
    close(writer);

    start(&b), op(&b, EXEC), str(&b, "/bin/sh"), str(&b, ""), str(&b, "");
    size_t count_at = b.size;
    list(&b, "sh", "-c", "echo $#", "sh", NULL);
    for (int i = 0; i < 10000; i++)
        str(&b, "argument");
    set(&b, count_at, 10004, 4), list(&b, NULL), run(NULL);
    CHECK(ended("10000\n", "", 0), "ten thousand arguments");
}

static void open_nothing(const char *explained_by, int error, uint32_t status)
{
    start(&b);
    op(&b, CLOSE), slot(&b, 0), label(&b, "close nothing");
    if (explained_by)
        explain_as(&b, error, status, explained_by);
    add_exec();
}

static void close_stderr_reader(void)
{
    int ends[2];

    must(pipe(ends) == 0, "pipe");
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]), close(ends[1]);
}

static void fill_stderr(void)
{
    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    while (write(STDERR_FILENO, "x", 1) == 1)
        ;
    must(write(STDOUT_FILENO, "ready\n", 6) == 6, "write");
}

static void failing_slowly(void)
{
    char byte;

    open_nothing("it got through\n", EBADF, 7), begin_run(fill_stderr), wait_until_ready();
    for (int i = fcntl(r.err, F_GETPIPE_SZ); i > 0; i--)
        must(read(r.err, &byte, 1) == 1 && byte == 'x', "read");
    end_run();
    CHECK(ended("", "it got through\n", 7), "a text waits for room in a pipe that is non-blocking");
}

static void failing(void)
{
    static const char by_default[] = "nstool: step 1: close nothing: Bad file descriptor (EBADF)\n";

    open_nothing(NULL, 0, 0), run(NULL), CHECK(ended("", by_default, 99), "a failure without an explanation");
    open_nothing("slot?\n", EBADF, 7), run(NULL), CHECK(ended("", "slot?\n", 7), "its own explanation");
    open_nothing("other\n", 0, 8), run(NULL), CHECK(ended("", "other\n", 8), "the explanation of any other errno");
    open_nothing("not that\n", EPERM, 9), run(NULL);
    CHECK(ended("", by_default, 99), "an explanation of another errno");
    start(&b), op(&b, CLOSE), slot(&b, 0), explain_as(&b, 0, 1, "any\n"), explain_as(&b, EBADF, 2, "this\n");
    add_exec(), run(NULL);
    CHECK(ended("", "this\n", 2), "the exact explanation goes before that of any other");
    open_nothing("", EBADF, 7), run(NULL);
    CHECK(ended("", by_default, 7), "an empty explanation gives its exit status alone");
    open_nothing("no newline, % signs %s%n", EBADF, 0), run(NULL);
    CHECK(ended("", "no newline, % signs %s%n", 0), "the text is written as it stands");
    start(&b), op(&b, CLOSE), slot(&b, 0), label(&b, ""), add_exec(), run(NULL);
    CHECK(failed("1: close: Bad file descriptor (EBADF)"), "an empty label stands for the operation's name");

    open_nothing("unseen\n", EBADF, 7), run_with_status();
    CHECK(ended("", "", 7) && recorded(0, EBADF), "with a status descriptor: a record, no text, the same exit status");
    build_search("missing", "/nowhere", ""), run_with_status();
    CHECK(ended("", "", 127) && recorded(0, ENOENT), "a record of a failed exec");
    start(&b), add_fork(SIGKILL), add_failure(), add_exec(), run_with_status();
    CHECK(ended("", "", 99) && recorded(1, EBADF), "a record by the child of fork");
    start(&b), add_fork(SIGKILL), op(&b, EXEC), str(&b, "/nowhere/x"), str(&b, ""), str(&b, ""), list(&b, "x", NULL);
    list(&b, NULL);
    explain_as(&b, ENOENT, 127, "x: not found\n"), run(NULL);
    CHECK(ended("", "x: not found\n", 127), "a text by the child of fork, its exit status mirrored");
    start(&b), add_shell("exit 0"), run_with_status();
    CHECK(ended("", "", 0) && r.record_size == 0, "no record where the command was executed");

    start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100");
    with_status_descriptor(), begin_run(NULL), close_status_descriptor(), wait_until_ready();
    CHECK(read(r.record_fd, r.record, 1) == 0, "neither the monitor nor the command holds the status descriptor");
    kill(r.pid, SIGKILL), end_run();

    open_nothing("lost\n", EBADF, 7), run(close_stderr_reader);
    CHECK(ended("", "", 7), "a reader that is gone does not change the exit status");
}

static void let_nobody_read(void)
{
    int ends[2];

    must(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO, "pipe");
    close(ends[0]), close(ends[1]);
}

static void trying(void)
{
    start(&b), flagged(&b, CLOSE, TRY, 0), slot(&b, 0), add_shell("exit 3"), run(NULL);
    CHECK(ended("", "", 3), "TRY goes on in silence");
    start(&b), flagged(&b, CLOSE, TRY, 0), slot(&b, 0), explain_as(&b, EBADF, 9, "never mind\n"), add_shell("exit 3");
    run(NULL);
    CHECK(ended("", "never mind\n", 3), "TRY writes the text for exactly this errno");
    start(&b), flagged(&b, CLOSE, TRY, 0), slot(&b, 0), explain_as(&b, 0, 9, "any\n");
    explain_as(&b, EPERM, 9, "x\n"), add_shell("exit 3"), run(NULL);
    CHECK(ended("", "", 3), "TRY writes no other");
    start(&b), flagged(&b, CLOSE, TRY, 5), slot(&b, 0), flagged(&b, CLOSE, ONCE, 5), slot(&b, 1), add_exec(), run(NULL);
    CHECK(failed("2: close: Bad file descriptor (EBADF)"), "a failure sets no mark");
    start(&b), flagged(&b, OPEN, TRY, 5), none(&b), str(&b, "/"), num(&b, O_PATH), num(&b, 0), slot(&b, 0);
    flagged(&b, CLOSE, ONCE, 5), slot(&b, 1), add_shell("exit 4"), run(NULL);
    CHECK(ended("", "", 4), "a success sets its mark, and ONCE skips where it is set");
    start(&b), flagged(&b, OPEN, 0, 5), none(&b), str(&b, "/"), num(&b, O_PATH), num(&b, 0), slot(&b, 0);
    flagged(&b, CLOSE, ONCE, 6), slot(&b, 1), add_exec(), run(NULL);
    CHECK(failed("2: close: Bad file descriptor (EBADF)"), "ONCE heeds its own mark only");
    start(&b), add_open("/", O_PATH, 0), op(&b, CLOSE), slot(&b, 0), flagged(&b, CLOSE, TRY | ONCE, 1), slot(&b, 0);
    add_shell("exit 5"), run(NULL);
    CHECK(ended("", "", 5), "an operation without a mark sets none");

    start(&b), set(&b, 6, TRACE, 2), add_open("/", O_PATH, 0), label(&b, "open /");
    flagged(&b, CLOSE, 0, 1), slot(&b, 0), flagged(&b, CLOSE, ONCE, 1), slot(&b, 0), label(&b, "skipped");
    flagged(&b, CLOSE, TRY, 0), slot(&b, 0), label(&b, "tried"), add_shell("exit 6"), label(&b, "execute it");
    run(NULL);
    CHECK(ended("", "open /\nclose\ntried\nexecute it\n", 6), "TRACE writes what is carried out");
    start(&b), set(&b, 6, TRACE, 2), add_open("/", O_PATH, 0), add_shell("exit 7"), run(let_nobody_read);
    CHECK(ended("", "", 7), "and goes on where nobody reads it");
    start(&b), set(&b, 6, TRACE, 2), add_open("/", O_PATH, 0), add_shell("kill -PIPE $$"), run(let_nobody_read);
    CHECK(killed(SIGPIPE), "but a command that writes there is killed, as ever");
}

static void leave_descriptors(void)
{
    must(dup2(open("/", O_RDONLY), 50) == 50 && dup2(50, 51) == 51 && dup2(50, 500) == 500, "dup2");
}

static void leave_descriptors_no_stdin(void)
{
    leave_descriptors();
    close(0);
}

static void leave_descriptors_no_stdio(void)
{
    leave_descriptors();
    close(0), close(2);
}

static void deny_close_range(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof code / sizeof *code, code };

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "seccomp");
    leave_descriptors();
}

static void add_adopt(int fd, uint32_t into)
{
    op(&b, ADOPT), num(&b, fd), slot(&b, into);
}

static void add_expect(uint32_t of, dev_t device, ino_t inode)
{
    op(&b, EXPECT), slot(&b, of), num(&b, (int64_t)device), num(&b, (int64_t)inode);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool closes_without_proc(void)
{
    pid_t pid;
    int status;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        deny_close_range();
        must(chroot(scratch) == 0, "chroot");
        close_from_to(3, 49), close_from_to(51, UINT_MAX);
        _exit(is_open(50) && !is_open(3) && !is_open(51) && !is_open(500) ? 0 : 1);
    }
    return wait_for(pid, &status, 0) && status == 0;
}

static void descriptors(void)
{
    static const char show[] = "ls /proc/$$/fd";
    struct stat root;

    must(stat("/", &root) == 0, "stat");

    start(&b), add_shell(show), run(leave_descriptors);
    CHECK(ended("0\n1\n2\n", "", 0), "every descriptor from 3 on is closed");
    start(&b), add_adopt(50, 0), add_expect(0, root.st_dev, root.st_ino), add_shell(show), run(leave_descriptors);
    CHECK(ended("0\n1\n2\n", "", 0), "an adopted descriptor is there for nsexec, not for the command");
    start(&b), add_adopt(50, 0), add_adopt(500, 1);
    add_expect(0, root.st_dev, root.st_ino), add_expect(1, root.st_dev, root.st_ino);
    add_shell(show), run(deny_close_range);
    CHECK(ended("0\n1\n2\n", "", 0), "the same without close_range(2)");
    if (geteuid() == 0)
        CHECK(closes_without_proc(), "the same without close_range(2) and /proc");
    else
        skip("the same without close_range(2) and /proc", "needs chroot(2)");
    start(&b), flagged(&b, PRCTL, 0, 1), num(&b, PR_SET_PDEATHSIG), num(&b, 0), num(&b, 0), num(&b, 0), num(&b, 0);
    flagged(&b, ADOPT, ONCE, 1), num(&b, 50), slot(&b, 0), add_shell(show), run(leave_descriptors);
    CHECK(ended("0\n1\n2\n", "", 0), "nor one whose adopt was skipped");
    start(&b), add_adopt(50, 0), add_adopt(52, 0), add_exec(), run(leave_descriptors);
    CHECK(failed("2: adopt: Bad file descriptor (EBADF)"), "adopt of what is not open");
    start(&b), add_adopt(50, 0), add_adopt(50, 1), add_exec(), run(leave_descriptors);
    CHECK(failed("2: adopt: Bad file descriptor (EBADF)"), "adopt of what is in a slot");
    start(&b), add_adopt(50, 0), add_adopt(51, 0), add_adopt(50, 1), add_exec(), run(leave_descriptors);
    CHECK(failed("3: adopt: Bad file descriptor (EBADF)"), "adopt into a slot in use closes what was there");
    start(&b), with_status_descriptor(), add_adopt((int)get(&b, AT_STATUS_FD), 0), add_exec();
    begin_run(NULL), close_status_descriptor(), end_run();
    CHECK(ended("", "", 99) && recorded(0, EBADF), "adopt of the status descriptor");

    start(&b), add_open("/", O_PATH, 0), add_expect(0, root.st_dev, root.st_ino), add_expect(0, 0, root.st_ino);
    add_shell(show), run(leave_descriptors_no_stdin);
    CHECK(ended("1\n2\n", "", 0), "a stdin that came closed stays closed");
    start(&b), add_adopt(50, 0), add_open("/", O_PATH, 1), add_fork(9), add_shell(show);
    run(leave_descriptors_no_stdio);
    CHECK(ended("1\n", "", 0), "and a stderr, with a monitor too");
    make_file("precious", 0644, "precious");
    start(&b), add_open("/", O_PATH, 0), add_open(in_scratch("precious"), O_RDWR, 1), op(&b, CLOSE), slot(&b, 2);
    add_exec(), run(leave_descriptors_no_stdio);
    CHECK(ended("", "", 99), "a message that no one can read");
    start(&b), op(&b, EXEC), str(&b, "cat"), str(&b, "/bin"), str(&b, "");
    list(&b, "cat", in_scratch("precious"), NULL), list(&b, NULL), run(NULL);
    CHECK(ended("precious", "", 0), "is not written into a file that could have got number 2");

    start(&b), add_open("/", O_PATH, 0), add_open("/", O_RDONLY, 1), add_shell(show), run(NULL);
    CHECK(ended("0\n1\n2\n", "", 0), "what is in a slot is not for the command");
    start(&b), add_open("/", O_PATH, 0), op(&b, CLOSE), slot(&b, 0), op(&b, CLOSE), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("3: close: Bad file descriptor (EBADF)"), "a closed slot is empty");
    start(&b), add_open("/", O_PATH, 0), add_expect(0, 0, root.st_ino + 1), add_exec(), run(NULL);
    CHECK(failed("2: expect: Stale file handle (ESTALE)"), "expect of another inode");
    start(&b), add_open("/dev/null", O_PATH, 0), add_expect(0, root.st_dev, root.st_ino), add_exec(), run(NULL);
    CHECK(failed("2: expect: Stale file handle (ESTALE)"), "expect of another file");
    start(&b), add_open("/", O_PATH, 0), add_expect(0, root.st_dev + 1, root.st_ino), add_exec(), run(NULL);
    CHECK(failed("2: expect: Stale file handle (ESTALE)"), "expect of another device");

    start(&b), op(&b, OPEN), slot(&b, 3), str(&b, "/"), num(&b, O_PATH), num(&b, 0), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: open: Bad file descriptor (EBADF)"), "open with an empty slot as the directory, path absolute");
    start(&b), add_open("/", O_PATH, 0), op(&b, OPEN), slot(&b, 0), str(&b, "dev"), num(&b, O_PATH), num(&b, 0);
    slot(&b, 0);
    op(&b, CHDIR), slot(&b, 0), add_shell("pwd"), run(NULL);
    CHECK(ended("/dev\n", "", 0), "open below a slot, into the same slot; chdir");
    start(&b), op(&b, OPEN), none(&b);
    str(&b, in_scratch("new")), num(&b, O_CREAT | O_EXCL | O_WRONLY), num(&b, 0600), slot(&b, 0);
    op(&b, EXEC), str(&b, "stat"), str(&b, "/bin:/usr/bin"), str(&b, "");
    list(&b, "stat", "-c", "%a", in_scratch("new"), NULL), list(&b, NULL), run(NULL);
    CHECK(ended("600\n", "", 0), "open creates with its mode");
    start(&b), add_open("/dev/null", O_RDONLY, 0), op(&b, CHDIR), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("2: chdir: Not a directory (ENOTDIR)"), "chdir to a file");
}

static void privileges(void)
{
    if (geteuid() != 0) {
        start(&b), op(&b, SETGROUPS), blob(&b, "", 0), label(&b, "drop the groups"), add_exec(), run(NULL);
        CHECK(failed("1: drop the groups: Operation not permitted (EPERM)"), "setgroups as a plain user");
        skip("setgroups, setgid, setuid; chroot", "needs root");
        return;
    }
    start(&b), op(&b, SETGROUPS), blob(&b, "\n\0\0\0\0\0\1\0", 8), op(&b, SETGID), num(&b, 1234);
    op(&b, SETUID), num(&b, 5678);
    add_shell("id -G; grep -E '^[UG]id' /proc/self/status"), run(NULL);
    CHECK(ended("1234 10 65536\nUid:\t5678\t5678\t5678\t5678\nGid:\t1234\t1234\t1234\t1234\n", "", 0),
          "setgroups, setgid, setuid");
    start(&b), op(&b, SETUID), num(&b, 5678), op(&b, SETUID), num(&b, 0), add_exec(), run(NULL);
    CHECK(failed("2: setuid: Operation not permitted (EPERM)"), "no way back from setuid");

    make_directory("root");
    make_file("root/marker", 0644, "");
    start(&b), add_open(in_scratch("root"), O_PATH, 0), op(&b, CHROOT), slot(&b, 0), add_open("/marker", O_RDONLY, 1);
    add_open("marker", O_RDONLY, 1);
    add_open("../../marker", O_RDONLY, 1), add_open("/bin/sh", O_RDONLY, 1), add_exec(), run(NULL);
    CHECK(failed("6: open: No such file or directory (ENOENT)"), "chroot, the working directory is the new root");
}

static void limits_and_prctl(void)
{
    start(&b), op(&b, PRCTL), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    add_shell("grep NoNewPrivs /proc/self/status"), run(NULL), CHECK(ended("NoNewPrivs:\t1\n", "", 0), "prctl");
    start(&b), op(&b, PRCTL), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, -1), num(&b, 0), num(&b, 0), num(&b, 0);
    add_exec(), run(NULL);
    CHECK(failed("1: prctl: Invalid argument (EINVAL)"), "prctl that fails");
    for (int is_read = 0; is_read < 2; is_read++) {
        start(&b), op(&b, PRCTL), num(&b, PR_SET_PDEATHSIG), num(&b, SIGKILL), num(&b, 0), num(&b, 0), num(&b, 0);
        add_shell("echo lives"), with_status_descriptor();
        if (!is_read)
            close(r.record_fd), r.record_fd = -1;
        begin_run(NULL), close_status_descriptor(), end_run();
        CHECK(is_read ? ended("lives\n", "", 0) : WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGKILL,
              "a parent that died before the signal of its death was set");
    }
    start(&b), op(&b, RLIMIT), num(&b, RLIMIT_NOFILE), num(&b, 33), num(&b, 44);
    op(&b, RLIMIT), num(&b, RLIMIT_CORE), num(&b, 0), num(&b, 0);
    add_shell("ulimit -Sn; ulimit -Hn; ulimit -Hc"), run(NULL), CHECK(ended("33\n44\n0\n", "", 0), "rlimit");
    start(&b), op(&b, RLIMIT), num(&b, RLIMIT_CPU), num(&b, -1), num(&b, -1), add_shell("ulimit -St"), run(NULL);
    CHECK(ended("unlimited\n", "", 0), "rlimit -1 is no limit");
    start(&b), op(&b, RLIMIT), num(&b, RLIMIT_NOFILE), num(&b, 5), num(&b, 4), add_exec(), run(NULL);
    CHECK(failed("1: rlimit: Invalid argument (EINVAL)"), "rlimit that fails");
}

static void ignore_some(void)
{
    static const struct {
        void (*handler)(int);
        unsigned long rest[7];
    } ignored = { .handler = SIG_IGN };
    static const int some[] = { SIGHUP, SIGPIPE, SIGXFSZ, SIGCHLD, SIGUSR1, 32, 64 };

    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        syscall(SYS_rt_sigaction, some[i], &ignored, NULL, 8);
    change_mask(SIG_SETMASK, bit(SIGUSR2) | bit(33), NULL);
}

static const char some_ignored[] = "8000000081011201", some_blocked[] = "0000000100000800";

static bool shows_signals(const char *ignored, const char *blocked)
{
    char text[256];

    snprintf(text, sizeof text, "SigBlk:\t%s\nSigIgn:\t%s\n", blocked, ignored);
    return ended(text, "", 0);
}

static void add_show_signals(void)
{
    op(&b, EXEC), str(&b, "grep"), str(&b, "/usr/bin:/bin"), str(&b, "");
    list(&b, "grep", "-E", "Sig(Ign|Blk)", "/proc/self/status", NULL), list(&b, NULL);
}

static void signal_state(void)
{
    start(&b), add_show_signals(), run(ignore_some);
    CHECK(shows_signals(some_ignored, some_blocked), "ignored and blocked signals are inherited");
    start(&b), add_fork(SIGTERM), add_show_signals(), run(ignore_some);
    CHECK(shows_signals(some_ignored, some_blocked),
          "through a monitor too, which waits although SIGCHLD came ignored");
    start(&b), op(&b, SIGNALS), num(&b, (int64_t)(bit(SIGPIPE) | bit(SIGXFSZ) | bit(SIGCHLD))), num(&b, 0);
    add_fork(0), add_show_signals(), run(ignore_some);
    CHECK(shows_signals("8000000080000201", "0000000000000000"), "signals sets some to default and a mask");
    start(&b), add_fork(0), op(&b, SIGNALS), num(&b, (int64_t)~(bit(SIGKILL) | bit(SIGSTOP))), num(&b, -1);
    add_show_signals(), run(ignore_some);
    CHECK(shows_signals("0000000000000000", "fffffffffffbfeff"), "signals after fork: all default, all blocked");
}

static void allow_core(void)
{
    struct rlimit core;

    must(getrlimit(RLIMIT_CORE, &core) == 0 && chdir(scratch) == 0, "getrlimit");
    core.rlim_cur = core.rlim_max;
    setrlimit(RLIMIT_CORE, &core);
}

static void block_term(void)
{
    change_mask(SIG_BLOCK, bit(SIGTERM), NULL);
}

static void set_alarm(void)
{
    alarm(1);
}

static void own_group(void)
{
    setpgid(0, 0);
}

static void monitor_mirrors(void)
{
    start(&b), add_fork(SIGKILL), add_shell("exit 42"), run(NULL);
    CHECK(ended("", "", 42), "the monitor exits as the command did");
    for (int signal = 1; signal <= 34; signal++) {
        static const char *const name = "the monitor dies of the signal that ended the command";
        char script[64];

        if (signal == SIGCHLD || signal == SIGCONT || (signal >= SIGSTOP && signal <= SIGURG) || signal == SIGWINCH)
            continue;
        snprintf(script, sizeof script, "ulimit -c unlimited 2>/dev/null; kill -%d $$", signal);
        start(&b), add_fork(SIGKILL), add_shell(script), run(NULL), CHECK(killed(signal), name);
    }
    start(&b), add_fork(SIGKILL), op(&b, SIGNALS), num(&b, (int64_t)bit(SIGHUP)), num(&b, 0), add_shell("kill -HUP $$");
    run(ignore_some), CHECK(killed(SIGHUP), "although that signal came ignored");
    start(&b), op(&b, PRCTL), num(&b, PR_SET_DUMPABLE), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    add_fork(SIGKILL), add_shell("ulimit -c 0; kill -SEGV $$"), run(allow_core);
    CHECK(killed(SIGSEGV), "and the monitor dumps no core");
    start(&b), add_fork(0), add_fork(SIGKILL), add_fork(SIGTERM), add_shell("exit 43"), run(NULL);
    CHECK(ended("", "", 43), "three monitors in a row");
    start(&b), add_fork(0), add_fork(0), add_shell("kill -TERM $$"), run(NULL);
    CHECK(killed(SIGTERM), "a death seen through two monitors");
    start(&b), add_fork(SIGKILL), add_shell("kill -TERM $$; exit 9"), run(block_term);
    CHECK(ended("", "", 9), "a signal that came blocked is blocked for the command");
}

static int inherited_end;

static void inherit_end(void)
{
    must(dup2(inherited_end, 60) == 60, "dup2");
}

static void monitor_holds_nothing(void)
{
    int ends[2];
    char byte;

    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    inherited_end = ends[1];
    start(&b), add_fork(SIGKILL), add_adopt(60, 0), add_shell("echo ready; exec sleep 100"), begin_run(inherit_end);
    close(ends[1]), wait_until_ready();
    CHECK(poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 10000) == 1 && read(ends[0], &byte, 1) == 0,
          "the monitor does not hold what is adopted after it was made");
    close(ends[0]), kill(r.pid, SIGTERM), end_run();

    start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100 >&- 2>&-"), begin_run(NULL), wait_until_ready();
    CHECK(read(r.out, &byte, 1) == 0 && waitpid(r.pid, &r.status, WNOHANG) == 0,
          "the monitor does not hold stdout when the command closed it");
    kill(r.pid, SIGTERM), end_run(), CHECK(killed(SIGTERM), "and ends with the command");
}

static void monitor_forwards(void)
{
    static const int passed[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2,
                                  SIGALRM, SIGPIPE, SIGSEGV, SIGXCPU, 32, 33, 40, 64 };
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100"), begin_run(NULL), wait_until_ready();
        kill(r.pid, passed[i]), end_run(), CHECK(killed(passed[i]), "a signal sent to the monitor ends the command");
    }
    start(&b), add_fork(SIGKILL), add_shell("trap 'exit 17' TERM; echo ready; while :; do sleep 0.02; done");
    begin_run(NULL), wait_until_ready(), kill(r.pid, SIGTERM), end_run();
    CHECK(ended("", "", 17), "a command that handles SIGTERM");
    start(&b), add_fork(SIGKILL), add_shell("trap 'echo again' USR1; kill -USR1 $PPID; sleep 0.2; echo end"), run(NULL);
    CHECK(ended("end\n", "", 0), "what the command itself sends the monitor is not passed back");
    start(&b), add_fork(SIGKILL), add_shell("trap : CHLD; trap 'exit 1' CONT; echo ready; sleep 0.3; exit 2");
    begin_run(NULL), wait_until_ready(), kill(r.pid, SIGCHLD), kill(r.pid, SIGCONT), end_run();
    CHECK(ended("", "", 2), "SIGCHLD and SIGCONT are not passed on");
    start(&b), add_fork(SIGKILL), add_shell("exec sleep 100"), run(set_alarm);
    CHECK(killed(SIGALRM), "an alarm set before ends the command");
}

static void monitor_stops(void)
{
    int status = 0;

    start(&b), add_fork(SIGKILL), add_shell("kill -STOP $$; kill -STOP $$; exit 5"), begin_run(NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(wait_for(r.pid, &status, WUNTRACED) && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP,
              "the monitor stops with the command");
        nap(20), kill(r.pid, SIGCONT);
    }
    end_run(), CHECK(ended("", "", 5), "and continues it");

    start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100"), begin_run(own_group), wait_until_ready();
    kill(r.pid, SIGTSTP);
    CHECK(wait_for(r.pid, &status, WUNTRACED) && WIFSTOPPED(status), "SIGTSTP sent to the monitor stops both");
    kill(r.pid, SIGTERM), kill(r.pid, SIGCONT), end_run();
    CHECK(killed(SIGTERM), "a signal sent while both are stopped arrives");
}

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 1000; i++) {
        if (kill(pid, 0) < 0 && errno == ESRCH)
            return true;
        nap(5);
    }
    return false;
}

static void deaths(void)
{
    char line[64];
    pid_t command;

    start(&b), add_fork(SIGKILL), add_shell("echo $$; exec sleep 100"), begin_run(NULL), read_line(line, sizeof line);
    command = atoi(line), kill(r.pid, SIGKILL), end_run();
    CHECK(killed(SIGKILL) && is_gone(command), "the command gets its death signal when the monitor is killed");

    start(&b), add_fork(0), add_shell("echo $$; exec sleep 100"), begin_run(NULL), read_line(line, sizeof line);
    command = atoi(line), kill(r.pid, SIGKILL), end_run(), nap(50);
    CHECK(kill(command, 0) == 0, "or lives on without one");
    kill(command, SIGKILL), is_gone(command);

    start(&b), add_fork(SIGKILL), add_fork(SIGTERM), add_shell("echo $$; exec sleep 100"), begin_run(NULL);
    read_line(line, sizeof line);
    command = atoi(line), kill(r.pid, SIGKILL), end_run();
    CHECK(is_gone(command), "two monitors: the death of the first reaches the command");

    if (geteuid() == 0) {
        start(&b), add_fork(SIGKILL), op(&b, SETGID), num(&b, 65534), op(&b, SETUID), num(&b, 65534);
        add_shell("echo $$; exec sleep 100");
        begin_run(NULL), read_line(line, sizeof line), command = atoi(line), kill(r.pid, SIGKILL), end_run();
        CHECK(command > 0 && is_gone(command), "a change of ids does not lose the death signal");
        start(&b), add_fork(SIGKILL), op(&b, SETGID), num(&b, 65534), op(&b, SETUID), num(&b, 65534);
        add_fork(SIGKILL), add_shell("echo $$; exec sleep 100");
        begin_run(NULL), read_line(line, sizeof line), command = atoi(line), kill(r.pid, SIGKILL), end_run();
        CHECK(command > 0 && is_gone(command), "nor does one between two monitors");
    } else {
        skip("a change of ids does not lose the death signal", "needs root");
    }

    /* The child clears its death signal, as a change of ids would, then waits while the monitor is killed. */
    must(mkfifo(in_scratch("first"), 0600) == 0 && mkfifo(in_scratch("second"), 0600) == 0, "mkfifo");
    start(&b), add_fork(SIGKILL);
    op(&b, PRCTL), num(&b, PR_SET_PDEATHSIG), num(&b, 0), num(&b, 0), num(&b, 0), num(&b, 0);
    add_open(in_scratch("first"), O_RDONLY, 0), add_open(in_scratch("second"), O_RDONLY, 1);
    add_shell("echo executed; exec sleep 100"), begin_run(NULL);
    close(open(in_scratch("first"), O_WRONLY | O_CLOEXEC));
    kill(r.pid, SIGKILL), waitpid(r.pid, &r.status, 0);
    close(open(in_scratch("second"), O_WRONLY | O_CLOEXEC));
    CHECK(!read_line(line, sizeof line), "a monitor that died while no death signal was set is noticed before exec");
    drain(r.out, r.output, sizeof r.output), drain(r.err, r.errors, sizeof r.errors);
}

/* A command, of this very program: becomes ready, then counts how often a signal arrives until a moment's silence. */
static int count_signals(int signal)
{
    const struct timespec silence = { .tv_nsec = 300000000 };
    uint64_t mask = bit(signal);
    int count = 0;

    change_mask(SIG_BLOCK, mask, NULL);
    must(write(STDOUT_FILENO, "ready\n", 6) == 6, "write");
    while (syscall(SYS_rt_sigtimedwait, &mask, NULL, count ? &silence : NULL, sizeof mask) == signal)
        count++;
    return count;
}

static void add_count_signals(int signal)
{
    char number[16];

    snprintf(number, sizeof number, "%d", signal);
    op(&b, EXEC), str(&b, this_program), str(&b, ""), str(&b, "");
    list(&b, "test", "count-signals", number, NULL), list(&b, NULL);
}

/* --- Terminals ---------------------------------------------------------------------------------------------------- */

static int terminal, job_events, job_go_on;

static int open_terminal(void)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (master >= 0 && (grantpt(master) < 0 || unlockpt(master) < 0)) {
        close(master);
        master = -1;
    }
    return master;
}

static void take_terminal(void)
{
    int slave;

    setsid();
    slave = open(ptsname(terminal), O_RDWR);
    must(slave >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0, "TIOCSCTTY");
    dup2(slave, STDIN_FILENO);
    close(slave);
}

enum { JOB_CONTINUED = 0xffff };

/* Does what a shell does: nsexec is a job in the foreground of the terminal, the changes of its state are reported. */
static void become_a_job(void)
{
    pid_t job;
    int status;
    char byte;

    take_terminal();
    job = fork();
    must(job >= 0, "fork");
    if (job == 0) {
        signal(SIGTTOU, SIG_IGN);
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        return;
    }
    for (;;) {
        must(waitpid(job, &status, WUNTRACED) == job, "waitpid");
        must(write(job_events, &status, sizeof status) == sizeof status, "write");
        if (!WIFSTOPPED(status) || read(job_go_on, &byte, 1) != 1)
            _exit(0);
        kill(-job, SIGCONT);
        status = JOB_CONTINUED;
        must(write(job_events, &status, sizeof status) == sizeof status, "write");
    }
}

static void begin_job(int *events, int *go_on)
{
    int event_ends[2], go_on_ends[2];

    must(pipe2(event_ends, O_CLOEXEC) == 0 && pipe2(go_on_ends, O_CLOEXEC) == 0, "pipe");
    job_events = event_ends[1], job_go_on = go_on_ends[0];
    begin_run(become_a_job);
    close(event_ends[1]), close(go_on_ends[0]);
    *events = event_ends[0], *go_on = go_on_ends[1];
}

static int job_event(int events)
{
    struct pollfd ready = { .fd = events, .events = POLLIN };
    int status = -1;

    if (poll(&ready, 1, 10000) != 1 || read(events, &status, sizeof status) != sizeof status)
        return -1;
    return status;
}

static void type(const char *key)
{
    must(write(terminal, key, 1) == 1, "the terminal");
}

static void terminals(void)
{
    int events, go_on, status;

    terminal = open_terminal();
    if (terminal < 0) {
        skip("a terminal's signals", "no pseudo-terminals here");
        return;
    }
    start(&b), add_fork(SIGKILL), add_shell("trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done");
    begin_job(&events, &go_on), wait_until_ready();
    type("\3"), status = job_event(events);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "^C: the command decides, the monitor waits for it");
    end_run(), close(events), close(go_on);
    start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100"), begin_job(&events, &go_on);
    wait_until_ready();
    type("\3"), status = job_event(events);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "^C ends a command that does not handle it");
    end_run(), close(events), close(go_on);
    start(&b), add_fork(SIGKILL), add_count_signals(SIGQUIT), begin_job(&events, &go_on), wait_until_ready();
    type("\x1c"), status = job_event(events);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "^\\ reaches the command once");
    end_run(), close(events), close(go_on);
    /* a subshell, because a shell that is in vfork(2) does not stop with its child */
    start(&b), add_fork(SIGKILL), add_shell("(echo ready; exec cat); exit 8"), begin_job(&events, &go_on);
    wait_until_ready();
    for (int i = 0; i < 100; i++) { /* the second and later ones come when the monitor has hardly woken */
        type("\x1a"), status = job_event(events);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP, "^Z stops the job, by SIGTSTP");
        must(write(go_on, "", 1) == 1 && job_event(events) == JOB_CONTINUED, "the job continues");
    }
    type("\4");
    status = job_event(events), CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 8, "and fg continues it");
    end_run(), close(events), close(go_on);
    start(&b), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100"), begin_run(take_terminal), wait_until_ready();
    close(terminal), end_run();
    CHECK(killed(SIGHUP), "a hangup that only the monitor, a session leader, is told of ends the command");
}

/* --- Relays ------------------------------------------------------------------------------------------------------- */

static void add_relay(uint32_t output)
{
    add_open("/dev/ptmx", O_RDWR | O_NOCTTY, 0);
    op(&b, PTY), slot(&b, 0), slot(&b, 1);
    op(&b, RELAY), slot(&b, 0), slot(&b, 1), slot(&b, output), num(&b, SIGKILL);
}

static void no_input(void)
{
    int fd = open("/dev/null", O_RDONLY);

    must(fd >= 0 && dup2(fd, STDIN_FILENO) == 0, "/dev/null");
    close(fd);
}

static void some_input(void)
{
    int ends[2];

    must(pipe(ends) == 0 && write(ends[1], "one\ntwo", 7) == 7 && dup2(ends[0], STDIN_FILENO) == 0, "a pipe");
    close(ends[0]), close(ends[1]);
}

static bool is_cooked(void)
{
    struct termios settings;

    return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & ICANON && settings.c_lflag & ISIG;
}

static bool becomes_raw(void)
{
    for (int i = 0; i < 2000 && is_cooked(); i++)
        nap(5);
    return !is_cooked();
}

static void relay_and_abort(void)
{
    take_terminal();
    relay.has_terminal = tcgetattr(STDIN_FILENO, &relay.saved) == 0;
    expect_crashes();
    make_raw();
    must(!is_cooked(), "raw mode");
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    abort();
}

static void relays(void)
{
    char line[64];
    int status;

    start(&b), add_open("/dev/null", O_RDWR, 0), op(&b, PTY), slot(&b, 0), slot(&b, 1), label(&b, "pty");
    add_exec(), run(NULL), CHECK(failed("2: pty: No such device (ENODEV)"), "only /dev/ptmx has another side");
    start(&b), op(&b, RELAY), slot(&b, 0), slot(&b, 1), none(&b), num(&b, 0), label(&b, "relay"), add_exec(), run(NULL);
    CHECK(failed("1: relay: Bad file descriptor (EBADF)"), "a relay without a terminal");

    terminal = open_terminal();
    if (terminal < 0) {
        skip("a terminal between", "no pseudo-terminals here");
        return;
    }
    start(&b), add_relay(UINT32_MAX), add_shell("[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : < /dev/tty && exit 42");
    run(no_input), CHECK(ended("", "", 42), "a relay: all three streams are the controlling terminal; status");
    start(&b), add_relay(2), add_shell("ulimit -c 0; kill -TERM $$"), run(no_input);
    CHECK(killed(SIGTERM), "death by a signal, and an empty slot for the output");
    start(&b), add_relay(UINT32_MAX), op(&b, EXEC), str(&b, "/nowhere/x"), str(&b, ""), str(&b, "");
    list(&b, "x", NULL), list(&b, NULL), explain_as(&b, ENOENT, 127, "x: not found\n"), run(no_input);
    CHECK(ended("", "x: not found\n", 127), "why nothing was started is said where it would be without a relay");
    start(&b), add_relay(UINT32_MAX), add_shell("stty -echo; read a; read b; echo $a $b"), run(some_input);
    CHECK(WIFEXITED(r.status) && strstr(r.output, "one two\r\n"), "a pipe's end is the end of input");
    start(&b), add_relay(UINT32_MAX), add_shell("seq 1 20000 | tail -c 4000"), run(no_input);
    CHECK(WIFEXITED(r.status) && strstr(r.output, "\r\n19999\r\n20000\r\n"), "the last output arrives");

    start(&b), add_relay(UINT32_MAX), add_shell("trap '' HUP; sleep 1000 & echo $!"), run(no_input);
    CHECK(atoi(r.output) > 0 && kill(atoi(r.output), SIGKILL) == 0,
          "who keeps the terminal open does not keep the relay");

    start(&b), add_relay(UINT32_MAX), add_shell("trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done");
    begin_run(take_terminal), must(read_line(line, sizeof line), "a line");
    CHECK(becomes_raw(), "our terminal is raw");
    type("\3"), end_run(), CHECK(WIFEXITED(r.status) && WEXITSTATUS(r.status) == 7, "^C is a signal there, not here");
    CHECK(is_cooked(), "and as it was when the command has ended");

    start(&b), add_relay(UINT32_MAX), add_shell("echo ready; exec sleep 100"), begin_run(take_terminal);
    must(read_line(line, sizeof line) && becomes_raw(), "a line");
    for (int i = 0; i < 3; i++) {
        kill(r.pid, SIGTSTP);
        CHECK(wait_for(r.pid, &status, WUNTRACED) && WIFSTOPPED(status) && is_cooked(),
              "stopped by another process: the terminal is as it was");
        kill(r.pid, SIGCONT);
        CHECK(becomes_raw(), "continued: it is raw again");
    }
    kill(r.pid, SIGSEGV), end_run();
    CHECK(killed(SIGSEGV) && is_cooked(), "SIGSEGV from another process is the command's");
    begin_run(take_terminal), must(read_line(line, sizeof line) && becomes_raw(), "a line");
    kill(r.pid, SIGTERM), end_run(), CHECK(killed(SIGTERM) && is_cooked(), "SIGTERM is passed on");

    start(&b), add_relay(UINT32_MAX), add_shell("echo ready; kill -STOP $$; exit 6"), begin_run(take_terminal);
    CHECK(wait_for(r.pid, &status, WUNTRACED) && WIFSTOPPED(status) && is_cooked(), "a command that stops, stops it");
    must(read_line(line, sizeof line), "a line");
    CHECK(strcmp(line, "ready\r") == 0, "what it wrote before is shown while it is stopped");
    kill(r.pid, SIGCONT), end_run(), CHECK(WEXITSTATUS(r.status) == 6 && is_cooked(), "and is continued with it");

    start(&b), add_relay(UINT32_MAX);
    add_shell("trap 'stty size; exit 8' WINCH; stty size; while :; do sleep 0.02; done");
    ioctl(terminal, TIOCSWINSZ, &(struct winsize){ .ws_row = 33, .ws_col = 111 });
    begin_run(take_terminal), read_line(line, sizeof line), CHECK(strcmp(line, "33 111\r") == 0, "the size of ours");
    ioctl(terminal, TIOCSWINSZ, &(struct winsize){ .ws_row = 22, .ws_col = 77 });
    end_run(), CHECK(WEXITSTATUS(r.status) == 8 && strcmp(r.output, "22 77\r\n") == 0, "and its change");

    begin_run(relay_and_abort), end_run();
    CHECK(killed(SIGABRT) && is_cooked(), "an error of our own leaves the terminal as it was");

    start(&b), add_relay(UINT32_MAX), add_shell("echo ready; exec sleep 100"), begin_run(take_terminal);
    must(read_line(line, sizeof line) && becomes_raw(), "a line");
    close(terminal), end_run(), CHECK(killed(SIGHUP), "a terminal that is gone hangs up the other");
}

/* --- Namespaces --------------------------------------------------------------------------------------------------- */

static int target_flags;

/* A process in namespaces of its own, with a host name to tell; with CLONE_NEWPID their first process. */
static pid_t begin_target(int *keeper)
{
    int ends[2], first[2];
    pid_t pid, inside = -1;
    char byte;

    must(pipe2(ends, O_CLOEXEC) == 0 && pipe2(first, O_CLOEXEC) == 0, "pipe");
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(target_flags) < 0)
            _exit(1);
        if (target_flags & CLONE_NEWUTS)
            must(sethostname("nsexec-target", 13) == 0, "sethostname");
        if (target_flags & CLONE_NEWPID) {
            inside = fork();
            if (inside > 0) {
                must(write(first[1], &inside, sizeof inside) == sizeof inside, "write");
                close(ends[1]), close(first[1]);
                waitpid(inside, NULL, 0);
                for (;;)
                    pause();
            }
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        }
        execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    close(ends[1]), close(first[1]);
    if (read(first[0], &inside, sizeof inside) != sizeof inside)
        inside = pid;
    must(read(ends[0], &byte, 1) == 0, "the target");
    close(ends[0]), close(first[0]);
    *keeper = (int)pid;
    if (waitpid(pid, NULL, WNOHANG) != 0)
        return -1;
    return inside;
}

static void end_target(pid_t keeper)
{
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
}

static void add_enter(pid_t pid, const char *kind, int type)
{
    char path[64];
    struct stat ns;

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kind);
    must(stat(path, &ns) == 0, path);
    add_open(path, O_RDONLY, 0);
    op(&b, EXPECT), slot(&b, 0), num(&b, (int64_t)ns.st_dev), num(&b, (int64_t)ns.st_ino);
    op(&b, SETNS), slot(&b, 0), num(&b, type);
}

static void namespaces(void)
{
    bool root = geteuid() == 0;
    int keeper;
    pid_t target;

    target_flags = CLONE_NEWUTS | (root ? 0 : CLONE_NEWUSER);
    target = begin_target(&keeper);
    if (target < 0) {
        skip("entering namespaces", "none can be made here");
        return;
    }
    start(&b);
    if (!root) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/ns/uts", (int)target);
        add_open(path, O_RDONLY, 1);
        add_enter(target, "user", CLONE_NEWUSER);
        op(&b, SETNS), slot(&b, 1), num(&b, CLONE_NEWUTS);
    } else {
        add_enter(target, "uts", CLONE_NEWUTS);
    }
    add_shell("uname -n"), run(NULL), CHECK(ended("nsexec-target\n", "", 0), "entering namespaces");
    start(&b), add_enter(target, "uts", CLONE_NEWNET), add_exec(), run(NULL);
    CHECK(failed("3: setns: Invalid argument (EINVAL)"), "setns with the wrong type");
    end_target(keeper);

    if (!root) {
        skip("entering a pid namespace", "needs root");
        return;
    }
    target_flags = CLONE_NEWPID;
    target = begin_target(&keeper);
    must(target > 0, "a pid namespace");
    start(&b), add_enter(target, "pid", CLONE_NEWPID), add_fork(SIGKILL), add_shell("[ $$ -lt 20 ] && kill -TERM $$");
    run(NULL);
    CHECK(killed(SIGTERM), "a command in another pid namespace, its death seen outside");
    start(&b), add_enter(target, "pid", CLONE_NEWPID), add_fork(SIGKILL), add_shell("echo ready; exec sleep 100");
    begin_run(NULL), wait_until_ready();
    kill(r.pid, SIGKILL), end_run(), CHECK(strcmp(r.errors, "") == 0, "the death signal crosses pid namespaces");

    kill(target, SIGKILL), is_gone(target);
    start(&b), add_enter(keeper, "pid_for_children", CLONE_NEWPID), add_fork(SIGKILL);
    explain_as(&b, ENOMEM, 77, "its init is dead\n"), add_exec(), run(NULL);
    CHECK(ended("", "its init is dead\n", 77), "fork in a dead pid namespace fails like any operation");
    start(&b), add_enter(keeper, "pid_for_children", CLONE_NEWPID), flagged(&b, FORK, TRY, 1), num(&b, SIGKILL);
    op(&b, SETGID), num(&b, 1234), add_show_signals(), run(NULL);
    CHECK(shows_signals("0000000000000000", "0000000000000000"), "and leaves the signals as they were");
    end_target(keeper);
}

/* A process of ours with a socket, to be asked through a pidfd. Its number for the socket is 50. */
static pid_t begin_socket_owner(void)
{
    pid_t pid = fork();

    must(pid >= 0, "fork");
    if (pid == 0) {
        int socket_fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        dup2(socket_fd, 50);
        pause();
        _exit(0);
    }
    for (int i = 0; i < 1000; i++) {
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/fd/50", (int)pid);
        if (access(path, F_OK) == 0)
            break;
        nap(5);
    }
    return pid;
}

static void add_pidfd(pid_t pid, uint32_t into)
{
    op(&b, PIDFD), num(&b, pid), slot(&b, into);
}

static void add_own(const char *kind, uint32_t slot_of_it)
{
    char path[64];
    struct stat ns;

    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    must(stat(path, &ns) == 0, path);
    op(&b, EXPECT), slot(&b, slot_of_it), num(&b, (int64_t)ns.st_dev), num(&b, (int64_t)ns.st_ino);
}

static void reaching(void)
{
    struct {
        struct file_handle handle;
        char room[MAX_HANDLE];
    } own = { .handle.handle_bytes = MAX_HANDLE };
    pid_t peer = begin_socket_owner();
    int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), mount;

    start(&b), add_pidfd(peer, 0), op(&b, GETFD), slot(&b, 0), num(&b, 50), slot(&b, 1);
    op(&b, REACH), slot(&b, 1), num(&b, 0x894c), slot(&b, 2), add_own("net", 2);
    add_shell("ls /proc/$$/fd; :"), run(NULL);
    if (geteuid() == 0)
        CHECK(ended("0\n1\n2\n", "", 0), "the network namespace of another process's socket, and nothing stays open");
    else
        CHECK(failed("3: reach: Operation not permitted (EPERM)"), "asking a socket needs CAP_NET_ADMIN");
    start(&b), add_pidfd(peer, 0), op(&b, GETFD), slot(&b, 0), num(&b, 51), slot(&b, 1), add_exec(), run(NULL);
    CHECK(failed("2: getfd: Bad file descriptor (EBADF)"), "a descriptor that the other has not");
    start(&b), op(&b, GETFD), slot(&b, 0), num(&b, 50), slot(&b, 1), add_exec(), run(NULL);
    CHECK(failed("1: getfd: Bad file descriptor (EBADF)"), "getfd of an empty slot");
    kill(peer, SIGKILL), waitpid(peer, NULL, 0);
    start(&b), add_pidfd(peer, 0), add_exec(), run(NULL);
    CHECK(failed("1: pidfd: No such process (ESRCH)"), "a pidfd of nobody");

    start(&b), add_open("/proc/self/ns/uts", O_RDONLY, 0), op(&b, REACH), slot(&b, 0), num(&b, 0xb702), slot(&b, 1);
    add_exec(), run(NULL);
    CHECK(failed("2: reach: Invalid argument (EINVAL)"), "a uts namespace has no parent");
    if (name_to_handle_at(fd, "", &own.handle, &mount, AT_EMPTY_PATH) == 0) {
        start(&b), op(&b, HANDLE), num(&b, own.handle.handle_type);
        blob(&b, own.handle.f_handle, own.handle.handle_bytes), num(&b, -10003), slot(&b, 0);
        add_own("uts", 0), add_shell(""), run(NULL), CHECK(ended("", "", 0), "a namespace by its handle");
    } else {
        skip("a namespace by its handle", "needs Linux 6.18");
    }
    close(fd);
    start(&b), op(&b, HANDLE), num(&b, 0xf1), blob(&b, "12345678", 8), num(&b, -1), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: handle: Bad file descriptor (EBADF)"), "a handle of no mount");
}

static void writing(void)
{
    char content[16] = "";
    int fd;

    make_file("written", 0644, "");
    start(&b), add_open(in_scratch("written"), O_WRONLY, 0), op(&b, WRITE), slot(&b, 0), blob(&b, "a\0b", 3);
    add_shell(""), run(NULL);
    fd = open(in_scratch("written"), O_RDONLY | O_CLOEXEC);
    CHECK(ended("", "", 0) && read(fd, content, sizeof content) == 3 && memcmp(content, "a\0b", 3) == 0, "write");
    close(fd);
    start(&b), add_open(in_scratch("written"), O_RDONLY, 0), op(&b, WRITE), slot(&b, 0), blob(&b, "a", 1), add_exec();
    run(NULL), CHECK(failed("2: write: Bad file descriptor (EBADF)"), "write that fails");
}

/* In a mount namespace of our own, as root there. */
static void mounting(void)
{
    char content[PATH_MAX + 256], path[PATH_MAX];

    make_directory("place");
    make_file("place/covered", 0644, "below\n");
    snprintf(path, sizeof path, "%s/covered", in_scratch("place"));
    start(&b), op(&b, UNSHARE), num(&b, CLONE_NEWUSER | CLONE_NEWNS), op(&b, PROPAGATE), str(&b, "/");
    num(&b, MS_REC | MS_SLAVE);
    op(&b, FSMOUNT), str(&b, "tmpfs"), list(&b, "mode=0750", "ro", NULL), num(&b, 0), slot(&b, 0);
    add_exec(), run(NULL);
    if (!ended("", "", 0)) {
        printf("# mounts: skipped, as user namespaces or new mounts are refused here\n");
        return;
    }
    umask(077);
    start(&b), op(&b, UNSHARE), num(&b, CLONE_NEWUSER | CLONE_NEWNS), op(&b, PROPAGATE), str(&b, "/");
    num(&b, MS_REC | MS_SLAVE);
    add_open("/proc/self/uid_map", O_WRONLY, 1), op(&b, WRITE), slot(&b, 1);
    snprintf(content, sizeof content, "0 %u 1", geteuid());
    blob(&b, content, strlen(content));
    add_open("/proc/self/setgroups", O_WRONLY, 1), op(&b, WRITE), slot(&b, 1), blob(&b, "deny", 4);
    add_open("/proc/self/gid_map", O_WRONLY, 1), op(&b, WRITE), slot(&b, 1);
    snprintf(content, sizeof content, "0 %u 1", getegid());
    blob(&b, content, strlen(content));
    op(&b, FSMOUNT), str(&b, "tmpfs"), list(&b, "mode=0755", NULL), num(&b, 0), slot(&b, 0);
    op(&b, MKDIR), slot(&b, 0), str(&b, "d"), num(&b, 0751);
    op(&b, SYMLINK), slot(&b, 0), str(&b, "l"), str(&b, "d/f");
    op(&b, ATTACH), slot(&b, 0), none(&b), str(&b, "/"), num(&b, 0);
    op(&b, NEW_FILE), slot(&b, 0), str(&b, "d/f"), num(&b, 0646), blob(&b, "above\n", 6);
    flagged(&b, NEW_FILE, TRY, 0), slot(&b, 0), str(&b, "d/f"), num(&b, 0600), blob(&b, "twice\n", 6);
    op(&b, TREE), slot(&b, 0), str(&b, "d/f"), num(&b, 1), slot(&b, 2);
    op(&b, ATTACH), slot(&b, 2), none(&b), str(&b, path), num(&b, 0x10);
    op(&b, TREE), slot(&b, 0), str(&b, ""), num(&b, 1 | AT_RECURSIVE | AT_EMPTY_PATH), slot(&b, 3);
    op(&b, ATTACH), slot(&b, 3), none(&b), str(&b, in_scratch("place")), num(&b, 0);
    op(&b, DETACH), slot(&b, 0);
    snprintf(content, sizeof content, "cd %s && pwd && stat -c '%%a %%F' d d/f && readlink l && cat d/f",
             in_scratch("place"));
    add_shell(content), run(NULL);
    umask(022);
    snprintf(content, sizeof content, "%s\n751 directory\n646 regular file\nd/f\nabove\n", in_scratch("place"));
    CHECK(ended(content, "", 0), "mounts of our own");
    start(&b), op(&b, UNSHARE), num(&b, CLONE_NEWUSER | CLONE_NEWNS), op(&b, PROPAGATE), str(&b, "/");
    num(&b, MS_REC | MS_SLAVE), op(&b, FSMOUNT), str(&b, "no such type"), list(&b, NULL), num(&b, 0), slot(&b, 0);
    add_exec(), run(NULL), CHECK(failed("3: fsmount: No such device (ENODEV)"), "a mount that fails");
    start(&b), op(&b, DETACH), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: detach: Bad file descriptor (EBADF)"), "detach nothing");
    start(&b), op(&b, ATTACH), slot(&b, 0), none(&b), str(&b, "/"), num(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: attach: Bad file descriptor (EBADF)"), "attach nothing");
    start(&b), op(&b, MKDIR), slot(&b, 0), str(&b, "/tmp"), num(&b, 0755), add_exec(), run(NULL);
    CHECK(failed("1: mkdir: Bad file descriptor (EBADF)"), "an absolute path in no directory");
}

static void waiting(void)
{
    int ends[2];

    must(pipe(ends) == 0 && write(ends[1], "x", 1) == 1, "pipe");
    start(&b), op(&b, ADOPT), num(&b, ends[0]), slot(&b, 0), op(&b, WAIT), slot(&b, 0), add_shell("echo on"), run(NULL);
    CHECK(ended("on\n", "", 0), "a byte ends the waiting");
    close(ends[1]);
    start(&b), op(&b, ADOPT), num(&b, ends[0]), slot(&b, 0), op(&b, WAIT), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("2: wait: Broken pipe (EPIPE)"), "nobody is left who could write");
    close(ends[0]);
    start(&b), op(&b, WAIT), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: wait: Bad file descriptor (EBADF)"), "wait for nothing");

    make_directory("leaving"), make_directory("leaving/full");
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, 0), op(&b, RMDIR), slot(&b, 0), str(&b, "leaving");
    add_exec(), run(NULL), CHECK(failed("2: rmdir: Directory not empty (ENOTEMPTY)"), "rmdir of what is not empty");
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, 0), op(&b, RMDIR), slot(&b, 0), str(&b, "leaving/full");
    op(&b, RMDIR), slot(&b, 0), str(&b, "leaving"), add_shell("echo gone"), run(NULL);
    CHECK(ended("gone\n", "", 0) && access(in_scratch("leaving"), F_OK) < 0, "rmdir");
    start(&b), op(&b, RMDIR), slot(&b, 0), str(&b, "/tmp"), add_exec(), run(NULL);
    CHECK(failed("1: rmdir: Bad file descriptor (EBADF)"), "rmdir in no directory");
}

/* --- Cleaning up -------------------------------------------------------------------------------------------------- */

enum { HERE = 6 }; /* the slot of the scratch directory */

static struct block outer_block;

static void begin_after(void)
{
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE);
    op(&b, AFTER), outer_block = begin_block(&b);
}

static void and_otherwise(void)
{
    end_block(&b, outer_block), outer_block = begin_block(&b);
}

static void end_after(void)
{
    end_block(&b, outer_block);
}

static void add_spawn(const char *script)
{
    op(&b, SPAWN), str(&b, "/bin/sh"), list(&b, "sh", "-c", script, NULL);
    list(&b, "PATH=/usr/bin:/bin", NULL);
}

static void add_holds(const char *name, const char *bytes)
{
    op(&b, HOLDS), slot(&b, HERE), str(&b, name), blob(&b, bytes, strlen(bytes));
}

static void ignore_children(void)
{
    signal(SIGCHLD, SIG_IGN);
}

static void blocks(void)
{
    begin_after(), add_holds("a", "b"), and_otherwise(), add_spawn("true"), end_after(), add_exec();
    ACCEPTED("two blocks");
    begin_after(), and_otherwise(), end_after(), add_exec(), ACCEPTED("empty blocks");
    start(&b), op(&b, AFTER), outer_block = begin_block(&b), add_fork(0), and_otherwise(), end_after(), add_exec();
    REFUSED(40, "not an operation for a block", "fork in a block");
    start(&b), op(&b, AFTER), outer_block = begin_block(&b), add_exec(), and_otherwise(), end_after(), add_exec();
    REFUSED(40, "not an operation for a block", "exec in a block");
    start(&b), op(&b, AFTER), outer_block = begin_block(&b), op(&b, AFTER), put(&b, 0, 8), and_otherwise();
    end_after(), add_exec(), REFUSED(40, "not an operation for a block", "a block in a block");
    start(&b), op(&b, AFTER), outer_block = begin_block(&b), op(&b, CLOSE), slot(&b, 8), and_otherwise(), end_after();
    add_exec(), REFUSED(48, "no such slot", "a slot out of range in a block");
    start(&b), op(&b, AFTER), put(&b, 1, 4), put(&b, 0, 4), add_exec();
    REFUSED(40, "unknown operation", "a block of fewer operations than it says");
    start(&b), op(&b, AFTER), put(&b, MAX_OPERATIONS + 1, 4), put(&b, 0, 4), add_exec();
    REFUSED(36, "too many operations", "a block of too many operations");
    start(&b), op(&b, SPAWN), str(&b, "/bin/sh"), list(&b, NULL), list(&b, NULL), add_exec();
    REFUSED(36, "an empty argv", "spawn without argv");
    start(&b), op(&b, KILL), slot(&b, 0), str(&b, "x"), num(&b, 60001), add_exec();
    REFUSED(46, "out of range", "kill for too long");
}

static void cleaning_up(void)
{
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE), op(&b, LINKS), slot(&b, HERE), num(&b, 1);
    add_exec(), run(NULL), CHECK(failed("2: links: Directory not empty (ENOTEMPTY)"), "more links than there may be");
    start(&b), add_open("/proc/self/ns", O_PATH | O_DIRECTORY, HERE), op(&b, LINKS), slot(&b, HERE), num(&b, 2);
    add_shell("echo no more"), run(NULL), CHECK(ended("no more\n", "", 0), "not more links than there may be");
    make_directory("ours");
    make_file("events", 0644, "low 0\noom_kill 0\n");
    make_file("journal", 0644, "");
    begin_after(), add_holds("events", "\noom_kill 0\n"), op(&b, RMDIR), slot(&b, HERE), str(&b, "ours");
    op(&b, UNLINK), slot(&b, HERE), str(&b, "journal"), and_otherwise(), add_spawn("echo otherwise >&2"), end_after();
    add_fork(SIGKILL), add_shell("exit 7"), run(NULL);
    CHECK(ended("", "", 7), "the status of the command after a clean-up");
    CHECK(access(in_scratch("ours"), F_OK) < 0 && access(in_scratch("journal"), F_OK) < 0, "what was ours is gone");

    begin_after(), add_holds("events", "oom_kill 1"), op(&b, UNLINK), slot(&b, HERE), str(&b, "events");
    and_otherwise(), add_spawn("echo otherwise >&2"), end_after(), add_fork(SIGKILL), add_shell("kill -9 $$"), run(NULL);
    CHECK(killed(SIGKILL) && strcmp(r.errors, "otherwise\n") == 0, "what failed leads to the other block, and death stays");
    CHECK(access(in_scratch("events"), F_OK) == 0, "nothing follows what failed");
    begin_after(), add_holds("events", "oom_kill 1"), explain_as(&b, ESTALE, 9, "killed\n"), and_otherwise();
    add_spawn("exit 3"), label(&b, "tell"), end_after(), add_fork(0), add_shell("exit 7"), run(ignore_children);
    CHECK(ended("", "killed\nnstool: clean-up 1: tell: Input/output error (EIO)\n", 7), "what fails is said");
    begin_after(), flagged(&b, CLOSE, TRY, 1), slot(&b, 0), op(&b, OPEN), slot(&b, HERE), str(&b, "written");
    num(&b, O_WRONLY | O_CREAT), num(&b, 0644), slot(&b, 1), op(&b, WRITE), slot(&b, 1), blob(&b, "1", 1);
    and_otherwise(), end_after(), set(&b, 6, TRACE, 2), add_fork(0), add_shell("exit 0"), run(NULL);
    CHECK(ended("", "open\nafter\nfork\nexec\nclose\nopen\nwrite\n", 0) && access(in_scratch("written"), F_OK) == 0,
          "TRY and TRACE in a block");

    begin_after(), and_otherwise(), end_after(), add_failure(), add_exec(), run(NULL);
    CHECK(failed("3: close: Bad file descriptor (EBADF)"), "a failure before there is a child");
    make_directory("ours");
    begin_after(), op(&b, RMDIR), slot(&b, HERE), str(&b, "ours"), and_otherwise(), end_after(), add_failure(), add_exec();
    run(NULL), CHECK(failed("3: close: Bad file descriptor (EBADF)") && access(in_scratch("ours"), F_OK) < 0,
                     "is cleaned up after");
    make_directory("ours");
    begin_after(), op(&b, RMDIR), slot(&b, HERE), str(&b, "ours"), and_otherwise(), end_after(), add_fork(0);
    add_failure(), add_exec(), run_with_status();
    CHECK(recorded(3, EBADF) && WEXITSTATUS(r.status) == 99 && access(in_scratch("ours"), F_OK) < 0,
          "a failure of the child: it leaves that to its parent");
}

static void forking_into(void)
{
    start(&b), op(&b, FORK_INTO), num(&b, 0), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: fork_into: Bad file descriptor (EBADF)"), "fork_into an empty slot");
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE), flagged(&b, FORK_INTO, TRY, 1), num(&b, 9);
    slot(&b, HERE), op(&b, SKIP), num(&b, 1), num(&b, 1), add_fork(9), add_shell("exit 7"), run(NULL);
    CHECK(ended("", "", 7), "fork_into what is no cgroup, and fork then");
}

static void killing_the_listed(void)
{
    char list[64];
    pid_t victim = fork();
    int status;

    must(victim >= 0, "fork");
    if (victim == 0)
        for (;;)
            pause();
    snprintf(list, sizeof list, "%d\n0\n-1\n99999999999\n1", (int)victim);
    make_file("list", 0644, list);
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE), op(&b, KILL), slot(&b, HERE), str(&b, "list");
    num(&b, 20), add_exec(), run(NULL), CHECK(failed("2: kill: Connection timed out (ETIMEDOUT)"), "kill: who never goes");
    CHECK(wait_for(victim, &status, 0) && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "kill: who is listed");
    make_file("list", 0644, "");
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE), op(&b, KILL), slot(&b, HERE), str(&b, "list");
    num(&b, 0), add_shell("echo nobody"), run(NULL), CHECK(ended("nobody\n", "", 0), "kill: nobody");
    start(&b), add_open(in_scratch(""), O_PATH | O_DIRECTORY, HERE), op(&b, KILL), slot(&b, HERE), str(&b, "no list");
    num(&b, 0), add_exec(), run(NULL), CHECK(failed("2: kill: No such file or directory (ENOENT)"), "kill: no list");
}

static void mount_fields(void)
{
    start(&b), op(&b, UNSHARE), num(&b, 0), add_exec();
    REFUSED(36, "not kinds of namespaces", "unshare nothing");
    start(&b), op(&b, UNSHARE), num(&b, CLONE_VM), add_exec();
    REFUSED(36, "not kinds of namespaces", "unshare something else");
    start(&b), op(&b, PROPAGATE), str(&b, "/"), num(&b, MS_BIND), add_exec();
    REFUSED(36, "not a type of propagation", "mount(2) for something else");
    start(&b), op(&b, TREE), none(&b), str(&b, "/"), num(&b, 2), slot(&b, 0), add_exec();
    REFUSED(36, "unknown flags of open_tree", "flags of open_tree");
    start(&b), op(&b, ATTACH), slot(&b, 0), none(&b), str(&b, "/"), num(&b, 1), add_exec();
    REFUSED(36, "unknown flags of move_mount", "flags of move_mount");
    start(&b), op(&b, UNLESS), num(&b, 7), num(&b, 1), add_exec();
    REFUSED(44, "exec would be skipped", "exec skipped by unless");
}

static void skipping(void)
{
    start(&b), op(&b, UNLESS), num(&b, 7), num(&b, 2), add_failure(), add_failure(), add_shell("echo skipped");
    run(NULL), CHECK(ended("skipped\n", "", 0), "skip over operations unless the mark is set");
    start(&b), flagged(&b, PRCTL, 0, 7), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    op(&b, UNLESS), num(&b, 7), num(&b, 1), add_failure(), add_exec(), run(NULL);
    CHECK(failed("3: close: Bad file descriptor (EBADF)"), "no skip where the mark is set");

    start(&b), flagged(&b, PRCTL, 0, 7), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    op(&b, SKIP), num(&b, 7), num(&b, 2), add_failure(), add_failure(), add_shell("echo skipped"), run(NULL);
    CHECK(ended("skipped\n", "", 0), "skip over operations when the mark is set");
    start(&b), op(&b, SKIP), num(&b, 7), num(&b, 1), add_failure(), add_exec(), run(NULL);
    CHECK(failed("2: close: Bad file descriptor (EBADF)"), "no skip without the mark");
    start(&b), flagged(&b, PRCTL, 0, 7), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    op(&b, SKIP), num(&b, 7), num(&b, 1), add_failure(), add_failure(), add_exec(), run(NULL);
    CHECK(failed("4: close: Bad file descriptor (EBADF)"), "and no further than told");
}

static void ids_of_files(void)
{
    char ids[256];

    start(&b), op(&b, UID_OF), slot(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: uid_of: Bad file descriptor (EBADF)"), "uid_of an empty slot");
    make_file("owned", 0644, "");
    if (geteuid() != 0) {
        skip("gid_of, uid_of, ambient", "needs root");
        return;
    }
    must(chown(in_scratch("owned"), 1234, 4321) == 0, "chown");
    start(&b), add_open(in_scratch("owned"), O_PATH, 0), op(&b, GID_OF), slot(&b, 0), op(&b, UID_OF), slot(&b, 0);
    add_shell("grep -E '^[UG]id' /proc/self/status"), run(NULL);
    CHECK(ended("Uid:\t1234\t1234\t1234\t1234\nGid:\t4321\t4321\t4321\t4321\n", "", 0), "gid_of, uid_of");

    start(&b), op(&b, PRCTL), num(&b, PR_SET_KEEPCAPS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    op(&b, SETUID), num(&b, 1234), op(&b, AMBIENT), num(&b, 1 << CAP_NET_RAW | 1 << CAP_KILL | INT64_MIN);
    add_shell("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status"), run(NULL);
    snprintf(ids, sizeof ids, "CapInh:\t%1$s\nCapPrm:\t%1$s\nCapEff:\t%1$s\nCapAmb:\t%1$s\n", "0000000000002020");
    CHECK(ended(ids, "", 0), "ambient: what is permitted of the mask outlives exec");
}

static void masks(void)
{
    char caps[256];

    make_file("terminal", 0600, "");
    start(&b), add_open(in_scratch("terminal"), O_RDWR, 0), op(&b, CHOWN), slot(&b, 0), num(&b, getuid());
    add_shell("echo done"), run(NULL), CHECK(ended("done\n", "", 0), "chown");
    start(&b), op(&b, CHOWN), slot(&b, 0), num(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: chown: Bad file descriptor (EBADF)"), "chown of nothing");
    if (getuid() == 0) {
        struct stat s;

        must(chown(in_scratch("terminal"), 0, 4712) == 0, "chown");
        start(&b), add_open(in_scratch("terminal"), O_RDWR, 0), op(&b, CHOWN), slot(&b, 0), num(&b, 4711);
        add_shell("echo done"), run(NULL);
        CHECK(ended("done\n", "", 0) && stat(in_scratch("terminal"), &s) == 0 && s.st_uid == 4711 && s.st_gid == 4712,
              "chown leaves the group");
    }
    start(&b), op(&b, UMASK), num(&b, 0137), add_shell("umask"), run(NULL);
    CHECK(ended("0137\n", "", 0), "umask");
    if (geteuid() != 0) {
        skip("capset, bounding", "needs root");
        return;
    }
    start(&b), op(&b, CAPSET), num(&b, -1), num(&b, -1), num(&b, 1 << CAP_KILL), op(&b, BOUNDING);
    num(&b, 1 << CAP_NET_RAW), add_shell("grep -E '^Cap(Inh|Prm|Bnd)' /proc/self/status"), run(NULL);
    snprintf(caps, sizeof caps, "CapInh:\t%016x\nCapPrm:\t%016x\nCapBnd:\t%016x\n", 1 << CAP_KILL,
             1 << CAP_KILL | 1 << CAP_NET_RAW, 1 << CAP_NET_RAW);
    CHECK(ended(caps, "", 0), "what capset makes inheritable outlives exec, and bounding limits it");
    /* With no_new_privs root gains nothing by exec. */
    start(&b), op(&b, CAPSET), num(&b, 1 << CAP_CHOWN | 1 << CAP_KILL), num(&b, 1 << CAP_KILL | 1 << CAP_NET_RAW);
    num(&b, 0), op(&b, PRCTL), num(&b, PR_SET_NO_NEW_PRIVS), num(&b, 1), num(&b, 0), num(&b, 0), num(&b, 0);
    add_shell("grep -E '^Cap(Inh|Prm)' /proc/self/status"), run(NULL);
    snprintf(caps, sizeof caps, "CapInh:\t%016x\nCapPrm:\t%016x\n", 0, 1 << CAP_KILL | 1 << CAP_NET_RAW);
    CHECK(ended(caps, "", 0), "capset takes what is not in its masks, and adds nothing");
    start(&b), op(&b, CAPSET), num(&b, 0), num(&b, 0), num(&b, 0), op(&b, BOUNDING), num(&b, 0), add_exec(), run(NULL);
    CHECK(failed("2: bounding: Operation not permitted (EPERM)"), "bounding without CAP_SETPCAP");
}

/* Refuses sched_yield with this error, and lets everything else pass. */
static void refuse_to_yield(unsigned error, unsigned flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };

    must(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0, "no_new_privs");
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0, "seccomp");
}

/* A process that has two filters, of which the later one counts where both refuse, and waits. */
static pid_t filtered(bool is_frozen)
{
    int ends[2];
    char ready;
    pid_t pid;

    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!is_frozen) {
            refuse_to_yield(11, 0);
            refuse_to_yield(12, SECCOMP_FILTER_FLAG_LOG);
        }
        must(write(ends[1], "", 1) == 1, "write");
        if (is_frozen && vfork() == 0) /* its parent cannot be stopped until it ends */
            prctl(PR_SET_PDEATHSIG, SIGKILL), nap(3000), _exit(0);
        for (;;)
            pause();
    }
    must(read(ends[0], &ready, 1) == 1, "read");
    close(ends[0]), close(ends[1]);
    return pid;
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void yield_once(void)
{
    _exit(sched_yield() < 0 ? 100 + errno : 0);
}

static void filters_of_another(void)
{
    static const char mode[] = "grep -E '^(NoNewPrivs|Seccomp)' /proc/self/status";
    char argument[16], children[64];
    struct stat file;
    pid_t pid;

    start(&b), op(&b, SECCOMP), num(&b, 0), add_exec(), run(NULL);
    CHECK(failed("1: seccomp: No data available (ENODATA)"), "seccomp without filters");
    start(&b), op(&b, SECCOMP_OF), num(&b, INT_MAX), num(&b, 1000), add_exec(), run(NULL);
    CHECK(failed("1: seccomp_of: No such process (ESRCH)"), "seccomp_of no process");
    if (geteuid() != 0) {
        skip("seccomp_of", "needs root");
        return;
    }
    pid = filtered(false);
    start(&b), op(&b, SECCOMP_OF), num(&b, pid), num(&b, 5000), op(&b, SECCOMP), num(&b, 0), add_shell(mode);
    run(NULL), CHECK(ended("NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t2\n", "", 0), "seccomp_of, seccomp");
    snprintf(argument, sizeof argument, "%d", (int)getpid());
    start(&b), op(&b, SECCOMP_OF), num(&b, pid), num(&b, 5000), op(&b, SECCOMP), num(&b, 0), op(&b, EXEC);
    str(&b, this_program), str(&b, ""), str(&b, ""), list(&b, "test", "yield", "once", NULL), list(&b, NULL);
    run(NULL), CHECK(ended("", "", 112), "in the order that they had");
    snprintf(children, sizeof children, "/proc/%d/status", (int)pid);
    CHECK(stat(children, &file) == 0 && kill(pid, 0) == 0, "the other process lives on");
    end_process(pid);

    pid = filtered(true);
    start(&b), flagged(&b, SECCOMP_OF, TRY, 0), num(&b, pid), num(&b, 200), explain_as(&b, ETIMEDOUT, 0, "late\n");
    add_shell("echo on"), run(NULL);
    CHECK(ended("on\n", "late\n", 0), "a process that cannot be stopped is not waited for longer than told");
    end_process(pid);

    pid = filtered(false);
    must(kill(pid, SIGSTOP) == 0, "kill");
    start(&b), op(&b, SECCOMP_OF), num(&b, pid), num(&b, 5000), add_shell("echo read"), run(NULL);
    CHECK(ended("read\n", "", 0), "seccomp_of a stopped process");
    CHECK(waitpid(pid, NULL, WUNTRACED | WNOHANG) == pid, "which stays stopped");
    end_process(pid);
}

/* --- Using nsexec ------------------------------------------------------------------------------------------------- */

static const char *the_argument;
static bool second_argument;

static void run_main(void)
{
    char *argv[] = { (char *)"nsexec", (char *)the_argument, second_argument ? (char *)"3" : NULL, NULL };
    int argc = second_argument ? 3 : the_argument ? 2 : 1;

    if (binary)
        execv(binary, argv);
    else
        nsexec_main(argc, argv);
    _exit(201);
}

static bool used(const char *argument, const char *errors)
{
    the_argument = argument;
    start(&b), add_exec(), run(run_main);
    return ended("", errors, EXIT_REFUSED);
}

static void give_pipe(void)
{
    int ends[2];

    must(pipe(ends) == 0 && dup2(ends[0], 60) == 60, "pipe");
    run_main();
}

static void give_directory(void)
{
    must(dup2(open("/", O_RDONLY), 60) == 60, "open");
    run_main();
}

static off_t large;

static void give_large(void)
{
    int fd = (int)syscall(SYS_memfd_create, "large", 0U);

    must(fd >= 0 && ftruncate(fd, large) == 0 && pwrite(fd, b.bytes, b.size, 0) == (ssize_t)b.size, "memfd_create");
    must(dup2(fd, 60) == 60, "dup2");
    close(fd);
    run_main();
}

static void using(void)
{
    static const char usage[] = "nsexec: usage: nsexec PROGRAM_FD\n";
    char *padding;
    char path[64];
    struct stat process = { .st_uid = 1 };

    CHECK(used(NULL, usage), "no argument");
    CHECK(used("", usage), "an empty argument");
    CHECK(used("-1", usage), "a negative number");
    CHECK(used("+3", usage), "a sign");
    CHECK(used("3x", usage), "more than a number");
    CHECK(used("99999999999999999999", usage), "a number that is too large");
    CHECK(used("2147483647", "nsexec: the program: Bad file descriptor\n"), "a descriptor that is not open");
    second_argument = true, CHECK(used("3", usage), "two arguments"), second_argument = false;

    the_argument = "60";
    start(&b), add_exec(), run(give_pipe);
    CHECK(ended("", "nsexec: bad program at byte 0: no whole header\n", EXIT_REFUSED), "a pipe");
    start(&b), add_exec(), run(give_directory);
    CHECK(WIFEXITED(r.status) && WEXITSTATUS(r.status) == EXIT_REFUSED, "a directory");
    start(&b), add_exec(), finish(&b), large = MAX_PROGRAM + 1, run(give_large);
    CHECK(ended("", "nsexec: the program: larger than 32 MiB\n", EXIT_REFUSED), "a program of 32 MiB and one byte");

    padding = malloc(MAX_PROGRAM), memset(padding, 'x', MAX_PROGRAM);
    start(&b), add_open("/", O_PATH, 0), end_op(&b), add_shell("exit 11"), end_op(&b);
    padding[MAX_PROGRAM - b.size] = '\0';
    start(&b), add_open("/", O_PATH, 0), label(&b, padding), add_shell("exit 11"), run(NULL);
    CHECK(b.size == MAX_PROGRAM && ended("", "", 11), "a program of 32 MiB");
    free(padding);

    start(&b), op(&b, 99), run(NULL);
    CHECK(ended("", "nsexec: bad program at byte 28: an unknown operation\n", EXIT_REFUSED),
          "a program that is refused");
    start(&b), op(&b, 99), run_with_status();
    CHECK(ended("", "", EXIT_REFUSED) && recorded(UINT32_MAX, EINVAL), "and reports so to the status descriptor");
    start(&b), op(&b, OPEN), none(&b), str(&b, in_scratch("never")), num(&b, O_CREAT | O_RDWR), num(&b, 0600);
    slot(&b, 0), op(&b, 99), run(NULL);
    CHECK(access(in_scratch("never"), F_OK) < 0, "a program that is refused later carries out nothing");

    /* While it waits for the other end of a FIFO, nsexec is looked at. */
    must(mkfifo(in_scratch("wait"), 0600) == 0, "mkfifo");
    start(&b), add_open(in_scratch("wait"), O_WRONLY, 0), add_shell("exit 12"), begin_run(NULL);
    snprintf(path, sizeof path, "/proc/%d/status", (int)r.pid);
    for (int i = 0; i < 1000 && stat(path, &process) == 0 && process.st_uid != 0; i++)
        nap(5);
    CHECK(process.st_uid == 0,
          "nsexec is not dumpable: its files in /proc belong to root");
    close(open(in_scratch("wait"), O_RDONLY | O_CLOEXEC)), end_run(), CHECK(ended("", "", 12), "and goes on");
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static int run_all(void)
{
    r.record_fd = -1;
    decoding_the_header();
    decoding_operations();
    decoding_fields();
    decoding_lengths();
    executing();
    failing();
    failing_slowly();
    trying();
    descriptors();
    privileges();
    limits_and_prctl();
    signal_state();
    monitor_mirrors();
    monitor_holds_nothing();
    monitor_forwards();
    monitor_stops();
    deaths();
    terminals();
    relays();
    namespaces();
    reaching();
    writing();
    skipping();
    waiting();
    blocks();
    cleaning_up();
    killing_the_listed();
    forking_into();
    mount_fields();
    mounting();
    ids_of_files();
    masks();
    filters_of_another();
    using();
    free(b.bytes);
    printf("1..%d\n# %d tests, %d failed, %d skipped\n", tests, tests, failures, skips);
    fflush(stdout);
    return failures > 0;
}

static int remove_one(const char *path, const struct stat *s, int type_flag, struct FTW *walk)
{
    (void)s, (void)type_flag, (void)walk;
    return remove(path);
}

static void nothing(int signal)
{
    (void)signal;
}

/* Ends what the tests left, as far as it became our child (we are its reaper), and counts it. */
static int end_what_is_left(void)
{
    int left = 0;

    for (int i = 0; i < 100; i++) {
        char path[64], children[4096];
        FILE *file;

        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return left;
        nap(20);
        if (i < 50)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
        file = fopen(path, "re");
        if (file && fgets(children, sizeof children, file)) {
            printf("# left behind: %s\n", children);
            for (char *at = strtok(children, " "); at; at = strtok(NULL, " "))
                if (atoi(at) > 0)
                    left++, kill(atoi(at), SIGKILL);
        }
        if (file)
            fclose(file);
        i = i < 90 ? 90 : i;
    }
    return left + 1;
}

int main(int argc, char **argv)
{
    int status = 1, result = 1;
    pid_t tester, ended_child;
    const char *base = getenv("TMPDIR");

    if (argc == 3 && strcmp(argv[1], "count-signals") == 0)
        return count_signals(atoi(argv[2]));
    if (argc == 3 && strcmp(argv[1], "yield") == 0)
        yield_once();
    binary = argc > 1 ? argv[1] : NULL;
    for (int i = 1; i <= MAX_SIGNAL; i++)
        if (i != SIGKILL && i != SIGSTOP)
            default_action(i);
    change_mask(SIG_SETMASK, 0, NULL);
    umask(022);
    must(readlink("/proc/self/exe", this_program, sizeof this_program - 1) > 0, "readlink");
    snprintf(scratch, sizeof scratch - 64, "%s/nsexec-test.XXXXXX", base ? base : "/tmp");
    must(mkdtemp(scratch) != NULL, "mkdtemp");
    chmod(scratch, 0755);

    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    tester = fork();
    if (tester == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(run_all());
    }
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = nothing }, NULL);
    alarm(240);
    while ((ended_child = waitpid(-1, &status, 0)) != tester)
        if (ended_child < 0) {
            printf("not ok - the tests took too long\n");
            kill(tester, SIGKILL);
            alarm(0);
            status = 1;
        }
    result = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (WIFSIGNALED(status))
        printf("not ok - the tests died of signal %d\n", WTERMSIG(status));
    if (end_what_is_left() > 0) {
        printf("not ok - a test left a process behind\n");
        result = 1;
    }
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return result;
}
