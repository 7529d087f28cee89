// /proc/PID/task/TID/schedstat. Source: Documentation/scheduler/sched-stats.rst. Since: Linux 2.6.9, CONFIG_SCHED_INFO.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

export interface SchedulerTimes {
  /** Unit: nanoseconds. */
  readonly ran: bigint;
  /** Ready to run, but not running: others ran, or a quota was used up. Unit: nanoseconds. */
  readonly waited: bigint;
}

export function parseSchedstat(bytes: Uint8Array, file: string): Reading<SchedulerTimes> {
  const text = decodeText(bytes);
  const [ran, waited, slices, ...more] = text
    .replace(/\n$/, '')
    .split(' ')
    .map((word) => parseUnsigned64(word));
  if (ran === undefined || waited === undefined || slices === undefined || more.length > 0)
    return malformed(file, 1, text);
  return value({ ran, waited });
}
