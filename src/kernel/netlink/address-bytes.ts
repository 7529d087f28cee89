// IP addresses as bytes, from how people write them. Source: inet_pton(3), which takes no other form either.

/** undefined: it is no address. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isAddress = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isAddress ? Uint8Array.from(parts, Number) : undefined;
}

const GROUPS = 8;

function parseIpv6(text: string): Uint8Array | undefined {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  if (before === undefined || after === undefined) return undefined;
  const missing = GROUPS - before.length - after.length;
  // `::` stands for one group of zeros at least.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => 0), ...after];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The last may be an IPv4 address, which is two of them. */
function groupsOf(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const words = text.split(':');
  for (const [at, word] of words.entries()) {
    const ipv4 = at === words.length - 1 && word.includes('.') ? parseIpv4(word) : undefined;
    if (ipv4 !== undefined) groups.push(((ipv4[0] ?? 0) << 8) | (ipv4[1] ?? 0), ((ipv4[2] ?? 0) << 8) | (ipv4[3] ?? 0));
    else if (/^[\da-f]{1,4}$/i.test(word)) groups.push(Number.parseInt(word, 16));
    else return undefined;
  }
  return groups;
}

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
