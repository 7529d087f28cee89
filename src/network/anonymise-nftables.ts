// Addresses in nftables are bytes that a rule compares with what it loaded from a packet, gives to NAT, or looks up in a set.
// Where bytes are an address is found by that; texts of people (comments) are replaced.

import { joined, fromHex, toHex, type MessageRecord } from '../kernel/netlink/layout.ts';
import { decodeAttributes, encodeAttribute, textOf, view, type Attribute } from '../kernel/netlink/message.ts';
import type { NftObject } from '../kernel/nftables/raw-objects.ts';
import type { Anonyms } from './anonyms.ts';

export interface AnonymousNft {
  readonly objects: readonly NftObject[];
  /** For people. */
  readonly untouched: readonly string[];
}

const IPV4_TYPE = 7;
const IPV6_TYPE = 8;
const ETHER_TYPE = 9;
/** Of a concatenation each type has 6 bits, the last the lowest. */
const TYPE_BITS = 6;

export function anonymousNft(objects: readonly NftObject[], anonyms: Anonyms): AnonymousNft {
  const untouched = new Set<string>();
  const sets = new Map(
    objects.filter(({ sort }) => sort === 'set').map(({ record }) => [setKey(record, 'name'), record]),
  );
  const changed = objects.map(({ sort, record }): NftObject => {
    const { userdata } = record;
    const own =
      typeof userdata === 'string' ? { ...record, userdata: anonymousComment(userdata, sort, anonyms) } : record;
    if (sort === 'rule') {
      const rule = new RuleChange(anonyms, untouched);
      return { sort, record: { ...own, expressions: rule.change(textField(record['expressions'])) } };
    }
    if (sort !== 'element') return { sort, record: own };
    const set = sets.get(setKey(record, 'set'));
    return { sort, record: { ...own, elements: anonymousElements(textField(record['elements']), set, anonyms) } };
  });
  return { objects: changed, untouched: [...untouched] };
}

function setKey(record: MessageRecord, name: 'name' | 'set'): string {
  return JSON.stringify([record['family'], record['table'], record[name]]);
}

function textField(field: unknown): string {
  return typeof field === 'string' ? field : '';
}

/** NFTNL_UDATA_SET_COMMENT; of all others it is 0. */
const COMMENT_OF_SET = 7;

function anonymousComment(userdata: string, sort: NftObject['sort'], anonyms: Anonyms): string {
  return toHex(withoutComment(fromHex(userdata) ?? new Uint8Array(), sort === 'set' ? COMMENT_OF_SET : 0, anonyms));
}

/** What nft(8) keeps with a thing: each a type, a length, and so many bytes; a comment is text with its NUL. */
function withoutComment(userdata: Uint8Array, comment: number, anonyms: Anonyms): Uint8Array {
  const changed: number[] = [];
  for (let at = 0; at < userdata.length;) {
    const end = at + 2 + (userdata[at + 1] ?? 0);
    const text = anonymousText('comment', userdata.subarray(at + 2, end), anonyms);
    changed.push(...(userdata[at] === comment ? [comment, text.length, ...text] : userdata.subarray(at, end)));
    at = end;
  }
  return Uint8Array.from(changed);
}

function anonymousText(sort: string, text: Uint8Array, anonyms: Anonyms): Uint8Array {
  return new TextEncoder().encode(`${anonyms.name(sort, toHex(text))}\0`);
}

function attributesOf(bytes: Uint8Array): readonly Attribute[] {
  const attributes = decodeAttributes(bytes, 'nftables');
  return attributes.ok ? attributes.value : [];
}

function encoded(attributes: readonly Attribute[]): Uint8Array {
  return joined(attributes.map(({ type, body }) => encodeAttribute(type, body)));
}

function bodyOf(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.find((each) => each.type === type)?.body;
}

function replaced(
  attributes: readonly Attribute[],
  type: number,
  change: (body: Uint8Array) => Uint8Array,
): Uint8Array {
  return encoded(attributes.map((each) => (each.type === type ? { type, body: change(each.body) } : each)));
}

function be32(body: Uint8Array | undefined): number {
  return body?.length === 4 ? view(body).getUint32(0, false) : -1;
}

/** NFTA_DATA_VALUE in a data. */
function withValue(data: Uint8Array, change: (bytes: Uint8Array) => Uint8Array): Uint8Array {
  return replaced(attributesOf(data), 1, change);
}

/** Where an address begins in the header of IPv4 and IPv6, and how long it is. */
const ADDRESSES: readonly (readonly [offset: number, length: number])[] = [
  [12, 4],
  [16, 4],
  [8, 16],
  [24, 16],
];
const NETWORK_HEADER = 1;
const LINK_HEADER = 0;

