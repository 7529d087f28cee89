// Reads a snapshot from JSON. It comes from somebody else's machine, or is written by hand: whatever is not of its form ends
// with the place that is wrong, before anything is made.

import { NsError } from '../kernel/error.ts';
import { parseAddress, parseLinkLayer } from '../kernel/netlink/address-text.ts';
import {
  fromHex,
  type FieldValue,
  type Form,
  type Layout,
  type MessageRecord,
  type Row,
  type Slot,
} from '../kernel/netlink/layout.ts';
import {
  ADDRESS_LAYOUT,
  BRIDGE_PORT_ROWS,
  kindRows,
  NEIGHBOUR_LAYOUT,
  ROUTE_LAYOUT,
  RULE_LAYOUT,
} from '../kernel/netlink/layouts.ts';
import { NFT_SORTS, nftLayout, type NftObject } from '../kernel/nftables/raw-objects.ts';
import { SNAPSHOT_FILES, type Missing, type Snapshot, type SnapshotLink, type SnapshotNetwork } from './snapshot.ts';

/** What a value must be; `at`: where it stands, as `networks[0].routes[3].dst`. Errors: Wrong. */
type Check<T> = (json: unknown, at: string) => T;

class Wrong extends Error {
  readonly at: string;
  readonly why: string;

  constructor(at: string, why: string) {
    super(why);
    this.at = at;
    this.why = why;
  }
}

/** `file`: for the error. Errors: BAD_VALUE. */
export function parseSnapshot(text: string, file: string): Snapshot {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw refused(file, `it is no JSON: ${error instanceof Error ? error.message : ''}`);
  }
  try {
    return snapshot(json, '');
  } catch (error) {
    if (error instanceof Wrong) throw refused(file, `${error.at === '' ? 'the whole' : error.at}: ${error.why}`);
    throw error;
  }
}

function refused(file: string, why: string): NsError {
  return new NsError('BAD_VALUE', {
    what: `${file} is no snapshot that can be replayed`,
    why: why.length > LONGEST_WHY ? `${why.slice(0, LONGEST_WHY)}...` : why,
    tryThis: 'nstool net snapshot TARGET -o FILE',
  });
}

const LONGEST_WHY = 300;

