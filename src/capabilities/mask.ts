// A capability set as a 64-bit mask, and what it says.

import type { Host } from '../kernel/host.ts';
import { allCapabilities } from './all-capabilities.ts';
import { capabilityNames } from './names.ts';

/** A mask taken apart. */
export interface DecodedMask {
  readonly mask: bigint;
  /** Names of the bits that have one, in the order of their numbers. */
  readonly names: readonly string[];
  /** Numbers of the bits that have no name. */
  readonly unknown: readonly number[];
}

export type ParsedMask =
  { readonly ok: true; readonly mask: bigint } | { readonly ok: false; readonly problem: 'not-hex' | 'over-64-bits' };

const BITS = 64;

/** Hexadecimal digits of either case, `0x` optional. */
export function parseMask(text: string): ParsedMask {
  const digits = /^(?:0[xX])?([0-9a-fA-F]+)$/.exec(text)?.[1];
  if (digits === undefined) return { ok: false, problem: 'not-hex' };
  const significant = digits.replace(/^0+(?=.)/, '');
  if (significant.length > BITS / 4) return { ok: false, problem: 'over-64-bits' };
  return { ok: true, mask: BigInt(`0x${significant}`) };
}

export function decodeMask(mask: bigint): DecodedMask {
  const names: string[] = [];
  const unknown: number[] = [];
  for (const bit of bitsOf(mask)) {
    const name = capabilityNames[bit];
    if (name === undefined) unknown.push(bit);
    else names.push(name);
  }
  return { mask, names, unknown };
}

/** The numbers of the bits that are set, ascending. Halves are numbers: they are quicker than a BigInt for each bit. */
export function bitsOf(mask: bigint): readonly number[] {
  const bits: number[] = [];
  for (const half of [0, 1]) {
    let rest = Number(BigInt.asUintN(32, mask >> BigInt(32 * half)));
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest & -rest);
      bits.push(32 * half + bit);
      rest &= rest - 1;
    }
  }
  return bits;
}

/** Sixteen digits, as /proc/PID/status and capsh write them; with the `0x` of capsh. */
export function formatMask(mask: bigint): string {
  return `0x${mask.toString(16).padStart(BITS / 4, '0')}`;
}

/** The line that `capsh --decode` prints. */
export function formatDecoded({ mask, names, unknown }: DecodedMask): string {
  return `${formatMask(mask)}=${[...names, ...unknown.map(String)].join(',')}`;
}

/** The bits of the mask that the running kernel does not know; none where it does not tell. */
export function bitsBeyondKernel(mask: bigint, host: Host): readonly number[] {
  const all = allCapabilities(host);
  return all.ok ? bitsOf(mask & ~all.value) : [];
}
