// The nodes of a lab file.

import type { IpNet } from '../ip-net.ts';
import { HOST, isLinkName, requireLabName } from '../lab.ts';
import {
  fieldsOf,
  isNothing,
  listOf,
  requireAddress,
  requireBoolean,
  requireList,
  requireMap,
  requireNet,
  requireNumber,
  requireOneOf,
  requireWholeNet,
  requireWord,
  type Fields,
  type Word,
} from './fields.ts';
import type { FileBridge, FileNamespace, FileNode, FileRoute, FileSettings } from './lab-file.ts';
import { wrong, type MapEntry, type Place, type Tree } from './tree.ts';

const KINDS = ['namespace', 'bridge'] as const;
const SETTINGS = ['routes', 'sysctls'];

/** What a node of each kind may have. */
export const NODE_KEYS: Readonly<Record<FileNode['kind'], readonly string[]>> = {
  namespace: ['kind', ...SETTINGS, 'dns', 'search', 'hosts', 'start'],
  bridge: ['kind', 'in', 'address', 'mtu', 'stp', 'use'],
  attached: ['attach', ...SETTINGS],
  host: SETTINGS,
};
export const ROUTE_KEYS: readonly string[] = ['to', 'via', 'dev', 'metric', 'table'];

const NODES_EXAMPLE = 'nodes: { web: , db: , br0: bridge }';
const MOST_NODES = 1000;

/** A list of names is that of namespaces. */
export function readNodes(tree: Tree | undefined, top: Place): readonly FileNode[] {
  if (tree === undefined || isNothing(tree)) throw wrong(tree?.at ?? top, 'a lab has nodes', NODES_EXAMPLE);
  const entries = tree.type === 'list' ? tree.items.map(listed) : requireMap(tree, 'nodes', NODES_EXAMPLE).entries;
  if (entries.length === 0) throw wrong(tree.at, 'a lab has nodes', NODES_EXAMPLE);
  const beyond = entries[MOST_NODES];
  if (beyond !== undefined) throw wrong(beyond.at, `more than ${MOST_NODES} nodes`, 'two labs');
  for (const [at, entry] of entries.entries())
    if (entries.findIndex(({ key }) => key === entry.key) !== at)
      throw wrong(entry.at, `two nodes '${entry.key}'`, 'another name for one of them');
  return entries.map(readNode);
}

function listed(tree: Tree): MapEntry {
  const { text, at } = requireWord(tree, 'a node', NODES_EXAMPLE);
  return { key: text, at, value: { type: 'scalar', at, value: null, text: '' } };
}

function readNode({ key: name, at, value }: MapEntry): FileNode {
  requireName(name, at);
  const base = { name, at };
  if (value.type === 'scalar') {
    if (name === HOST && isNothing(value)) return { kind: 'host', ...base, ...NONE };
    const kind = isNothing(value) ? 'namespace' : requireOneOf(value, `the kind of ${name}`, KINDS);
    if (kind === 'namespace') return { kind, ...base, ...NONE, ...NO_FILES };
    return readBridge(base, new Map());
  }
  const tree = requireMap(value, `node ${name}`, `${name}: { dns: 9.9.9.9 }`);
  const has = (wanted: string): boolean => tree.entries.some(({ key }) => key === wanted);
  if (name === HOST) return { kind: 'host', ...base, ...readSettings(fieldsOf(tree, 'the host', NODE_KEYS.host)) };
  if (has('attach')) return readAttached(base, fieldsOf(tree, `node ${name}`, NODE_KEYS.attached));
  const kindTree = tree.entries.find(({ key }) => key === 'kind')?.value;
  const kind = kindTree === undefined ? 'namespace' : requireOneOf(kindTree, `the kind of ${name}`, KINDS);
  if (kind === 'bridge') return readBridge(base, fieldsOf(tree, `bridge ${name}`, NODE_KEYS.bridge));
  const fields = fieldsOf(tree, `node ${name}`, NODE_KEYS.namespace);
  return { kind, ...base, ...readSettings(fields), ...readFiles(fields), start: readStart(fields) };
}

type FileFiles = Pick<FileNamespace, 'dns' | 'search' | 'hosts'>;

const NONE: FileSettings = { routes: [], sysctls: new Map() };
const NO_FILES: FileFiles & Pick<FileNamespace, 'start'> = { dns: [], search: [], hosts: new Map(), start: [] };

