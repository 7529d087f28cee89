// The sets of a thread in one cell of a table.

import { collapse } from './expression.ts';
import type { CapabilitySets } from './sets.ts';

/**
 * What is effective, and after it what is not the same in the other sets, the bounding one aside: `full`;
 * `none; permitted net_raw`; `kill; permitted kill; inheritable net_raw; ambient net_raw`.
 */
export function summarize(sets: CapabilitySets, short: (mask: bigint) => string): string {
  const { effective, permitted, inheritable, ambient } = sets;
  const parts = [short(effective)];
  if (permitted !== effective) parts.push(`permitted ${short(permitted)}`);
  if (inheritable !== 0n) parts.push(`inheritable ${short(inheritable)}`);
  if (ambient !== 0n) parts.push(`ambient ${short(ambient)}`);
  return parts.join('; ');
}

/** As collapse, which is not cheap: of thousands of processes nearly all have the same few masks. */
export function collapser(all: bigint | undefined): (mask: bigint) => string {
  const known = new Map<bigint, string>();
  return (mask) => {
    const before = known.get(mask);
    if (before !== undefined) return before;
    const text = collapse(mask, all);
    known.set(mask, text);
    return text;
  };
}
