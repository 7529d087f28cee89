// When a process started tells it from a later one that has got its number.

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { statOf } from '../kernel/process-stat.ts';

/** In clock ticks since boot. Absent (null) when unreadable. Source: proc_pid_stat(5), starttime. */
export function startTicksOf(host: Host, pid: number): bigint | null {
  return valueOf(statOf(host, pid))?.startTicks ?? null;
}

/** Errors: NO_PROCESS, when the process is no more or its number another's: then what was read may be of two. */
export function requireSameProcess(host: Host, pid: number, startTicks: bigint | null | undefined): void {
  if (startTicks === null || startTicks === undefined || startTicksOf(host, pid) === startTicks) return;
  throw new NsError('NO_PROCESS', { what: `process ${pid} ended while it was looked at` });
}