function requireName(name: string, at: Place): void {
  try {
    requireLabName(name);
  } catch {
    throw wrong(
      at,
      `'${name.slice(0, 70)}' cannot be the name of a node`,
      'letters, digits, _ . and -, no . or - first, at most 63 of them',
    );
  }
}

function readBridge({ name, at }: { readonly name: string; readonly at: Place }, fields: Fields): FileBridge {
  if (name === HOST) throw wrong(at, "'host' is the host, and no bridge", 'another name');
  if (!isLinkName(name))
    throw wrong(
      at,
      `'${name}' cannot be the name of a bridge`,
      'at most 15 letters, digits, _ . and -',
      'it is a link',
    );
  const value = (key: string): Tree | undefined => fields.get(key)?.value;
  const [place, address, mtu, stp, use] = ['in', 'address', 'mtu', 'stp', 'use'].map(value);
  const isForeign = use !== undefined && requireBoolean(use, 'use');
  if (isForeign && (address ?? mtu ?? stp) !== undefined)
    throw wrong(
      at,
      `the bridge ${name} is somebody else's: nothing of it is set`,
      'use: true without address, mtu, stp',
    );
  return {
    kind: 'bridge',
    name,
    at,
    in: place === undefined ? null : requireWord(place, 'in', 'in: web'),
    addresses: address === undefined ? null : readAddresses(address),
    mtu: mtu === undefined ? null : readMtu(mtu),
    stp: stp !== undefined && requireBoolean(stp, 'stp'),
    isForeign,
  };
}

export function readMtu(tree: Tree): number {
  return requireNumber(tree, 'mtu', 68, 65_535);
}

/** One, or a list of them; an empty list: none. */
export function readAddresses(tree: Tree): readonly IpNet[] {
  return listOf(tree).map((each) => requireNet(requireWord(each, 'address', 'address: 10.0.0.1/24')));
}

function readAttached(base: { readonly name: string; readonly at: Place }, fields: Fields): FileNode {
  const tree = fields.get('attach')?.value;
  if (tree === undefined) throw wrong(base.at, 'attach is missing', 'attach: container:web');
  const attach = requireWord(tree, 'attach', 'attach: container:web, or the number of a process');
  return { kind: 'attached', ...base, attach, ...readSettings(fields) };
}

function readSettings(fields: Fields): FileSettings {
  const routes = requireList(fields.get('routes')?.value, 'routes', "routes: ['default via 10.0.0.1']");
  return { routes: routes.map(readRoute), sysctls: readSysctls(fields.get('sysctls')?.value) };
}

const ROUTE_EXAMPLE = 'default via 10.0.0.1; 10.9.0.0/16 via db dev eth0 metric 5 table 7';

function readRoute(tree: Tree): FileRoute {
  if (tree.type === 'map') {
    const fields = fieldsOf(tree, 'a route', ROUTE_KEYS);
    return routeOf(tree.at, (key) => fields.get(key)?.value);
  }
  const { text, at } = requireWord(tree, 'a route', ROUTE_EXAMPLE);
  const [to = '', ...rest] = text.split(/\s+/);
  const words = new Map<string, Tree>();
  const scalar = (word: string): Tree => {
    return { type: 'scalar', at, value: /^\d{1,10}$/.test(word) ? Number(word) : word, text: word };
  };
  for (let index = 0; index < rest.length; index += 2) {
    const [key = '', value] = rest.slice(index, index + 2);
    if (!ROUTE_KEYS.slice(1).includes(key) || value === undefined || words.has(key))
      throw wrong(at, `'${text}' is no route`, ROUTE_EXAMPLE);
    words.set(key, scalar(value));
  }
  words.set('to', scalar(to));
  return routeOf(at, (key) => words.get(key));
}

function routeOf(at: Place, field: (key: string) => Tree | undefined): FileRoute {
  const [to, via, dev, metric, table] = ROUTE_KEYS.map(field);
  if (to === undefined) throw wrong(at, 'a route leads to something', 'to: default');
  if (via === undefined && dev === undefined) throw wrong(at, 'a route has a way', 'via 10.0.0.1, or dev eth0');
  return {
    at,
    to: requireDestination(requireWord(to, 'to', 'to: default')),
    via: via === undefined ? null : requireWord(via, 'via', 'via: 10.0.0.1'),
    dev: dev === undefined ? null : requireLinkName(requireWord(dev, 'dev', 'dev: eth0')),
    metric: metric === undefined ? null : requireNumber(metric, 'metric', 0, 2 ** 32 - 1),
    table: table === undefined ? null : requireNumber(table, 'table', 1, 2 ** 32 - 1),
  };
}

