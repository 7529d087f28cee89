// Wishes that exclude one another, whatever the kernel does.

import { collapse } from '../../capabilities/expression.ts';
import type { CapsWish } from './wish.ts';

/** The first one, in words; undefined: none. `all` shortens sets. */
export function contradictionIn({ sets, drop, add }: CapsWish, all: bigint): string | undefined {
  const { ambient, inheritable, permitted } = sets;
  const asked = Object.values(sets).reduce((union, mask) => union | mask, add);
  // A set that is not there may be anything.
  const beyond = (mask: bigint, set: bigint | undefined): bigint => (set === undefined ? 0n : mask & ~set);
  const rules: readonly (readonly [bigint, string])[] = [
    [asked & drop, 'is in --drop, and another option asks for it'],
    [beyond(add, permitted), 'is in --add, and not permitted by --caps'],
    [beyond(ambient ?? 0n, permitted), 'is to be ambient, and not permitted by --caps'],
    [beyond(ambient ?? 0n, inheritable), 'is to be ambient, and not inheritable by --caps'],
  ];
  const broken = rules.find(([mask]) => mask !== 0n);
  return broken === undefined ? undefined : `${collapse(broken[0], all)} ${broken[1]}`;
}
