// The spellings of one capability: cap_net_raw (libcap), CAP_NET_RAW (kernel, OCI), NET_RAW (docker), net_raw (setpriv),
// cap_13 (setpriv, for one that has no name).

import { bitsOf } from './mask.ts';
import { capabilityNames } from './names.ts';

/** A mask has 64 bits, whatever the kernel knows. */
export const MAX_CAPABILITIES = 64;

/** The capability of a name in any spelling, also of one without a name as `cap_41`; not of a bare number. */
export function capabilityNamed(word: string): number | undefined {
  const name = word.toLowerCase();
  const index = capabilityNames.indexOf(name.startsWith('cap_') ? name : `cap_${name}`);
  if (index >= 0) return index;
  return capabilityNumbered(/^cap_([0-9]+)$/.exec(name)?.[1]);
}

/** The capability of a bare decimal number. */
export function capabilityNumbered(word: string | undefined): number | undefined {
  if (word === undefined || !/^[0-9]{1,3}$/.test(word)) return undefined;
  const number = Number(word);
  return number < MAX_CAPABILITIES ? number : undefined;
}

/** As libcap writes it: `cap_net_raw`; the number of one that has no name. */
export function libcapName(capability: number): string {
  return capabilityNames[capability] ?? String(capability);
}

/** Those of a mask, in the order of their numbers. */
export function libcapNames(mask: bigint): readonly string[] {
  return bitsOf(mask).map(libcapName);
}

/** `net_raw`; `cap_41` for one that has no name, which no context takes for a mask. */
export function shortName(capability: number): string {
  return capabilityNames[capability]?.slice('cap_'.length) ?? `cap_${capability}`;
}
