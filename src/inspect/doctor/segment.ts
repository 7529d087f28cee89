// Who is on the same link layer as a link: through pairs, bridges and their ports, VLANs and macvlans, in whatever
// namespace, up to where it leaves what can be seen.

import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import { isPair } from '../../network/link-end.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { endOf, type Topology } from '../../network/topology.ts';

/** A link and where it is. */
export interface At {
  readonly place: NetworkNamespace;
  readonly link: DetailedLink;
}

/** One part of the way between two links that have addresses. */
export type Step =
  /** Through a pair, from end to end. */
  | { readonly is: 'pair'; readonly from: At; readonly to: At }
  /** Through a bridge. null: the bridge itself sends it, or takes it. */
  | { readonly is: 'bridge'; readonly bridge: At; readonly in: At | null; readonly out: At | null }
  /** From a link to the one it lies on, or back: a VLAN, a macvlan, a port of a bond. */
  | { readonly is: 'lower'; readonly from: At; readonly to: At };

/** A link that has its own IP, with the way to it. */
export interface Station extends At {
  readonly steps: readonly Step[];
}

/** Where the link layer goes on and nobody sees how. */
export interface Exit extends At {
  readonly why: 'physical' | 'hidden' | 'program' | 'tunnel' | 'other';
  readonly steps: readonly Step[];
}

/** A pair whose other end is not there, or leads elsewhere. */
export interface DeadEnd extends At {
  readonly steps: readonly Step[];
}

export interface Segment {
  readonly from: At;
  readonly stations: readonly Station[];
  readonly exits: readonly Exit[];
  readonly deadEnds: readonly DeadEnd[];
  /** There are more than are followed. */
  readonly cut: boolean;
}

const MOST_LINKS = 20_000;
const IFF_LOOPBACK = 8;

interface Walked extends At {
  readonly steps: readonly Step[];
  /** What the frame is tagged with. null: nothing. */
  readonly vlan: number | null;
  readonly goes: 'out' | 'in';
}

class SegmentWalk {
  readonly stations: Station[] = [];
  readonly exits: Exit[] = [];
  readonly deadEnds: DeadEnd[] = [];
  private readonly queue: Walked[] = [];
  private readonly seen = new Set<string>();
  private readonly topology: Topology;
  private readonly uppers: Uppers;
  cut = false;

  constructor(topology: Topology) {
    this.topology = topology;
    this.uppers = uppersIn(topology);
  }

  private uppersOf(lower: At): readonly At[] {
    return this.uppers.get(keyOf(lower)) ?? [];
  }

  follow(start: At): void {
    this.push({ ...start, steps: [], vlan: null, goes: 'out' });
    for (let at = 0; at < this.queue.length; at += 1) {
      const next = this.queue[at];
      if (next === undefined) break;
      if (at > MOST_LINKS) {
        this.cut = true;
        break;
      }
      if (next.goes === 'out') this.leave(next);
      else this.arrive(next);
    }
  }

