// /proc/sys/kernel/cap_last_cap. Source: capabilities(7). Since: Linux 3.2.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export const LAST_CAPABILITY_FILE = '/proc/sys/kernel/cap_last_cap';

/** Every capability that the running kernel knows, as a mask. */
export function parseLastCapability(bytes: Uint8Array, file: string): Reading<bigint> {
  const text = decodeText(bytes);
  const last = parseDecimal(text.trim());
  return last === undefined || last > 63 ? malformed(file, 1, text) : value((1n << BigInt(last + 1)) - 1n);
}
