// The links of a lab file: `web-br0`, or a map that says more.

import { HOST } from '../lab.ts';
import {
  addressOf,
  fieldsOf,
  requireAddress,
  requireList,
  requireMap,
  requireNet,
  requireNumber,
  requireOneOf,
  requireWord,
  type Fields,
  type Word,
} from './fields.ts';
import type { FileEnd, FileLink, FileNode, LinkWord } from './lab-file.ts';
import { readImpair } from './read-impair.ts';
import { readAddresses, readMtu, requireLinkName } from './read-nodes.ts';
import { unknownWord, wrong, type Place, type Tree } from './tree.ts';

/** What a link of each kind may have. The first key says which it is. */
export const LINK_KEYS: Readonly<Record<FileLink['kind'], readonly string[]>> = {
  veth: ['ends', 'mtu', 'impair'],
  macvlan: ['macvlan', 'parent', 'mode', 'mtu', 'impair'],
  vxlan: ['vxlan', 'id', 'local', 'remote', 'port', 'under', 'mtu', 'impair'],
  tun: ['tun', 'mtu', 'impair'],
  tap: ['tap', 'mtu', 'impair'],
  physical: ['physical', 'from', 'mtu', 'impair'],
};
export const END_KEYS: readonly string[] = ['node', 'name', 'mac', 'address', 'impair'];

type Kind = FileLink['kind'];

const KINDS = Object.keys(LINK_KEYS).filter((each): each is Kind => Object.hasOwn(LINK_KEYS, each));
const MODES = ['bridge', 'private', 'vepa', 'passthru'] as const;
/** Source: RFC 7348. */
const VXLAN_PORT = 4789;
const MOST_VXLAN_ID = 2 ** 24 - 1;
const LINK_EXAMPLE = 'web-br0, or ends: [web, br0]';
const END_EXAMPLE = 'web, web:eth1, or web 10.0.0.2/24';
const MOST_LINKS = 4000;

export function readLinks(tree: Tree | undefined, nodes: readonly FileNode[]): readonly FileLink[] {
  const items = requireList(tree, 'links', 'links: [web-br0]');
  const beyond = items[MOST_LINKS];
  if (beyond !== undefined) throw wrong(beyond.at, `more than ${MOST_LINKS} links`, 'two labs');
  const names = new Set([HOST, ...nodes.map(({ name }) => name)]);
  return items.map((item) => readLink(item, names));
}

function readLink(tree: Tree, nodes: ReadonlySet<string>): FileLink {
  if (tree.type !== 'map') return { kind: 'veth', at: tree.at, mtu: null, impair: null, ends: readBrief(tree, nodes) };
  const keys = tree.entries.map(({ key }) => key);
  const kind = KINDS.find((each) => keys.includes(LINK_KEYS[each][0] ?? '')) ?? 'veth';
  const fields = fieldsOf(tree, kind === 'veth' ? 'a link' : `a link of kind ${kind}`, LINK_KEYS[kind]);
  const [mtu, impair] = ['mtu', 'impair'].map((key) => fields.get(key)?.value);
  return {
    at: tree.at,
    mtu: mtu === undefined ? null : readMtu(mtu),
    impair: impair === undefined ? null : readImpair(impair),
    ...readKind(kind, fields, tree.at),
  };
}

type KindFields = FileLink extends infer One
  ? One extends FileLink
    ? Omit<One, 'at' | 'mtu' | 'impair'>
    : never
  : never;

function readKind(kind: Kind, fields: Fields, at: Place): KindFields {
  const field = (key: string): Tree | undefined => fields.get(key)?.value;
  const end = (): FileEnd => readEnd(requireField(fields, kind, at, `${kind}: web:eth1`));
  switch (kind) {
    case 'veth':
      return { kind, ends: readEnds(requireField(fields, 'ends', at, LINK_EXAMPLE)) };
    case 'macvlan': {
      const mode = field('mode');
      const parent = readLinkWord(requireField(fields, 'parent', at, 'parent: host:eth0'), 'parent: host:eth0');
      return { kind, end: end(), parent, mode: mode === undefined ? 'bridge' : requireOneOf(mode, 'mode', MODES) };
    }
    case 'vxlan': {
      const [local, remote, port, under] = ['local', 'remote', 'port', 'under'].map(field);
      const id = requireNumber(requireField(fields, 'id', at, 'id: 42'), 'id', 0, MOST_VXLAN_ID);
      const address = (tree: Tree | undefined, what: string): string | null =>
        tree === undefined ? null : requireAddress(requireWord(tree, what, `${what}: 192.0.2.1`));
      return {
        kind,
        end: end(),
        id,
        local: address(local, 'local'),
        remote: address(remote, 'remote'),
        port: port === undefined ? VXLAN_PORT : requireNumber(port, 'port', 1, 65_535),
        under: under === undefined ? null : readLinkWord(under, 'under: host'),
      };
    }
    case 'tun':
    case 'tap':
      return { kind, end: end() };
    case 'physical': {
      const from = requireWord(requireField(fields, 'from', at, 'from: eth1'), 'from', 'from: eth1');
      return { kind, end: end(), from: requireLinkName(from) };
    }
  }
}

