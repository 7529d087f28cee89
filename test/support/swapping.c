// The first process of a container that changes, again and again, what somebody who enters it looks at. Prints `ready`,
// and goes on until it is killed.
//
// usage: swapping root | proc | exe | files SECRET
//
//   root    its root directory: /, and /jail
//   proc    what is mounted on /proc: a tmpfs, a directory of its own, and nothing
//   exe     its own program, executed anew each time: /swapping and /other, which change their names
//   files   /etc/resolv.conf and /etc/passwd: a file, a FIFO, and links that lead out of the root to the path SECRET; its
//           working directory, too

#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static void swap_root(int top)
{
	if (chroot("/jail") != 0 || fchdir(top) != 0 || chroot(".") != 0)
		_exit(1);
}

static void swap_proc(void)
{
	(void)mount("tmpfs", "/proc", "tmpfs", 0, NULL);
	(void)symlink("/jail", "/proc/self");
	(void)umount2("/proc", MNT_DETACH);
	(void)mount("/jail", "/proc", NULL, MS_BIND, NULL);
	(void)umount2("/proc", MNT_DETACH);
}

static void swap_program(char **argv)
{
	(void)rename("/swapping", "/third");
	(void)rename("/other", "/swapping");
	(void)rename("/third", "/other");
	execv("/swapping", argv);
	_exit(1);
}

static void swap_files(const char *secret)
{
	char link[4096];

	(void)unlink("/etc/resolv.conf");
	snprintf(link, sizeof link, "../../../../../../..%s", secret);
	(void)symlink(link, "/etc/resolv.conf");
	(void)unlink("/etc/passwd");
	snprintf(link, sizeof link, "/proc/1/root%s", secret);
	(void)symlink(link, "/etc/passwd");
	(void)chdir("/jail");
	(void)unlink("/etc/resolv.conf");
	(void)close(open("/etc/resolv.conf", O_CREAT | O_WRONLY, 0644));
	(void)unlink("/etc/passwd");
	(void)mkfifo("/etc/passwd", 0644);
	(void)chdir("/");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (getenv("SWAPPING") == NULL) {
		puts("ready");
		fflush(stdout);
		setenv("SWAPPING", "1", 1);
	}
	for (;;) {
		if (strcmp(mode, "root") == 0)
			swap_root(top);
		else if (strcmp(mode, "proc") == 0)
			swap_proc();
		else if (strcmp(mode, "exe") == 0)
			swap_program(argv);
		else
			swap_files(argc > 2 ? argv[2] : "/");
		usleep(300);
	}
}
