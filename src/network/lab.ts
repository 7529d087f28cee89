// A network of one's own: nodes and the links between them. What it is called and made of.

import { NsError } from '../kernel/error.ts';
import { memo } from '../kernel/memo.ts';
import type { Netem } from '../kernel/netlink/netem.ts';
import type { LabExpectation } from './expectation.ts';
import type { IpNet } from './ip-net.ts';

export interface Lab {
  readonly name: string;
  readonly nodes: readonly LabNode[];
  readonly links: readonly LabLink[];
  readonly nat: readonly LabNat[];
  readonly publish: readonly LabPublish[];
  /** Absent: nothing. */
  readonly expect?: readonly LabExpectation[];
}

/** No two have a name in common. Those that are namespaces have settings; links end in any of them. */
export type LabNode = HostNode | NamespaceNode | AttachedNode | BridgeNode;

/** A network namespace with what is set in it. */
export type PlaceNode = HostNode | NamespaceNode | AttachedNode;

/** Our own network namespace. */
export interface HostNode extends NodeSettings {
  readonly kind: 'host';
  readonly name: 'host';
}

/** A network namespace that is made, and has its name at `path`: /run/netns/NAME. */
export interface NamespaceNode extends NodeSettings {
  readonly kind: 'namespace';
  readonly name: string;
  readonly path: string;
  /** Commands that are started in it once it stands, each a file and its words. */
  readonly start: readonly (readonly string[])[];
}

/** That of a process, which is there, and stays. */
export interface AttachedNode extends NodeSettings {
  readonly kind: 'attached';
  readonly name: string;
  /** A way to it: /proc/4913/ns/net. */
  readonly path: string;
  readonly inode: bigint;
}

export interface BridgeNode {
  readonly kind: 'bridge';
  /** Of the link, too. */
  readonly name: string;
  /** The name of the node whose network it is in. */
  readonly in: string;
  readonly addresses: readonly IpNet[];
  /** Unit: bytes. null: as the kernel has it. */
  readonly mtu: number | null;
  readonly stp: boolean;
  /** It is somebody else's, and there: only ports are added. */
  readonly isForeign: boolean;
}

export interface NodeSettings {
  readonly routes: readonly LabRoute[];
  /** `net.ipv4.ip_forward`, with the text that is written. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** Nameservers, and what is added to names without a dot: of namespaces only. */
  readonly dns: readonly string[];
  readonly search: readonly string[];
  /** Names, with the address of each: of namespaces only. */
  readonly hosts: ReadonlyMap<string, string>;
}

export interface LabRoute {
  /** `default`, or a net. */
  readonly destination: string;
  readonly gateway: string | null;
  readonly link: string | null;
  readonly metric: number | null;
  /** null: main. */
  readonly table: number | null;
}

/** Where a link ends. */
export interface LabEnd {
  /** Of a bridge: it is its port, in the network that the bridge is in. */
  readonly node: string;
  /** Its name there. */
  readonly link: string;
  /** null: one that no other has. */
  readonly mac: string | null;
  readonly addresses: readonly IpNet[];
  /** What becomes of what is sent there. Absent: nothing. */
  readonly impair?: Netem;
}

export type LabLink =
  | { readonly kind: 'veth'; readonly ends: readonly [LabEnd, LabEnd]; readonly mtu: number | null }
  /** `parent`: a link of the node that is no bridge. */
  | {
      readonly kind: 'macvlan';
      readonly end: LabEnd;
      readonly parent: LinkPlace;
      readonly mode: MacvlanMode;
      readonly mtu: number | null;
    }
  /** `under`: the node whose network carries the packets, and its link, where only one may. `remote`: also a group. */
  | {
      readonly kind: 'vxlan';
      readonly end: LabEnd;
      readonly under: { readonly node: string; readonly link: string | null };
      readonly id: number;
      readonly local: string | null;
      readonly remote: string | null;
      readonly port: number;
      readonly mtu: number | null;
    }
  | { readonly kind: 'tun' | 'tap'; readonly end: LabEnd; readonly mtu: number | null }
  /** A link of our own network, called `from` there, that is moved in, and given back. */
  | { readonly kind: 'physical'; readonly end: LabEnd; readonly from: string; readonly mtu: number | null };

export interface LinkPlace {
  readonly node: string;
  readonly link: string;
}

export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';

export interface LabNat {
  readonly node: string;
  readonly source: IpNet;
  readonly outLink: string | null;
}

export interface LabPublish {
  readonly node: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string | null;
  readonly port: number;
  readonly toAddress: string;
  readonly toPort: number;
}

