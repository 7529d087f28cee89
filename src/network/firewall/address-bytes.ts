// IP addresses as bytes.

import { parseIpv4 } from '../ipv4.ts';

/** 4 or 16 bytes. Undefined: it is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const number = parseIpv4(text);
  if (number !== undefined) return Uint8Array.from([24, 16, 8, 0], (shift) => Math.floor(number / 2 ** shift) % 256);
  return ipv6Bytes(text);
}

/** Source: RFC 4291, 2.2. */
function ipv6Bytes(text: string): Uint8Array | undefined {
  const [plain = ''] = text.split('%');
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':').flatMap(groupBytes)));
  const before = head ?? [];
  const after = tail ?? [];
  const missing = 16 - before.length - after.length;
  if ([...before, ...after].some(Number.isNaN)) return undefined;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...before, ...new Uint8Array(missing), ...after]);
}

/** NaN: it is no group. */
function groupBytes(group: string): readonly number[] {
  if (group.includes('.')) {
    const number = parseIpv4(group);
    return number === undefined ? [NaN] : [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256);
  }
  if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return [NaN];
  const number = parseInt(group, 16);
  return [number >> 8, number & 0xff];
}

/** Do the first bits of both agree? */
export function isInPrefix(address: Uint8Array, prefix: Uint8Array, length: number): boolean {
  if (address.length !== prefix.length) return false;
  for (let at = 0; at < address.length; at += 1) {
    const bits = Math.max(0, Math.min(8, length - 8 * at));
    const mask = (0xff << (8 - bits)) & 0xff;
    if ((((address[at] ?? 0) ^ (prefix[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}
