/*
 * Builds programs for nsexec byte by byte, for its tests and its fuzzer: valid ones, and on request wrong ones.
 * Included after nsexec.c.
 *
 *     start(&b);
 *     op(&b, OPEN), none(&b), str(&b, "/proc/self/ns/uts"), num(&b, O_RDONLY), num(&b, 0), slot(&b, 0);
 *     label(&b, "open it"), explain(&b, ENOENT, 3, "it is gone\n");
 *     op(&b, EXEC), str(&b, "true"), str(&b, "/bin"), str(&b, ""), list(&b, "true", NULL), list(&b, NULL);
 *     finish(&b);
 */
#include <stdarg.h>

enum { ADOPT = 1, OPEN, CLOSE, EXPECT, SETNS, CHROOT, CHDIR, SETGROUPS, SETGID, SETUID, PRCTL, RLIMIT, SIGNALS,
       FORK, EXEC, SKIP, PIDFD, GETFD, REACH, HANDLE, WRITE, GID_OF, UID_OF, AMBIENT, PTY, RELAY,
       UMASK, CAPSET, BOUNDING, SECCOMP_OF, SECCOMP, CHOWN, LAST = CHOWN };

enum { UNLESS = 40, UNSHARE, PROPAGATE, FSMOUNT, TREE, ATTACH, DETACH, MKDIR, SYMLINK, NEW_FILE,
       WAIT, RMDIR, AFTER, HOLDS, KILL, SPAWN, UNLINK, LINKS, FORK_INTO };

enum { AT_SIZE = 8, AT_OPERATIONS = 12, AT_SLOTS = 16, AT_EXIT_STATUS = 20, AT_STATUS_FD = 24 };

enum { MAX_LENGTHS = 512 };

struct builder {
    unsigned char *bytes;
    size_t size, room;
    uint32_t operations;
    size_t operation;    /* where the current one starts, 0 for none */
    size_t explanations; /* where its count of explanations stands, 0 when it has no label yet */
    size_t length[MAX_LENGTHS]; /* where the lengths and counts stand, for a fuzzer to hit them */
    size_t lengths;
};

static void raw(struct builder *b, const void *bytes, size_t size)
{
    if (b->size + size > b->room) {
        b->room = 2 * (b->size + size);
        b->bytes = realloc(b->bytes, b->room);
        if (!b->bytes)
            abort();
    }
    if (size > 0)
        memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void set(struct builder *b, size_t at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        b->bytes[at + i] = (unsigned char)(number >> 8 * i);
}

static uint32_t get(const struct builder *b, size_t at)
{
    return (uint32_t)b->bytes[at] | (uint32_t)b->bytes[at + 1] << 8 | (uint32_t)b->bytes[at + 2] << 16 |
           (uint32_t)b->bytes[at + 3] << 24;
}

static void put(struct builder *b, uint64_t number, size_t size)
{
    static const unsigned char zero[8];

    raw(b, zero, size);
    set(b, b->size - size, number, size);
}

static void put_length(struct builder *b, size_t length)
{
    if (b->lengths < MAX_LENGTHS)
        b->length[b->lengths++] = b->size;
    put(b, length, 4);
}

static void num(struct builder *b, int64_t number)
{
    put(b, (uint64_t)number, 8);
}

static void blob(struct builder *b, const void *bytes, size_t size)
{
    put_length(b, size);
    raw(b, bytes, size);
}

static void str(struct builder *b, const char *string)
{
    blob(b, string, strlen(string));
    put(b, 0, 1);
}

static void slot(struct builder *b, uint32_t number)
{
    put(b, number, 4);
}

static void none(struct builder *b)
{
    slot(b, UINT32_MAX);
}

/* Strings up to a NULL. */
static __attribute__((unused)) void list(struct builder *b, ...)
{
    size_t count_at = b->size;
    uint32_t count = 0;
    const char *string;
    va_list strings;

    put_length(b, 0);
    va_start(strings, b);
    for (; (string = va_arg(strings, const char *)); count++)
        str(b, string);
    va_end(strings);
    set(b, count_at, count, 4);
}

static void label(struct builder *b, const char *string)
{
    str(b, string);
    b->explanations = b->size;
    put_length(b, 0);
}

static void explain_as(struct builder *b, int error, uint32_t exit_status, const char *string)
{
    if (!b->explanations)
        label(b, "");
    set(b, b->explanations, get(b, b->explanations) + 1, 4);
    put(b, (uint64_t)error, 4);
    put(b, exit_status, 4);
    str(b, string);
}

static void end_op(struct builder *b)
{
    if (!b->operation)
        return;
    if (!b->explanations)
        label(b, "");
    set(b, b->operation + 4, b->size - b->operation, 4);
    b->operation = 0;
}

static void flagged(struct builder *b, uint16_t code, uint8_t flags, uint8_t mark)
{
    end_op(b);
    b->operation = b->size;
    b->explanations = 0;
    b->operations++;
    put(b, code, 2);
    put(b, flags, 1);
    put(b, mark, 1);
    put_length(b, 0);
}

static __attribute__((unused)) void op(struct builder *b, uint16_t code)
{
    flagged(b, code, 0, 0);
}

struct block {
    size_t count_at, operation, explanations;
    uint32_t operations;
};

/* What follows, up to end_block(), is a field of the operation that was begun. */
static struct block begin_block(struct builder *b)
{
    const struct block outer = { b->size, b->operation, b->explanations, b->operations };

    put_length(b, 0);
    b->operation = b->operations = 0;
    return outer;
}

static void end_block(struct builder *b, struct block outer)
{
    end_op(b);
    set(b, outer.count_at, b->operations, 4);
    b->operation = outer.operation;
    b->explanations = 0;
    b->operations = outer.operations;
}

static void start(struct builder *b)
{
    b->size = b->operation = b->explanations = b->lengths = 0;
    b->operations = 0;
    raw(b, "NSXP", 4);
    put(b, VERSION, 2);
    put(b, 0, 2);
    put_length(b, 0);
    put_length(b, 0);
    put(b, 8, 4);   /* slots */
    put(b, 99, 4);  /* exit status */
    put(b, UINT32_MAX, 4);
}

static void finish(struct builder *b)
{
    end_op(b);
    set(b, AT_SIZE, b->size, 4);
    set(b, AT_OPERATIONS, b->operations, 4);
}
