// System calls that not every C library has a function for. Those from 424 on have one number on all machines.
// Source: include/uapi/asm-generic/unistd.h, arch/x86/entry/syscalls/syscall_64.tbl.

export const SYS_FSOPEN = 430;
export const SYS_FSCONFIG = 431;
export const SYS_FSMOUNT = 432;
export const SYS_PIDFD_SEND_SIGNAL = 424;
export const SYS_PIDFD_OPEN = 434;
export const SYS_PIDFD_GETFD = 438;
export const SYS_STATMOUNT = 457;
export const SYS_LISTMOUNT = 458;
export const SYS_LISTNS = 470;

/** undefined where the machine's table was not looked at. */
export const SYS_KCMP: number | undefined = { x64: 312, arm64: 272 }[process.arch as string];
