// Does what standard input says, one act a line, each in a child of its own, and answers with the errno (0: it was done).
// The acts are harmless: what is changed is as it was before, or the child's alone.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

static long bind_to(int type, const char *port) {
  int fd = socket(AF_INET, type, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static long same_flags(void) {
  struct ifreq request = {0};
  strcpy(request.ifr_name, "lo");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) return -1;
  return ioctl(fd, SIOCSIFFLAGS, &request);
}

static long same_name(void) {
  char name[65];
  if (gethostname(name, sizeof name) < 0) return -1;
  return sethostname(name, strlen(name));
}

/** By its path, or by the descriptor that was given to us. */
static long join(const char *path) {
  int fd = path[0] == '/' ? open(path, O_RDONLY | O_CLOEXEC) : atoi(path);
  return fd < 0 ? -1 : setns(fd, 0);
}

static long mount_on(const char *path) {
  if (mount("none", path, "tmpfs", 0, NULL) < 0) return -1;
  return umount2(path, MNT_DETACH);
}

/** To somebody else; where nobody else is mapped, to root. */
static long give(const char *path) {
  long result = chown(path, 7, (gid_t)-1);
  return result < 0 && errno == EINVAL ? chown(path, 0, (gid_t)-1) : result;
}

static long device(const char *path) {
  if (mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0) return -1;
  return unlink(path);
}

static long tick(void) {
  struct timex change = {.modes = ADJ_TICK, .tick = 1};
  return adjtimex(&change);
}

/** What is checked after the capability fails, too. */
static long beyond(long result, int errno_after) { return result < 0 && errno == errno_after ? 0 : result; }

static long write_text(const char *path, const char *text) {
  char copy[256];
  size_t length = 0;
  // '_' stands for a blank, '~' for the end of a line.
  for (; text[length] != '\0' && length < sizeof copy; length++)
    copy[length] = text[length] == '_' ? ' ' : text[length] == '~' ? '\n' : text[length];
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -1 : write(fd, copy, length);
}

static long act(const char *what, const char *a, const char *b) {
  if (strcmp(what, "tcp") == 0) return bind_to(SOCK_STREAM, a);
  if (strcmp(what, "udp") == 0) return bind_to(SOCK_DGRAM, a);
  if (strcmp(what, "raw") == 0) return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  if (strcmp(what, "packet") == 0) return socket(AF_PACKET, SOCK_RAW, 0);
  if (strcmp(what, "mount") == 0) return mount_on(a);
  if (strcmp(what, "setns") == 0) return join(a);
  if (strcmp(what, "kill") == 0) return kill(atoi(a), 0);
  if (strcmp(what, "ptrace") == 0) return ptrace(PTRACE_SEIZE, atoi(a), 0, 0);
  if (strcmp(what, "setuid") == 0) return setuid((uid_t)atoi(a));
  if (strcmp(what, "setgid") == 0) return setgid((gid_t)atoi(a));
  if (strcmp(what, "chown") == 0) return give(a);
  if (strcmp(what, "module") == 0) return beyond(syscall(SYS_init_module, "garbage", 7, ""), ENOEXEC);
  if (strcmp(what, "hostname") == 0) return same_name();
  if (strcmp(what, "flags") == 0) return same_flags();
  if (strcmp(what, "chroot") == 0) return chroot("/");
  if (strcmp(what, "reboot") == 0) return beyond(syscall(SYS_reboot, 0, 0, 0, 0), EINVAL);
  if (strcmp(what, "mknod") == 0) return device(a);
  if (strcmp(what, "acct") == 0) return acct(NULL);
  if (strcmp(what, "vhangup") == 0) return vhangup();
  if (strcmp(what, "capbset") == 0) return prctl(PR_CAPBSET_DROP, 40);
  if (strcmp(what, "nice") == 0) return setpriority(PRIO_PROCESS, 0, -1);
  if (strcmp(what, "tick") == 0) return beyond(tick(), EINVAL);
  if (strcmp(what, "syslog") == 0) return beyond(syscall(SYS_syslog, 8, NULL, 0), EINVAL);
  if (strcmp(what, "resource") == 0) {
    struct rlimit none = {0, 0}, more = {1, 1};
    setrlimit(RLIMIT_MSGQUEUE, &none);
    return setrlimit(RLIMIT_MSGQUEUE, &more);
  }
  if (strcmp(what, "setgroups") == 0) return setgroups(0, NULL);
  if (strcmp(what, "write") == 0) return write_text(a, b);
  errno = ENOSYS;
  return -1;
}

int main(void) {
  char line[512];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *save = NULL, *what = strtok_r(line, " \n", &save), *a = strtok_r(NULL, " \n", &save);
    char *b = strtok_r(NULL, " \n", &save);
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(act(what == NULL ? "" : what, a == NULL ? "" : a, b == NULL ? "" : b) < 0 ? errno : 0);
    waitpid(pid, &status, 0);
    printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 255);
    fflush(stdout);
  }
  return 0;
}
