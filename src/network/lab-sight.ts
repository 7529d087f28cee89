// What the machine has of a lab's namespaces.

import { errorOfGap, NsError } from '../kernel/error.ts';
import { valueOf, type Host, type NamespaceDoor, type NetlinkRequest, type Reading } from '../kernel/host.ts';
import type { JournalEntry } from '../kernel/journal.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../kernel/netlink/addresses.ts';
import { decodeLinkConditions } from '../kernel/netlink/link-conditions.ts';
import { decodeDetailedLinks, type DetailedLink } from '../kernel/netlink/link-details.ts';
import { encodeLinkDump } from '../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../kernel/netlink/routes.ts';
import type { Lab, PlaceNode } from './lab.ts';

/** A node's network, as it is now. */
export interface Sight {
  readonly node: PlaceNode;
  /** The way to it; null: it is our own. */
  readonly at: string | null;
  /** null: it is made first, and has nothing yet. */
  readonly inode: bigint | null;
  readonly links: ReadonlyMap<string, DetailedLink>;
  /** Bridges that take part in the spanning tree. */
  readonly trees: ReadonlySet<string>;
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

export type Sights = ReadonlyMap<string, Sight>;

/** By the names of the nodes that are namespaces. Errors: BAD_VALUE, where a name is somebody else's; as of the questions. */
export function sightsOf(host: Host, lab: Lab, standing: JournalEntry | null): Sights {
  const places = lab.nodes.filter((node) => node.kind !== 'bridge');
  return new Map(places.map((node) => [node.name, sightOf(host, node, standing)]));
}

function sightOf(host: Host, node: PlaceNode, standing: JournalEntry | null): Sight {
  const at = node.kind === 'host' ? null : node.path;
  if (node.kind === 'host') return { node, at, inode: inodeOf(host, '/proc/thread-self/ns/net'), ...lookInto(host) };
  const inode = node.kind === 'namespace' ? standingInode(host, node, standing) : requireSame(host, node);
  if (inode === null) return { node, at, inode, links: new Map(), trees: new Set(), addresses: [], routes: [] };
  return { node, at, inode, ...lookInto(host, node.path) };
}

/** What a network has. `door`: absent, for our own. Errors: as of the questions. */
export function lookInto(host: Host, door?: NamespaceDoor): Pick<Sight, 'links' | 'trees' | 'addresses' | 'routes'> {
  const isMore = door !== undefined;
  const listed = answerOf(host, encodeLinkDump(door), isMore);
  const links = listOf(decodeDetailedLinks(listed, WHAT));
  const conditions = listOf(decodeLinkConditions(listed, WHAT));
  const addresses = listOf(decodeAddresses(answerOf(host, encodeAddressDump(door), isMore), WHAT));
  const routes = listOf(decodeRoutes(answerOf(host, encodeRouteDump(door), false), WHAT));
  const trees = new Set(conditions.filter(({ bridge }) => bridge?.stp === true).map(({ ifindex }) => ifindex));
  return {
    links: new Map(links.map((link) => [link.name, link])),
    trees: new Set(links.filter(({ ifindex }) => trees.has(ifindex)).map(({ name }) => name)),
    addresses,
    routes,
  };
}

const WHAT = 'netlink';

function answerOf(host: Host, request: NetlinkRequest, isMore: boolean): readonly Uint8Array[] {
  return listOf(host.netlink(isMore ? { ...request, keepsSocket: true } : request));
}

function listOf<T>(answer: Reading<readonly T[]>): readonly T[] {
  if (!answer.ok) throw errorOfGap(answer.gap, 'cannot see what the network is');
  return answer.value;
}

/** null: there is none yet. Errors: BAD_VALUE. */
function standingInode(
  host: Host,
  { path }: Extract<PlaceNode, { kind: 'namespace' }>,
  standing: JournalEntry | null,
): bigint | null {
  const status = host.stat(path);
  if (!status.ok && status.gap.reason === 'gone' && !host.readLink(path).ok) return null;
  const inode = valueOf(status)?.ino;
  const isOurs = standing?.undo.some(
    (each) => each.op === 'network name' && each.path === path && each.inode === inode,
  );
  if (isOurs === true && inode !== undefined) return inode;
  throw new NsError('BAD_VALUE', {
    what: `there is a network '${path.slice(path.lastIndexOf('/') + 1)}' already`,
    why: `${path} is not of nstool net up`,
    tryThis: 'another NAME',
  });
}

/** Errors: NO_NAMESPACE. */
function requireSame(host: Host, { name, path, inode }: Extract<PlaceNode, { kind: 'attached' }>): bigint {
  if (inodeOf(host, path) === inode) return inode;
  throw new NsError('NO_NAMESPACE', { what: `the network of ${name} is gone`, why: `${path} is not net:[${inode}]` });
}

function inodeOf(host: Host, path: string): bigint | null {
  return valueOf(host.stat(path))?.ino ?? null;
}
