/*
 * Makes one system call that is to be refused: denied raw-socket | mount | bind | seccomp. The last one is refused by a
 * filter of its own, with EPERM. Ends with the errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int filtered(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof code / sizeof *code, code };

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
        return -1;
    return sethostname("x", 1);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int result = 0;

    errno = 0;
    if (strcmp(what, "raw-socket") == 0)
        result = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    else if (strcmp(what, "mount") == 0)
        result = mount("x", "/tmp", "tmpfs", 0, NULL);
    else if (strcmp(what, "bind") == 0)
        result = bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&port, sizeof port);
    else if (strcmp(what, "seccomp") == 0)
        result = filtered();
    return result < 0 ? errno : 0;
}