function requireField(fields: Fields, key: string, at: Place, example: string): Tree {
  const field = fields.get(key);
  if (field !== undefined) return field.value;
  throw wrong(at, `the link has no '${key}'`, example);
}

function readEnds(tree: Tree): readonly [FileEnd, FileEnd] {
  const [first, second, ...more] = requireList(tree, 'ends', 'ends: [web, br0]');
  if (first === undefined || second === undefined || more.length > 0)
    throw wrong(tree.at, 'a link has two ends', 'ends: [web, br0]');
  return requireDifferent([readEnd(first), readEnd(second)], tree.at);
}

/** Of a bridge with itself it would be a loop, of a namespace nothing that anybody wants. */
function requireDifferent(ends: readonly [FileEnd, FileEnd], at: Place): readonly [FileEnd, FileEnd] {
  if (ends[0].node.text !== ends[1].node.text) return ends;
  throw wrong(at, `both ends are in ${ends[0].node.text}`, 'two nodes');
}

/** Of a name with a - in it every place is tried where both sides are nodes. */
function readBrief(tree: Tree, nodes: ReadonlySet<string>): readonly [FileEnd, FileEnd] {
  const { text, at } = requireWord(tree, 'a link', LINK_EXAMPLE);
  const cuts = [...text.matchAll(/-/g)].map(({ index }) => [text.slice(0, index), text.slice(index + 1)] as const);
  const isEnd = (word: string): boolean => nodes.has(word.split(':')[0] ?? '');
  const [found, ...more] = cuts.filter(([left, right]) => isEnd(left) && isEnd(right));
  if (more.length > 0) throw wrong(at, `'${text}' can be read in more than one way`, 'ends: [a, b-c]');
  const asIs = (word: string): FileEnd => readEnd({ type: 'scalar', at, value: word, text: word });
  if (found !== undefined) return requireDifferent([asIs(found[0]), asIs(found[1])], at);
  const [[left, right] = []] = cuts;
  if (left === undefined || right === undefined) throw wrong(at, `'${text}' is no link`, LINK_EXAMPLE);
  const word = [left, right].map((each) => each.split(':')[0] ?? '').find((each) => !nodes.has(each)) ?? '';
  throw unknownWord(at, `there is no node '${word}'`, word, [...nodes]);
}

function readEnd(tree: Tree): FileEnd {
  if (tree.type !== 'map') return readEndText(requireWord(tree, 'an end of a link', END_EXAMPLE));
  const fields = fieldsOf(requireMap(tree, 'an end of a link', END_EXAMPLE), 'an end of a link', END_KEYS);
  const [name, mac, address, impair] = ['name', 'mac', 'address', 'impair'].map((key) => fields.get(key)?.value);
  return {
    node: requireWord(requireField(fields, 'node', tree.at, 'node: web'), 'node', 'node: web'),
    link: name === undefined ? null : requireNamed(requireWord(name, 'name', 'name: eth1')),
    mac: mac === undefined ? null : requireMac(requireWord(mac, 'mac', 'mac: 02:00:00:00:00:01')),
    addresses: address === undefined ? null : readAddresses(address),
    impair: impair === undefined ? null : readImpair(impair),
  };
}

/** `web:eth1 10.0.0.2/24 fd00::2/64`. */
function readEndText({ text, at }: Word): FileEnd {
  const [place = '', ...addresses] = text.split(/\s+/);
  const [node = '', link, ...more] = place.split(':');
  if (node === '' || more.length > 0 || addressOf(place) !== undefined)
    throw wrong(at, `'${text}' is no end of a link`, END_EXAMPLE);
  return {
    node: { text: node, at },
    link: link === undefined ? null : requireNamed({ text: link, at }),
    mac: null,
    addresses: addresses.length === 0 ? null : addresses.map((each) => requireNet({ text: each, at })),
    impair: null,
  };
}

function requireNamed(word: Word): Word {
  requireLinkName(word);
  return word;
}

function requireMac({ text, at }: Word): string {
  const mac = text.toLowerCase();
  const isOne = /^[\da-f]{2}(?::[\da-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00';
  // The lowest bit of the first byte: of many, not of one.
  if (isOne && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0) return mac;
  throw wrong(at, `'${text}' is no link address of one machine`, '02:00:00:00:00:01');
}

function readLinkWord(tree: Tree, example: string): LinkWord {
  const { text, at } = requireWord(tree, 'a place', example);
  const [node = '', link, ...more] = text.split(':');
  if (node === '' || more.length > 0) throw wrong(at, `'${text}' is no link of a node`, example);
  return { node: { text: node, at }, link: link === undefined ? null : requireLinkName({ text: link, at }) };
}
