// From what a lab file says to a lab: names are looked up, links get names, ends get addresses.

import { familyOf, netText, overlap, parseIpNet, wholeNet, type Family, type IpNet } from '../ip-net.ts';
import {
  HOST,
  LEAST_IPV6_MTU,
  namePath,
  NO_SETTINGS,
  portName,
  type Lab,
  type LabEnd,
  type LabLink,
  type LabNat,
  type LabNode,
  type LabPublish,
  type LabRoute,
  type NodeSettings,
} from '../lab.ts';
import { freePool, giveAddresses, type Addresses, type Member } from './addressing.ts';
import { addressOf, type Word } from './fields.ts';
import type { FileEnd, FileLink, FileNat, FileNode, FilePublish, FileRoute, LabFile, LinkWord } from './lab-file.ts';
import { unknownWord, wrong, type Place } from './tree.ts';

/** What a lab file needs to know of the machine. */
export interface Surroundings {
  /** Nets that the machine has, or has a way to. */
  readonly taken: readonly IpNet[];
  /** The network of a target. Errors: as of targets. */
  readonly attach: (word: Word, node: string) => AttachedTo;
}

export interface AttachedTo {
  /** A way to it. */
  readonly path: string;
  readonly inode: bigint;
  /** Names of links in it that are not the lab's. */
  readonly links: ReadonlySet<string>;
}

/** Errors: BAD_VALUE; as of `attach`. */
export function labOfFile(file: LabFile, name: string, surroundings: Surroundings): Lab {
  const addresses = giveAddresses(file, poolOf(file, name, surroundings), surroundings.taken);
  const attached = attachedOf(file, surroundings);
  const look: Look = { file, addresses, attached, links: nameLinks(file, attached) };
  return {
    name,
    nodes: [
      ...(file.nodes.some(({ kind }) => kind === 'host')
        ? []
        : [{ kind: 'host', name: HOST, ...NO_SETTINGS } as const]),
      ...file.nodes.map((node) => nodeOf(node, look)),
    ],
    links: file.links.map((link) => linkOf(link, look)),
    nat: file.nat.flatMap((nat) => natOf(nat, look)),
    publish: file.publish.map((publish) => publishOf(publish, look)),
    ...(file.expect.length === 0 ? {} : { expect: file.expect }),
  };
}

type AttachedNodes = ReadonlyMap<string, AttachedTo>;

function attachedOf({ nodes }: LabFile, { attach }: Surroundings): AttachedNodes {
  return new Map(
    nodes.flatMap((node) => (node.kind === 'attached' ? [[node.name, attach(node.attach, node.name)] as const] : [])),
  );
}

interface Look {
  readonly file: LabFile;
  readonly attached: AttachedNodes;
  readonly addresses: Addresses;
  readonly links: ReadonlyMap<FileEnd, string>;
}

/** null: none is free. */
function poolOf(file: LabFile, name: string, { taken }: Surroundings): readonly IpNet[] | null {
  if (file.pool !== null) return file.pool;
  const written = file.nodes.flatMap((node) =>
    'routes' in node
      ? node.routes.flatMap(({ to }) => parseIpNet(to) ?? (addressOf(to) === undefined ? [] : wholeNet(to)))
      : [],
  );
  const own = [...file.nodes, ...file.links.flatMap(endsOf)].flatMap((each) =>
    'addresses' in each ? (each.addresses ?? []) : [],
  );
  const pool = freePool(name, [...taken, ...written, ...own]);
  return pool === undefined ? null : [pool];
}

function endsOf(link: FileLink): readonly FileEnd[] {
  return link.kind === 'veth' ? link.ends : [link.end];
}

function nodeNamed({ file }: Look, { text, at }: Word): FileNode {
  const found = file.nodes.find(({ name }) => name === text);
  if (found !== undefined) return found;
  if (text === HOST) return { kind: 'host', name: HOST, at, routes: [], sysctls: new Map() };
  throw unknownWord(at, `there is no node '${text}'`, text, [HOST, ...file.nodes.map(({ name }) => name)]);
}

/** The namespace that a node is, or that its bridge is in. */
function placeOf(look: Look, word: Word): string {
  const node = nodeNamed(look, word);
  if (node.kind !== 'bridge') return node.name;
  if (node.in === null) return HOST;
  if (nodeNamed(look, node.in).kind !== 'bridge') return node.in.text;
  throw wrong(node.in.at, `'${node.in.text}' is a bridge, and no bridge is in another`, 'in: a namespace');
}

