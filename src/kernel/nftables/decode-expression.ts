// The instructions of a rule, from the kernel's attributes. One that is not known, or lacks what it must have, is kept by
// its name: a rule is never shorter than it is.

import {
  NFT_CT_KEYS,
  NFT_EXTHDR_OPS,
  NFT_F_INVERTED,
  NFT_FIB_FLAGS,
  NFT_META_KEYS,
  NFT_RT_KEYS,
  NFT_SOCKET_KEYS,
  NFPROTO,
  NFTA_BITWISE,
  NFTA_BYTEORDER,
  NFTA_CMP,
  NFTA_CONNLIMIT,
  NFTA_COUNTER,
  NFTA_CT,
  NFTA_DATA,
  NFTA_DYNSET,
  NFTA_EXPR,
  NFTA_EXTHDR,
  NFTA_FIB,
  NFTA_HASH,
  NFTA_IMMEDIATE,
  NFTA_LAST,
  NFTA_LIMIT,
  NFTA_LIST_ELEM,
  NFTA_LOG,
  NFTA_LOOKUP,
  NFTA_MASQ,
  NFTA_MATCH,
  NFTA_META,
  NFTA_NAT,
  NFTA_NG,
  NFTA_OBJREF,
  NFTA_PAYLOAD,
  NFTA_QUEUE,
  NFTA_QUOTA,
  NFTA_RANGE,
  NFTA_REDIR,
  NFTA_REJECT,
  NFTA_RT,
  NFTA_SOCKET,
  NFTA_VERDICT,
} from '../abi/nftables.ts';
import { value, type Reading } from '../host.ts';
import { attributeMap, decodeAttributes, textOf, view } from '../netlink/message.ts';
import type { Expression, NftData, NftFamily, NftVerdict } from './expression.ts';
import { be16, be32, be64 } from './numbers.ts';

type Attributes = ReadonlyMap<number, Uint8Array>;

/** NFTA_*_EXPRESSIONS: a list. */
export function decodeExpressions(bytes: Uint8Array, what: string): Reading<readonly Expression[]> {
  return expressionsIn(bytes, what, 0);
}

export function decodeExpression(bytes: Uint8Array, what: string): Reading<Expression> {
  return expressionIn(bytes, what, 0);
}

/** A rule has at most 128; what changes a set has some of its own, and they no more. */
const MAX_DEPTH = 2;

function expressionsIn(bytes: Uint8Array, what: string, depth: number): Reading<readonly Expression[]> {
  const list = decodeAttributes(bytes, what);
  if (!list.ok) return list;
  const all: Expression[] = [];
  for (const { type, body } of list.value) {
    if (type !== NFTA_LIST_ELEM) continue;
    const one = expressionIn(body, what, depth);
    if (!one.ok) return one;
    all.push(one.value);
  }
  return value(all);
}

function expressionIn(bytes: Uint8Array, what: string, depth: number): Reading<Expression> {
  const outer = attributeMap(bytes, what);
  if (!outer.ok) return outer;
  const name = textOf(outer.value.get(NFTA_EXPR.NAME)) ?? '';
  return decodeNamed(name, outer.value.get(NFTA_EXPR.DATA) ?? new Uint8Array(), what, depth);
}

/** Of an object that is what the instruction of this name is. */
export function decodeNamed(name: string, bytes: Uint8Array, what: string, depth = 0): Reading<Expression> {
  const data = attributeMap(bytes, what);
  if (!data.ok) return data;
  const decode = DECODERS.get(name);
  const known = depth <= MAX_DEPTH ? decode?.(data.value, what, depth) : undefined;
  return value(known ?? { kind: 'unknown', unknown: name });
}

/** Undefined: something is missing. */
type Decode = (of: Attributes, what: string, depth: number) => Expression | undefined;

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['immediate', immediate],
  ['bitwise', bitwise],
  ['byteorder', byteorder],
  ['cmp', compare],
  ['range', range],
  ['lookup', lookup],
  ['dynset', dynset],
  ['payload', payload],
  ['exthdr', extensionHeader],
  ['meta', meta],
  ['ct', connection],
  ['fib', fib],
  ['rt', route],
  ['socket', socket],
  ['numgen', numgen],
  ['hash', hash],
  ['limit', limit],
  ['connlimit', connlimit],
  ['quota', quota],
  ['counter', counter],
  ['last', last],
  ['log', log],
  ['queue', queue],
  ['reject', reject],
  ['nat', nat],
  ['masq', masquerade],
  ['redir', redirect],
  ['objref', objref],
  ['notrack', () => ({ kind: 'notrack' })],
  ['match', (of) => xtables('match', of)],
  ['target', (of) => xtables('target', of)],
]);

