// Starts processes with random ids and capability sets, most with threads that have others. Prints `ready` when all are
// there, and waits to be killed.
//
// usage: random-caps COUNT SEED

#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t settled;

static void fail(const char *what)
{
	fprintf(stderr, "random-caps: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

// Any of them, few, nearly all, all, none.
static uint64_t some(uint64_t *state, uint64_t of)
{
	uint64_t one = next(state), two = next(state), three = next(state);
	switch (next(state) % 5) {
	case 0:
		return one & of;
	case 1:
		return one & two & three & of;
	case 2:
		return (one | two | three) & of;
	case 3:
		return of;
	default:
		return 0;
	}
}

static void capget_own(uint64_t sets[3])
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) != 0)
		fail("capget");
	sets[0] = data[0].effective | (uint64_t)data[1].effective << 32;
	sets[1] = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets[2] = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
}

static void capset_own(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};
	if (syscall(SYS_capset, &header, data) != 0)
		fail("capset");
}

// All of it is of the calling thread alone: the C library's own setresuid would change the others too.
static void change(uint64_t *state)
{
	uint64_t had[3], bounding = 0;
	capget_own(had);
	for (unsigned long bit = 0; bit < 64 && prctl(PR_CAPBSET_READ, bit, 0, 0, 0) >= 0; bit++)
		bounding |= (uint64_t)prctl(PR_CAPBSET_READ, bit, 0, 0, 0) << bit;
	uint64_t kept = some(state, bounding), permitted = some(state, had[1]), effective = some(state, permitted);
	uint64_t inheritable = some(state, kept), ambient = some(state, permitted & inheritable);
	for (unsigned long bit = 0; bit < 64; bit++)
		if ((bounding & ~kept) >> bit & 1 && prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) != 0)
			fail("drop");
	if (next(state) % 2) {
		gid_t groups[] = { 7, (gid_t)(next(state) % 1000) };
		unsigned long id = 1 + next(state) % 60000;
		prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		if (syscall(SYS_setgroups, next(state) % 3, groups) != 0 || syscall(SYS_setresgid, id, id + 1, id) != 0 ||
		    syscall(SYS_setresuid, id, next(state) % 2 ? id : id + 2, id) != 0)
			fail("ids");
	}
	capset_own(effective, permitted, inheritable);
	for (unsigned long bit = 0; bit < 64; bit++)
		if (ambient >> bit & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) != 0)
			fail("ambient");
	if (next(state) % 3 == 0)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void *thread(void *seed)
{
	uint64_t state = (uintptr_t)seed;
	if (state % 3 != 0)
		change(&state);
	pthread_barrier_wait(&settled);
	pause();
	return NULL;
}

static void process(uint64_t state, int told)
{
	int threads = (int)(next(&state) % 3);
	prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0);
	pthread_barrier_init(&settled, NULL, threads + 1);
	for (int i = 0; i < threads; i++) {
		pthread_t started;
		if (pthread_create(&started, NULL, thread, (void *)(uintptr_t)(next(&state) | 1)) != 0)
			fail("pthread_create");
	}
	change(&state);
	pthread_barrier_wait(&settled);
	if (write(told, "x", 1) != 1)
		fail("write");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int ends[2], count = argc < 3 ? 0 : atoi(argv[1]);
	uint64_t state = argc < 3 ? 1 : strtoull(argv[2], NULL, 10);
	char one;
	if (pipe(ends) != 0)
		fail("pipe");
	for (int i = 0; i < count; i++) {
		uint64_t seed = next(&state);
		if (fork() == 0)
			process(seed, ends[1]);
	}
	close(ends[1]);
	for (int i = 0; i < count; i++)
		if (read(ends[0], &one, 1) != 1)
			fail("a process ended");
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
