// cpu.pressure, io.pressure, memory.pressure, irq.pressure of a cgroup, and /proc/pressure. Source:
// Documentation/accounting/psi.rst. Since: Linux 4.20; of irq 6.1. The file is there but closed (EOPNOTSUPP) with psi=0.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

export interface Stall {
  /** Of the last 10, 60 and 300 seconds. Unit: percent. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Since the cgroup was made. Unit: microseconds. */
  readonly total: bigint;
}

export interface Pressure {
  /** At least one task waited. Absent (null): of irq. */
  readonly some: Stall | null;
  /** All of them did. Absent (null): of cpu before Linux 5.13. */
  readonly full: Stall | null;
}

const LINE = /^(some|full) avg10=(\d{1,3}\.\d\d) avg60=(\d{1,3}\.\d\d) avg300=(\d{1,3}\.\d\d) total=(\d+)$/;

export function parsePressure(bytes: Uint8Array, file: string): Reading<Pressure> {
  const stalls: { some: Stall | null; full: Stall | null } = { some: null, full: null };
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [, kind, avg10, avg60, avg300, word] = LINE.exec(line) ?? [];
    const total = parseUnsigned64(word);
    if ((kind !== 'some' && kind !== 'full') || total === undefined) return malformed(file, index + 1, line);
    stalls[kind] = { avg10: Number(avg10), avg60: Number(avg60), avg300: Number(avg300), total };
  }
  return value(stalls);
}