function immediate(of: Attributes, what: string): Expression | undefined {
  const dreg = be32(of.get(NFTA_IMMEDIATE.DREG));
  const data = dataOf(of.get(NFTA_IMMEDIATE.DATA), what);
  return dreg === undefined || data === undefined ? undefined : { kind: 'immediate', dreg, data };
}

/** Undefined: neither bytes nor a verdict that is known. */
export function dataOf(body: Uint8Array | undefined, what: string): NftData | undefined {
  const attributes = attributeMap(body ?? new Uint8Array(), what);
  if (!attributes.ok) return undefined;
  const bytes = attributes.value.get(NFTA_DATA.VALUE);
  if (bytes !== undefined) return { bytes };
  const verdict = attributeMap(attributes.value.get(NFTA_DATA.VERDICT) ?? new Uint8Array(), what);
  const known = verdict.ok ? verdictOf(verdict.value) : undefined;
  return known === undefined ? undefined : { verdict: known };
}

/** Source: enum nft_verdicts; NF_DROP ... of linux/netfilter.h. */
const VERDICTS: ReadonlyMap<number, Exclude<NftVerdict['code'], 'jump' | 'goto'>> = new Map([
  [0, 'drop'],
  [1, 'accept'],
  [2, 'stolen'],
  [3, 'queue'],
  [-1, 'continue'],
  [-2, 'break'],
  [-5, 'return'],
]);
const NFT_JUMP = -3;
const NFT_GOTO = -4;
/** The upper half of a queue's verdict is its number. */
const VERDICT_MASK = 0xff;

function verdictOf(of: Attributes): NftVerdict | undefined {
  const number = be32(of.get(NFTA_VERDICT.CODE));
  if (number === undefined) return undefined;
  const code = number | 0;
  if (code === NFT_JUMP || code === NFT_GOTO) {
    const chain = textOf(of.get(NFTA_VERDICT.CHAIN));
    return chain === null ? undefined : { code: code === NFT_JUMP ? 'jump' : 'goto', chain };
  }
  const plain = VERDICTS.get(code < 0 ? code : code & VERDICT_MASK);
  return plain === undefined ? undefined : { code: plain };
}

function bytesOf(body: Uint8Array | undefined, what: string): Uint8Array | undefined {
  const data = dataOf(body, what);
  return data !== undefined && 'bytes' in data ? data.bytes : undefined;
}

const BITWISE_OPS = ['mask', 'lshift', 'rshift', 'and', 'or', 'xor'] as const;

function bitwise(of: Attributes, what: string): Expression | undefined {
  const [sreg, dreg, length] = numbers(of, NFTA_BITWISE.SREG, NFTA_BITWISE.DREG, NFTA_BITWISE.LEN);
  const op = BITWISE_OPS[be32(of.get(NFTA_BITWISE.OP)) ?? 0];
  if (sreg === undefined || dreg === undefined || length === undefined || op === undefined) return undefined;
  const nothing = new Uint8Array();
  const mask = bytesOf(of.get(NFTA_BITWISE.MASK), what) ?? nothing;
  const xor = bytesOf(of.get(NFTA_BITWISE.XOR), what) ?? nothing;
  if (op === 'mask' && (mask.length !== length || xor.length !== length)) return undefined;
  const shift = littleOf(bytesOf(of.get(NFTA_BITWISE.DATA), what));
  const sreg2 = be32(of.get(NFTA_BITWISE.SREG2)) ?? null;
  return { kind: 'bitwise', op, sreg, dreg, length, mask, xor, shift, sreg2 };
}

/** What a register has is in the machine's order. */
function littleOf(bytes: Uint8Array | undefined): number {
  return bytes?.length === 4 ? view(bytes).getUint32(0, true) : 0;
}

function byteorder(of: Attributes): Expression | undefined {
  const [sreg, dreg, length] = numbers(of, NFTA_BYTEORDER.SREG, NFTA_BYTEORDER.DREG, NFTA_BYTEORDER.LEN);
  const size = be32(of.get(NFTA_BYTEORDER.SIZE));
  if (sreg === undefined || dreg === undefined || length === undefined || size === undefined) return undefined;
  const op = be32(of.get(NFTA_BYTEORDER.OP)) === 1 ? 'hton' : 'ntoh';
  return { kind: 'byteorder', op, sreg, dreg, length, size };
}

const COMPARE_OPS = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte'] as const;