/** NF types of nat: their registers hold addresses. */
const NAT_REGISTERS = [3, 4];
const LOG_PREFIX = 2;
const OPAQUE = new Set(['match', 'target', 'exthdr', 'tunnel', 'osf']);

class RuleChange {
  private readonly anonyms: Anonyms;
  private readonly untouched: Set<string>;
  /** What each register holds: the beginning of an address so long; `mac`. */
  private readonly held = new Map<number, 4 | 16 | 'mac'>();

  constructor(anonyms: Anonyms, untouched: Set<string>) {
    this.anonyms = anonyms;
    this.untouched = untouched;
  }

  change(expressions: string): string {
    const list = attributesOf(fromHex(expressions) ?? new Uint8Array()).map(({ type, body }) => {
      const parts = attributesOf(body);
      return { type, name: textOf(bodyOf(parts, 1)) ?? '', parts };
    });
    // What NAT takes from a register was put there before.
    const toNat = new Set(
      list
        .filter(({ name }) => name === 'nat')
        .flatMap(({ parts }) => {
          const fields = attributesOf(bodyOf(parts, 2) ?? new Uint8Array());
          return NAT_REGISTERS.map((type) => be32(bodyOf(fields, type)));
        }),
    );
    const changed = list.map(({ type, name, parts }) => {
      const body = replaced(parts, 2, (data) => this.one(name, attributesOf(data), data, toNat));
      return { type, body };
    });
    return toHex(encoded(changed));
  }

  private one(name: string, fields: readonly Attribute[], data: Uint8Array, toNat: ReadonlySet<number>): Uint8Array {
    switch (name) {
      case 'payload':
        this.load(fields);
        return data;
      case 'cmp':
        return replaced(fields, 3, (body) => this.data(be32(bodyOf(fields, 1)), body));
      case 'range':
        return encoded(
          fields.map(({ type, body }) => ({
            type,
            body: type === 3 || type === 4 ? this.data(be32(bodyOf(fields, 1)), body) : body,
          })),
        );
      case 'immediate':
        return toNat.has(be32(bodyOf(fields, 1)))
          ? replaced(fields, 2, (body) => withValue(body, (bytes) => this.anonyms.address(bytes)))
          : data;
      case 'bitwise': {
        const held = this.held.get(be32(bodyOf(fields, 1)));
        if (held !== undefined) this.held.set(be32(bodyOf(fields, 2)), held);
        return data;
      }
      case 'log':
        return replaced(fields, LOG_PREFIX, (body) => anonymousText('log', body, this.anonyms));
      default:
        if (OPAQUE.has(name)) this.untouched.add(`what is in expressions of nftables of sort ${name}`);
        return data;
    }
  }

  /** NFTA_PAYLOAD_DREG, _BASE, _OFFSET, _LEN. */
  private load(fields: readonly Attribute[]): void {
    const [register, base, offset, length] = [1, 2, 3, 4].map((type) => be32(bodyOf(fields, type)));
    if (register === undefined || offset === undefined || length === undefined) return;
    const address = ADDRESSES.find(([at, size]) => at === offset && length <= size);
    if (base === NETWORK_HEADER && address !== undefined) this.held.set(register, address[1] === 4 ? 4 : 16);
    else if (base === LINK_HEADER && (offset === 0 || offset === 6) && length === 6) this.held.set(register, 'mac');
    else this.held.delete(register);
  }

  private data(register: number, data: Uint8Array): Uint8Array {
    const held = this.held.get(register);
    if (held === undefined) return data;
    return withValue(data, (bytes) =>
      held === 'mac' ? macOf(bytes, this.anonyms) : prefixOf(bytes, held, this.anonyms),
    );
  }
}

/** Of a net only its first bytes are compared. */
function prefixOf(bytes: Uint8Array, length: 4 | 16, anonyms: Anonyms): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(bytes.subarray(0, length));
  return anonyms.address(whole).subarray(0, bytes.length);
}

function macOf(bytes: Uint8Array, anonyms: Anonyms): Uint8Array {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  return Uint8Array.from(anonyms.mac(text).split(':'), (byte) => Number.parseInt(byte, 16));
}

/** NFTA_SET_ELEM_KEY, _DATA and _KEY_END. */
const KEYS = [1, 10];
const DATA = 2;
/** NFTA_SET_ELEM_USERDATA. */
const USERDATA = 6;

