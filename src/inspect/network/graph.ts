// How network namespaces hang together, as nodes and edges: what every form of `net graph` draws.

import { isPair } from '../../network/link-end.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { endOf, type Topology } from '../../network/topology.ts';
import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import { kindOf, kindText, ownersOf } from './link-value.ts';

export interface GraphNamespace {
  /** `net:[4026531840]`; of a hidden one who has a link into it, and its number there: `net:[4026531840]/nsid 3`. */
  readonly id: string;
  /** Absent (null): it is hidden. */
  readonly ns: bigint | null;
  readonly name: string | null;
  readonly links: readonly GraphLink[];
}

export interface GraphLink {
  /** That of its namespace and its index: `net:[4026531840]/7`. */
  readonly id: string;
  readonly ifindex: number;
  /** Absent (null): it is in a hidden namespace, and not told. */
  readonly name: string | null;
  readonly kind: string | null;
  /** With what distinguishes it: `vlan 100`. */
  readonly text: string;
  readonly operstate: string | null;
  readonly addresses: readonly string[];
  /** Programs that have the descriptor of a tun device. */
  readonly holders: readonly { readonly pid: number; readonly comm: string | null }[];
}

/** `peer`: two ends of a pair, once. `port`: from a port to its bridge or bond. `on`: from a link to the one below it. */
export interface GraphEdge {
  readonly type: 'peer' | 'port' | 'on';
  readonly from: string;
  readonly to: string;
  /** Of a bridge's port. */
  readonly state: string | null;
}

export interface NetworkGraph {
  readonly namespaces: readonly GraphNamespace[];
  readonly edges: readonly GraphEdge[];
}

const IFF_LOOPBACK = 8;

/** Loopbacks lead nowhere, and are left out. A namespace whose links are not known has none. */
export function networkGraph(topology: Topology): NetworkGraph {
  const hidden = new Map<string, { namespace: GraphNamespace; links: Map<string, GraphLink> }>();
  const edges: GraphEdge[] = [];
  const namespaces = topology.namespaces.map((place): GraphNamespace => {
    const links = (place.links ?? []).filter(({ flags }) => (flags & IFF_LOOPBACK) === 0);
    for (const link of links) edges.push(...edgesOf(topology, place, link, hidden));
    return {
      id: idOf(place),
      ns: place.inode,
      name: topology.nameOf(place),
      links: links.map((link) => graphLink(topology, place, link)),
    };
  });
  const unseen = [...hidden.values()].map(({ namespace, links }) => ({ ...namespace, links: [...links.values()] }));
  return { namespaces: [...namespaces, ...unseen], edges };
}

const idOf = ({ inode }: NetworkNamespace): string => `net:[${inode}]`;
const linkId = (place: NetworkNamespace, ifindex: number): string => `${idOf(place)}/${ifindex}`;

function graphLink(topology: Topology, place: NetworkNamespace, link: DetailedLink): GraphLink {
  const { ifindex, name, operstate } = link;
  const own = (place.addresses ?? []).filter((address) => address.ifindex === ifindex && address.scope !== 'link');
  return {
    id: linkId(place, ifindex),
    ifindex,
    name,
    kind: kindOf(link),
    text: kindText(link),
    operstate,
    addresses: own.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    holders: ownersOf(topology, place, link).map(({ pid, comm }) => ({ pid, comm })),
  };
}

type Hidden = Map<string, { namespace: GraphNamespace; links: Map<string, GraphLink> }>;

function edgesOf(topology: Topology, place: NetworkNamespace, link: DetailedLink, hidden: Hidden): GraphEdge[] {
  const from = linkId(place, link.ifindex);
  const edges: GraphEdge[] = [];
  if (link.master !== null && place.byIndex.has(link.master)) {
    edges.push({ type: 'port', from, to: linkId(place, link.master), state: link.portState });
  }
  const end = endOf(topology, place, link.ifindex);
  if (end === undefined || end.state === 'lost' || end.state === 'unseen') return edges;
  const type = isPair(link) ? 'peer' : 'on';
  if (end.state === 'hidden') {
    return [...edges, { type, from, to: hiddenLink(hidden, place, end.nsid, end), state: null }];
  }
  const to = linkId(end.in, end.link.ifindex);
  // Both ends of a pair tell of it.
  const isFirst = place.inode < end.in.inode || (place === end.in && link.ifindex < end.link.ifindex);
  return type === 'on' || isFirst ? [...edges, { type, from, to, state: null }] : edges;
}

function hiddenLink(
  hidden: Hidden,
  place: NetworkNamespace,
  nsid: number,
  { ifindex, link }: { readonly ifindex: number; readonly link: DetailedLink | null },
): string {
  const id = `${idOf(place)}/nsid ${nsid}`;
  const known = hidden.get(id) ?? { namespace: { id, ns: null, name: null, links: [] }, links: new Map() };
  hidden.set(id, known);
  known.links.set(`${id}/${ifindex}`, {
    id: `${id}/${ifindex}`,
    ifindex,
    name: link?.name ?? null,
    kind: link === null ? null : kindOf(link),
    text: link === null ? '' : kindText(link),
    operstate: link?.operstate ?? null,
    addresses: [],
    holders: [],
  });
  return `${id}/${ifindex}`;
}