/** What is in a list or an object does not count: one in another thousands of times is more than there is stack for. */
function shown(json: unknown): string {
  if (Array.isArray(json)) return `a list of ${json.length}`;
  if (typeof json === 'object' && json !== null) return 'an object';
  const text = JSON.stringify(json) ?? String(json);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function integer(least: number, most: number): Check<number> {
  return (json, at) => {
    if (typeof json === 'number' && Number.isInteger(json) && json >= least && json <= most) return json;
    throw new Wrong(at, `a whole number from ${least} to ${most} is wanted, not ${shown(json)}`);
  };
}

function text(most: number, form?: RegExp, what = 'text'): Check<string> {
  return (json, at) => {
    if (typeof json !== 'string') throw new Wrong(at, `${what} is wanted, not ${shown(json)}`);
    if (new TextEncoder().encode(json).length > most) throw new Wrong(at, `it is longer than ${most} bytes`);
    if (json.includes('\0') || (form !== undefined && !form.test(json)))
      throw new Wrong(at, `${what} is wanted, not ${shown(json)}`);
    return json;
  };
}

function yes(json: unknown, at: string): boolean {
  if (typeof json === 'boolean') return json;
  throw new Wrong(at, `true or false is wanted, not ${shown(json)}`);
}

function oneOf<T extends string | number>(words: readonly T[]): Check<T> {
  return (json, at) => {
    const found = words.find((word) => word === json);
    if (found !== undefined) return found;
    throw new Wrong(at, `${words.join(', ')} is wanted, not ${shown(json)}`);
  };
}

function orNull<T>(check: Check<T>): Check<T | null> {
  return (json, at) => (json === null ? null : check(json, at));
}

function list<T>(check: Check<T>, most: number): Check<readonly T[]> {
  return (json, at) => {
    if (!Array.isArray(json)) throw new Wrong(at, `a list is wanted, not ${shown(json)}`);
    if (json.length > most) throw new Wrong(at, `it has ${json.length} entries, and ${most} are the most`);
    return json.map((each: unknown, index) => check(each, `${at}[${index}]`));
  };
}

function fieldsOf(json: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { ...json };
  throw new Wrong(at, `an object is wanted, not ${shown(json)}`);
}

function below(at: string, key: string): string {
  const word = key.length > 40 ? `${key.slice(0, 37)}...` : key;
  return at === '' ? word : `${at}.${word}`;
}

/** The fields of an object, each asked for once: what was not asked for must not be there. */
class Fields {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly at: string;
  private readonly asked = new Set<string>();

  constructor(json: unknown, at: string) {
    this.fields = fieldsOf(json, at);
    this.at = at;
  }

  read<T>(key: string, check: Check<T>): T {
    this.asked.add(key);
    if (!Object.hasOwn(this.fields, key)) throw new Wrong(below(this.at, key), 'it is missing');
    return check(this.fields[key], below(this.at, key));
  }

  end(): void {
    requireKnown(this.fields, this.asked, this.at);
  }
}

function object<T>(make: (fields: Fields) => T): Check<T> {
  return (json, at) => {
    const fields = new Fields(json, at);
    const made = make(fields);
    fields.end();
    return made;
  };
}

function requireKnown(fields: Readonly<Record<string, unknown>>, known: ReadonlySet<string>, at: string): void {
  const other = Object.keys(fields).find((key) => !known.has(key));
  if (other !== undefined) throw new Wrong(below(at, other), 'a snapshot has no such field');
}

function dictionary(key: Check<string>, entry: Check<string>, most: number): Check<Readonly<Record<string, string>>> {
  return (json, at) => {
    const entries = Object.entries(fieldsOf(json, at));
    if (entries.length > most) throw new Wrong(at, `it has ${entries.length} entries, and ${most} are the most`);
    return Object.fromEntries(
      entries.map(([name, each]) => [key(name, below(at, name)), entry(each, below(at, name))]),
    );
  };
}

const U32 = 0xffff_ffff;
/** An attribute's length is a number of 16 bits. */
const LONGEST_ATTRIBUTE = 65_531;
const IFNAME = /^(?!\.{1,2}$)[^\s/:\p{Cc}]+$/u;

const ifindex = integer(1, 0x7fff_ffff);
/** Source: dev_valid_name(). */
const linkName = text(15, IFNAME, 'a name of a link');
const MOST: Readonly<Record<'u8' | 'u16' | 'u32' | 'be16' | 'be32', number>> = {
  u8: 0xff,
  u16: 0xffff,
  u32: U32,
  be16: 0xffff,
  be32: U32,
};
const bytes: Check<string> = (json, at) => {
  const hex = text(2 * LONGEST_ATTRIBUTE, undefined, 'bytes in hex')(json, at);
  if (fromHex(hex) === undefined) throw new Wrong(at, `bytes in hex are wanted, not ${shown(json)}`);
  return hex;
};

function form(of: Form): Check<FieldValue> {
  if (typeof of === 'object') {
    if ('struct' in of) return record(of.struct, []);
    if ('hops' in of) return list(record(HOP, of.hops), 1024);
    return record([], of.rows);
  }
  switch (of) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'be16':
    case 'be32':
      return integer(0, MOST[of]);
    case 'u64':
    case 'be64':
      return (json, at) => {
        const number = text(20, /^\d{1,20}$/, 'a number in quotes')(json, at);
        if (BigInt(number) >> 64n !== 0n) throw new Wrong(at, 'it has more than 64 bits');
        return number;
      };
    case 'ip':
    case 'via':
      return (json, at) => {
        if (typeof json === 'string' && parseAddress(json) !== undefined) return json;
        throw new Wrong(at, `an IP address is wanted, not ${shown(json)}`);
      };
    case 'mac':
      return (json, at) => {
        if (typeof json === 'string' && (json === '' || parseLinkLayer(json) !== undefined)) return json;
        throw new Wrong(at, `a link address is wanted, not ${shown(json)}`);
      };
    case 'text':
      return text(255);
    case 'hex':
      return bytes;
    case 'flag':
      return yes;
  }
}

const HOP: readonly Slot[] = [
  ['flags', 0, 1],
  ['hops', 0, 1],
  ['ifindex', 0, 4],
];

/** All numbers of the fixed part, and some of the attributes. */
function record(slots: readonly Slot[], rows: readonly Row[]): Check<MessageRecord> {
  const known = new Set([...slots, ...rows].map(([key]) => key));
  return (json, at) => {
    const fields = fieldsOf(json, at);
    requireKnown(fields, known, at);
    const fixed = slots.map(([key, , size]) => {
      if (!(key in fields)) throw new Wrong(below(at, key), 'it is missing');
      return [key, integer(0, size === 4 ? U32 : size === 2 ? 0xffff : 0xff)(fields[key], below(at, key))] as const;
    });
    const given = rows.flatMap(([key, , of]) =>
      fields[key] === undefined ? [] : [[key, form(of)(fields[key], below(at, key))] as const],
    );
    return Object.fromEntries([...fixed, ...given]);
  };
}

/** `families`: that it may be of. */
function message(layout: Layout, families: readonly number[], ...required: readonly string[]): Check<MessageRecord> {
  const check = record(layout.slots, layout.rows);
  return (json, at) => {
    const found = check(json, at);
    oneOf(families)(found['family'], below(at, 'family'));
    for (const key of required) if (found[key] === undefined) throw new Wrong(below(at, key), 'it is missing');
    return found;
  };
}

const IP = [2, 10];
const BRIDGES = 7;
/** Source: NFPROTO_*. */
const NFT_FAMILIES = [1, 2, 3, 5, 7, 10];

const queues = object((of) => ({ tx: of.read('tx', integer(1, 4096)), rx: of.read('rx', integer(1, 4096)) }));
const peer = object((of) => ({ network: of.read('network', integer(0, 31)), ifindex: of.read('ifindex', ifindex) }));

