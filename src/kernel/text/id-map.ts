// /proc/PID/uid_map, gid_map and setgroups. Source: user_namespaces(7), kernel/user_namespace.c.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** `count` ids from `inside` on, in the namespace, are those from `outside` on in the reader's (or its parent). */
export interface IdRange {
  readonly inside: number;
  /** null: the first of them has no id in the reader's namespace, which then does not lie around this one. */
  readonly outside: number | null;
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
    const isOutside = outside !== LAST_ID;
    if (count === 0 || inside + count > LAST_ID + 1 || (isOutside && outside + count > LAST_ID + 1)) {
      return malformed(file, index + 1, line);
    }
    ranges.push({ inside, outside: isOutside ? outside : null, count });
  }
  return value(ranges);
}

/** What an id of the reader's is called in the namespace. undefined: it has no name there. */
export function insideOf(map: readonly IdRange[], id: number): number | undefined {
  const range = map.find(({ outside, count }) => outside !== null && id >= outside && id < outside + count);
  return range?.outside == null ? undefined : range.inside + (id - range.outside);
}

/** Is this id of the namespace mapped at all? */
export function isMapped(map: readonly IdRange[], id: number): boolean {
  return map.some((range) => id >= range.inside && id < range.inside + range.count);
}