function compare(of: Attributes, what: string): Expression | undefined {
  const sreg = be32(of.get(NFTA_CMP.SREG));
  const op = COMPARE_OPS[be32(of.get(NFTA_CMP.OP)) ?? -1];
  const data = bytesOf(of.get(NFTA_CMP.DATA), what);
  if (sreg === undefined || op === undefined || data === undefined) return undefined;
  return { kind: 'cmp', op, sreg, data };
}

function range(of: Attributes, what: string): Expression | undefined {
  const [sreg, number] = numbers(of, NFTA_RANGE.SREG, NFTA_RANGE.OP);
  const from = bytesOf(of.get(NFTA_RANGE.FROM_DATA), what);
  const to = bytesOf(of.get(NFTA_RANGE.TO_DATA), what);
  if (sreg === undefined || from === undefined || to === undefined) return undefined;
  return { kind: 'range', op: number === 1 ? 'neq' : 'eq', sreg, from, to };
}

function lookup(of: Attributes): Expression | undefined {
  const set = textOf(of.get(NFTA_LOOKUP.SET));
  const sreg = be32(of.get(NFTA_LOOKUP.SREG));
  if (set === null || sreg === undefined) return undefined;
  const dreg = be32(of.get(NFTA_LOOKUP.DREG)) ?? null;
  return { kind: 'lookup', set, sreg, dreg, inverted: isInverted(of.get(NFTA_LOOKUP.FLAGS)) };
}

function isInverted(flags: Uint8Array | undefined): boolean {
  return ((be32(flags) ?? 0) & NFT_F_INVERTED) !== 0;
}

const DYNSET_OPS = ['add', 'update', 'delete'] as const;

function dynset(of: Attributes, what: string, depth: number): Expression | undefined {
  const set = textOf(of.get(NFTA_DYNSET.SET_NAME));
  const op = DYNSET_OPS[be32(of.get(NFTA_DYNSET.OP)) ?? -1];
  const sreg = be32(of.get(NFTA_DYNSET.SREG_KEY));
  const single = of.get(NFTA_DYNSET.EXPR);
  const several = of.get(NFTA_DYNSET.EXPRESSIONS);
  const list = expressionsIn(several ?? new Uint8Array(), what, depth + 1);
  const one = single === undefined ? undefined : expressionIn(single, what, depth + 1);
  if (set === null || op === undefined || sreg === undefined || !list.ok || one?.ok === false) return undefined;
  return {
    kind: 'dynset',
    set,
    op,
    sreg,
    dataSreg: be32(of.get(NFTA_DYNSET.SREG_DATA)) ?? null,
    timeout: be64(of.get(NFTA_DYNSET.TIMEOUT)) ?? null,
    inverted: isInverted(of.get(NFTA_DYNSET.FLAGS)),
    expressions: one === undefined ? list.value : [one.value],
  };
}

const PAYLOAD_BASES = ['link', 'network', 'transport', 'inner'] as const;

function payload(of: Attributes): Expression | undefined {
  const base = PAYLOAD_BASES[be32(of.get(NFTA_PAYLOAD.BASE)) ?? -1];
  const [offset, length] = numbers(of, NFTA_PAYLOAD.OFFSET, NFTA_PAYLOAD.LEN);
  if (base === undefined || offset === undefined || length === undefined) return undefined;
  const dreg = be32(of.get(NFTA_PAYLOAD.DREG)) ?? null;
  return { kind: 'payload', dreg, sreg: be32(of.get(NFTA_PAYLOAD.SREG)) ?? null, base, offset, length };
}

const NFT_EXTHDR_F_PRESENT = 1;

function extensionHeader(of: Attributes): Expression | undefined {
  const type = of.get(NFTA_EXTHDR.TYPE)?.[0];
  const [offset, length] = numbers(of, NFTA_EXTHDR.OFFSET, NFTA_EXTHDR.LEN);
  const header = NFT_EXTHDR_OPS[be32(of.get(NFTA_EXTHDR.OP)) ?? 0];
  if (type === undefined || offset === undefined || length === undefined || header === undefined) return undefined;
  const dreg = be32(of.get(NFTA_EXTHDR.DREG)) ?? null;
  const sreg = be32(of.get(NFTA_EXTHDR.SREG)) ?? null;
  const present = ((be32(of.get(NFTA_EXTHDR.FLAGS)) ?? 0) & NFT_EXTHDR_F_PRESENT) !== 0;
  return { kind: 'exthdr', dreg, sreg, header, type, offset, length, present };
}

function meta(of: Attributes): Expression | undefined {
  const key = NFT_META_KEYS[be32(of.get(NFTA_META.KEY)) ?? -1];
  if (key === undefined) return undefined;
  return { kind: 'meta', dreg: be32(of.get(NFTA_META.DREG)) ?? null, sreg: be32(of.get(NFTA_META.SREG)) ?? null, key };
}