/** A lab of a hundred nodes is asked thousands of times. */
const byName = memo<ReadonlyMap<string, LabNode>>();
const byPlace = memo<ReadonlyMap<string, readonly PlacedEnd[]>>();

export const HOST = 'host';

export const NO_SETTINGS: NodeSettings = { routes: [], sysctls: new Map(), dns: [], search: [], hosts: new Map() };

/** Of the name of a namespace, as ip-netns(8) has them. */
export function namePath(name: string): string {
  return `/run/netns/${name}`;
}

export function endsOf(link: LabLink): readonly LabEnd[] {
  return link.kind === 'veth' ? link.ends : [link.end];
}

/** The namespace that a node is, or that its bridge is in. Errors: BAD_VALUE. */
export function placeOf(lab: Lab, name: string): PlaceNode {
  const nodes = byName(lab, '', () => new Map(lab.nodes.map((node) => [node.name, node])));
  const node = nodes.get(name);
  if (node?.kind !== 'bridge' && node !== undefined) return node;
  const place = nodes.get(node?.in ?? '');
  if (place !== undefined && place.kind !== 'bridge') return place;
  throw new NsError('BAD_VALUE', { what: `'${node?.in ?? name}' is no node that has links` });
}

/** The bridge that the end is a port of. */
export function bridgeOf(lab: Lab, { node }: LabEnd): BridgeNode | undefined {
  const nodes = byName(lab, '', () => new Map(lab.nodes.map((each) => [each.name, each])));
  const found = nodes.get(node);
  return found?.kind === 'bridge' ? found : undefined;
}

export interface PlacedEnd {
  readonly end: LabEnd;
  readonly link: LabLink;
}

/** Those in the network of a node, also as ports of its bridges. Errors: BAD_VALUE. */
export function endsIn(lab: Lab, place: string): readonly PlacedEnd[] {
  return byPlace(lab, '', () => placedEnds(lab)).get(place) ?? [];
}

function placedEnds(lab: Lab): ReadonlyMap<string, readonly PlacedEnd[]> {
  const ends = new Map<string, PlacedEnd[]>();
  for (const link of lab.links) {
    for (const end of endsOf(link)) {
      const { name } = placeOf(lab, end.node);
      const own = ends.get(name) ?? [];
      own.push({ end, link });
      ends.set(name, own);
    }
  }
  return ends;
}

export function bridgesIn({ nodes }: Lab, place: string): readonly BridgeNode[] {
  return nodes.filter((node): node is BridgeNode => node.kind === 'bridge' && node.in === place);
}

/** The one in somebody else's namespace is the first: there the pair is found again, and taken away. */
export function nearAndFar(lab: Lab, [one, other]: readonly [LabEnd, LabEnd]): readonly [near: LabEnd, far: LabEnd] {
  const rank = (end: LabEnd): number => ['host', 'attached', 'namespace'].indexOf(placeOf(lab, end.node).kind);
  return rank(other) < rank(one) ? [other, one] : [one, other];
}

/** For people, and for the journal. */
export function commandText(node: string, words: readonly string[]): string {
  return `${node}: ${words.join(' ')}`;
}

/** Of the journal's entry. */
export function labId(name: string): string {
  return `net-${name}`;
}

export function isLabId(id: string): boolean {
  return id.startsWith(labId(''));
}

export function isLabName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,62}$/.test(name);
}

/** Also a file's name, and a word of an alias. Errors: BAD_VALUE. */
export function requireLabName(name: string): string {
  if (isLabName(name)) return name;
  throw new NsError('BAD_VALUE', {
    what: `'${name}' cannot be the name of a network`,
    why: 'it takes letters, digits, _ . and -, no . or - first, at most 63 of them',
  });
}

/**
 * Others are legal, and nobody wants them; but a link called as the directories of sysctls for all links the kernel does not
 * make. Source: IFNAMSIZ, dev_valid_name(), sysctl_dev_name_is_allowed().
 */
export function isLinkName(name: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,14}$/.test(name) && name !== 'all' && name !== 'default';
}

/** Of a link with less the kernel takes IPv6 away. Unit: bytes. Source: IPV6_MIN_MTU. */
export const LEAST_IPV6_MTU = 1280;

const LONGEST_LINK = 15;

/** `veth-NAME`. Of a name that is too long a number made of it: the same for the same. */
export function portName(name: string): string {
  const whole = `veth-${name}`;
  if (whole.length <= LONGEST_LINK) return whole;
  let hash = 0x811c_9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x0100_0193) >>> 0;
  return `veth-${hash.toString(16).padStart(8, '0')}`;
}
