// IP and link-layer addresses as people write them. Source: RFC 5952; inet_ntop(3) for addresses that hold IPv4 ones.

const IPV4_LENGTH = 4;
const IPV6_LENGTH = 16;

/** 4 bytes as IPv4, 16 as IPv6, else as a link-layer address: two digits a byte, colons between. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === IPV4_LENGTH) return bytes.join('.');
  return bytes.length === IPV6_LENGTH ? formatIpv6(bytes) : formatLinkLayer(bytes);
}

export function formatLinkLayer(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function formatIpv6(bytes: Uint8Array): string {
  const mapped = embeddedIpv4(bytes);
  if (mapped !== undefined) return mapped;
  const groups = Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const words = groups.map((group) => group.toString(16));
  if (length < 2) return words.join(':');
  return `${words.slice(0, start).join(':')}::${words.slice(start + length).join(':')}`;
}

/** ::ffff:192.0.2.1, and ::192.0.2.1 as inet_ntop(3) has it. */
function embeddedIpv4(bytes: Uint8Array): string | undefined {
  const ipv4 = bytes.subarray(12).join('.');
  if (bytes.subarray(0, 10).some((byte) => byte !== 0)) return undefined;
  if (bytes[10] === 0xff && bytes[11] === 0xff) return `::ffff:${ipv4}`;
  const isCompatible = bytes[10] === 0 && bytes[11] === 0 && (bytes[12] !== 0 || bytes[13] !== 0);
  return isCompatible ? `::${ipv4}` : undefined;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start };
  }
  return best;
}

/** 4 or 16 bytes. undefined: it is no address. Four decimal numbers, nothing shorter or octal; no zone. Source: inet_pton(3). */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isIt = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isIt ? Uint8Array.from(parts, Number) : undefined;
}

/** Eight groups; `::` once, for one group of zeros or more; the last two may be an IPv4 address. */
function parseIpv6(text: string): Uint8Array | undefined {
  const [head = '', tail, ...more] = text.split('::');
  const before = groupsOf(head, tail === undefined);
  const after = groupsOf(tail ?? '', true);
  if (before === undefined || after === undefined || more.length > 0) return undefined;
  const missing = IPV6_LENGTH - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...before, ...Array.from({ length: missing }, () => 0), ...after]);
}

/** The bytes of groups between colons. */
function groupsOf(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const words = text.split(':');
  const bytes: number[] = [];
  for (const [at, word] of words.entries()) {
    const ipv4 = isLast && at === words.length - 1 ? parseIpv4(word) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[\da-f]{1,4}$/i.test(word)) bytes.push(Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff);
    else return undefined;
  }
  return bytes;
}

/** `02:00:5e:10:00:01`, of at most 32 bytes (MAX_ADDR_LEN). undefined: it is none. */
export function parseLinkLayer(text: string): Uint8Array | undefined {
  if (!/^[\da-f]{2}(?::[\da-f]{2}){0,31}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}