function requireDestination(word: Word): string {
  if (word.text === 'default') return word.text;
  return word.text.includes('/') ? netOf(word) : requireAddress(word);
}

function netOf(word: Word): string {
  const { address, prefixLength } = requireWholeNet(word);
  return prefixLength === 0 ? 'default' : `${address}/${prefixLength}`;
}

/** Source: IFNAMSIZ. */
export function requireLinkName({ text, at }: Word): string {
  if (isLinkName(text)) return text;
  throw wrong(at, `'${text.slice(0, 70)}' cannot be the name of a link`, 'at most 15 letters, digits, _ . and -');
}

const SYSCTL_EXAMPLE = 'sysctls: { net.ipv4.ip_forward: 1 }';

function readSysctls(tree: Tree | undefined): ReadonlyMap<string, string> {
  if (tree === undefined || isNothing(tree)) return new Map();
  return new Map(
    requireMap(tree, 'sysctls', SYSCTL_EXAMPLE).entries.map(({ key, at, value }) => {
      // Others are not a network's own. A dot in the name of a link is written /, as sysctl(8) has it.
      if (!/^net(?:[./][\w-]+)+$/.test(key) || key.length > 200)
        throw wrong(at, `'${key.slice(0, 70)}' is no sysctl of a network`, SYSCTL_EXAMPLE);
      const { text } = requireWord(value, key, SYSCTL_EXAMPLE);
      if (!/^[\w.,:\t -]{1,256}$/.test(text)) throw wrong(value.at, `${key} cannot be that`, SYSCTL_EXAMPLE);
      return [key, text];
    }),
  );
}

function readFiles(fields: Fields): FileFiles {
  const dns = listOf(fields.get('dns')?.value).map((each) => requireWord(each, 'dns', 'dns: [9.9.9.9]'));
  const beyond = dns[MOST_SERVERS];
  if (beyond !== undefined) throw wrong(beyond.at, 'programs ask no more than 3 name servers', 'fewer of them');
  const search = listOf(fields.get('search')?.value).map((each) =>
    requireDomain(requireWord(each, 'search', 'lab.test')),
  );
  return { dns, search, hosts: readHosts(fields.get('hosts')?.value) };
}

/** MAXNS of resolv.h. */
const MOST_SERVERS = 3;

function requireDomain({ text, at }: Word): string {
  if (text.length <= 253 && /^[A-Za-z0-9_](?:[\w-]{0,62})(?:\.[\w-]{1,63})*$/.test(text)) return text;
  throw wrong(at, `'${text.slice(0, 70)}' is no name of a machine or domain`, 'db, or db.lab.test');
}

const HOSTS_EXAMPLE = 'hosts: { db.test: 10.0.0.3, web.test: web }';

function readHosts(tree: Tree | undefined): ReadonlyMap<string, Word> {
  if (tree === undefined || isNothing(tree)) return new Map();
  const { entries } = requireMap(tree, 'hosts', HOSTS_EXAMPLE);
  return new Map(
    entries.map(({ key, at, value }) => [requireDomain({ text: key, at }), requireWord(value, key, HOSTS_EXAMPLE)]),
  );
}

const START_EXAMPLE = "start: ['python3 -m http.server 80'], for the shell; or a list of words each";

/** A text is for the shell, a list is a file and its words. */
function readStart(fields: Fields): FileNamespace['start'] {
  return requireList(fields.get('start')?.value, 'start', START_EXAMPLE).map((tree): readonly string[] => {
    if (tree.type !== 'list') return ['/bin/sh', '-c', requireCommand(tree)];
    if (tree.items.length === 0) throw wrong(tree.at, 'a command has words', START_EXAMPLE);
    return tree.items.map(requireCommand);
  });
}

function requireCommand(tree: Tree): string {
  const { text, at } = requireWord(tree, 'a command', START_EXAMPLE);
  if (!text.includes('\0')) return text;
  throw wrong(at, 'a command has no NUL in it', START_EXAMPLE);
}
