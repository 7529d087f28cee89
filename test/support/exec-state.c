// Takes a state of credentials and a file, one a line on standard input, makes a process of that state, and lets it
// execute the file once it was looked at. The file is this program, too: then it tells what it has become.
//
//   in   NS SHARED TRACED UIDS GIDS GROUPS INH AMB PERM EFF BND SECBITS NNP FILE MODE OWNER GROUP XATTR
//   out  before PID SECBITS
//   in   go
//   out  after SECURE SECBITS INH PERM EFF BND AMB UIDS GIDS, or errno N
//
// NS is - or `INSIDE:OUTSIDE:COUNT` of both maps, or `none`: a user namespace without maps. Masks are hexadecimal, ids of
// a namespace those inside.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { TO_PARENT = 10, FROM_PARENT = 11, NO_SETUID_FIXUP = 4, LAST = 63 };

typedef unsigned long long u64;

struct message {
  char what;
  int first, second;
};

static void fail(const char *what) {
  fprintf(stderr, "exec-state: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void check(long result, const char *what) {
  if (result < 0) fail(what);
}

static void capset_now(u64 effective, u64 permitted, u64 inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
  check(syscall(SYS_capset, &header, data), "capset");
}

static u64 permitted_now(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  check(syscall(SYS_capget, &header, data), "capget");
  return data[0].permitted | (u64)data[1].permitted << 32;
}

static void tell(char what, int first, int second) {
  struct message message = {what, first, second};
  check(write(TO_PARENT, &message, sizeof message), "write");
}

static void await_parent(void) {
  char byte;
  if (read(FROM_PARENT, &byte, 1) != 1) exit(1);
}

// ---- what was executed

static int show(void) {
  tell('a', (int)getauxval(AT_SECURE), prctl(PR_GET_SECUREBITS));
  await_parent();
  return 0;
}

// ---- the state

static char line[4096], *words[18];

static int ids(const char *text, unsigned *into, int most) {
  int count = 0;
  while (*text != '\0' && *text != '-' && count < most) {
    char *end;
    into[count++] = (unsigned)strtoul(text, &end, 10);
    text = *end == ',' ? end + 1 : end;
  }
  return count;
}

static u64 mask(const char *text) { return strtoull(text, NULL, 16); }

static void take_state(void) {
  unsigned uids[3], gids[3], groups[16];
  int mapped = strcmp(words[0], "none") != 0;
  check(prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP), "securebits");
  if (mapped) {
    check(setgroups((size_t)ids(words[5], groups, 16), groups), "setgroups");
    ids(words[4], gids, 3);
    ids(words[3], uids, 3);
    check(setresgid(gids[0], gids[1], gids[2]), "setresgid");
    check(setresuid(uids[0], uids[1], uids[2]), "setresuid");
  }
  u64 have = permitted_now(), inheritable = mask(words[6]) & have, ambient = mask(words[7]) & inheritable;
  capset_now(have, have, inheritable);
  for (unsigned long each = 0; each <= LAST; each++)
    if (ambient >> each & 1) check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0), "ambient");
  check(prctl(PR_SET_SECUREBITS, atoi(words[11])), "securebits");
  for (unsigned long each = 0; each <= LAST; each++)
    if (!(mask(words[10]) >> each & 1) && prctl(PR_CAPBSET_READ, each) == 1) check(prctl(PR_CAPBSET_DROP, each), "bound");
  u64 permitted = mask(words[8]) & have;
  capset_now(mask(words[9]) & permitted, permitted, inheritable);
  if (atoi(words[12])) check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void run_child(void) {
  check(prctl(PR_SET_PDEATHSIG, SIGKILL), "pdeathsig");
  if (strcmp(words[0], "-") != 0) {
    check(unshare(CLONE_NEWUSER), "unshare");
    tell('u', 0, 0);
    await_parent();
  }
  take_state();
  if (atoi(words[2])) check(ptrace(PTRACE_TRACEME, 0, 0, 0), "traceme");
  tell('b', prctl(PR_GET_SECUREBITS), 0);
  await_parent();
  char *argv[] = {words[13], "show", NULL}, *env[] = {NULL};
  execve(words[13], argv, env);
  tell('e', errno, 0);
  _exit(0);
}

// ---- beside it