function connection(of: Attributes): Expression | undefined {
  const key = NFT_CT_KEYS[be32(of.get(NFTA_CT.KEY)) ?? -1];
  if (key === undefined) return undefined;
  const number = of.get(NFTA_CT.DIRECTION)?.[0];
  const direction = number === undefined ? null : number === 0 ? 'original' : 'reply';
  const [dreg = null, sreg = null] = numbers(of, NFTA_CT.DREG, NFTA_CT.SREG);
  return { kind: 'ct', dreg, sreg, key, direction };
}

const FIB_RESULTS = ['unknown', 'oif', 'oifname', 'type'] as const;

function fib(of: Attributes): Expression | undefined {
  const [dreg, result, bits = 0] = numbers(of, NFTA_FIB.DREG, NFTA_FIB.RESULT, NFTA_FIB.FLAGS);
  if (dreg === undefined) return undefined;
  const flags = NFT_FIB_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0);
  return { kind: 'fib', dreg, result: FIB_RESULTS[result ?? 0] ?? 'unknown', flags };
}

function route(of: Attributes): Expression | undefined {
  const [dreg, number] = numbers(of, NFTA_RT.DREG, NFTA_RT.KEY);
  const key = NFT_RT_KEYS[number ?? -1];
  return dreg === undefined || key === undefined ? undefined : { kind: 'rt', dreg, key };
}

function socket(of: Attributes): Expression | undefined {
  const [dreg, number, level = null] = numbers(of, NFTA_SOCKET.DREG, NFTA_SOCKET.KEY, NFTA_SOCKET.LEVEL);
  const key = NFT_SOCKET_KEYS[number ?? -1];
  return dreg === undefined || key === undefined ? undefined : { kind: 'socket', dreg, key, level };
}

function numgen(of: Attributes): Expression | undefined {
  const [dreg, modulus, type, offset = 0] = numbers(of, NFTA_NG.DREG, NFTA_NG.MODULUS, NFTA_NG.TYPE, NFTA_NG.OFFSET);
  if (dreg === undefined || modulus === undefined) return undefined;
  return { kind: 'numgen', dreg, type: type === 1 ? 'random' : 'inc', modulus, offset };
}

function hash(of: Attributes): Expression | undefined {
  const [dreg, modulus, sreg = null, length = 0] = numbers(
    of,
    NFTA_HASH.DREG,
    NFTA_HASH.MODULUS,
    NFTA_HASH.SREG,
    NFTA_HASH.LEN,
  );
  if (dreg === undefined || modulus === undefined) return undefined;
  const [seed = null, offset = 0, type] = numbers(of, NFTA_HASH.SEED, NFTA_HASH.OFFSET, NFTA_HASH.TYPE);
  return { kind: 'hash', dreg, sreg, length, type: type === 1 ? 'symmetric' : 'jenkins', modulus, seed, offset };
}

function limit(of: Attributes): Expression | undefined {
  const rate = be64(of.get(NFTA_LIMIT.RATE));
  const per = be64(of.get(NFTA_LIMIT.UNIT));
  if (rate === undefined || per === undefined) return undefined;
  const [burst = 0, type] = numbers(of, NFTA_LIMIT.BURST, NFTA_LIMIT.TYPE);
  const over = isInverted(of.get(NFTA_LIMIT.FLAGS));
  return { kind: 'limit', rate, per, burst, of: type === 1 ? 'bytes' : 'packets', over };
}

function connlimit(of: Attributes): Expression | undefined {
  const count = be32(of.get(NFTA_CONNLIMIT.COUNT));
  return count === undefined ? undefined : { kind: 'connlimit', count, over: isInverted(of.get(NFTA_CONNLIMIT.FLAGS)) };
}

function quota(of: Attributes): Expression | undefined {
  const bytes = be64(of.get(NFTA_QUOTA.BYTES));
  if (bytes === undefined) return undefined;
  return {
    kind: 'quota',
    bytes,
    used: be64(of.get(NFTA_QUOTA.CONSUMED)) ?? 0n,
    over: isInverted(of.get(NFTA_QUOTA.FLAGS)),
  };
}

function counter(of: Attributes): Expression | undefined {
  const packets = be64(of.get(NFTA_COUNTER.PACKETS));
  const bytes = be64(of.get(NFTA_COUNTER.BYTES));
  return packets === undefined || bytes === undefined ? undefined : { kind: 'counter', packets, bytes };
}

