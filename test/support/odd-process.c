// Processes that are unusual in one way each. Prints `ready` and waits to be killed.
//
// usage: odd-process words [WORD...] | zombie | user-zombie | threads KINDS | leaderless KINDS |
//        overwritten | title | name TEXT | undumpable | filtered COMMAND [WORD...]
//
//   words         its command line is exactly these words, the first one included; without any the kernel makes it one
//                 empty word
//   zombie        a child that has ended and is never reaped
//   user-zombie   the same, with a user namespace of its own
//   threads       three threads, each in namespaces of its own (CLONE_NEW* flags in hexadecimal)
//   leaderless    in namespaces of its own, with a thread that goes on where the first one has ended
//   overwritten   the command line is written over to its last byte, the final NUL included: the kernel then reads on
//                 into the environment (fs/proc/base.c, get_mm_cmdline)
//   title         as setproctitle(3) leaves it: a shorter text, and NULs to the end
//   name          the command's name (PR_SET_NAME) is TEXT
//   undumpable    its files in /proc belong to root (PR_SET_DUMPABLE)
//   filtered      becomes COMMAND, with a seccomp filter that refuses sethostname(2) with EINVAL

#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t separated;
static int kinds;

static void fail(const char *what)
{
	fprintf(stderr, "odd-process: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *separate(void *unused)
{
	(void)unused;
	if (unshare(kinds) != 0)
		fail("unshare");
	pthread_barrier_wait(&separated);
	pause();
	return NULL;
}

static void threads(const char *flags)
{
	pthread_t thread;

	kinds = (int)strtol(flags, NULL, 16);
	pthread_barrier_init(&separated, NULL, 4);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&thread, NULL, separate, NULL) != 0)
			fail("pthread_create");
	pthread_barrier_wait(&separated);
}

static void *outlive(void *unused)
{
	char path[64], text[64];

	(void)unused;
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", getpid());
	while (readlink(path, text, sizeof text) > 0)
		usleep(1000);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

static void leaderless(const char *flags)
{
	pthread_t thread;

	if (unshare((int)strtol(flags, NULL, 16)) != 0)
		fail("unshare");
	if (pthread_create(&thread, NULL, outlive, NULL) != 0)
		fail("pthread_create");
	syscall(SYS_exit, 0);
}

/** The child's end of the pipe closes when it has ended. */
static void zombie(int flags)
{
	int ended[2];
	char byte;

	if (pipe(ended) != 0)
		fail("pipe");
	if (fork() == 0) {
		if (flags != 0 && unshare(flags) != 0)
			_exit(1);
		_exit(0);
	}
	close(ended[1]);
	if (read(ended[0], &byte, 1) != 0)
		fail("read");
}

static void filtered(char **command)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("seccomp");
	execvp(command[0], command);
	fail(command[0]);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	char *end = argv[argc - 1] + strlen(argv[argc - 1]);
	char *waits[] = { "ODD_PROCESS=waits", NULL };

	if (getenv("ODD_PROCESS") != NULL) {
		/* Words of our own choosing: nothing to do but wait. */
	} else if (strcmp(mode, "words") == 0) {
		execve("/proc/self/exe", argv + 2, waits);
		fail("execve");
	} else if (strcmp(mode, "zombie") == 0) {
		zombie(0);
	} else if (strcmp(mode, "user-zombie") == 0) {
		zombie(CLONE_NEWUSER);
	} else if (strcmp(mode, "threads") == 0 && argc > 2) {
		threads(argv[2]);
	} else if (strcmp(mode, "leaderless") == 0 && argc > 2) {
		leaderless(argv[2]);
	} else if (strcmp(mode, "overwritten") == 0) {
		memset(argv[0], 'x', (size_t)(end + 1 - argv[0]));
	} else if (strcmp(mode, "title") == 0) {
		memset(argv[0], 0, (size_t)(end + 1 - argv[0]));
		memcpy(argv[0], "a title", 7);
	} else if (strcmp(mode, "name") == 0 && argc > 2) {
		prctl(PR_SET_NAME, argv[2]);
	} else if (strcmp(mode, "undumpable") == 0) {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	} else if (strcmp(mode, "filtered") == 0 && argc > 2) {
		filtered(argv + 2);
	} else {
		fprintf(stderr, "odd-process: no such mode\n");
		return 2;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
