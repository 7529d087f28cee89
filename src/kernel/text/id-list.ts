// `0-3,8,10-11`: processors or memory nodes, in cpuset files and elsewhere. Source: lib/vsprintf.c bitmap_list_string(),
// cpuset(7), "List format".

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** First and last, ascending, as the kernel writes them. */
export type IdRange = readonly [first: number, last: number];

/** The largest that a kernel may be built for has 8192 processors, and 1024 nodes. */
const LARGEST = 65_535;

/** An empty file is an empty list: of v2 what is above decides. */
export function parseIdList(bytes: Uint8Array, file: string): Reading<readonly IdRange[]> {
  const text = decodeText(bytes).replace(/\n$/, '');
  if (text === '') return value([]);
  const ranges: IdRange[] = [];
  for (const word of text.split(',')) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    const [first, end] = [parseDecimal(from), parseDecimal(to)];
    const before = ranges.at(-1)?.[1] ?? -1;
    if (first === undefined || end === undefined || end < first || first <= before || end > LARGEST) {
      return malformed(file, 1, text);
    }
    ranges.push([first, end]);
  }
  return value(ranges);
}

export function formatIdList(ranges: readonly IdRange[]): string {
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

export function countIds(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}
