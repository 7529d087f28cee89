// The signals by number, of x86_64 and arm64. Source: signal(7), include/uapi/asm-generic/signal.h.

const names: readonly string[] =
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );

/** The last one; from 32 on they queue, and have no name but their number. Source: asm-generic/signal.h _NSIG. */
export const SIGRTMAX = 64;

/** As kill(1) spells it: `TERM`; of a real-time signal its number. */
export function signalName(number: number): string {
  return names[number - 1] ?? String(number);
}

/** What a signal does that nothing handles: these are passed over by any process. Source: signal(7), SIG_DFL. */
export const ignoredByDefault: ReadonlySet<string> = new Set(['CHLD', 'CONT', 'URG', 'WINCH']);
