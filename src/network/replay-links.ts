// Links of a snapshot, made again with their indexes. What cannot be had here has a stand-in: one end of a pair whose other
// end is a dead end in the router's network.

import {
  encodeAddrGenMode,
  encodeAltNames,
  encodeBridgePort,
  encodeLinkAlias,
  encodeLinkFlags,
  encodeLinkMaster,
  encodeLinkSize,
  encodeWholeLink,
  encodeWholeVeth,
  type LinkMaking,
} from '../kernel/netlink/change-links.ts';
import type { MessageRecord } from '../kernel/netlink/layout.ts';
import { BRIDGE_PORT_ROWS, kindRows } from '../kernel/netlink/layouts.ts';
import type { ReplayRequest, ReplayStep } from '../kernel/replay-plan.ts';
import type { Missing, Snapshot, SnapshotLink } from './snapshot.ts';

/** UP, PROMISC, ALLMULTI, NOARP, MULTICAST. Source: include/uapi/linux/if.h. */
const IFF_UP = 1;
const OWN_FLAGS = 0x1 | 0x80 | 0x100 | 0x200 | 0x1000;
const LOOPBACK = 1;
/** Dead ends have indexes that no link of a snapshot needs. */
const FIRST_SINK = 1_000_000;
const ETHERNET = 17;

export interface PlannedLinks {
  readonly make: readonly ReplayStep[];
  /** Once addresses are there. */
  readonly finish: readonly ReplayStep[];
  readonly standIns: readonly Missing[];
}

/** `paths`: of the networks. `sink`: of the one that has the dead ends. */
export function planLinks({ networks }: Snapshot, paths: readonly string[], sink: string): PlannedLinks {
  const standIns: Missing[] = [];
  const made: ReplayStep[] = [];
  const set: ReplayStep[] = [];
  const finish: ReplayStep[] = [];
  for (const [index, { links }] of networks.entries()) {
    const at = paths[index] ?? '';
    const ordered = inOrder(links);
    const requests = ordered.flatMap((link): readonly ReplayRequest[] => {
      if (link.ifindex === LOOPBACK || isMadeWithPeer(networks, index, link)) return [];
      const why = whyNot(link, links);
      if (why === null) return [makeRequest({ networks, paths, sink, index, link })];
      standIns.push({ network: index, what: `link ${link.name}`, why });
      return [standInRequest(link, sink)];
    });
    const stoodIn = ordered.filter((link) =>
      standIns.some(({ network, what }) => network === index && what === `link ${link.name}`),
    );
    const dead = [...stoodIn, ...ordered.filter((link) => isDeadEnd(link) && !stoodIn.includes(link))];
    made.push(step(at, requests));
    if (dead.length > 0) set.push(step(sink, dead.filter(({ carrier }) => carrier).map(sinkUp)));
    set.push(step(at, ordered.flatMap(setRequests)));
    finish.push(step(at, ordered.flatMap(finishRequests)));
  }
  return { make: [...made, ...set], finish, standIns };
}

function step(at: string, requests: readonly ReplayRequest[]): ReplayStep {
  return { op: 'requests', at, anyOrder: false, requests };
}

/** Those below before those that are on them. */
function inOrder(links: readonly SnapshotLink[]): readonly SnapshotLink[] {
  const byIndex = new Map(links.map((link) => [link.ifindex, link]));
  const ordered = new Set<SnapshotLink>();
  const add = (link: SnapshotLink, depth: number): void => {
    const lower = [link.below, link.kind === 'vxlan' ? Number(link.data?.['link'] ?? 0) : null];
    for (const index of lower) {
      const below = index === null ? undefined : byIndex.get(index);
      if (below !== undefined && !ordered.has(below) && depth < links.length) add(below, depth + 1);
    }
    ordered.add(link);
  };
  for (const link of links) add(link, 0);
  return [...ordered];
}

/** The other end of a pair comes with the first one. */
function isMadeWithPeer(networks: Snapshot['networks'], index: number, { ifindex, peer }: SnapshotLink): boolean {
  if (peer === null || peerOf(networks, peer) === undefined) return false;
  return peer.network < index || (peer.network === index && peer.ifindex < ifindex);
}

function peerOf(networks: Snapshot['networks'], peer: NonNullable<SnapshotLink['peer']>): SnapshotLink | undefined {
  return networks[peer.network]?.links.find(({ ifindex }) => ifindex === peer.ifindex);
}

