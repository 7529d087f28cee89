// What an instruction reads, as nft(8) calls it.

import type { Expression } from '../../kernel/nftables/expression.ts';
import type { ValueType } from './value-text.ts';

export interface Field {
  readonly text: string;
  readonly type: ValueType;
  /** Unit: bytes. */
  readonly length: number;
  /** Bits below the value: `ip dscp` has 2. */
  readonly shift: number;
  /** What must be known before for it to be there: `tcp`. Nothing need say so then. */
  readonly needs: string | null;
  /** What comparing it says for those after it. */
  readonly tells: keyof Known | null;
  /** Several that stand one after the other, read at once. Absent (empty): it is one. */
  readonly parts: readonly Field[];
  /** Of an address of which only the first bytes are read the length of the whole. */
  readonly whole: number | null;
}

const field = (text: string, type: ValueType, length: number, more: Partial<Field> = {}): Field => ({
  text,
  type,
  length,
  shift: 0,
  needs: null,
  tells: null,
  parts: [],
  whole: null,
  ...more,
});

type Row = readonly [offset: number, length: number, name: string, type: ValueType];

const NETWORK: Readonly<Record<string, readonly Row[]>> = {
  ip: [
    [2, 2, 'length', 'number'],
    [4, 2, 'id', 'number'],
    [6, 2, 'frag-off', 'number'],
    [8, 1, 'ttl', 'number'],
    [9, 1, 'protocol', 'protocol'],
    [10, 2, 'checksum', 'number'],
    [12, 4, 'saddr', 'address'],
    [16, 4, 'daddr', 'address'],
  ],
  ip6: [
    [4, 2, 'length', 'number'],
    [6, 1, 'nexthdr', 'protocol'],
    [7, 1, 'hoplimit', 'number'],
    [8, 16, 'saddr', 'address'],
    [24, 16, 'daddr', 'address'],
  ],
  arp: [
    [0, 2, 'htype', 'number'],
    [2, 2, 'ptype', 'ether type'],
    [4, 1, 'hlen', 'number'],
    [5, 1, 'plen', 'number'],
    [6, 2, 'operation', 'arp operation'],
    [8, 6, 'saddr ether', 'link address'],
    [14, 4, 'saddr ip', 'address'],
    [18, 6, 'daddr ether', 'link address'],
    [24, 4, 'daddr ip', 'address'],
  ],
};

const TRANSPORT: Readonly<Record<string, readonly Row[]>> = {
  tcp: [
    [0, 2, 'sport', 'port'],
    [2, 2, 'dport', 'port'],
    [4, 4, 'sequence', 'number'],
    [8, 4, 'ackseq', 'number'],
    [13, 1, 'flags', 'tcp flags'],
    [14, 2, 'window', 'number'],
  ],
  udp: [
    [0, 2, 'sport', 'port'],
    [2, 2, 'dport', 'port'],
    [4, 2, 'length', 'number'],
  ],
  icmp: [
    [0, 1, 'type', 'icmp type'],
    [1, 1, 'code', 'number'],
    [4, 2, 'id', 'number'],
    [6, 2, 'sequence', 'number'],
  ],
  icmpv6: [
    [0, 1, 'type', 'icmpv6 type'],
    [1, 1, 'code', 'number'],
    [4, 2, 'id', 'number'],
    [6, 2, 'sequence', 'number'],
  ],
};

const LINK: readonly Row[] = [
  [0, 6, 'ether daddr', 'link address'],
  [6, 6, 'ether saddr', 'link address'],
  [12, 2, 'ether type', 'ether type'],
];

/** Any of those that have ports. */
const PORTS: readonly Row[] = [
  [0, 2, 'sport', 'port'],
  [2, 2, 'dport', 'port'],
];

const BASES = { link: 'll', network: 'nh', transport: 'th', inner: 'ih' } as const;

/** What is known of the packet at this instruction: `ip`, `tcp`. */
export interface Known {
  readonly link: string | null;
  readonly network: string | null;
  readonly transport: string | null;
}

export function payloadField(payload: Payload, known: Known): Field {
  const whole = singleField(payload, known);
  if (!whole.text.startsWith('@')) return whole;
  const parts = fieldsIn(payload, known);
  return parts === undefined ? whole : { ...whole, needs: parts[0]?.needs ?? null, parts };
}

type Payload = Extract<Expression, { readonly kind: 'payload' }>;

/** Undefined: it is not just some fields that stand one after the other. */
function fieldsIn(payload: Payload, known: Known): readonly Field[] | undefined {
  const { base } = payload;
  const rows =
    base === 'link' ? LINK : base === 'network' ? NETWORK[known.network ?? ''] : TRANSPORT[known.transport ?? ''];
  const parts: Field[] = [];
  let { offset } = payload;
  const end = offset + payload.length;
  while (offset < end) {
    const at = offset;
    const row = rows?.find(([first]) => first === at);
    if (row === undefined) return undefined;
    parts.push(singleField({ ...payload, offset, length: row[1] }, known));
    offset += row[1];
  }
  return offset === end && parts.length > 1 ? parts : undefined;
}

