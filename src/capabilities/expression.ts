// A set of capabilities as one comma list, as a person writes it and as we print it: `docker,+net_admin,-mknod`.

import { baselines } from './baselines.ts';
import { bitsOf, parseMask } from './mask.ts';
import { capabilityNamed, capabilityNumbered, MAX_CAPABILITIES, shortName } from './spelling.ts';

export type ParsedCapabilities =
  | { readonly ok: true; readonly mask: bigint }
  /** `word` is the term at fault; `near` are the words that could stand there, if it is a name. */
  | { readonly ok: false; readonly problem: string; readonly word: string };

/**
 * Terms from left to right: a name in any spelling, a mask, a baseline, `full` or `all`, `none`; from the second on `-`
 * takes away, `+` or nothing adds. A bare number is what `bareNumber` says: `13` is a hexadecimal mask, or capability 13, and there a mask
 * has 0x in front, or sixteen digits as /proc writes it. `all` is what the running kernel knows.
 */
export function parseCapabilities(text: string, all: bigint, bareNumber: 'mask' | 'capability'): ParsedCapabilities {
  let mask = 0n;
  for (const [index, term] of text.split(',').entries()) {
    const [, sign = '', word = ''] = /^([+-]?)(.*)$/s.exec(term) ?? [];
    if (word === '') return { ok: false, problem: 'a term of the list is empty', word: term };
    if (sign !== '' && index === 0) return { ok: false, problem: 'there is nothing before it to change', word: term };
    const parsed = ofWord(word, all, bareNumber);
    if (!parsed.ok) return parsed;
    mask = sign === '-' ? mask & ~parsed.mask : mask | parsed.mask;
  }
  return { ok: true, mask };
}

function ofWord(word: string, all: bigint, bareNumber: 'mask' | 'capability'): ParsedCapabilities {
  const lower = word.toLowerCase();
  if (lower === 'full' || lower === 'all') return { ok: true, mask: all };
  if (lower === 'none') return { ok: true, mask: 0n };
  const baseline = baselines.find(({ name }) => name === lower);
  if (baseline !== undefined) return { ok: true, mask: baseline.mask };
  const isMask = bareNumber === 'mask' || /^0[xX]|^[0-9a-fA-F]{16}$/.test(word);
  const capability = capabilityNamed(word) ?? (isMask ? undefined : capabilityNumbered(word));
  if (capability !== undefined) return { ok: true, mask: 1n << BigInt(capability) };
  const mask = parseMask(word);
  if (mask.ok && isMask) return mask;
  if (!mask.ok && mask.problem === 'over-64-bits') return { ok: false, problem: 'a mask has 64 bits at most', word };
  if (/^[0-9]+$/.test(word)) return { ok: false, problem: `the last capability is ${MAX_CAPABILITIES - 1}`, word };
  if (mask.ok) return { ok: false, problem: `a mask is written 0x${word} here`, word };
  return { ok: false, problem: 'it is no capability, no mask and no baseline', word };
}

/**
 * The shortest list that parseCapabilities reads as this mask: `none`, `full,-sys_resource`, `docker,+net_admin`,
 * `kill,net_raw`. `all`: what the kernel knows; without it nothing is called full.
 */
export function collapse(mask: bigint, all: bigint | undefined): string {
  if (mask === 0n) return 'none';
  const starts = [
    ...(all === undefined || all === 0n ? [] : [{ name: 'full', mask: all }]),
    ...baselines.filter(({ given }) => given),
  ];
  let shortest: readonly string[] = bitsOf(mask).map(shortName);
  for (const start of starts) {
    const terms = [
      start.name,
      ...bitsOf(mask & ~start.mask).map((bit) => `+${shortName(bit)}`),
      ...bitsOf(start.mask & ~mask).map((bit) => `-${shortName(bit)}`),
    ];
    if (terms.length < shortest.length) shortest = terms;
  }
  return shortest.join(',');
}
