// IP addresses and nets, compared by their bytes.

import { parseAddress } from './address-text.ts';

/** Are the first bits of two addresses the same? Of two families they are not. */
export function isSamePrefix(a: Uint8Array, b: Uint8Array, length: number): boolean {
  if (a.length !== b.length) return false;
  const whole = length >> 3;
  for (let at = 0; at < whole; at += 1) if (a[at] !== b[at]) return false;
  const mask = (0xff00 >> (length & 7)) & 0xff;
  return mask === 0 || ((a[whole] ?? 0) & mask) === ((b[whole] ?? 0) & mask);
}

/** Is an address in a net, as routes and rules write it: `default`, `10.0.0.0/8`, one address alone? */
export function isIn(net: string, address: string): boolean {
  const bytes = parseAddress(address);
  if (net === 'default') return bytes !== undefined;
  const [first = '', length] = net.split('/');
  const start = parseAddress(first);
  if (start === undefined || bytes === undefined) return false;
  return isSamePrefix(start, bytes, length === undefined ? 8 * start.length : Number(length));
}

/** Unit: bits. `default`: 0. */
export function prefixLengthOf(net: string): number {
  if (net === 'default') return 0;
  const [address = '', length] = net.split('/');
  return length === undefined ? (address.includes(':') ? 128 : 32) : Number(length);
}
