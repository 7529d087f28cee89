// What iptables asks of a packet, from the structs of its matches. Source: include/uapi/linux/netfilter/xt_*.h,
// netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h; the text as iptables-save(8) has it.

import { formatAddress } from '../netlink/address-text.ts';
import { textOf, view } from '../netlink/message.ts';

export type XtFamily = 'ip' | 'ip6';

export interface NumberSpan {
  readonly first: number;
  readonly last: number;
}

export type PacketEnd = 'source' | 'destination';

/** What must hold, all of it. `inverted`: what must not. */
export type XtTest = { readonly inverted: boolean } & (
  | { readonly kind: 'ports'; readonly end: PacketEnd | 'either'; readonly spans: readonly NumberSpan[] }
  | { readonly kind: 'tcp flags'; readonly mask: number; readonly compare: number }
  | { readonly kind: 'icmp'; readonly type: number; readonly codes: NumberSpan }
  /** INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED, SNAT, DNAT: one of them. */
  | { readonly kind: 'connection state'; readonly states: readonly string[] }
  | { readonly kind: 'connection reply'; readonly reply: boolean }
  /** Under the mask, of the connection's first packet or of its answer. */
  | {
      readonly kind: 'connection address';
      readonly of: 'original' | 'reply';
      readonly end: PacketEnd;
      readonly address: Uint8Array;
      readonly mask: Uint8Array;
    }
  | {
      readonly kind: 'connection port';
      readonly of: 'original' | 'reply';
      readonly end: PacketEnd;
      readonly span: NumberSpan;
    }
  | { readonly kind: 'connection protocol'; readonly protocol: number }
  /** One of RTN_*, by bit. `link`: only addresses of the link that it came in or goes out by. */
  | {
      readonly kind: 'address type';
      readonly end: PacketEnd;
      readonly types: number;
      readonly link: 'in' | 'out' | null;
    }
  | { readonly kind: 'address range'; readonly end: PacketEnd; readonly from: Uint8Array; readonly to: Uint8Array }
  | { readonly kind: 'mark'; readonly of: 'packet' | 'connection'; readonly mark: number; readonly mask: number }
  /** A port of a bridge, by as many bytes of its name as the mask has: `br+` has two. */
  | { readonly kind: 'bridge port'; readonly way: 'in' | 'out'; readonly name: Uint8Array; readonly mask: Uint8Array }
  | { readonly kind: 'bridged'; readonly by: 'in' | 'out' | 'both' }
  /** Of packets that are not asked about here. */
  | { readonly kind: 'never' }
  /** What no look at the packet tells: how many came before, chance, a list that is not read here. */
  | { readonly kind: 'uncertain' }
);

export interface XtMatch {
  readonly text: string;
  readonly tests: readonly XtTest[];
}

type Decode = (info: Uint8Array, family: XtFamily) => XtMatch | undefined;

/** One that is not known, or shorter than it should be, is uncertain. */
export function decodeXtMatch(name: string, revision: number, info: Uint8Array, family: XtFamily): XtMatch {
  const decode = DECODERS.get(`${name} ${revision}`) ?? DECODERS.get(name);
  return decode?.(info, family) ?? uncertain(`-m ${name} ...`);
}

/** Headers that a packet without extension headers, and of TCP, UDP or ICMP, does not have: not even inverted they hold. */
const ABSENT = ['ah', 'esp', 'ipcomp', 'sctp', 'dccp', 'rt', 'frag', 'dst', 'hbh', 'mh', 'srh', 'ipv6header'];

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ...ABSENT.map((name) => [name, () => never(name)] as const),
  ['comment', comment],
  ['tcp', tcp],
  ['udp', udp],
  ['multiport 1', multiport],
  ['icmp', (info) => icmp(info, '-m icmp', '--icmp-type')],
  ['icmp6', (info) => icmp(info, '-m icmp6', '--icmpv6-type')],
  ['conntrack 1', (info, family) => conntrack(info, family, 1)],
  ['conntrack 2', (info, family) => conntrack(info, family, 2)],
  ['conntrack 3', (info, family) => conntrack(info, family, 3)],
  ['state', state],
  ['addrtype 1', addressType],
  ['iprange 1', addressRange],
  ['mark 1', (info) => mark(info, 'packet')],
  ['connmark 1', (info) => mark(info, 'connection')],
  ['physdev', physdev],
  ['limit', limit],
  ['statistic', statistic],
  ['set', ipset],
]);

