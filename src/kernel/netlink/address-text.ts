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
