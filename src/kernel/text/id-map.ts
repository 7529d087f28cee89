// /proc/PID/uid_map, gid_map and setgroups. Source: user_namespaces(7), kernel/user_namespace.c.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** `count` ids from `inside` on, in the namespace, are those from `outside` on in the reader's (or its parent). */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Ids are 32 bits, and the last (-1) is none. */
const LAST_ID = 0xffffffff;

/** An empty list is a map that was not written yet: no id is mapped. */
export function parseIdMap(bytes: Uint8Array, file: string): Reading<readonly IdRange[]> {
  const ranges: IdRange[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [inside, outside, count, ...rest] = line.trim().split(/\s+/).map(parseDecimal);
    if (inside === undefined || outside === undefined || count === undefined || rest.length > 0) {
      return malformed(file, index + 1, line);
    }
    if (count === 0 || inside + count > LAST_ID + 1 || outside + count > LAST_ID + 1) {
      return malformed(file, index + 1, line);
    }
    ranges.push({ inside, outside, count });
  }
  return value(ranges);
}

/** Is this id of the namespace mapped at all? */
export function isMapped(map: readonly IdRange[], id: number): boolean {
  return map.some((range) => id >= range.inside && id < range.inside + range.count);
}
