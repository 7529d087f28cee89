// /proc/PID/timens_offsets. Source: time_namespaces(7), kernel/time/namespace.c proc_timens_show_offsets().
// Since: Linux 5.6.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed } from './text.ts';

/** What is added to a clock in the time namespace that children of the process would be in. */
export interface ClockOffset {
  /** `monotonic` or `boottime`. */
  readonly clock: string;
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export function parseTimensOffsets(bytes: Uint8Array, file: string): Reading<readonly ClockOffset[]> {
  const offsets: ClockOffset[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [, clock, seconds, nanoseconds] = /^([a-z]+) +(-?[0-9]{1,19}) +([0-9]{1,9})$/.exec(line) ?? [];
    if (clock === undefined || seconds === undefined) return malformed(file, index + 1, line);
    offsets.push({ clock, seconds: BigInt(seconds), nanoseconds: Number(nanoseconds) });
  }
  return value(offsets);
}
