// /proc/cgroups: how many cgroups each v1 hierarchy has, those included that were removed and are still held by something.
// Source: cgroups(7). Its numbers of the unified hierarchy mean less with each kernel: cgroup.stat there has them.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

const LINE = /^(\S+)\t(\d+)\t(\d+)\t[01]$/;

/** By controller; of v1 alone. */
export function parseCgroupCounts(bytes: Uint8Array, file: string): Reading<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, controller = '', hierarchy, number] = LINE.exec(line) ?? [];
    const count = parseDecimal(number ?? '');
    if (count === undefined) return malformed(file, index + 1, line);
    if (hierarchy !== '0') counts.set(controller, count);
  }
  return value(counts);
}
