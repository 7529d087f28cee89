// Numbers for changing one's own process. Sources: include/uapi/asm-generic/{signal.h,resource.h},
// include/uapi/linux/{prctl.h,seccomp.h}.

export const SIGNAL_NUMBERS = { SIGKILL: 9, SIGPIPE: 13, SIGXFSZ: 25 } as const;

/** RLIMIT_NOFILE: one more than the highest descriptor number. */
export const RLIMIT_NOFILE = 7;

/** Clock ticks a second in /proc/PID/stat, whatever the kernel's own HZ. Source: include/asm-generic/param.h USER_HZ. */
export const USER_HZ = 100;

/** prctl(2): the signal that comes when the thread that made this process ends. Source: include/uapi/linux/prctl.h. */
export const PR_SET_PDEATHSIG = 1;

/** The names of /proc/PID/limits, each at the number of its RLIMIT_*. Source: fs/proc/base.c lnames. */
export const RESOURCE_LIMITS: readonly string[] = [
  'Max cpu time',
  'Max file size',
  'Max data size',
  'Max stack size',
  'Max core file size',
  'Max resident set',
  'Max processes',
  'Max open files',
  'Max locked memory',
  'Max address space',
  'Max file locks',
  'Max pending signals',
  'Max msgqueue size',
  'Max nice priority',
  'Max realtime priority',
  'Max realtime timeout',
];

export const PR_SET_DUMPABLE = 4;
export const PR_SET_KEEPCAPS = 8;
/** Since: Linux 2.6.26. */
export const PR_SET_SECUREBITS = 28;
export const PR_SET_NO_NEW_PRIVS = 38;
/** Since: Linux 4.3. */
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/** The mode of /proc/PID/status. */
export const SECCOMP_FILTER = 2;
/** Without it a filter switches speculation off, before Linux 5.16. Since: Linux 4.17. */
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
