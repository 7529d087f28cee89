// What rules test and do, in the instructions that nft(8) makes of the same words, so that it reads them as such.

import * as abi from '../abi/netfilter.ts';
import { NFPROTO } from '../abi/nftables.ts';
import { view } from '../netlink/message.ts';
import type { Expression } from './expression.ts';

/** Of IPv4 or IPv6, by their length. */
export interface AddressMatch {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

type Which = 'saddr' | 'daddr';

/** Offsets in the headers of IPv4 and IPv6. */
const OFFSETS = { 4: { saddr: 12, daddr: 16 }, 16: { saddr: 8, daddr: 24 } } as const;
const PORT_OFFSETS = { sport: 0, dport: 2 } as const;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** Names of links in registers have all their bytes, with NULs. Source: IFNAMSIZ. */
const IFNAMSIZ = 16;

/** `meta nfproto ipv4`: before the first look at a header in a table of both. nft(8) does not show it where it does. */
export function ofFamily(address: Uint8Array): readonly Expression[] {
  return [meta('nfproto'), compare('eq', Uint8Array.of(address.length === 4 ? NFPROTO.ip : NFPROTO.ip6))];
}

/** `ip saddr 10.0.0.0/24`, `ip6 daddr != fd00::/64`. */
export function address(which: Which, op: 'eq' | 'neq', match: AddressMatch): readonly Expression[] {
  const { length } = match.address;
  const offset = OFFSETS[length === 4 ? 4 : 16][which];
  const isWhole = match.prefixLength % 8 === 0 && match.prefixLength > 0;
  // Of whole bytes only as many are looked at.
  const loaded = isWhole ? match.prefixLength / 8 : length;
  const mask = maskOf(match.prefixLength, loaded);
  const masked = match.address.slice(0, loaded).map((byte, at) => byte & (mask[at] ?? 0));
  const load = { kind: 'payload', dreg: abi.NFT_REG_1, sreg: null, base: 'network', offset, length: loaded } as const;
  return [load, ...(isWhole ? [] : [and(mask)]), compare(op, masked)];
}

function maskOf(prefixLength: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => {
    const bits = Math.min(8, Math.max(0, prefixLength - at * 8));
    return 0xff & (0xff << (8 - bits));
  });
}

/** `tcp dport 8080`. */
export function port(protocol: 'tcp' | 'udp', which: 'sport' | 'dport', number: number): readonly Expression[] {
  const offset = PORT_OFFSETS[which];
  return [
    meta('l4proto'),
    compare('eq', Uint8Array.of(PROTOCOLS[protocol])),
    { kind: 'payload', dreg: abi.NFT_REG_1, sreg: null, base: 'transport', offset, length: 2 },
    compare('eq', portBytes(number)),
  ];
}

/** `iifname "nstool0"`. */
export function link(which: 'iifname' | 'oifname', name: string): readonly Expression[] {
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  return [meta(which), compare('eq', bytes)];
}

/** `fib daddr type local`: it is for one of our own addresses. */
export function toUs(): readonly Expression[] {
  const type = new Uint8Array(4);
  view(type).setUint32(0, abi.RTN_LOCAL, true);
  return [{ kind: 'fib', dreg: abi.NFT_REG_1, result: 'type', flags: ['daddr'] }, compare('eq', type)];
}

/** `ct status dnat`: its destination was translated. */
export function translated(): readonly Expression[] {
  const bit = new Uint8Array(4);
  view(bit).setUint32(0, abi.IPS_DST_NAT, true);
  const load = { kind: 'ct', dreg: abi.NFT_REG_1, sreg: null, key: 'status', direction: null } as const;
  return [load, and(bit), compare('neq', new Uint8Array(4))];
}

export function counter(): Expression {
  return { kind: 'counter', packets: 0n, bytes: 0n };
}

export function verdict(code: 'accept' | 'drop' | 'return'): Expression {
  return { kind: 'immediate', dreg: abi.NFT_REG_VERDICT, data: { verdict: { code } } };
}

export function masquerade(): Expression {
  return { kind: 'masquerade', port: null, portEnd: null, flags: 0 };
}

/** `dnat ip to 10.0.0.2:80`. */
export function translate(to: Uint8Array, toPort: number): readonly Expression[] {
  return [
    { kind: 'immediate', dreg: abi.NFT_REG_1, data: { bytes: to } },
    { kind: 'immediate', dreg: abi.NFT_REG_2, data: { bytes: portBytes(toPort) } },
    {
      kind: 'nat',
      type: 'dnat',
      family: to.length === 4 ? 'ip' : 'ip6',
      address: abi.NFT_REG_1,
      addressEnd: null,
      port: abi.NFT_REG_2,
      portEnd: null,
      flags: abi.NF_NAT_RANGE_PROTO_SPECIFIED,
    },
  ];
}

function meta(key: string): Expression {
  return { kind: 'meta', dreg: abi.NFT_REG_1, sreg: null, key };
}

function compare(op: 'eq' | 'neq', data: Uint8Array): Expression {
  return { kind: 'cmp', op, sreg: abi.NFT_REG_1, data };
}

function and(mask: Uint8Array): Expression {
  const { length } = mask;
  const [sreg, dreg] = [abi.NFT_REG_1, abi.NFT_REG_1];
  return {
    kind: 'bitwise',
    op: 'mask',
    sreg,
    dreg,
    length,
    mask,
    xor: new Uint8Array(length),
    shift: 0,
    sreg2: null,
  };
}

function portBytes(number: number): Uint8Array {
  return Uint8Array.of(number >> 8, number & 0xff);
}
