// A file of a cgroup that holds one number, which may be a limit. Source: Documentation/admin-guide/cgroup-v2.rst,
// mm/page_counter.c, kernel/cgroup/pids.c.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** A number in the file's own unit; `max`: unlimited. */
export type Bound = bigint | 'max';

/**
 * From here on v1's memory limits mean unlimited: LONG_MAX rounded down to a page, which is 9223372036854771712 for pages
 * of 4 KiB, and less for those of up to 64 KiB. hugetlb rounds to its own pages, of up to 16 GiB.
 */
const V1_UNLIMITED = (1n << 63n) - (1n << 34n);

export function boundOf(word: string | undefined): Bound | undefined {
  // What v1 takes for "no limit", and shows as that of cpu.cfs_quota_us.
  if (word === 'max' || word === '-1') return 'max';
  const number = parseUnsigned64(word);
  return number !== undefined && number >= V1_UNLIMITED ? 'max' : number;
}

export function parseBound(bytes: Uint8Array, file: string): Reading<Bound> {
  const text = decodeText(bytes);
  const bound = boundOf(text.replace(/\n$/, ''));
  return bound === undefined ? malformed(file, 1, text) : value(bound);
}

/** What is used or was at most: never unlimited. */
export function parseAmount(bytes: Uint8Array, file: string): Reading<bigint> {
  const text = decodeText(bytes);
  const amount = parseUnsigned64(text.replace(/\n$/, ''));
  return amount === undefined ? malformed(file, 1, text) : value(amount);
}
