// All network namespaces of a host that can be reached, and how they hang together.

import { GapTally } from '../kernel/gap-tally.ts';
import type { Host } from '../kernel/host.ts';
import { encodeNsidRequest } from '../kernel/netlink/nsid.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import type { Namespace, Scan } from '../namespaces/discover/scan.ts';
import { judgeOfInitial } from '../namespaces/initial.ts';
import { Naming } from '../namespaces/naming.ts';
import { ownInode } from '../namespaces/own.ts';
import { matchEnds, NetnsNumbers, type EndsOfNamespace } from './link-ends.ts';
import type { LinkEnd } from './link-end.ts';
import { readNetworkNamespace, type NetworkNamespace } from './network-namespace.ts';
import { isTun, tunOwners, type TunOwner } from './tun-owners.ts';

export interface Topology {
  readonly scan: Scan;
  /** In the order of their inodes, the host's first. */
  readonly namespaces: readonly NetworkNamespace[];
  readonly ends: ReadonlyMap<NetworkNamespace, EndsOfNamespace>;
  /** What a person calls it, in a form that is a target: `host`, `container:web`, `netns:blue`, else `net:[4026532177]`. */
  readonly nameOf: (namespace: NetworkNamespace) => string;
  readonly isHost: (namespace: NetworkNamespace) => boolean;
  /** Who has the descriptor of a tun device. */
  readonly tunOwners: readonly TunOwner[];
  readonly gaps: GapTally;
}

const NET = new Set(['net'] as const);

/**
 * By what costs no more than links of processes and mounts; where a link leads to a namespace that this does not find,
 * where there is a tun device, or `deep` says so, also by descriptors, sockets and all mounts; `deep` 'never': not even then.
 * Never fails: what is not seen is in `gaps`.
 */
export function readTopology(host: Host, { deep = false }: { readonly deep?: boolean | 'never' } = {}): Topology {
  const known = new Map<bigint, NetworkNamespace>();
  const gaps = new GapTally();
  const numbers = new NetnsNumbers(host, gaps);
  let scan = discoverNamespaces(host, NET, { deep: deep === true });
  let namespaces = readAll(scan, known, numbers, gaps);
  let ends = matchEnds(host, namespaces, numbers);
  if (deep === false && (hasHidden(ends) || hasTun(namespaces))) {
    scan = discoverNamespaces(host, NET, { deep: true });
    namespaces = readAll(scan, known, numbers, gaps);
    ends = matchEnds(host, namespaces, numbers);
  }
  endQuestions(host, namespaces);
  const isInitial = judgeOfInitial(host);
  const isHost = ({ inode }: NetworkNamespace): boolean => isInitial('net', inode) === true;
  for (const counted of scan.gaps.list()) gaps.addUncounted(counted);
  return {
    scan,
    namespaces: namespaces.toSorted((a, b) => Number(isHost(b)) - Number(isHost(a)) || (a.inode < b.inode ? -1 : 1)),
    ends,
    nameOf: namer(host, isHost),
    isHost,
    tunOwners: tunOwners(scan),
    gaps,
  };
}

function readAll(
  { host, namespaces }: Scan,
  known: Map<bigint, NetworkNamespace>,
  numbers: NetnsNumbers,
  gaps: GapTally,
): readonly NetworkNamespace[] {
  const inode = ownInode(host, 'net');
  const all = [...namespaces.values()].filter(({ kind }) => kind === 'net');
  const own = all.find((one) => one.inode === inode);
  const read = (namespace: Namespace): NetworkNamespace => {
    const before = known.get(namespace.inode);
    // What a deeper look found of it is new, its links are not.
    if (before !== undefined) return Object.assign(before, { namespace });
    const place = readNetworkNamespace(host, namespace, namespace === own, gaps);
    known.set(namespace.inode, place);
    // Most lead to where we are: that is asked while there is a socket.
    const ours = own === undefined ? undefined : known.get(own.inode);
    const leadsOut = place.links?.some(({ linkNetnsid }) => linkNetnsid !== null) === true;
    if (ours !== undefined && ours !== place && leadsOut) numbers.numberOf(place, ours);
    return place;
  };
  if (own !== undefined) read(own);
  return all.toSorted((a, b) => (a.inode < b.inode ? -1 : 1)).map(read);
}

/** Who has its descriptor is found by a deep look only. */
function hasTun(namespaces: readonly NetworkNamespace[]): boolean {
  return namespaces.some(({ links }) => links?.some(isTun));
}

function hasHidden(ends: ReadonlyMap<NetworkNamespace, EndsOfNamespace>): boolean {
  return [...ends.values()].some((of) => [...of.values()].some(({ state }) => state === 'hidden'));
}

/** The socket that was kept for the last question is given back with a question of our own namespace. */
function endQuestions(host: Host, namespaces: readonly NetworkNamespace[]): void {
  const own = namespaces.find(({ door, way }) => door === undefined && way !== undefined);
  if (own?.way !== undefined) host.netlink(encodeNsidRequest(own.way));
}

function namer(host: Host, isHost: (namespace: NetworkNamespace) => boolean): Topology['nameOf'] {
  const naming = new Naming(host);
  const names = new Map<NetworkNamespace, string>();
  return (network) => {
    const known = names.get(network);
    if (known !== undefined) return known;
    const pid = network.namespace.pids.reduce((least, one) => Math.min(least, one), Infinity);
    const given = naming.nameOf(network.namespace, pid === Infinity ? undefined : pid);
    const name = isHost(network) ? 'host' : (given ?? `net:[${network.inode}]`);
    names.set(network, name);
    return name;
  };
}

export function endOf({ ends }: Topology, namespace: NetworkNamespace, ifindex: number): LinkEnd | undefined {
  return ends.get(namespace)?.get(ifindex);
}