const link = object((of): SnapshotLink => {
  const kind = of.read('kind', orNull(text(32)));
  return {
    ifindex: of.read('ifindex', ifindex),
    name: of.read('name', linkName),
    kind,
    data: of.read('data', orNull(record([], kindRows(kind) ?? []))),
    address: of.read('address', orNull(text(95, /^[\da-f]{2}(?::[\da-f]{2})*$/, 'a link address'))),
    mtu: of.read('mtu', integer(0, U32)),
    txqlen: of.read('txqlen', integer(0, U32)),
    group: of.read('group', integer(0, U32)),
    flags: of.read('flags', integer(0, U32)),
    queues: of.read('queues', queues),
    alias: of.read('alias', orNull(text(255))),
    altnames: of.read('altnames', list(text(127, /^[^\s/\p{Cc}]+$/u, 'another name of a link'), 64)),
    master: of.read('master', orNull(ifindex)),
    port: of.read('port', orNull(record([], BRIDGE_PORT_ROWS))),
    below: of.read('below', orNull(ifindex)),
    peer: of.read('peer', orNull(peer)),
    carrier: of.read('carrier', yes),
    addrgenmode: of.read('addrgenmode', orNull(integer(0, 3))),
  };
});

const nft = object((of): NftObject => {
  const sort = of.read('sort', oneOf(NFT_SORTS));
  const named = sort === 'table' ? 'name' : 'table';
  return { sort, record: of.read('record', message(nftLayout(sort), NFT_FAMILIES, named)) };
});

/** Below /proc/sys/net, where no part leads up or elsewhere. */
const settingKey: Check<string> = (json, at) => {
  const key = text(255, /^[^\p{Cc}]+$/u, 'a path below /proc/sys/net')(json, at);
  const parts = key.split('/');
  if (parts.length > 8 || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new Wrong(at, 'it is no path below /proc/sys/net');
  return key;
};

const network = object((of): SnapshotNetwork => {
  return {
    role: of.read('role', oneOf(['target', 'router'])),
    name: of.read('name', text(255)),
    links: of.read('links', list(link, 4096)),
    addresses: of.read('addresses', list(message(ADDRESS_LAYOUT, IP), 65_536)),
    routes: of.read('routes', list(message(ROUTE_LAYOUT, IP), 1_048_576)),
    rules: of.read('rules', list(message(RULE_LAYOUT, IP), 65_536)),
    neighbours: of.read('neighbours', list(message(NEIGHBOUR_LAYOUT, [...IP, BRIDGES]), 65_536)),
    nft: of.read('nft', list(nft, 262_144)),
    settings: of.read('settings', dictionary(settingKey, text(4096), 65_536)),
    files: of.read('files', dictionary(oneOf(SNAPSHOT_FILES), text(64 * 1024), SNAPSHOT_FILES.length)),
  };
});

const missing = object((of): Missing => {
  return {
    network: of.read('network', integer(0, 31)),
    what: of.read('what', text(4096)),
    why: of.read('why', text(4096)),
  };
});

const whole = object((of): Snapshot => {
  return {
    nstool_snapshot: of.read('nstool_snapshot', oneOf([1])),
    made: of.read('made', text(40, /^[\dTZ:.+-]*$/, 'a time')),
    kernel: of.read('kernel', text(255)),
    target: of.read('target', text(4096)),
    anonymised: of.read('anonymised', yes),
    networks: of.read('networks', list(network, 32)),
    missing: of.read('missing', list(missing, 65_536)),
  };
});

const snapshot: Check<Snapshot> = (json, at) => {
  const found = whole(json, at);
  const [first, ...others] = found.networks;
  if (first?.role !== 'target') throw new Wrong('networks[0].role', 'the first network is the target');
  const second = others.findIndex(({ role }) => role === 'target');
  if (second >= 0) throw new Wrong(`networks[${second + 1}].role`, 'only the first network is the target');
  for (const [index, { links }] of found.networks.entries()) requireOwn(links, index, found.networks);
  return found;
};

/** Indexes and names are of one link each, and pairs fit. */
function requireOwn(links: readonly SnapshotLink[], index: number, networks: readonly SnapshotNetwork[]): void {
  const indexes = new Set<number>();
  const names = new Set<string>();
  for (const [at, { ifindex: own, name, kind, data, peer }] of links.entries()) {
    const where = `networks[${index}].links[${at}]`;
    if (indexes.has(own)) throw new Wrong(`${where}.ifindex`, `there is a link ${own} already`);
    if (names.has(name)) throw new Wrong(`${where}.name`, `there is a link ${shown(name)} already`);
    indexes.add(own);
    names.add(name);
    if (peer === null) continue;
    if (kind !== 'veth' || data === null)
      throw new Wrong(`${where}.kind`, `only a veth with its data has another end, not ${shown(kind)}`);
    const other = networks[peer.network]?.links.find((each) => each.ifindex === peer.ifindex);
    if (other === undefined || (peer.network === index && peer.ifindex === own))
      throw new Wrong(`${where}.peer`, 'there is no such link');
    if (other.peer?.network !== index || other.peer.ifindex !== own)
      throw new Wrong(`${where}.peer`, `the other end, ${shown(other.name)}, has another one`);
  }
}