/** null: it can be made as it is. */
function whyNot({ kind, below, data, name }: SnapshotLink, links: readonly SnapshotLink[]): string | null {
  if (kind === null) return 'hardware is not to be had here';
  if (data === null) return `what a link of kind ${kind} is made of is not known, or not told`;
  const isUpper = kind === 'vlan' || kind === 'macvlan' || kind === 'ipvlan';
  if (isUpper && !links.some(({ ifindex }) => ifindex === below))
    return `${name} is a ${kind} on a link of another network`;
  return null;
}

/** A pair whose other end is in no network of the snapshot. */
function isDeadEnd({ kind, peer }: SnapshotLink): boolean {
  return kind === 'veth' && peer === null;
}

interface Making {
  readonly networks: Snapshot['networks'];
  readonly paths: readonly string[];
  readonly sink: string;
  readonly index: number;
  readonly link: SnapshotLink;
}

function makeRequest({ networks, paths, sink, index, link }: Making): ReplayRequest {
  const what = `link ${link.name}`;
  const { kind, data } = link;
  const peer = link.peer === null ? undefined : peerOf(networks, link.peer);
  if (kind === 'veth' && peer !== undefined && link.peer !== null) {
    const isFar = link.peer.network !== index;
    return vethRequest(what, link, peer, isFar ? (paths[link.peer.network] ?? '') : null);
  }
  if (kind === 'veth') return standInRequest(link, sink);
  const rows = kindRows(kind) ?? [];
  const named = { name: kind ?? '', rows };
  const standIn = standInRequest(link, sink);
  if (kind !== 'bridge')
    return { what, message: encodeWholeLink(link, { ...named, data: data ?? {} }, link.below), instead: standIn };
  // A bridge without its settings is more than an end of a pair.
  const bare = { what, message: encodeWholeLink(link, { ...named, data: {} }, null), instead: standIn };
  return { what, message: encodeWholeLink(link, { ...named, data: bridgeData(data ?? {}) }, null), instead: bare };
}

/** A kernel that has no VLANs of bridges refuses to be told that they are off. */
function bridgeData(data: MessageRecord): MessageRecord {
  if (data['vlan_filtering'] !== 0) return data;
  return Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith('vlan_')));
}

function vethRequest(what: string, link: LinkMaking, peer: LinkMaking, path: string | null): ReplayRequest {
  const message = encodeWholeVeth(link, peer, path !== null);
  return { what, message, ...(path === null ? {} : { other: { path, offset: message.length - 4 } }) };
}

function standInRequest(link: SnapshotLink, sink: string): ReplayRequest {
  const { ifindex, mtu, address } = link;
  const end: LinkMaking = {
    ifindex: FIRST_SINK + ifindex,
    name: `sink${ifindex}`,
    address: null,
    mtu,
    txqlen: 1000,
    group: 0,
    queues: { tx: 1, rx: 1 },
  };
  const isEthernet = address?.length === ETHERNET;
  return vethRequest(`link ${link.name}`, { ...link, address: isEthernet ? address : null }, end, sink);
}

function sinkUp({ ifindex }: SnapshotLink): ReplayRequest {
  return { what: `dead end of link ${ifindex}`, message: encodeLinkFlags(FIRST_SINK + ifindex, IFF_UP, IFF_UP) };
}

function setRequests(link: SnapshotLink): readonly ReplayRequest[] {
  const { ifindex, name, alias, altnames, master, port, mtu, txqlen, flags, kind } = link;
  const what = (part: string): string => `${part} of link ${name}`;
  return [
    ...(ifindex === LOOPBACK ? [{ what: what('size'), message: encodeLinkSize(ifindex, mtu, txqlen) }] : []),
    ...(alias === null ? [] : [{ what: what('alias'), message: encodeLinkAlias(ifindex, alias) }]),
    ...(altnames.length === 0 ? [] : [{ what: what('other names'), message: encodeAltNames(ifindex, altnames) }]),
    ...(master === null ? [] : [{ what: what('bridge'), message: encodeLinkMaster(ifindex, master) }]),
    ...(port === null ? [] : [{ what: what('port'), message: encodeBridgePort(ifindex, BRIDGE_PORT_ROWS, port) }]),
    ...(kind === 'bridge' ? [{ what: what('size'), message: encodeLinkSize(ifindex, mtu, txqlen) }] : []),
    { what: what('flags'), message: encodeLinkFlags(ifindex, flags, OWN_FLAGS) },
  ];
}

function finishRequests({ ifindex, name, addrgenmode }: SnapshotLink): readonly ReplayRequest[] {
  if (addrgenmode === null) return [];
  const message = encodeAddrGenMode(ifindex, addrgenmode);
  return [{ what: `way of giving itself an address of link ${name}`, message, already: ['EAFNOSUPPORT'] }];
}
