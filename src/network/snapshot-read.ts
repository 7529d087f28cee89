// From a running network namespace to a snapshot of it, by what the kernel tells of it. Nothing is done in it, and nothing of
// it is run.

import type { Gap, Host, NamespaceDoor, NetlinkRequest, NetworkSettings, Reading } from '../kernel/host.ts';
import { gap, value, valueOf } from '../kernel/host.ts';
import {
  RTM_GETADDR,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_GETRULE,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from '../kernel/abi/netlink.ts';
import { decodeEach, dumpRequest } from '../kernel/netlink/dump.ts';
import { decodeRecord, type Layout, type MessageRecord } from '../kernel/netlink/layout.ts';
import { ADDRESS_LAYOUT, kindRows, NEIGHBOUR_LAYOUT, ROUTE_LAYOUT, RULE_LAYOUT } from '../kernel/netlink/layouts.ts';
import { encodeLinkDump } from '../kernel/netlink/links.ts';
import { decodeWholeLinks, type WholeLink } from '../kernel/netlink/whole-links.ts';
import {
  decodeNftDump,
  encodeNftDump,
  NFT_SORTS,
  type NftObject,
  type NftSort,
} from '../kernel/nftables/raw-objects.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import { besidesOf, connectionsOf, readInside } from './snapshot-besides.ts';
import { ownSettings } from './snapshot-settings.ts';
import { SNAPSHOT_FILES, type Missing, type Snapshot, type SnapshotLink, type SnapshotNetwork } from './snapshot.ts';
import { endOf, type Topology } from './topology.ts';

export interface SnapshotQuestion {
  readonly topology: Topology;
  readonly place: NetworkNamespace;
  /** Whose resolv.conf it is. undefined: nobody is known to be in it. */
  readonly pid: number | undefined;
  /** The name of its file in /run/netns. */
  readonly netnsName: string | undefined;
}

type Told = Pick<Snapshot, 'networks' | 'missing'>;

const AF_INET = 2;
const AF_INET6 = 10;
const AF_BRIDGE = 7;
const NUD_PERMANENT = 0x80;
const NUD_NOARP = 0x40;
const NTF_PROXY = 8;
const RTM_F_CLONED = 0x200;
const TABLE_LOCAL = 255;
const RTPROT_KERNEL = 2;
const LOOPBACK = 1;

/** Errors: a gap where the target itself cannot be looked at; what is missing beside that is told. */
export function readSnapshot(host: Host, question: SnapshotQuestion): Reading<Told> {
  const { topology, place } = question;
  const missing: Missing[] = [];
  const own = wholeLinks(host, place);
  if (!own.ok) return own;
  // Their numbers are those in the file: one that cannot be looked at has none.
  const seen: Seen[] = [{ place, links: own.value }];
  for (const each of upstream(topology, place)) {
    const links = wholeLinks(host, each);
    if (links.ok) seen.push({ place: each, links: links.value });
    else missing.push({ network: 0, what: 'the network that it is routed by', why: gapText(links.gap) });
  }
  const fresh = host.networkSettings(null);
  const places = seen.map((each) => each.place);
  const networks = seen.map(({ place: each, links }, index) => {
    const tell = (what: string, why: string): void => void missing.push({ network: index, what, why });
    return readNetwork(new Reader(host, each, tell), question, places, index, links, fresh);
  });
  return value({ networks, missing });
}

interface Seen {
  readonly place: NetworkNamespace;
  readonly links: readonly WholeLink[];
}

function wholeLinks(host: Host, { door, inode }: NetworkNamespace): Reading<readonly WholeLink[]> {
  const answer = host.netlink(encodeLinkDump(door));
  return answer.ok ? decodeWholeLinks(answer.value, `net:[${inode}]`) : answer;
}

function gapText({ reason, errno, text, what }: Gap): string {
  return `${what}: ${text ?? errno ?? reason}`;
}

/**
 * Networks that the target is routed by: those at the other end of its pairs that have the address of a gateway of its, or
 * are the host's. The others are machines like itself.
 */
function upstream(topology: Topology, place: NetworkNamespace): readonly NetworkNamespace[] {
  if (topology.isHost(place)) return [];
  const hops = (place.defaults ?? []).flatMap(({ nextHops }) => nextHops);
  const gateways = new Set(hops.flatMap(({ gateway }) => gateway ?? []));
  const others = (place.links ?? []).flatMap(({ ifindex }) => {
    const end = endOf(topology, place, ifindex);
    return end?.state === 'known' && end.in !== place ? [end.in] : [];
  });
  return [...new Set(others)].filter(
    (other) => topology.isHost(other) || (other.addresses ?? []).some(({ address }) => gateways.has(address)),
  );
}

/** Asks one network, and tells what of the answer is left out. */
class Reader {
  readonly host: Host;
  readonly place: NetworkNamespace;
  readonly tell: (what: string, why: string) => void;
  readonly what: string;

  constructor(host: Host, place: NetworkNamespace, tell: (what: string, why: string) => void) {
    this.host = host;
    this.place = place;
    this.tell = tell;
    this.what = `net:[${place.inode}]`;
  }

  get door(): NamespaceDoor | undefined {
    return this.place.door;
  }

  records(layout: Layout, type: number, request: NetlinkRequest): readonly MessageRecord[] {
    const answer = this.host.netlink(request);
    const decoded = answer.ok
      ? decodeEach(answer.value, type, this.what, (body, what) => decodeRecord(layout, body, what))
      : answer;
    if (!decoded.ok) {
      // A kernel without policy rules, or without proxies.
      if (decoded.gap.errno !== 'EOPNOTSUPP') this.tell(`all of sort ${layout.what}`, gapText(decoded.gap));
      return [];
    }
    this.tellOthers(layout.what, decoded.value);
    return decoded.value.map(({ record }) => record);
  }

  tellOthers(what: string, decoded: readonly { readonly others: readonly number[] }[]): void {
    const others = new Set(decoded.flatMap((each) => each.others));
    if (others.size > 0) this.tell(`attribute ${[...others].join(', ')} of a ${what}`, 'nstool does not know it');
  }
}

function readNetwork(
  reader: Reader,
  question: SnapshotQuestion,
  places: readonly NetworkNamespace[],
  index: number,
  all: readonly WholeLink[],
  fresh: Reading<NetworkSettings>,
): SnapshotNetwork {
  const { topology } = question;
  const role = index === 0 ? 'target' : 'router';
  const links = role === 'target' ? all : leadingTo(topology, reader.place, all, places[0]);
  const known = new Set(links.map(({ ifindex }) => ifindex));
  const isKnown = (ifindex: unknown): boolean => known.has(Number(ifindex));
  if (role === 'router' && links.length < all.length)
    reader.tell(
      `${all.length - links.length} links of ${topology.nameOf(reader.place)}`,
      'they do not lead to the target',
    );
  const names = new Set(links.map(({ name }) => name));
  tellBesides(reader, role, links);
  return {
    role,
    name: topology.nameOf(reader.place),
    links: links.map((link) => snapshotLink(reader, topology, places, index, link)),
    addresses: addressesOf(reader).filter(({ ifindex }) => isKnown(ifindex)),
    routes: routesOf(reader, isKnown),
    rules: reader
      .records(RULE_LAYOUT, RTM_NEWRULE, dumpRequest(RTM_GETRULE, [new Uint8Array(12)], reader.door))
      .filter(isOfIp),
    neighbours: neighboursOf(reader).filter(({ ifindex }) => isKnown(ifindex)),
    nft: nftOf(reader),
    settings: settingsOf(reader, fresh, names),
    files: role === 'target' ? filesOf(reader, question) : {},
  };
}

const MOST_TOLD = 5;

function tellBesides(reader: Reader, role: SnapshotNetwork['role'], links: readonly WholeLink[]): void {
  const { host, door } = reader;
  const byIndex = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  const besides = besidesOf(host, door, (ifindex) => byIndex.get(ifindex));
  for (const { what, found, why } of role === 'target' ? [...besides, connectionsOf(host, door)] : besides) {
    if (!found.ok) reader.tell(`${what}: whether there are any`, gapText(found.gap));
    else if (found.value.length > 0) {
      const more = found.value.length > MOST_TOLD ? `, and ${found.value.length - MOST_TOLD} more` : '';
      reader.tell(`${what}: ${found.value.slice(0, MOST_TOLD).join(', ')}${more}`, why);
    }
  }
}

function isOfIp({ family }: MessageRecord): boolean {
  return family === AF_INET || family === AF_INET6;
}

/** The other ends of the target's links, and the bridges that they are ports of. */
function leadingTo(
  topology: Topology,
  place: NetworkNamespace,
  links: readonly WholeLink[],
  target: NetworkNamespace | undefined,
): readonly WholeLink[] {
  const leads = ({ ifindex }: WholeLink): boolean => {
    const end = endOf(topology, place, ifindex);
    return end?.state === 'known' && end.in === target;
  };
  const direct = links.filter(leads);
  const masters = new Set(direct.map(({ master }) => master));
  return links.filter((link) => link.ifindex === LOOPBACK || direct.includes(link) || masters.has(link.ifindex));
}

function snapshotLink(
  reader: Reader,
  topology: Topology,
  places: readonly NetworkNamespace[],
  index: number,
  link: WholeLink,
): SnapshotLink {
  const { ifindex, name, kind, portKind } = link;
  if (link.hasXdp) reader.tell(`the XDP program of ${name}`, 'programs of BPF cannot be read back');
  if (portKind !== null && portKind !== 'bridge' && portKind !== 'vrf')
    reader.tell(`${name} as a port of a ${portKind}`, 'only bridges and VRFs are made again');
  if (kind === 'bridge' && link.data?.['vlan_filtering'] === 1)
    reader.tell(`the VLANs of the ports of ${name}`, 'they are not read yet');
  const end = kind === 'veth' ? endOf(topology, reader.place, ifindex) : undefined;
  const at = end?.state === 'known' ? places.indexOf(end.in) : -1;
  const isLower = kind !== 'veth' && link.link !== null && link.linkNetnsid === null && link.link !== ifindex;
  return {
    ifindex,
    name,
    kind,
    data: kindRows(kind) === undefined ? null : link.data,
    address: link.address,
    mtu: link.mtu,
    txqlen: link.queueLength,
    group: link.group,
    flags: link.flags,
    queues: link.queues,
    alias: link.alias,
    altnames: link.altNames,
    master: portKind === 'bridge' || portKind === 'vrf' ? link.master : null,
    port: link.port,
    below: isLower ? link.link : null,
    peer:
      end?.state === 'known' && at >= 0 && (at === index || index * at === 0)
        ? { network: at, ifindex: end.link.ifindex }
        : null,
    carrier: link.hasCarrier,
    addrgenmode: link.addrGenMode,
  };
}

function addressesOf(reader: Reader): readonly MessageRecord[] {
  return reader
    .records(ADDRESS_LAYOUT, RTM_NEWADDR, dumpRequest(RTM_GETADDR, [new Uint8Array(8)], reader.door))
    .filter(isOfIp);
}

/** But those of the kernel for its own addresses, and those that lead over links that are left out. */
function routesOf(reader: Reader, isKnown: (ifindex: unknown) => boolean): readonly MessageRecord[] {
  const request = dumpRequest(RTM_GETROUTE, [new Uint8Array(12)], reader.door);
  const all = reader.records(ROUTE_LAYOUT, RTM_NEWROUTE, request);
  const ofIp = all.filter(isOfIp);
  if (ofIp.length < all.length)
    reader.tell(`${all.length - ofIp.length} routes of multicast or MPLS`, 'only those of IPv4 and IPv6 are read');
  const routes = ofIp.filter((route) => {
    const isOwn = route['table'] === TABLE_LOCAL && route['protocol'] === RTPROT_KERNEL;
    return !isOwn && (Number(route['flags']) & RTM_F_CLONED) === 0;
  });
  const kept = routes.filter((route) => linksOf(route).every(isKnown));
  if (kept.length < routes.length)
    reader.tell(`${routes.length - kept.length} routes`, 'they lead over links that are not in the snapshot');
  return kept;
}

function linksOf({ oif, iif, nexthops }: MessageRecord): readonly unknown[] {
  const hops = Array.isArray(nexthops) ? nexthops.map(({ ifindex }) => ifindex) : [];
  return [oif, iif, ...hops].filter((each) => each !== undefined && each !== 0);
}

function neighboursOf(reader: Reader): readonly MessageRecord[] {
  const ask = (family: number, flags: number): readonly MessageRecord[] => {
    const header = new Uint8Array(12);
    header[0] = family;
    header[10] = flags;
    return reader.records(NEIGHBOUR_LAYOUT, RTM_NEWNEIGH, dumpRequest(RTM_GETNEIGH, [header], reader.door));
  };
  const permanent = ask(0, 0).filter((each) => isOfIp(each) && (Number(each['state']) & NUD_PERMANENT) !== 0);
  const proxies = [AF_INET, AF_INET6].flatMap((family) => ask(family, NTF_PROXY)).filter(isProxy);
  // Of bridges and VXLANs; the permanent ones are the links' own.
  const forwarding = ask(AF_BRIDGE, 0).filter(({ family, state }) => family === AF_BRIDGE && state === NUD_NOARP);
  return [...permanent, ...proxies, ...forwarding];
}

function isProxy(record: MessageRecord): boolean {
  return isOfIp(record) && (Number(record['flags']) & NTF_PROXY) !== 0;
}

const OWNED = 2;

function nftOf(reader: Reader): readonly NftObject[] {
  const ask = (sort: NftSort, set?: MessageRecord): readonly NftObject[] => {
    const answer = reader.host.netlink(encodeNftDump(sort, reader.door, set));
    const decoded = answer.ok ? decodeNftDump(sort, answer.value, reader.what) : answer;
    if (!decoded.ok) {
      // A kernel without nftables or without flow tables has none.
      const isAbsent = ['EOPNOTSUPP', 'EINVAL', 'EPROTONOSUPPORT'].includes(decoded.gap.errno ?? '');
      if (!isAbsent) reader.tell(`nftables: all of sort ${sort}`, gapText(decoded.gap));
      return [];
    }
    reader.tellOthers(`${sort} of nftables`, decoded.value);
    return decoded.value.map(({ object }) => object);
  };
  const objects = NFT_SORTS.flatMap((sort) => (sort === 'element' ? [] : ask(sort)));
  const elements = objects.filter(({ sort }) => sort === 'set').flatMap(({ record }) => ask('element', record));
  const owned = objects.filter(({ sort, record }) => sort === 'table' && (Number(record['flags']) & OWNED) !== 0);
  for (const { record } of owned)
    reader.tell(
      `the owner of the table ${typeof record['name'] === 'string' ? record['name'] : ''}`,
      'a program owns it; the replay has a table like others',
    );
  tellLegacy(reader);
  const all = [...objects, ...elements];
  return NFT_SORTS.flatMap((sort) => all.filter((each) => each.sort === sort));
}

/** iptables before nftables has tables of its own, which are told by name only. */
function tellLegacy(reader: Reader): void {
  for (const [file, program] of [
    ['ip_tables_names', 'iptables-legacy'],
    ['ip6_tables_names', 'ip6tables-legacy'],
    ['arp_tables_names', 'arptables-legacy'],
  ] as const) {
    const names = valueOf(readInside(reader.host, reader.door, `/proc/thread-self/net/${file}`));
    const tables = names === undefined ? [] : new TextDecoder().decode(names).split('\n').filter(Boolean);
    if (tables.length > 0)
      reader.tell(`tables of ${program}: ${tables.join(', ')}`, `they are not nftables': ${program}-save shows them`);
  }
}

function settingsOf(
  reader: Reader,
  fresh: Reading<NetworkSettings>,
  names: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  const own = reader.host.networkSettings(reader.door ?? '/proc/thread-self/ns/net');
  const refused = own.ok ? fresh : own;
  if (!own.ok || !fresh.ok) {
    if (!refused.ok) reader.tell('settings below /proc/sys/net', gapText(refused.gap));
    return {};
  }
  for (const each of own.value.gaps.slice(0, 3)) reader.tell('a setting', gapText(each));
  return ownSettings(own.value.values, fresh.value.values, names);
}

const LARGEST_FILE = 64 * 1024;

function filesOf(reader: Reader, { pid, netnsName }: SnapshotQuestion): Readonly<Record<string, string>> {
  const found = SNAPSHOT_FILES.flatMap((name) => {
    const bytes = fileOf(reader.host, name, pid, netnsName);
    const text = bytes.ok ? textOf(bytes.value) : bytes;
    if (text.ok) return [[name, text.value] as const];
    if (text.gap.reason !== 'gone') reader.tell(`/etc/${name}`, gapText(text.gap));
    return [];
  });
  if (pid === undefined && found.length === 0)
    reader.tell('resolv.conf, hosts', 'no process is in it, and /etc/netns has none for it');
  return Object.fromEntries(found);
}

/** As a process in it reads them; without one, as `ip netns exec` would show them. */
function fileOf(host: Host, name: string, pid: number | undefined, netnsName: string | undefined): Reading<Uint8Array> {
  if (pid !== undefined) return host.readFileInRoot({ root: `/proc/${pid}/root`, path: `/etc/${name}` });
  if (netnsName === undefined) return gap({ reason: 'gone', what: name });
  return host.readFileInRoot({ root: '/', path: `/etc/netns/${netnsName}/${name}` });
}

function textOf(bytes: Uint8Array): Reading<string> {
  if (bytes.length > LARGEST_FILE) return gap({ reason: 'unsupported', what: 'it', text: 'it is larger than 64 KiB' });
  const text = new TextDecoder().decode(bytes);
  return text.includes('\u{fffd}') || text.includes('\0')
    ? gap({ reason: 'malformed', what: 'it', text: 'it is no text' })
    : value(text);
}
