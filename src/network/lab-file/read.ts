// From the tree of a lab file to what it says. The first part that is wrong is told, with its place and what to write.

import { overlap, type IpNet } from '../ip-net.ts';
import { requireLabName } from '../lab.ts';
import {
  fieldsOf,
  listOf,
  requireAddress,
  requireList,
  requireMap,
  requireNumber,
  requireOneOf,
  requireWholeNet,
  requireWord,
  type Word,
} from './fields.ts';
import type { FileNat, FilePublish, LabFile } from './lab-file.ts';
import { readExpect } from './read-expect.ts';
import { readLinks } from './read-links.ts';
import { readNodes, requireLinkName } from './read-nodes.ts';
import { wrong, type Tree } from './tree.ts';

export const LAB_KEYS: readonly string[] = ['name', 'pool', 'nodes', 'links', 'nat', 'publish', 'expect'];
export const NAT_KEYS: readonly string[] = ['source', 'node', 'out'];
export const PUBLISH_KEYS: readonly string[] = ['port', 'to', 'to_port', 'protocol', 'address', 'node'];

const PROTOCOLS = ['tcp', 'udp'] as const;
const MOST_PORT = 65_535;

/** Errors: BAD_VALUE. */
export function readLabTree(tree: Tree): LabFile {
  const map = requireMap(tree, 'a lab', 'name: shop\n       nodes: [web, db]\n       links: [web-db]');
  const fields = fieldsOf(map, 'a lab', LAB_KEYS);
  const field = (key: string): Tree | undefined => fields.get(key)?.value;
  const name = field('name');
  const nodes = readNodes(field('nodes'), map.at);
  return {
    name: name === undefined ? null : requireName(requireWord(name, 'name', 'name: shop')),
    pool: readPool(field('pool')),
    nodes,
    links: readLinks(field('links'), nodes),
    nat: requireList(field('nat'), 'nat', 'nat: [br0]').map(readNat),
    publish: requireList(field('publish'), 'publish', `publish: ['${PUBLISH_EXAMPLE}']`).map(readPublish),
    expect: readExpect(field('expect'), nodes),
  };
}

function requireName(word: Word): Word {
  try {
    requireLabName(word.text);
    return word;
  } catch {
    const what = `'${word.text.slice(0, 70)}' cannot be the name of a lab`;
    throw wrong(word.at, what, 'letters, digits, _ . and -, no . or - first, at most 63 of them');
  }
}

/** One net, or a list of them. */
function readPool(tree: Tree | undefined): readonly IpNet[] | null {
  const nets: IpNet[] = [];
  for (const item of listOf(tree)) {
    const word = requireWord(item, 'pool', 'pool: 10.9.0.0/16');
    const net = requireWholeNet(word);
    if (nets.some((each) => overlap(each, net))) throw wrong(word.at, 'the nets of a pool overlap', 'one of them');
    nets.push(net);
  }
  return nets.length === 0 ? null : nets;
}

function readNat(tree: Tree): FileNat {
  if (tree.type !== 'map') return { source: requireWord(tree, 'nat', 'nat: [br0]'), node: null, out: null };
  const fields = fieldsOf(tree, 'nat', NAT_KEYS);
  const [source, node, out] = NAT_KEYS.map((key) => fields.get(key)?.value);
  if (source === undefined) throw wrong(tree.at, 'nat has a source', 'source: br0, or source: 10.0.0.0/24');
  return {
    source: requireWord(source, 'source', 'source: br0'),
    node: node === undefined ? null : requireWord(node, 'node', 'node: host'),
    out: out === undefined ? null : requireLinkName(requireWord(out, 'out', 'out: eth0')),
  };
}

const PUBLISH_EXAMPLE = '8080:web:80, 192.0.2.1:53:dns:53/udp';

/** `8080:web:80`, as of `docker run -p` with the node in between. */
function readPublish(tree: Tree): FilePublish {
  if (tree.type === 'map') return readLongPublish(tree);
  const { text, at } = requireWord(tree, 'publish', PUBLISH_EXAMPLE);
  const parts = /^(?:([\d.]+):)?(\d{1,5}):([^:/]+):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (parts === null) throw wrong(at, `'${text}' says no port of a node`, PUBLISH_EXAMPLE);
  const [, address, port = '', to = '', toPort = '', protocol = 'tcp'] = parts;
  const number = (word: string): number =>
    requireNumber({ type: 'scalar', at, value: Number(word), text: word }, 'a port', 1, MOST_PORT);
  return {
    at,
    node: null,
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    address: address === undefined ? null : requireAddress({ text: address, at }),
    port: number(port),
    to: { text: to, at },
    toPort: number(toPort),
  };
}

function readLongPublish(tree: Extract<Tree, { type: 'map' }>): FilePublish {
  const fields = fieldsOf(tree, 'publish', PUBLISH_KEYS);
  const [port, to, toPort, protocol, address, node] = PUBLISH_KEYS.map((key) => fields.get(key)?.value);
  if (port === undefined || to === undefined)
    throw wrong(tree.at, 'publish has a port, and a node that it leads to', 'port: 8080, to: web, to_port: 80');
  const outer = requireNumber(port, 'port', 1, MOST_PORT);
  return {
    at: tree.at,
    port: outer,
    to: requireWord(to, 'to', 'to: web'),
    toPort: toPort === undefined ? outer : requireNumber(toPort, 'to_port', 1, MOST_PORT),
    protocol: protocol === undefined ? 'tcp' : requireOneOf(protocol, 'protocol', PROTOCOLS),
    address: address === undefined ? null : requireAddress(requireWord(address, 'address', 'address: 192.0.2.1')),
    node: node === undefined ? null : requireWord(node, 'node', 'node: host'),
  };
}
