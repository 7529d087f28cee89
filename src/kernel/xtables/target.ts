// What iptables does with a packet, from the structs of its targets. Source: include/uapi/linux/netfilter/xt_*.h, nf_nat.h,
// netfilter_ipv4/ipt_*.h; the text as iptables-save(8) has it.

import { formatAddress } from '../netlink/address-text.ts';
import { textOf, view } from '../netlink/message.ts';
import type { NumberSpan, XtFamily } from './match.ts';

export type XtEffect =
  | { readonly kind: 'continue' }
  | { readonly kind: 'reject' }
  | { readonly kind: 'queue' }
  /** It is handed on otherwise, and no further rule of the chain is asked. */
  | { readonly kind: 'accept' }
  /** null: of the interface, or as it was. */
  | {
      readonly kind: 'dnat' | 'snat' | 'masquerade' | 'redirect';
      readonly addresses: { readonly from: Uint8Array; readonly to: Uint8Array } | null;
      readonly ports: NumberSpan | null;
      readonly isRandom: boolean;
    }
  /** (mark & ~mask) ^ value */
  | { readonly kind: 'mark'; readonly of: 'packet' | 'connection'; readonly value: number; readonly mask: number }
  /** From the connection's mark, or to it. */
  | { readonly kind: 'restore mark' | 'save mark'; readonly ctMask: number; readonly nfMask: number }
  | { readonly kind: 'untrack' }
  /** It may do anything. */
  | { readonly kind: 'unknown' };

export interface XtTarget {
  readonly text: string;
  readonly effect: XtEffect;
}

type Decode = (info: Uint8Array, family: XtFamily) => XtTarget | undefined;

/** One that is not known may do anything. */
export function decodeXtTarget(name: string, revision: number, info: Uint8Array, family: XtFamily): XtTarget {
  const decode = DECODERS.get(`${name} ${revision}`) ?? DECODERS.get(name);
  const unknown: XtTarget = { text: `-j ${name} ...`, effect: { kind: 'unknown' } };
  return decode?.(info, family) ?? unknown;
}

/** They change the packet, or tell of it, and let it go on. */
const HARMLESS = [
  'LOG',
  'NFLOG',
  'TCPMSS',
  'TRACE',
  'AUDIT',
  'CHECKSUM',
  'CLASSIFY',
  'CONNSECMARK',
  'DSCP',
  'HL',
].concat(['TTL', 'TOS', 'ECN', 'SECMARK', 'SET', 'TEE', 'RATEEST', 'IDLETIMER', 'LED', 'TCPOPTSTRIP']);

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ...HARMLESS.map((name) => [name, () => target(`-j ${name} ...`, { kind: 'continue' })] as const),
  ['LOG', log],
  ['REJECT', reject],
  ['NFQUEUE', (info) => target(`-j NFQUEUE --queue-num ${short(info)}`, { kind: 'queue' })],
  ['MARK 2', (info) => setMark(info, 'packet', '-j MARK --set-xmark')],
  ['CONNMARK 1', (info) => connectionMark(info, info[12])],
  // Between the masks and the mode by how many bits it is shifted.
  ['CONNMARK 2', (info) => (info[13] === 0 ? connectionMark(info, info[14]) : undefined)],
  ['CT', connectionTarget],
  ['NOTRACK', () => target('-j NOTRACK', { kind: 'untrack' })],
  ['TPROXY', () => target('-j TPROXY ...', { kind: 'accept' })],
  ['MASQUERADE', masquerade],
  ['REDIRECT', redirect],
  ['DNAT 0', (info) => translation(oldRange(info), 'dnat')],
  ['DNAT 1', (info, family) => translation(newRange(info, family), 'dnat')],
  ['DNAT 2', (info, family) => translation(newRange(info, family), 'dnat')],
  ['SNAT 0', (info) => translation(oldRange(info), 'snat')],
  ['SNAT 1', (info, family) => translation(newRange(info, family), 'snat')],
]);

function target(text: string, effect: XtEffect): XtTarget {
  return { text, effect };
}

const short = (info: Uint8Array): string => (info.length < 2 ? '...' : String(view(info).getUint16(0, true)));

const LOG_PREFIX = 2;
const LOG_LENGTH = 32;

function log(info: Uint8Array): XtTarget {
  const prefix = textOf(info.subarray(LOG_PREFIX, LOG_LENGTH)) ?? '';
  return target(prefix === '' ? '-j LOG' : `-j LOG --log-prefix ${JSON.stringify(prefix)}`, { kind: 'continue' });
}

const REJECT_WITH: Readonly<Record<XtFamily, readonly string[]>> = {
  ip: [
    'icmp-net-unreachable',
    'icmp-host-unreachable',
    'icmp-proto-unreachable',
    'icmp-port-unreachable',
    'echo-reply',
    'icmp-net-prohibited',
    'icmp-host-prohibited',
    'tcp-reset',
    'icmp-admin-prohibited',
  ],
  ip6: [
    'icmp6-no-route',
    'icmp6-adm-prohibited',
    'icmp6-not-neighbour',
    'icmp6-addr-unreachable',
    'icmp6-port-unreachable',
    'echo-reply',
    'tcp-reset',
    'icmp6-policy-fail',
    'icmp6-reject-route',
  ],
};

function reject(info: Uint8Array, family: XtFamily): XtTarget {
  const how = info.length < 4 ? undefined : REJECT_WITH[family][view(info).getUint32(0, true)];
  return target(`-j REJECT --reject-with ${how ?? '...'}`, { kind: 'reject' });
}