/** NFT_SET_INTERVAL; NFTA_SET_ELEM_FLAGS with NFT_SET_ELEM_INTERVAL_END. */
const INTERVAL = 4;
const FLAGS = 3;
const INTERVAL_END = 1;
/** No type: a verdict. */
const FIRST_OTHER_TYPE = 0x0100_0000;

function anonymousElements(elements: string, set: MessageRecord | undefined, anonyms: Anonyms): string {
  const [keyType, dataType] = [set?.['key_type'], set?.['data_type']].map((type) => Number(type ?? 0));
  const isInterval = (Number(set?.['flags'] ?? 0) & INTERVAL) !== 0;
  const list = attributesOf(fromHex(elements) ?? new Uint8Array()).map(({ type, body }) => ({
    type,
    own: attributesOf(body),
  }));
  const isPlain = isInterval && (keyType === IPV4_TYPE || keyType === IPV6_TYPE);
  if (isPlain)
    learnIntervals(
      list.map(({ own }) => own),
      anonyms,
    );
  const changed = list.map(({ type, own }) => {
    const isEnd = (be32(bodyOf(own, FLAGS)) & INTERVAL_END) === 1 && bodyOf(own, FLAGS) !== undefined;
    const parts = own.map((each) => {
      if (each.type === USERDATA) return { type: USERDATA, body: withoutComment(each.body, 0, anonyms) };
      const of = KEYS.includes(each.type) ? keyType : each.type === DATA ? dataType : 0;
      if (of === undefined || of === 0 || of >= FIRST_OTHER_TYPE) return each;
      const change = (bytes: Uint8Array): Uint8Array =>
        isPlain && each.type !== DATA ? bound(bytes, isEnd, anonyms) : typed(bytes, of, anonyms);
      return { type: each.type, body: withValue(each.body, change) };
    });
    return { type, body: encoded(parts), key: toHex(keyOf(parts)), isEnd };
  });
  const sorted = isPlain
    ? changed.toSorted((a, b) => (a.key === b.key ? Number(b.isEnd) - Number(a.isEnd) : a.key < b.key ? -1 : 1))
    : changed;
  return toHex(encoded(sorted));
}

function keyOf(element: readonly Attribute[]): Uint8Array {
  return bodyOf(attributesOf(bodyOf(element, 1) ?? new Uint8Array()), 1) ?? new Uint8Array();
}

/** What lies between a beginning and its end has to stay in one net. */
function learnIntervals(elements: readonly (readonly Attribute[])[], anonyms: Anonyms): void {
  const keys = elements
    .map((own) => ({ key: keyOf(own), isEnd: bodyOf(own, FLAGS) !== undefined }))
    .toSorted((a, b) => (toHex(a.key) < toHex(b.key) ? -1 : 1));
  for (const [at, { key, isEnd }] of keys.entries()) {
    const next = keys[at + 1];
    if (!isEnd && next !== undefined && key.length === 4) anonyms.learnRange(key, less(next.key));
  }
}

/** Where an interval ends is the first address that is not in it. */
function bound(bytes: Uint8Array, isEnd: boolean, anonyms: Anonyms): Uint8Array {
  if (!isEnd) return anonyms.net(bytes);
  return more(anonyms.net(less(bytes)));
}

function less(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let at = changed.length - 1; at >= 0; at -= 1) {
    const byte = changed[at] ?? 0;
    changed[at] = (byte + 255) & 255;
    if (byte !== 0) break;
  }
  return changed;
}

function more(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let at = changed.length - 1; at >= 0; at -= 1) {
    const byte = changed[at] ?? 0;
    changed[at] = (byte + 1) & 255;
    if (byte !== 255) break;
  }
  return changed;
}

/** Each part of a concatenation is padded to 4 bytes. */
function typed(bytes: Uint8Array, of: number, anonyms: Anonyms): Uint8Array {
  const types: number[] = [];
  for (let rest = of; rest > 0; rest = Math.floor(rest / 2 ** TYPE_BITS)) types.unshift(rest % 2 ** TYPE_BITS);
  const changed = Uint8Array.from(bytes);
  let offset = 0;
  for (const type of types) {
    const size = type === IPV4_TYPE ? 4 : type === IPV6_TYPE ? 16 : type === ETHER_TYPE ? 6 : 4;
    const part = bytes.subarray(offset, offset + size);
    if (part.length === size && (type === IPV4_TYPE || type === IPV6_TYPE)) changed.set(anonyms.address(part), offset);
    else if (part.length === size && type === ETHER_TYPE) changed.set(macOf(part, anonyms), offset);
    offset += (size + 3) & ~3;
  }
  return changed;
}