function singleField({ base, offset, length }: Payload, known: Known): Field {
  const raw = field(`@${BASES[base]},${offset * 8},${length * 8}`, 'number', length);
  if (base === 'link') {
    const row = LINK.find((one) => one[0] === offset && one[1] === length);
    const tells = offset === 12 ? 'network' : null;
    return row === undefined ? raw : field(row[2], row[3], length, { tells, needs: 'ether' });
  }
  if (base === 'network') return networkField(known.network, offset, length) ?? raw;
  if (base !== 'transport') return raw;
  const row = TRANSPORT[known.transport ?? '']?.find((one) => one[0] === offset && one[1] === length);
  if (row !== undefined) return field(`${known.transport} ${row[2]}`, row[3], length, { needs: known.transport });
  const port = PORTS.find((one) => one[0] === offset && one[1] === length);
  return port === undefined ? raw : field(`th ${port[2]}`, port[3], length);
}

/** Of an address its first bytes may be read alone. */
function networkField(network: string | null, offset: number, length: number): Field | undefined {
  if (network === 'ip' && offset === 0 && length === 1)
    return field('ip version', 'number', 1, { shift: 4, needs: 'ip' });
  if (network === 'ip' && offset === 1 && length === 1) return field('ip dscp', 'dscp', 1, { shift: 2, needs: 'ip' });
  const row = NETWORK[network ?? '']?.find(
    ([at, whole, , type]) => at === offset && (whole === length || (type === 'address' && length < whole)),
  );
  if (row === undefined) return undefined;
  const [, whole, name, type] = row;
  const tells = type === 'protocol' ? 'transport' : null;
  return field(`${network} ${name}`, type, length, { needs: network, tells, whole: whole === length ? null : whole });
}

const META_TYPES: Readonly<Record<string, readonly [ValueType, number]>> = {
  protocol: ['ether type', 2],
  mark: ['mark', 4],
  iiftype: ['host number', 2],
  oiftype: ['host number', 2],
  iif: ['interface', 4],
  oif: ['interface', 4],
  iifname: ['interface name', 16],
  oifname: ['interface name', 16],
  ibrname: ['interface name', 16],
  obrname: ['interface name', 16],
  sdifname: ['interface name', 16],
  iifkind: ['interface name', 16],
  oifkind: ['interface name', 16],
  nfproto: ['nfproto', 1],
  l4proto: ['protocol', 1],
  pkttype: ['packet type', 1],
  ipsec: ['present', 1],
  broute: ['present', 1],
};

/** Those that nft writes without `meta`. */
const UNQUALIFIED: ReadonlySet<string> = new Set([
  'iif',
  'oif',
  'iifname',
  'oifname',
  'iiftype',
  'oiftype',
  'iifgroup',
  'oifgroup',
]);

export function metaField(key: string): Field {
  const [type, length] = META_TYPES[key] ?? (['host number', 4] as const);
  return field(UNQUALIFIED.has(key) ? key : `meta ${key}`, type, length, { tells: TELLING[key] ?? null });
}

const TELLING: Readonly<Record<string, keyof Known>> = {
  l4proto: 'transport',
  nfproto: 'network',
  protocol: 'network',
  iiftype: 'link',
  oiftype: 'link',
};

const CT_TYPES: Readonly<Record<string, readonly [ValueType, number]>> = {
  state: ['ct state', 4],
  direction: ['ct direction', 1],
  status: ['ct status', 4],
  mark: ['mark', 4],
  l3proto: ['nfproto', 1],
  protocol: ['protocol', 1],
  'ip saddr': ['address', 4],
  'ip daddr': ['address', 4],
  'ip6 saddr': ['address', 16],
  'ip6 daddr': ['address', 16],
  'proto-src': ['port', 2],
  'proto-dst': ['port', 2],
  zone: ['host number', 2],
  helper: ['interface name', 16],
  packets: ['host number', 8],
  bytes: ['host number', 8],
  avgpkt: ['host number', 8],
};

export function connectionField(key: string, direction: string | null): Field {
  const [type, length] = CT_TYPES[key] ?? (['host number', 4] as const);
  return field(['ct', ...(direction === null ? [] : [direction]), key].join(' '), type, length);
}

const EXTENSION_NAMES: Readonly<Record<number, string>> = {
  0: 'hbh',
  43: 'rt',
  44: 'frag',
  51: 'ah',
  60: 'dst',
  135: 'mh',
};
const TCP_OPTIONS: Readonly<Record<number, string>> = {
  0: 'eol',
  1: 'nop',
  2: 'maxseg',
  3: 'window',
  4: 'sack-perm',
  5: 'sack',
  8: 'timestamp',
};

export function extensionField({
  header,
  type,
  offset,
  length,
  present,
}: Extract<Expression, { readonly kind: 'exthdr' }>): Field {
  const kind = present ? 'present' : 'number';
  if (header === 'ipv6') return field(`exthdr ${EXTENSION_NAMES[type] ?? type}`, kind, length, { needs: 'ip6' });
  const name = header === 'tcp' ? `tcp option ${TCP_OPTIONS[type] ?? type}` : `${header} option ${type}`;
  const isSize = header === 'tcp' && type === 2 && offset === 2 && !present;
  return field(isSize ? `${name} size` : name, kind, length);
}

export function otherField(text: string, type: ValueType = 'host number', length = 4): Field {
  return field(text, type, length);
}