function setMark(info: Uint8Array, of: 'packet' | 'connection', option: string): XtTarget | undefined {
  if (info.length < 8) return undefined;
  const [value, mask] = [view(info).getUint32(0, true), view(info).getUint32(4, true)];
  return target(`${option} 0x${value.toString(16)}/0x${mask.toString(16)}`, { kind: 'mark', of, value, mask });
}

const CONNMARK_MODES = ['set', 'save', 'restore'] as const;

function connectionMark(info: Uint8Array, number: number | undefined): XtTarget | undefined {
  if (info.length < 13) return undefined;
  const [value, ctMask, nfMask] = [0, 4, 8].map((offset) => view(info).getUint32(offset, true));
  const mode = CONNMARK_MODES[number ?? -1];
  if (mode === undefined || value === undefined || ctMask === undefined || nfMask === undefined) return undefined;
  if (mode === 'set') return setMark(info, 'connection', '-j CONNMARK --set-xmark');
  const text = `-j CONNMARK --${mode}-mark --nfmask 0x${nfMask.toString(16)} --ctmask 0x${ctMask.toString(16)}`;
  return target(text, { kind: `${mode} mark`, ctMask, nfMask });
}

const CT_NOTRACK = 1;

function connectionTarget(info: Uint8Array): XtTarget | undefined {
  if (info.length < 2) return undefined;
  const isUntracked = (view(info).getUint16(0, true) & CT_NOTRACK) !== 0;
  return isUntracked ? target('-j CT --notrack', { kind: 'untrack' }) : target('-j CT ...', { kind: 'continue' });
}

interface Range {
  readonly flags: number;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly ports: NumberSpan;
}

/** NF_NAT_RANGE_*. */
const RANGE = { MAP_IPS: 1, PROTO_SPECIFIED: 2, PROTO_RANDOM: 4, PERSISTENT: 8, PROTO_RANDOM_FULLY: 0x10 } as const;
const OLD_RANGE_LENGTH = 20;
const NEW_RANGE_LENGTH = 40;

/** struct nf_nat_ipv4_multi_range_compat: a number, and one range. */
function oldRange(info: Uint8Array): Range | undefined {
  if (info.length < OLD_RANGE_LENGTH) return undefined;
  const fields = view(info);
  return {
    flags: fields.getUint32(4, true),
    from: info.slice(8, 12),
    to: info.slice(12, 16),
    ports: { first: fields.getUint16(16, false), last: fields.getUint16(18, false) },
  };
}

/** struct nf_nat_range and nf_nat_range2. */
function newRange(info: Uint8Array, family: XtFamily): Range | undefined {
  if (info.length < NEW_RANGE_LENGTH) return undefined;
  const fields = view(info);
  const size = family === 'ip' ? 4 : 16;
  return {
    flags: fields.getUint32(0, true),
    from: info.slice(4, 4 + size),
    to: info.slice(20, 20 + size),
    ports: { first: fields.getUint16(36, false), last: fields.getUint16(38, false) },
  };
}

const isRandom = ({ flags }: Range): boolean => (flags & (RANGE.PROTO_RANDOM | RANGE.PROTO_RANDOM_FULLY)) !== 0;

function portsOf({ flags, ports }: Range): NumberSpan | null {
  return (flags & RANGE.PROTO_SPECIFIED) === 0 ? null : ports;
}

function spanText(ports: NumberSpan | null): string {
  if (ports === null) return '';
  return ports.first === ports.last ? String(ports.first) : `${ports.first}-${ports.last}`;
}

function randomText(range: Range): string {
  if ((range.flags & RANGE.PROTO_RANDOM_FULLY) !== 0) return ' --random-fully';
  return (range.flags & RANGE.PROTO_RANDOM) === 0 ? '' : ' --random';
}

function translation(range: Range | undefined, kind: 'dnat' | 'snat'): XtTarget | undefined {
  if (range === undefined) return undefined;
  const hasAddress = (range.flags & RANGE.MAP_IPS) !== 0;
  const addresses = hasAddress ? { from: range.from, to: range.to } : null;
  const ports = portsOf(range);
  const persistent = (range.flags & RANGE.PERSISTENT) === 0 ? '' : ' --persistent';
  const option = kind === 'dnat' ? '-j DNAT --to-destination' : '-j SNAT --to-source';
  const where = `${addressesText(addresses, ports !== null)}${ports === null ? '' : ':'}${spanText(ports)}`;
  return target(`${option} ${where}${randomText(range)}${persistent}`, {
    kind,
    addresses,
    ports,
    isRandom: isRandom(range),
  });
}

function addressesText(addresses: { from: Uint8Array; to: Uint8Array } | null, hasPort: boolean): string {
  if (addresses === null) return '';
  const [from, to] = [formatAddress(addresses.from), formatAddress(addresses.to)];
  const text = from === to ? from : `${from}-${to}`;
  return hasPort && addresses.from.length === 16 ? `[${text}]` : text;
}

function masquerade(info: Uint8Array, family: XtFamily): XtTarget | undefined {
  return toOwn(info, family, 'masquerade', '-j MASQUERADE');
}

function redirect(info: Uint8Array, family: XtFamily): XtTarget | undefined {
  return toOwn(info, family, 'redirect', '-j REDIRECT');
}

/** IPv4 has the old struct, IPv6 the new one. */
function toOwn(
  info: Uint8Array,
  family: XtFamily,
  kind: 'masquerade' | 'redirect',
  option: string,
): XtTarget | undefined {
  const range = family === 'ip' ? oldRange(info) : newRange(info, family);
  if (range === undefined) return undefined;
  const ports = portsOf(range);
  const where = ports === null ? '' : ` --to-ports ${spanText(ports)}`;
  return target(`${option}${where}${randomText(range)}`, { kind, addresses: null, ports, isRandom: isRandom(range) });
}