  private push(walked: Walked): void {
    const key = `${walked.goes} ${keyOf(walked)} ${walked.vlan}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.queue.push(walked);
  }

  /** A frame is sent by this link. */
  private leave({ place, link, steps, vlan }: Walked): void {
    const at = { place, link };
    const kind = link.kind ?? ((link.flags & IFF_LOOPBACK) === 0 ? 'physical' : 'loopback');
    if (isPair(link)) return this.leavePair(at, steps, vlan);
    switch (kind) {
      case 'loopback':
      case 'dummy':
        return;
      case 'bridge':
        return this.leaveBridge(at, null, steps, vlan);
      case 'bond':
      case 'team':
        for (const port of portsOf(place, link))
          this.push({
            place,
            link: port,
            steps: [...steps, { is: 'lower', from: at, to: { place, link: port } }],
            vlan,
            goes: 'out',
          });
        return;
      case 'vlan':
      case 'macvlan':
      case 'macvtap':
      case 'ipvlan':
        return this.leaveUpper(at, kind, steps, vlan);
      case 'tun':
      case 'tap':
        this.exits.push({ ...at, why: 'program', steps });
        return;
      case 'physical':
        this.exits.push({ ...at, why: 'physical', steps });
        return;
      default:
        this.exits.push({ ...at, why: TUNNELS.has(kind) ? 'tunnel' : 'other', steps });
    }
  }

  private leavePair(from: At, steps: readonly Step[], vlan: number | null): void {
    const end = endOf(this.topology, from.place, from.link.ifindex);
    if (end?.state === 'hidden' || end?.state === 'unseen') this.exits.push({ ...from, why: 'hidden', steps });
    else if (end?.state !== 'known') this.deadEnds.push({ ...from, steps });
    else {
      const to = { place: end.in, link: end.link };
      this.push({ ...to, steps: [...steps, { is: 'pair', from, to }], vlan, goes: 'in' });
    }
  }

  /** By all ports but the one that it came by. */
  private leaveBridge(bridge: At, came: At | null, steps: readonly Step[], vlan: number | null): void {
    const { place } = bridge;
    for (const link of portsOf(place, bridge.link)) {
      if (link.ifindex === came?.link.ifindex) continue;
      const step: Step = { is: 'bridge', bridge, in: came, out: { place, link } };
      this.push({ place, link, steps: [...steps, step], vlan, goes: 'out' });
    }
  }

  /** A link that lies on another one, which may be in another namespace. */
  private leaveUpper(from: At, kind: string, steps: readonly Step[], vlan: number | null): void {
    const end = endOf(this.topology, from.place, from.link.ifindex);
    if (end?.state === 'hidden' || end?.state === 'unseen') this.exits.push({ ...from, why: 'hidden', steps });
    if (end?.state === 'lost') this.deadEnds.push({ ...from, steps });
    if (end?.state !== 'known') return;
    const lower = { place: end.in, link: end.link };
    const down: readonly Step[] = [...steps, { is: 'lower', from, to: lower }];
    if (kind === 'vlan') {
      this.push({ ...lower, steps: down, vlan: from.link.vlanId, goes: 'out' });
      return;
    }
    // Siblings talk to each other unless they are kept apart; none of them to the link below.
    if (from.link.mode === 'bridge' || kind === 'ipvlan') {
      for (const sibling of this.uppersOf(lower)) {
        if (sibling.link.kind !== from.link.kind || sibling.link.ifindex === from.link.ifindex) continue;
        this.stations.push({ ...sibling, steps: [...down, { is: 'lower', from: lower, to: sibling }] });
      }
    }
    this.push({ ...lower, steps: down, vlan, goes: 'out' });
  }

  /** A frame is received by this link. */
  private arrive({ place, link, steps, vlan }: Walked): void {
    const at = { place, link };
    const master = link.master === null ? undefined : place.byIndex.get(link.master);
    const bridge = master === undefined ? undefined : { place, link: master };
    if (link.portKind === 'bridge' && bridge !== undefined) {
      const step: Step = { is: 'bridge', bridge, in: at, out: null };
      this.take(bridge, [...steps, step], vlan);
      this.leaveBridge(bridge, at, steps, vlan);
      return;
    }
    if ((link.portKind === 'bond' || link.portKind === 'team') && bridge !== undefined) {
      this.push({ ...bridge, steps: [...steps, { is: 'lower', from: at, to: bridge }], vlan, goes: 'in' });
      return;
    }
    if (link.portKind !== null && link.portKind !== 'vrf') {
      this.exits.push({ ...at, why: 'other', steps });
      return;
    }
    this.take(at, steps, vlan);
  }

  /** The link itself, or what lies on it and listens for that tag. */
  private take(at: At, steps: readonly Step[], vlan: number | null): void {
    if (vlan === null) this.stations.push({ ...at, steps });
    for (const upper of this.uppersOf(at)) {
      const isMeant = upper.link.kind === 'vlan' ? vlan !== null && upper.link.vlanId === vlan : vlan === null;
      if (isMeant)
        this.push({ ...upper, steps: [...steps, { is: 'lower', from: at, to: upper }], vlan: null, goes: 'in' });
    }
  }
}

const TUNNELS: ReadonlySet<string> = new Set([
  'vxlan',
  'geneve',
  'gre',
  'gretap',
  'ip6gre',
  'ip6gretap',
  'erspan',
  'ipip',
  'sit',
  'ip6tnl',
  'vti',
  'vti6',
  'xfrm',
  'wireguard',
  'macsec',
  'gtp',
]);

export function portsOf(place: NetworkNamespace, bridge: DetailedLink): readonly DetailedLink[] {
  return (place.links ?? []).filter(({ master }) => master === bridge.ifindex);
}

/** What lies on each link, in whatever namespace; by the link below. */
type Uppers = ReadonlyMap<string, readonly At[]>;

function uppersIn(topology: Topology): Uppers {
  const found = new Map<string, At[]>();
  for (const place of topology.namespaces) {
    for (const link of place.links ?? []) {
      if (isPair(link) || link.link === null) continue;
      const end = endOf(topology, place, link.ifindex);
      if (end?.state !== 'known') continue;
      const key = keyOf({ place: end.in, link: end.link });
      found.set(key, [...(found.get(key) ?? []), { place, link }]);
    }
  }
  return found;
}

export function keyOf({ place, link }: At): string {
  return `${place.inode}/${link.ifindex}`;
}

/** All that a frame sent by the link could reach, the nearest first. */
export function segmentOf(topology: Topology, from: At): Segment {
  const walk = new SegmentWalk(topology);
  walk.follow(from);
  const { stations, exits, deadEnds, cut } = walk;
  return { from, stations, exits, deadEnds, cut };
}
