// Numbers for changing one's own process. Sources: include/uapi/asm-generic/{signal.h,resource.h}.

export const SIGNAL_NUMBERS = { SIGKILL: 9, SIGPIPE: 13, SIGXFSZ: 25 } as const;

/** RLIMIT_NOFILE: one more than the highest descriptor number. */
export const RLIMIT_NOFILE = 7;

/** Clock ticks a second in /proc/PID/stat, whatever the kernel's own HZ. Source: include/asm-generic/param.h USER_HZ. */
export const USER_HZ = 100;

/** prctl(2): the signal that comes when the thread that made this process ends. Source: include/uapi/linux/prctl.h. */
export const PR_SET_PDEATHSIG = 1;