/** Of ends without a name: eth0, eth1 inside; `veth-NODE` where the other end is, and on the host. */
function nameLinks(file: LabFile, attached: AttachedNodes): ReadonlyMap<FileEnd, string> {
  const look: Look = { file, attached, addresses: new Map(), links: new Map() };
  const names = new Map<FileEnd, string>();
  const taken = new Set(
    file.nodes.flatMap((node) =>
      node.kind === 'bridge' ? [`${placeOf(look, { text: node.name, at: node.at })}/${node.name}`] : [],
    ),
  );
  for (const node of [HOST, ...file.nodes.map(({ name }) => name)]) taken.add(`${node}/lo`);
  for (const [node, { links }] of attached) for (const link of links) taken.add(`${node}/${link}`);
  const take = (end: FileEnd, place: string, name: string): boolean => {
    const key = `${place}/${name}`;
    if (taken.has(key)) return false;
    taken.add(key);
    names.set(end, name);
    return true;
  };
  const all = file.links.flatMap((link) => endsOf(link).map((end) => ({ end, link, place: placeOf(look, end.node) })));
  for (const { end, place } of all)
    if (end.link !== null && !take(end, place, end.link.text))
      throw wrong(end.link.at, `there is another link '${end.link.text}' in ${place}`, 'another name');
  for (const { end, link, place } of all) {
    if (end.link !== null) continue;
    const nth = namesFor(end, link, nodeNamed(look, end.node).kind !== 'bridge' && place !== HOST);
    for (let index = 0; !take(end, place, nth(index)); index += 1);
  }
  return names;
}

/** The names to try, one after the other. */
function namesFor(end: FileEnd, link: FileLink, isInside: boolean): (index: number) => string {
  if (link.kind === 'physical') return (index) => (index === 0 ? link.from : `eth${index - 1}`);
  if (link.kind === 'vxlan' || link.kind === 'tun' || link.kind === 'tap') return (index) => `${link.kind}${index}`;
  if (isInside) return (index) => `eth${index}`;
  const other = link.kind === 'veth' ? link.ends.find((each) => each !== end) : undefined;
  const named = other?.node.text ?? end.node.text;
  return (index) => portName(index === 0 ? named : `${named}.${index}`);
}

function addressesOf({ addresses }: Look, member: Member): readonly IpNet[] {
  return addresses.get(member) ?? [];
}

/** All that a node has: of a bridge its own. */
function allOf(look: Look, node: FileNode): readonly IpNet[] {
  if (node.kind === 'bridge') return addressesOf(look, node);
  return look.file.links
    .flatMap(endsOf)
    .filter((end) => end.node.text === node.name)
    .flatMap((end) => addressesOf(look, end))
    .concat(
      look.file.nodes.flatMap((each) =>
        each.kind === 'bridge' && (each.in?.text ?? HOST) === node.name ? addressesOf(look, each) : [],
      ),
    );
}

/** The address of a node for who has `near`: one in a net of theirs, else its first. */
function nearest(look: Look, node: FileNode, near: readonly IpNet[], family?: Family): string | undefined {
  const all = allOf(look, node).filter(({ address }) => family === undefined || familyOf(address) === family);
  const found = all.find((net) => near.some((each) => overlap(each, wholeNet(net.address))));
  return (found ?? all[0])?.address;
}

/** Of a word that is an address, or the name of a node. */
function addressFor(look: Look, word: Word, near: readonly IpNet[]): string {
  const address = addressOf(word.text);
  if (address !== undefined) return address;
  const found = nearest(look, nodeNamed(look, word), near);
  if (found !== undefined) return found;
  throw wrong(word.at, `${word.text} has no address`, 'an IP address, or a node that has one');
}

function nodeOf(node: FileNode, look: Look): LabNode {
  const { name } = node;
  if (node.kind === 'bridge') {
    const place = placeOf(look, { text: name, at: node.at });
    const { kind, mtu, stp, isForeign } = node;
    const addresses = addressesOf(look, node);
    requireRoom(node.at, mtu, addresses);
    return { kind, name, in: place, addresses, mtu, stp, isForeign };
  }
  const near = allOf(look, node);
  const settings: NodeSettings = {
    ...NO_SETTINGS,
    routes: node.routes.flatMap((route) => routesOf(route, look, near)),
    sysctls: node.sysctls,
  };
  if (node.kind === 'host') return { kind: 'host', name: HOST, ...settings };
  if (node.kind === 'attached') {
    const { path = '', inode = 0n } = look.attached.get(name) ?? {};
    return { kind: 'attached', name, path, inode, ...settings };
  }
  return {
    kind: 'namespace',
    name,
    path: namePath(name),
    ...settings,
    dns: node.dns.map((word) => addressFor(look, word, near)),
    search: node.search,
    hosts: new Map(Array.from(node.hosts, ([key, word]) => [key, addressFor(look, word, near)])),
    start: node.start,
  };
}

