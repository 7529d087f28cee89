// Processes with one weakness each, for the audit. Prints `ready` and waits to be killed.
//
// usage: audited capset EFFECTIVE PERMITTED INHERITABLE | thread | hidden | euid UID | listen NAME | traced |
//        filtered
//
//   capset     these capability sets (hexadecimal masks)
//   thread     a thread with no_new_privs, which its first one has not
//   hidden     a thread that keeps the capabilities which its first one gives up
//   euid       the effective uid is UID, the real and the saved one stay
//   listen     listens on the unix socket NAME; with @ in front on the abstract one
//   traced     a child that it traces
//   filtered   a seccomp filter that lets everything through

#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "audited: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *without_new_privileges(void *barrier)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail("prctl");
	pthread_barrier_wait(barrier);
	pause();
	return NULL;
}

static void start_thread(void)
{
	static pthread_barrier_t barrier;
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, without_new_privileges, &barrier) != 0)
		fail("pthread_create");
	pthread_barrier_wait(&barrier);
}

static void set_capabilities(char **masks)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int word = 0; word < 2; word++) {
		data[word].effective = (unsigned)(strtoull(masks[0], NULL, 16) >> (32 * word));
		data[word].permitted = (unsigned)(strtoull(masks[1], NULL, 16) >> (32 * word));
		data[word].inheritable = (unsigned)(strtoull(masks[2], NULL, 16) >> (32 * word));
	}
	if (syscall(SYS_capset, &header, data) != 0)
		fail("capset");
}

static void listen_on(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);

	if (length >= sizeof address.sun_path)
		fail("name");
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, offsetof(struct sockaddr_un, sun_path) + length) != 0)
		fail("bind");
	if (listen(fd, 1) != 0)
		fail("listen");
}

static void trace_child(void)
{
	int told[2];
	char byte;

	if (pipe(told) != 0)
		fail("pipe");
	if (fork() == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		if (write(told[1], "", 1) != 1)
			fail("write");
		for (;;)
			pause();
	}
	if (read(told[0], &byte, 1) != 1)
		fail("read");
}

static void filter(void)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("seccomp");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "capset") == 0 && argc == 5)
		set_capabilities(argv + 2);
	else if (strcmp(mode, "thread") == 0)
		start_thread();
	else if (strcmp(mode, "hidden") == 0) {
		start_thread();
		set_capabilities((char *[]){"0", "0", "0"});
	} else if (strcmp(mode, "euid") == 0 && argc == 3) {
		if (setresuid((uid_t)-1, (uid_t)atoi(argv[2]), (uid_t)-1) != 0)
			fail("setresuid");
	} else if (strcmp(mode, "listen") == 0 && argc == 3)
		listen_on(argv[2]);
	else if (strcmp(mode, "traced") == 0)
		trace_child();
	else if (strcmp(mode, "filtered") == 0)
		filter();
	else
		return 2;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
