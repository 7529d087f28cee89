// The text of the three sets that outlive execve(2), as cap_iab_from_text(3) reads it and cap_iab_to_text(3) writes it:
// `!` in front of what the bounding set lacks, `^` of what is ambient (and so inheritable), `%` or nothing of what is
// inheritable. Source: libcap libcap/cap_text.c, cap_text_formats(7).

import { bitsOf } from './mask.ts';
import { libcapName } from './spelling.ts';
import { libcapCapability } from './text.ts';

export interface IabSets {
  readonly inheritable: bigint;
  readonly ambient: bigint;
  readonly bounding: bigint;
}

export type ParsedIab =
  { readonly ok: true; readonly sets: IabSets } | { readonly ok: false; readonly problem: string };

/**
 * Stricter than libcap in one thing: prefixes without a name at the end are refused, not taken for nothing. `all`: what
 * the running kernel knows, of which the bounding set is what the text does not block.
 */
export function parseIab(text: string, all: bigint): ParsedIab {
  const sets = { inheritable: 0n, ambient: 0n, bounding: all };
  const items = text.split(',');
  // libcap takes a comma at the end.
  if (items.at(-1) === '') items.pop();
  for (const item of items) {
    const [, prefixes = '', word = ''] = /^([!^%]*)(.*)$/s.exec(item) ?? [];
    const capability = libcapCapability(word);
    if (capability === undefined) return { ok: false, problem: `'${item}' is no item such as !^cap_net_raw` };
    const bit = 1n << BigInt(capability);
    if (prefixes === '' || /[%^]/.test(prefixes)) sets.inheritable |= bit;
    if (prefixes.includes('^')) sets.ambient |= bit;
    if (prefixes.includes('!')) sets.bounding &= ~bit;
  }
  return { ok: true, sets };
}

/** As cap_iab_to_text(3), which leaves out what the running kernel does not know. */
export function formatIab({ inheritable, ambient, bounding }: IabSets, all: bigint): string {
  const items: string[] = [];
  const [raised, kept, blocked] = [ambient, inheritable, ~bounding].map((mask) => new Set(bitsOf(mask & all)));
  for (const capability of bitsOf(all & (inheritable | ambient | ~bounding))) {
    const block = blocked?.has(capability) === true ? '!' : '';
    const raise = raised?.has(capability) === true ? '^' : kept?.has(capability) === true && block !== '' ? '%' : '';
    items.push(`${block}${raise}${libcapName(capability)}`);
  }
  return items.join(',');
}