function last(of: Attributes): Expression {
  const isSet = be32(of.get(NFTA_LAST.SET)) === 1;
  return { kind: 'last', before: isSet ? (be64(of.get(NFTA_LAST.MSECS)) ?? null) : null };
}

function log(of: Attributes): Expression {
  const [snaplen = null, level = null, flags = 0] = numbers(of, NFTA_LOG.SNAPLEN, NFTA_LOG.LEVEL, NFTA_LOG.FLAGS);
  const group = be16(of.get(NFTA_LOG.GROUP)) ?? null;
  const threshold = be16(of.get(NFTA_LOG.QTHRESHOLD)) ?? null;
  return { kind: 'log', prefix: textOf(of.get(NFTA_LOG.PREFIX)), group, snaplen, threshold, level, flags };
}

function queue(of: Attributes): Expression {
  const sreg = be32(of.get(NFTA_QUEUE.SREG_QNUM)) ?? null;
  const from = be16(of.get(NFTA_QUEUE.NUM)) ?? 0;
  const flags = be16(of.get(NFTA_QUEUE.FLAGS)) ?? 0;
  return { kind: 'queue', from, count: be16(of.get(NFTA_QUEUE.TOTAL)) ?? 1, flags, sreg };
}

const REJECT_TYPES = ['icmp', 'tcp reset', 'icmpx'] as const;

function reject(of: Attributes): Expression | undefined {
  const type = REJECT_TYPES[be32(of.get(NFTA_REJECT.TYPE)) ?? -1];
  return type === undefined ? undefined : { kind: 'reject', type, code: of.get(NFTA_REJECT.ICMP_CODE)?.[0] ?? 0 };
}

const FAMILY_NAMES: ReadonlyMap<number, NftFamily> = new Map([
  [NFPROTO.inet, 'inet'],
  [NFPROTO.ip, 'ip'],
  [NFPROTO.ip6, 'ip6'],
  [NFPROTO.arp, 'arp'],
  [NFPROTO.bridge, 'bridge'],
  [NFPROTO.netdev, 'netdev'],
]);

/** Undefined: of one that nftables does not have. */
export function familyOf(number: number | undefined): NftFamily | undefined {
  return FAMILY_NAMES.get(number ?? -1);
}

function nat(of: Attributes): Expression | undefined {
  const [type, number, flags = 0] = numbers(of, NFTA_NAT.TYPE, NFTA_NAT.FAMILY, NFTA_NAT.FLAGS);
  const family = familyOf(number);
  if (type === undefined || family === undefined) return undefined;
  const [address = null, addressEnd = null] = numbers(of, NFTA_NAT.REG_ADDR_MIN, NFTA_NAT.REG_ADDR_MAX);
  const [port = null, portEnd = null] = numbers(of, NFTA_NAT.REG_PROTO_MIN, NFTA_NAT.REG_PROTO_MAX);
  return { kind: 'nat', type: type === 1 ? 'dnat' : 'snat', family, address, addressEnd, port, portEnd, flags };
}

function masquerade(of: Attributes): Expression {
  const [port = null, portEnd = null, flags = 0] = numbers(
    of,
    NFTA_MASQ.REG_PROTO_MIN,
    NFTA_MASQ.REG_PROTO_MAX,
    NFTA_MASQ.FLAGS,
  );
  return { kind: 'masquerade', port, portEnd, flags };
}

function redirect(of: Attributes): Expression {
  const [port = null, portEnd = null, flags = 0] = numbers(
    of,
    NFTA_REDIR.REG_PROTO_MIN,
    NFTA_REDIR.REG_PROTO_MAX,
    NFTA_REDIR.FLAGS,
  );
  return { kind: 'redirect', port, portEnd, flags };
}

function objref(of: Attributes): Expression {
  const [type = 0, sreg = null] = numbers(of, NFTA_OBJREF.IMM_TYPE, NFTA_OBJREF.SET_SREG);
  const name = textOf(of.get(NFTA_OBJREF.IMM_NAME));
  return { kind: 'objref', type, name, set: textOf(of.get(NFTA_OBJREF.SET_NAME)), sreg };
}

function xtables(kind: 'match' | 'target', of: Attributes): Expression | undefined {
  const name = textOf(of.get(NFTA_MATCH.NAME));
  const revision = be32(of.get(NFTA_MATCH.REV)) ?? 0;
  const info = of.get(NFTA_MATCH.INFO);
  return name === null || info === undefined ? undefined : { kind, name, revision, info };
}

function numbers(of: Attributes, ...types: readonly number[]): readonly (number | undefined)[] {
  return types.map((type) => be32(of.get(type)));
}