static void write_map(pid_t pid, const char *name) {
  char path[64], text[64];
  unsigned inside, outside, count;
  if (sscanf(words[0], "%u:%u:%u", &inside, &outside, &count) != 3) return;
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int length = snprintf(text, sizeof text, "%u %u %u\n", inside, outside, count);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  check(fd, path);
  check(write(fd, text, (size_t)length), name);
  close(fd);
}

static void print_field(const char *status, const char *key) {
  const char *at = strstr(status, key);
  if (at == NULL) return;
  at += strlen(key);
  putchar(' ');
  for (; *at != '\n' && *at != '\0'; at++) putchar(*at == '\t' ? ',' : *at);
}

static void print_after(pid_t pid, int secure, int securebits) {
  char path[64], status[8192];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  check(fd, path);
  ssize_t length = read(fd, status, sizeof status - 1);
  check(length, "read");
  status[length] = '\0';
  close(fd);
  printf("after %d %d", secure, securebits);
  static const char *const keys[] = {"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t", "\nUid:\t", "\nGid:\t"};
  for (size_t each = 0; each < sizeof keys / sizeof *keys; each++) print_field(status, keys[each]);
  putchar('\n');
}

static int read_line(void) {
  size_t length = 0;
  char byte;
  while (read(0, &byte, 1) == 1 && byte != '\n' && length < sizeof line - 1) line[length++] = byte;
  line[length] = '\0';
  return length > 0;
}

static void prepare_file(void) {
  const char *file = words[13], *hex = words[17];
  unsigned char value[64];
  size_t length = 0;
  for (; hex[0] != '-' && hex[0] != '\0'; hex += 2) sscanf(hex, "%2hhx", &value[length++]);
  check(chown(file, (uid_t)atoi(words[15]), (gid_t)atoi(words[16])), "chown");
  check(chmod(file, (mode_t)strtoul(words[14], NULL, 8)), "chmod");
  if (length > 0) check(setxattr(file, "security.capability", value, length, 0), "setxattr");
  else if (removexattr(file, "security.capability") < 0 && errno != ENODATA) fail("removexattr");
}

// Traced programs stop at execve, and wait to be let go.
static int next_message(pid_t pid, int from, int traced, struct message *message) {
  int status;
  if (traced && message->what == 'b') {
    if (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) ptrace(PTRACE_CONT, pid, 0, 0);
  }
  return read(from, message, sizeof *message) == sizeof *message;
}

static void run_case(void) {
  int up[2], down[2], traced = atoi(words[2]);
  check(pipe(up), "pipe");
  check(pipe(down), "pipe");
  // Who traces without CAP_SYS_PTRACE makes an execve unsafe.
  if (traced) {
    u64 less = permitted_now() & ~(1ULL << CAP_SYS_PTRACE);
    capset_now(less, less, 0);
  }
  fflush(stdout);
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | (atoi(words[1]) ? CLONE_FS : 0), NULL, NULL, NULL, NULL);
  check(pid, "clone");
  if (pid == 0) {
    dup2(up[1], TO_PARENT);
    dup2(down[0], FROM_PARENT);
    for (int each = 0; each < 2; each++) close(up[each]), close(down[each]);
    run_child();
  }
  close(up[1]);
  close(down[0]);
  struct message message = {0};
  while (next_message(pid, up[0], traced, &message)) {
    if (message.what == 'u') {
      write_map(pid, "uid_map");
      write_map(pid, "gid_map");
    } else if (message.what == 'b') {
      printf("before %d %d\n", pid, message.first);
      fflush(stdout);
      read_line();
    } else if (message.what == 'a') {
      print_after(pid, message.first, message.second);
    } else {
      printf("errno %d\n", message.first);
      break;
    }
    check(write(down[1], "", 1), "write");
    if (message.what == 'a') break;
  }
  fflush(stdout);
  waitpid(pid, NULL, 0);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "show") == 0) return show();
  while (read_line()) {
    char *save = NULL, *word = strtok_r(line, " ", &save);
    int count = 0;
    static char copy[4096];
    size_t used = 0;
    for (; word != NULL && count < 18; word = strtok_r(NULL, " ", &save)) {
      words[count++] = strcpy(copy + used, word);
      used += strlen(word) + 1;
    }
    if (count != 18) {
      fprintf(stderr, "exec-state: %d words\n", count);
      return 1;
    }
    prepare_file();
    fflush(stdout);
    pid_t beside = fork();
    check(beside, "fork");
    if (beside == 0) {
      run_case();
      _exit(0);
    }
    waitpid(beside, NULL, 0);
    printf("end\n");
    fflush(stdout);
  }
  return 0;
}
