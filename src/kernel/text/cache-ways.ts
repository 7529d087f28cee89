// A mask of cache ways: a bit each, the lowest is way 0. Source: Documentation/filesystems/resctrl.rst, "Cache Bit Masks".

import type { IdRange } from './id-list.ts';

/** `7f`, `fffff`; undefined: no such mask. */
export function parseWays(word: string | undefined): bigint | undefined {
  return word !== undefined && /^[0-9a-f]{1,16}$/.test(word) ? BigInt(`0x${word}`) : undefined;
}

/** Ascending; of Intel's there is one range, AMD's and newer ones may have holes. */
export function waysOf(mask: bigint): readonly IdRange[] {
  const ranges: [number, number][] = [];
  for (let way = 0; mask >> BigInt(way) > 0n; way += 1) {
    if (((mask >> BigInt(way)) & 1n) === 0n) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === way - 1) last[1] = way;
    else ranges.push([way, way]);
  }
  return ranges;
}
