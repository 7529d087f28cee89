// Values as nft(8) writes them, by what they are of.

import { formatAddress, formatLinkLayer } from '../../kernel/netlink/address-text.ts';
import { textOf } from '../../kernel/netlink/message.ts';

export type ValueType =
  | 'address'
  | 'link address'
  | 'port'
  /** In network order, and in the machine's. */
  | 'number'
  | 'host number'
  | 'mark'
  | 'interface name'
  | 'interface'
  | 'protocol'
  | 'ether type'
  | 'nfproto'
  | 'packet type'
  | 'ct state'
  | 'ct status'
  | 'ct direction'
  | 'icmp type'
  | 'icmpv6 type'
  | 'tcp flags'
  | 'dscp'
  | 'address type'
  | 'present'
  | 'arp operation';

/** The names of links by their indexes. */
export type LinkNames = ReadonlyMap<number, string>;

const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ecn', 'cwr'];
/** By bit; the rest has none. */
const BITS: Partial<Record<ValueType, readonly string[]>> = {
  'tcp flags': TCP_FLAGS,
  'ct state': ['invalid', 'established', 'related', 'new', '', '', 'untracked'],
  'ct status': ['expected', 'seen-reply', 'assured', 'confirmed', 'snat', 'dnat', '', '', '', 'dying'],
};

const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo-reply',
  3: 'destination-unreachable',
  4: 'source-quench',
  5: 'redirect',
  8: 'echo-request',
  9: 'router-advertisement',
  10: 'router-solicitation',
  11: 'time-exceeded',
  12: 'parameter-problem',
  13: 'timestamp-request',
  14: 'timestamp-reply',
};

const ICMPV6_TYPES: Readonly<Record<number, string>> = {
  1: 'destination-unreachable',
  2: 'packet-too-big',
  3: 'time-exceeded',
  4: 'parameter-problem',
  128: 'echo-request',
  129: 'echo-reply',
  130: 'mld-listener-query',
  131: 'mld-listener-report',
  132: 'mld-listener-done',
  133: 'nd-router-solicit',
  134: 'nd-router-advert',
  135: 'nd-neighbor-solicit',
  136: 'nd-neighbor-advert',
  137: 'nd-redirect',
};

const NAMES: Partial<Record<ValueType, Readonly<Record<number, string>>>> = {
  protocol: {
    1: 'icmp',
    2: 'igmp',
    6: 'tcp',
    17: 'udp',
    33: 'dccp',
    47: 'gre',
    50: 'esp',
    51: 'ah',
    58: 'ipv6-icmp',
    132: 'sctp',
    136: 'udplite',
  },
  'ether type': { 0x0800: 'ip', 0x0806: 'arp', 0x86dd: 'ip6', 0x8100: '8021q', 0x88a8: '8021ad' },
  nfproto: { 2: 'ipv4', 10: 'ipv6' },
  'packet type': { 0: 'host', 1: 'broadcast', 2: 'multicast', 3: 'other' },
  'ct direction': { 0: 'original', 1: 'reply' },
  'icmp type': ICMP_TYPES,
  'icmpv6 type': ICMPV6_TYPES,
  'address type': {
    0: 'unspec',
    1: 'unicast',
    2: 'local',
    3: 'broadcast',
    4: 'anycast',
    5: 'multicast',
    6: 'blackhole',
    7: 'unreachable',
    8: 'prohibit',
  },
  present: { 0: 'missing', 1: 'exists' },
  'arp operation': { 1: 'request', 2: 'reply' },
  dscp: { 0: 'cs0', 8: 'cs1', 16: 'cs2', 24: 'cs3', 32: 'cs4', 40: 'cs5', 48: 'cs6', 56: 'cs7', 46: 'ef' },
};

const HOST_ORDER: ReadonlySet<ValueType> = new Set([
  'host number',
  'mark',
  'interface',
  'ct state',
  'ct status',
  'address type',
  'present',
]);

/** Is the lowest byte the first? */
export function isHostOrder(type: ValueType): boolean {
  return HOST_ORDER.has(type);
}

export function numberIn(bytes: Uint8Array, type: ValueType): bigint {
  const ordered = HOST_ORDER.has(type) ? bytes.toReversed() : bytes;
  return ordered.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

export function valueText(bytes: Uint8Array, type: ValueType, links: LinkNames): string {
  if (type === 'address') return formatAddress(bytes);
  if (type === 'link address') return formatLinkLayer(bytes);
  if (type === 'interface name') return nameText(bytes);
  const number = numberIn(bytes, type);
  if (type === 'mark') return `0x${number.toString(16).padStart(8, '0')}`;
  if (type === 'interface') return interfaceText(Number(number), links);
  const bits = BITS[type];
  if (bits !== undefined) return bitsText(Number(number), bits);
  return NAMES[type]?.[Number(number)] ?? String(number);
}

/** A name of which only the beginning counts has no NUL. */
function nameText(bytes: Uint8Array): string {
  return `"${textOf(bytes) ?? ''}${bytes.includes(0) || bytes.length === 16 ? '' : '*'}"`;
}

function interfaceText(ifindex: number, links: LinkNames): string {
  const name = links.get(ifindex);
  return name === undefined ? String(ifindex) : `"${name}"`;
}

function bitsText(number: number, names: readonly string[]): string {
  const known = names.flatMap((name, bit) => (name !== '' && (number & (1 << bit)) !== 0 ? [name] : []));
  const rest = names.reduce((left, name, bit) => (name === '' ? left : left & ~(1 << bit)), number);
  if (rest !== 0 || known.length === 0) return `0x${(number >>> 0).toString(16)}`;
  return known.join(',');
}

/** Are its values sets of bits? */
export function hasBits(type: ValueType): boolean {
  return BITS[type] !== undefined;
}

/** How many bits of the mask are ones, if they all stand in front; else undefined. */
export function prefixOf(mask: Uint8Array): number | undefined {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const ones = bits.replace(/0+$/, '');
  return ones.includes('0') ? undefined : ones.length;
}
