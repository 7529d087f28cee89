// ICMP echo, its reply, and the errors that routers send instead. Source: RFC 792, RFC 1191, RFC 4443.

import { formatAddress } from '../netlink/address-text.ts';
import { view } from '../netlink/message.ts';

export type IpFamily = 'inet' | 'inet6';

/** What makes an echo ours: its number, and the bytes that it carries. */
export interface Echo {
  readonly id: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** What a packet says of an echo of ours. */
export type IcmpSaid =
  | { readonly type: 'reply' }
  /** As the kernel translates it: net/ipv4/icmp.c icmp_err_convert, net/ipv6/icmp.c icmpv6_err_convert(). */
  | { readonly type: 'error'; readonly errno: string; readonly mtu: number | null };

const ECHO_HEADER = 8;
const IPV6_HEADER = 40;
const ICMP = 1;
const ICMP6 = 58;

/** Of the packet of an echo without payload. Unit: bytes. */
export const ECHO_OVERHEAD: Readonly<Record<IpFamily, number>> = { inet: 20 + ECHO_HEADER, inet6: 40 + ECHO_HEADER };

/** The checksum of IPv6 takes the addresses, and is the kernel's task. */
export function encodeEcho(family: IpFamily, { id, sequence, payload }: Echo): Uint8Array {
  const bytes = new Uint8Array(ECHO_HEADER + payload.length);
  const fields = view(bytes);
  bytes[0] = family === 'inet' ? 8 : 128;
  fields.setUint16(4, id);
  fields.setUint16(6, sequence);
  bytes.set(payload, ECHO_HEADER);
  if (family === 'inet') fields.setUint16(2, checksum(bytes));
  return bytes;
}

/** Source: RFC 1071. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** A packet of a raw socket: of IPv4 with its header. undefined: it is cut short. */
export function decodeIpv4(packet: Uint8Array): { readonly from: string; readonly message: Uint8Array } | undefined {
  const length = ((packet[0] ?? 0) & 0xf) * 4;
  if ((packet[0] ?? 0) >> 4 !== 4 || length < 20 || packet.length < length || packet[9] !== ICMP) return undefined;
  return { from: formatAddress(packet.subarray(12, 16)), message: packet.subarray(length) };
}

/**
 * `to`: where the echo was sent. undefined: it is about something else. A ping socket puts a number of its own in the
 * place of the id, and gets no others' replies: then `id` is null.
 */
export function decodeIcmp(
  family: IpFamily,
  message: Uint8Array,
  { id, sequence, payload, to }: Omit<Echo, 'id'> & { readonly id: number | null; readonly to: Uint8Array },
): IcmpSaid | undefined {
  if (message.length < ECHO_HEADER) return undefined;
  const isOurs = (echo: Uint8Array, type: number): boolean =>
    echo.length >= ECHO_HEADER &&
    echo[0] === type &&
    (id === null || view(echo).getUint16(4) === id) &&
    view(echo).getUint16(6) === sequence;
  if (isOurs(message, family === 'inet' ? 0 : 129)) {
    return isSame(message.subarray(ECHO_HEADER), payload) ? { type: 'reply' } : undefined;
  }
  const error = family === 'inet' ? errorOf4(message) : errorOf6(message);
  const about = error === undefined ? undefined : quotedEcho(family, message.subarray(ECHO_HEADER), to);
  return about !== undefined && isOurs(about, family === 'inet' ? 8 : 128) ? error : undefined;
}

/** The packet that an error is about stands in it, as far as there was room: at least its header and 8 bytes. */
function quotedEcho(family: IpFamily, quoted: Uint8Array, to: Uint8Array): Uint8Array | undefined {
  if (family === 'inet') {
    const length = ((quoted[0] ?? 0) & 0xf) * 4;
    const isIt = length >= 20 && quoted[9] === ICMP && isSame(quoted.subarray(16, 20), to);
    return isIt ? quoted.subarray(length) : undefined;
  }
  return quoted[6] === ICMP6 && isSame(quoted.subarray(24, 40), to) ? quoted.subarray(IPV6_HEADER) : undefined;
}

const UNREACHABLE_4: Readonly<Record<number, string>> = {
  0: 'ENETUNREACH',
  1: 'EHOSTUNREACH',
  2: 'ENOPROTOOPT',
  3: 'ECONNREFUSED',
  5: 'EOPNOTSUPP',
  6: 'ENETUNREACH',
  7: 'EHOSTDOWN',
  8: 'ENONET',
  9: 'ENETUNREACH',
  10: 'EHOSTUNREACH',
  11: 'ENETUNREACH',
};
const FRAGMENTATION_NEEDED = 4;

function errorOf4(message: Uint8Array): IcmpSaid | undefined {
  const [type, code = 0] = message;
  if (type === 3 && code === FRAGMENTATION_NEEDED) {
    // Routers older than RFC 1191 say 0.
    return { type: 'error', errno: 'EMSGSIZE', mtu: view(message).getUint16(6) || null };
  }
  if (type === 3) return { type: 'error', errno: UNREACHABLE_4[code] ?? 'EHOSTUNREACH', mtu: null };
  if (type === 11) return { type: 'error', errno: 'EHOSTUNREACH', mtu: null };
  return type === 12 ? { type: 'error', errno: 'EPROTO', mtu: null } : undefined;
}

const UNREACHABLE_6: Readonly<Record<number, string>> = {
  0: 'ENETUNREACH',
  1: 'EACCES',
  4: 'ECONNREFUSED',
  5: 'EACCES',
  6: 'EACCES',
};

function errorOf6(message: Uint8Array): IcmpSaid | undefined {
  const [type, code = 0] = message;
  if (type === 1) return { type: 'error', errno: UNREACHABLE_6[code] ?? 'EHOSTUNREACH', mtu: null };
  if (type === 2) return { type: 'error', errno: 'EMSGSIZE', mtu: view(message).getUint32(4) };
  if (type === 3) return { type: 'error', errno: 'EHOSTUNREACH', mtu: null };
  return type === 4 ? { type: 'error', errno: 'EPROTO', mtu: null } : undefined;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
