// Every capability that the running kernel knows.

import { value, type Host, type Reading } from '../kernel/host.ts';
import { decodeText, malformed, parseDecimal } from '../kernel/text/text.ts';

const FILE = '/proc/sys/kernel/cap_last_cap';

/** As a mask. Source: capabilities(7). Since: Linux 3.2. */
export function allCapabilities(host: Host): Reading<bigint> {
  const bytes = host.readFile(FILE);
  if (!bytes.ok) return bytes;
  const text = decodeText(bytes.value);
  const last = parseDecimal(text.trim());
  return last === undefined || last > 63 ? malformed(FILE, 1, text) : value((1n << BigInt(last + 1)) - 1n);
}
