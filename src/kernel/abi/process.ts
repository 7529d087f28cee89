// Numbers for changing one's own process. Sources: include/uapi/asm-generic/{signal.h,resource.h}.

export const SIGNAL_NUMBERS = { SIGKILL: 9, SIGPIPE: 13, SIGXFSZ: 25 } as const;

/** RLIMIT_NOFILE: one more than the highest descriptor number. */
export const RLIMIT_NOFILE = 7;