function never(name: string): XtMatch {
  return { text: `-m ${name} ...`, tests: [{ kind: 'never', inverted: false }] };
}

function uncertain(text: string): XtMatch {
  return { text, tests: [{ kind: 'uncertain', inverted: false }] };
}

const COMMENT_LENGTH = 256;

function comment(info: Uint8Array): XtMatch {
  return { text: `-m comment --comment ${quoted(textOf(info.subarray(0, COMMENT_LENGTH)) ?? '')}`, tests: [] };
}

/** As iptables-save quotes: only what a shell would split. */
function quoted(text: string): string {
  return text !== '' && /^[A-Za-z0-9_@./+:=,-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

const ALL_PORTS = 0xffff;

const bang = (inverted: boolean): string => (inverted ? '! ' : '');

function spanText({ first, last }: NumberSpan): string {
  return first === last ? String(first) : `${first}:${last}`;
}

/** The words and the test of a port range that is not all of them. */
function portTest(end: PacketEnd, span: NumberSpan, inverted: boolean): { words: string[]; tests: XtTest[] } {
  if (span.first === 0 && span.last === ALL_PORTS && !inverted) return { words: [], tests: [] };
  const option = end === 'source' ? '--sport' : '--dport';
  return {
    words: [`${bang(inverted)}${option} ${spanText(span)}`],
    tests: [{ kind: 'ports', end, spans: [span], inverted }],
  };
}

const TCP_LENGTH = 12;
const UDP_LENGTH = 9;

function portsIn(info: Uint8Array, inverted: number): { words: string[]; tests: XtTest[] } {
  const fields = view(info);
  const span = (offset: number): NumberSpan => ({
    first: fields.getUint16(offset, true),
    last: fields.getUint16(offset + 2, true),
  });
  const source = portTest('source', span(0), (inverted & 1) !== 0);
  const destination = portTest('destination', span(4), (inverted & 2) !== 0);
  return { words: [...source.words, ...destination.words], tests: [...source.tests, ...destination.tests] };
}

function tcp(info: Uint8Array): XtMatch | undefined {
  if (info.length < TCP_LENGTH) return undefined;
  const [option = 0, mask = 0, compare = 0, inverted = 0] = info.subarray(8);
  const { words, tests } = portsIn(info, inverted);
  if (option !== 0) {
    words.push(`${bang((inverted & 8) !== 0)}--tcp-option ${option}`);
    tests.push({ kind: 'uncertain', inverted: false });
  }
  if (mask !== 0 || (inverted & 4) !== 0) {
    words.push(`${bang((inverted & 4) !== 0)}--tcp-flags ${flagNames(mask)} ${flagNames(compare)}`);
    tests.push({ kind: 'tcp flags', mask, compare, inverted: (inverted & 4) !== 0 });
  }
  return { text: ['-m tcp', ...words].join(' '), tests };
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

function flagNames(bits: number): string {
  const names = TCP_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0);
  return names.length === 0 ? 'NONE' : names.join(',');
}

function udp(info: Uint8Array): XtMatch | undefined {
  if (info.length < UDP_LENGTH) return undefined;
  const { words, tests } = portsIn(info, info[8] ?? 0);
  return { text: ['-m udp', ...words].join(' '), tests };
}

const MULTIPORT_LENGTH = 48;
const MULTIPORT_PORTS = 15;
const MULTIPORT_WAYS = [
  { option: '--sports', end: 'source' },
  { option: '--dports', end: 'destination' },
  { option: '--ports', end: 'either' },
] as const;

function multiport(info: Uint8Array): XtMatch | undefined {
  const [flags = 0, count = 0] = info;
  const way = MULTIPORT_WAYS[flags];
  if (info.length < MULTIPORT_LENGTH || way === undefined || count > MULTIPORT_PORTS) return undefined;
  const spans: NumberSpan[] = [];
  const port = (at: number): number => view(info).getUint16(2 + 2 * at, true);
  for (let at = 0; at < count; at += 1) {
    const isRange = info[32 + at] === 1 && at + 1 < count;
    spans.push({ first: port(at), last: port(isRange ? at + 1 : at) });
    if (isRange) at += 1;
  }
  const inverted = info[47] === 1;
  const text = `-m multiport ${bang(inverted)}${way.option} ${spans.map(spanText).join(',')}`;
  return { text, tests: [{ kind: 'ports', end: way.end, spans, inverted }] };
}

const ANY_ICMP = 0xff;

function icmp(info: Uint8Array, module: string, option: string): XtMatch | undefined {
  const [type = 0, first = 0, last = 0, inverse = 0] = info;
  if (info.length < 4) return undefined;
  const inverted = (inverse & 1) !== 0;
  if (type === ANY_ICMP && module === '-m icmp') return { text: `${module} ${option} any`, tests: [] };
  const codes = first === 0 && last === 0xff ? '' : `/${first}`;
  return {
    text: `${module} ${bang(inverted)}${option} ${type}${codes}`,
    tests: [{ kind: 'icmp', type, codes: { first, last }, inverted }],
  };
}

/** By bit: of the kernel's states, then of SNAT and DNAT. Source: xt_conntrack.h, where IP_CT_NUMBER is 5. */
const STATE_BITS: readonly (readonly [bit: number, name: string])[] = [
  [0x01, 'INVALID'],
  [0x08, 'NEW'],
  [0x04, 'RELATED'],
  [0x02, 'ESTABLISHED'],
];
const UNTRACKED = 'UNTRACKED';
const CONNTRACK_BITS = [...STATE_BITS, [0x100, UNTRACKED], [0x40, 'SNAT'], [0x80, 'DNAT']] as const;

function namesOf(bits: number, names: readonly (readonly [number, string])[]): readonly string[] {
  return names.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
}

function state(info: Uint8Array): XtMatch | undefined {
  if (info.length < 4) return undefined;
  const states = namesOf(view(info).getUint32(0, true), [...STATE_BITS, [0x40, UNTRACKED]]);
  return {
    text: `-m state --state ${states.join(',')}`,
    tests: [{ kind: 'connection state', states, inverted: false }],
  };
}

const CONNTRACK = {
  STATE: 1,
  PROTO: 2,
  ORIGSRC: 4,
  ORIGDST: 8,
  REPLSRC: 0x10,
  REPLDST: 0x20,
  STATUS: 0x40,
  EXPIRES: 0x80,
  DIRECTION: 0x1000,
} as const;

const CONNTRACK_ADDRESSES = [
  { flag: CONNTRACK.ORIGSRC, of: 'original', end: 'source', option: '--ctorigsrc', offset: 0 },
  { flag: CONNTRACK.ORIGDST, of: 'original', end: 'destination', option: '--ctorigdst', offset: 32 },
  { flag: CONNTRACK.REPLSRC, of: 'reply', end: 'source', option: '--ctreplsrc', offset: 64 },
  { flag: CONNTRACK.REPLDST, of: 'reply', end: 'destination', option: '--ctrepldst', offset: 96 },
] as const;

const CONNTRACK_PORTS = [
  { flag: 0x100, of: 'original', end: 'source', option: '--ctorigsrcport', at: 0 },
  { flag: 0x200, of: 'original', end: 'destination', option: '--ctorigdstport', at: 1 },
  { flag: 0x400, of: 'reply', end: 'source', option: '--ctreplsrcport', at: 2 },
  { flag: 0x800, of: 'reply', end: 'destination', option: '--ctrepldstport', at: 3 },
] as const;

/** Four addresses and their masks, two times, the protocol, four ports, flags, inverted flags, states, status, ports' ends. */
function conntrack(info: Uint8Array, family: XtFamily, revision: 1 | 2 | 3): XtMatch | undefined {
  const length = { 1: 152, 2: 154, 3: 162 }[revision];
  if (info.length < length) return undefined;
  const fields = view(info);
  const flags = fields.getUint16(146, true);
  const inverse = fields.getUint16(148, true);
  const words: string[] = [];
  const tests: XtTest[] = [];
  const add = (flag: number, option: string, value: string, test: (inverted: boolean) => XtTest): void => {
    if ((flags & flag) === 0) return;
    const inverted = (inverse & flag) !== 0;
    words.push(`${bang(inverted)}${option} ${value}`);
    tests.push(test(inverted));
  };
  const states = namesOf(revision === 1 ? (info[150] ?? 0) : fields.getUint16(150, true), CONNTRACK_BITS);
  add(CONNTRACK.STATE, '--ctstate', states.join(','), (inverted) => ({ kind: 'connection state', states, inverted }));
  const protocol = fields.getUint16(136, true);
  add(CONNTRACK.PROTO, '--ctproto', String(protocol), (inverted) => ({
    kind: 'connection protocol',
    protocol,
    inverted,
  }));
  const size = family === 'ip' ? 4 : 16;
  for (const { flag, of, end, option, offset } of CONNTRACK_ADDRESSES) {
    const address = info.slice(offset, offset + size);
    const mask = info.slice(offset + 16, offset + 16 + size);
    add(flag, option, maskedText(address, mask), (inverted) => ({
      kind: 'connection address',
      of,
      end,
      address,
      mask,
      inverted,
    }));
  }
  for (const { flag, of, end, option, at } of CONNTRACK_PORTS) {
    // Before the third revision they are in network order.
    const first = fields.getUint16(138 + 2 * at, revision === 3);
    const span = { first, last: revision === 3 ? fields.getUint16(154 + 2 * at, true) : first };
    add(flag, option, spanText(span), (inverted) => ({ kind: 'connection port', of, end, span, inverted }));
  }
  add(CONNTRACK.STATUS, '--ctstatus', '...', () => ({ kind: 'uncertain', inverted: false }));
  add(CONNTRACK.EXPIRES, '--ctexpire', '...', () => ({ kind: 'uncertain', inverted: false }));
  if ((flags & CONNTRACK.DIRECTION) !== 0) {
    const reply = (inverse & CONNTRACK.DIRECTION) !== 0;
    words.push(`--ctdir ${reply ? 'REPLY' : 'ORIGINAL'}`);
    tests.push({ kind: 'connection reply', reply, inverted: false });
  }
  return { text: ['-m conntrack', ...words].join(' '), tests };
}

function maskedText(address: Uint8Array, mask: Uint8Array): string {
  const bits = mask.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
  return bits === 8 * mask.length ? formatAddress(address) : `${formatAddress(address)}/${bits}`;
}

const ADDRESS_TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
];

function addressType(info: Uint8Array): XtMatch | undefined {
  if (info.length < 8) return undefined;
  const fields = view(info);
  const flags = fields.getUint32(4, true);
  const link = (flags & 4) !== 0 ? 'in' : (flags & 8) !== 0 ? 'out' : null;
  const words: string[] = [];
  const tests: XtTest[] = [];
  const ends = [
    { end: 'source', option: '--src-type', types: fields.getUint16(0, true), inverted: (flags & 1) !== 0 },
    { end: 'destination', option: '--dst-type', types: fields.getUint16(2, true), inverted: (flags & 2) !== 0 },
  ] as const;
  for (const { end, option, types, inverted } of ends) {
    if (types === 0) continue;
    const names = ADDRESS_TYPES.filter((_, bit) => (types & (1 << bit)) !== 0);
    words.push(`${bang(inverted)}${option} ${names.join(',')}`);
    tests.push({ kind: 'address type', end, types, link, inverted });
  }
  if (link !== null) words.push(`--limit-iface-${link}`);
  return { text: ['-m addrtype', ...words].join(' '), tests };
}

const ADDRESS_RANGE_LENGTH = 65;

function addressRange(info: Uint8Array, family: XtFamily): XtMatch | undefined {
  if (info.length < ADDRESS_RANGE_LENGTH) return undefined;
  const flags = info[64] ?? 0;
  const size = family === 'ip' ? 4 : 16;
  const words: string[] = [];
  const tests: XtTest[] = [];
  const ends = [
    { end: 'source', option: '--src-range', flag: 1, offset: 0 },
    { end: 'destination', option: '--dst-range', flag: 2, offset: 32 },
  ] as const;
  for (const { end, option, flag, offset } of ends) {
    if ((flags & flag) === 0) continue;
    const inverted = (flags & (flag << 4)) !== 0;
    const [from, to] = [info.slice(offset, offset + size), info.slice(offset + 16, offset + 16 + size)];
    words.push(`${bang(inverted)}${option} ${formatAddress(from)}-${formatAddress(to)}`);
    tests.push({ kind: 'address range', end, from, to, inverted });
  }
  return { text: ['-m iprange', ...words].join(' '), tests };
}

function mark(info: Uint8Array, of: 'packet' | 'connection'): XtMatch | undefined {
  if (info.length < 9) return undefined;
  const [number, mask] = [view(info).getUint32(0, true), view(info).getUint32(4, true)];
  const inverted = info[8] === 1;
  const module = of === 'packet' ? 'mark' : 'connmark';
  const text = `-m ${module} ${bang(inverted)}--mark ${markText(number, mask)}`;
  return { text, tests: [{ kind: 'mark', of, mark: number, mask, inverted }] };
}

const ALL_BITS = 0xffff_ffff;

function markText(mark: number, mask: number): string {
  return mask === ALL_BITS ? `0x${mark.toString(16)}` : `0x${mark.toString(16)}/0x${mask.toString(16)}`;
}

const PHYSDEV_LENGTH = 66;
const PHYSDEV = { IN: 1, OUT: 2, BRIDGED: 4, ISIN: 8, ISOUT: 0x10 } as const;
const NAME_LENGTH = 16;

function physdev(info: Uint8Array): XtMatch | undefined {
  if (info.length < PHYSDEV_LENGTH) return undefined;
  const [inverse = 0, bits = 0] = info.subarray(64);
  const words: string[] = [];
  const tests: XtTest[] = [];
  const part = (at: number): Uint8Array => info.slice(NAME_LENGTH * at, NAME_LENGTH * (at + 1));
  const add = (flag: number, option: string, test: (inverted: boolean) => XtTest, name?: string): void => {
    if ((bits & flag) === 0) return;
    const inverted = (inverse & flag) !== 0;
    words.push(`${bang(inverted)}${option}${name === undefined ? '' : ` ${name}`}`);
    tests.push(test(inverted));
  };
  const port =
    (way: 'in' | 'out', at: number) =>
    (inverted: boolean): XtTest => ({
      kind: 'bridge port',
      way,
      name: part(at),
      mask: part(at + 1),
      inverted,
    });
  const bridged =
    (by: 'in' | 'out' | 'both') =>
    (inverted: boolean): XtTest => ({ kind: 'bridged', by, inverted });
  add(PHYSDEV.ISIN, '--physdev-is-in', bridged('in'));
  add(PHYSDEV.IN, '--physdev-in', port('in', 0), textOf(part(0)) ?? '');
  add(PHYSDEV.ISOUT, '--physdev-is-out', bridged('out'));
  add(PHYSDEV.OUT, '--physdev-out', port('out', 2), textOf(part(2)) ?? '');
  add(PHYSDEV.BRIDGED, '--physdev-is-bridged', bridged('both'));
  return { text: ['-m physdev', ...words].join(' '), tests };
}

const LIMIT_SCALE = 10_000;
const DEFAULT_BURST = 5;
const PERIODS = [
  { name: 'day', length: LIMIT_SCALE * 86_400 },
  { name: 'hour', length: LIMIT_SCALE * 3600 },
  { name: 'min', length: LIMIT_SCALE * 60 },
  { name: 'sec', length: LIMIT_SCALE },
];

function limit(info: Uint8Array): XtMatch | undefined {
  if (info.length < 8) return undefined;
  const [average, burst] = [view(info).getUint32(0, true), view(info).getUint32(4, true)];
  const period = PERIODS.findLast(
    ({ length }) => average > 0 && Math.floor(length / average) > 0 && length % average < length / 2,
  );
  const best = PERIODS.find(({ length }) => average > length / 2) ?? period ?? PERIODS[3];
  const rate = best === undefined || average === 0 ? '...' : `${Math.floor(best.length / average) || 1}/${best.name}`;
  return uncertain(`-m limit --limit ${rate}${burst === DEFAULT_BURST ? '' : ` --limit-burst ${burst}`}`);
}

const STATISTIC_LENGTH = 16;

function statistic(info: Uint8Array): XtMatch | undefined {
  if (info.length < STATISTIC_LENGTH) return undefined;
  const fields = view(info);
  const inverted = (fields.getUint16(2, true) & 1) !== 0;
  const mode =
    fields.getUint16(0, true) === 0
      ? `--mode random ${bang(inverted)}--probability ${(fields.getUint32(4, true) / 0x8000_0000).toFixed(11)}`
      : `--mode nth ${bang(inverted)}--every ${fields.getUint32(4, true) + 1} --packet ${fields.getUint32(8, true)}`;
  return uncertain(`-m statistic ${mode}`);
}

/** Its name is known to ipset alone, which is not asked. */
function ipset(info: Uint8Array): XtMatch | undefined {
  if (info.length < 4) return undefined;
  const index = view(info).getUint16(0, true);
  const [, , parts = 0, flags = 0] = info;
  const ways = Array.from({ length: Math.min(parts, 6) }, (_, at) => ((flags & (1 << (at + 3))) !== 0 ? 'src' : 'dst'));
  return uncertain(`-m set ${bang((flags & 4) !== 0)}--match-set (number ${index}) ${ways.join(',')}`);
}