/** By a node that has addresses of both families a default route is two. */
function routesOf(
  { to, via, dev, metric, table, at }: FileRoute,
  look: Look,
  near: readonly IpNet[],
): readonly LabRoute[] {
  const route = { destination: to, link: dev, metric, table };
  if (via === null) return [{ ...route, gateway: null }];
  const address = addressOf(via.text);
  if (address !== undefined) {
    if (to !== 'default' && familyOf(address) !== familyOf(to))
      throw wrong(at, `${address} is no way to ${to}: one is IPv4, the other IPv6`, 'both of one family');
    return [{ ...route, gateway: address }];
  }
  const node = nodeNamed(look, via);
  const families: readonly Family[] = to === 'default' ? ['inet', 'inet6'] : [familyOf(to)];
  const found = families.flatMap((family) => {
    const reachable = allOf(look, node).filter(({ address: each }) => familyOf(each) === family);
    return reachable.find((net) => near.some((each) => overlap(each, wholeNet(net.address))))?.address ?? [];
  });
  if (found.length > 0) return found.map((gateway) => ({ ...route, gateway }));
  throw wrong(via.at, `${via.text} has no address in a net of this node`, 'a node that a link leads to, or an address');
}

function linkOf(link: FileLink, look: Look): LabLink {
  const { mtu } = link;
  const end = (each: FileEnd): LabEnd => {
    requireNoPort(look, each);
    const { mac } = each;
    const impair = each.impair ?? link.impair;
    if (impair !== null && link.kind === 'physical') requireMoved(look, each);
    const addresses = addressesOf(look, each);
    requireRoom(each.node.at, mtu, addresses);
    const own = { node: each.node.text, link: look.links.get(each) ?? '', mac, addresses };
    return impair === null ? own : { ...own, impair };
  };
  switch (link.kind) {
    case 'veth': {
      const [one, other] = link.ends;
      return { kind: 'veth', ends: [end(one), end(other)], mtu };
    }
    case 'macvlan':
      return {
        kind: 'macvlan',
        end: end(link.end),
        parent: { node: place(look, link.parent), link: required(link.parent) },
        mode: link.mode,
        mtu,
      };
    case 'vxlan': {
      const { id, local, remote, port } = link;
      const under = { node: link.under === null ? HOST : place(look, link.under), link: link.under?.link ?? null };
      return { kind: 'vxlan', end: end(link.end), under, id, local, remote, port, mtu };
    }
    case 'tun':
    case 'tap':
      return { kind: link.kind, end: end(link.end), mtu };
    case 'physical':
      return { kind: 'physical', end: end(link.end), from: link.from, mtu };
  }
}

function requireRoom(at: Place, mtu: number | null, addresses: readonly IpNet[]): void {
  if (mtu === null || mtu >= LEAST_IPV6_MTU) return;
  const ipv6 = addresses.find(({ address }) => familyOf(address) === 'inet6');
  if (ipv6 === undefined) return;
  throw wrong(
    at,
    `${ipv6.address} is not for a link of mtu ${mtu}`,
    `mtu: ${LEAST_IPV6_MTU}, or more; or no IPv6 address`,
  );
}

/** What is set on a link goes as it moves back; on one that stays it would be left. */
function requireMoved(look: Look, { node }: FileEnd): void {
  if (placeOf(look, node) !== HOST) return;
  throw wrong(node.at, 'a link of the host that stays there is not impaired', 'a namespace, or no impair');
}

function requireNoPort(look: Look, { node, addresses }: FileEnd): void {
  if (nodeNamed(look, node).kind !== 'bridge' || addresses === null || addresses.length === 0) return;
  throw wrong(node.at, 'a port of a bridge has no address', `${node.text}: { kind: bridge, address: … }`);
}

function place(look: Look, { node }: LinkWord): string {
  if (nodeNamed(look, node).kind !== 'bridge') return node.text;
  throw wrong(node.at, `${node.text} is a bridge, and no namespace`, `${placeOf(look, node)}:${node.text}`);
}

function required({ node, link }: LinkWord): string {
  if (link !== null) return link;
  throw wrong(node.at, `which link of ${node.text}?`, `${node.text}:eth0`);
}

function natOf({ source, node, out }: FileNat, look: Look): readonly LabNat[] {
  const net = parseIpNet(source.text);
  const where = node === null ? undefined : placeOf(look, node);
  if (net !== undefined) return [{ node: where ?? HOST, source: net, outLink: out }];
  const bridge = nodeNamed(look, source);
  const nets = allOf(look, bridge);
  if (bridge.kind !== 'bridge' || nets.length === 0)
    throw wrong(source.at, `'${source.text}' is no bridge with an address`, 'nat: [br0], or source: 10.0.0.0/24');
  const isIn = where ?? placeOf(look, source);
  return nets.map((each) => ({ node: isIn, source: parseIpNet(netText(each)) ?? each, outLink: out }));
}

function publishOf({ node, protocol, address, port, to, toPort }: FilePublish, look: Look): LabPublish {
  const target = addressOf(to.text) ?? nearest(look, nodeNamed(look, to), [], 'inet');
  if (target === undefined) throw wrong(to.at, `${to.text} has no IPv4 address`, 'a node that has one');
  const from = node === null ? HOST : placeOf(look, node);
  return { node: from, protocol, address, port, toAddress: target, toPort };
}
