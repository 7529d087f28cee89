// /proc/PID/stat. Source: proc_pid_stat(5), fs/proc/array.c do_task_stat().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal, parseUnsigned64 } from './text.ts';

export interface ProcessStat {
  readonly pid: number;
  /** At most 15 bytes, any bytes but NUL: parentheses, spaces and newlines too. Kernel threads: up to 63. */
  readonly comm: string;
  /** One letter: R S D Z T t X I ... */
  readonly state: string;
  /** 0 for a process whose parent is outside the pid namespace of this /proc. */
  readonly ppid: number;
  /** Processor time in user and in kernel mode, of all its threads, ended ones too. Unit: clock ticks (USER_HZ). */
  readonly userTicks: number;
  readonly systemTicks: number;
  /** 0 for a zombie whose threads have all ended. */
  readonly threads: number;
  /** Unit: clock ticks since boot. */
  readonly startTicks: bigint;
}

/** Fields after the command's name: state is field 3 of the manual page, so start time (22) is at 19. */
const PPID = 1;
const USER_TIME = 11;
const SYSTEM_TIME = 12;
const THREADS = 17;
const START_TIME = 19;

export function parseStat(bytes: Uint8Array, file: string): Reading<ProcessStat> {
  const text = decodeText(bytes);
  const open = text.indexOf(' (');
  // The name may hold parentheses itself; nothing after it does.
  const close = text.lastIndexOf(')');
  const pid = parseDecimal(text.slice(0, Math.max(open, 0)));
  const fields = text.slice(close + 2).split(' ');
  const state = fields[0];
  const ppid = parseDecimal(fields[PPID]);
  const [userTicks, systemTicks] = [parseDecimal(fields[USER_TIME]), parseDecimal(fields[SYSTEM_TIME])];
  const threads = parseDecimal(fields[THREADS]);
  const startTicks = parseUnsigned64(fields[START_TIME]);
  if (pid === undefined || close < open || state === undefined || !/^[A-Za-z]$/.test(state)) {
    return malformed(file, 1, text);
  }
  if (ppid === undefined || startTicks === undefined) return malformed(file, 1, text);
  if (userTicks === undefined || systemTicks === undefined || threads === undefined) return malformed(file, 1, text);
  return value({ pid, comm: text.slice(open + 2, close), state, ppid, userTicks, systemTicks, threads, startTicks });
}
