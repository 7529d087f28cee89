// One network namespace as it is drawn: its links, addresses and the routes that lead out of it.

import type { GapTally } from '../kernel/gap-tally.ts';
import type { Host, NamespaceDoor, NetlinkRequest, Reading } from '../kernel/host.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../kernel/netlink/addresses.ts';
import { decodeDetailedLinks, type DetailedLink } from '../kernel/netlink/link-details.ts';
import { encodeLinkDump } from '../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../kernel/netlink/routes.ts';
import { enterable } from '../namespaces/discover/door.ts';
import { doorOf } from '../namespaces/discover/door-of.ts';
import type { Namespace } from '../namespaces/discover/scan.ts';

export interface NetworkNamespace {
  readonly namespace: Namespace;
  readonly inode: bigint;
  /** What is opened to speak of it. Absent (undefined): nothing leads to it but a relation. */
  readonly way: NamespaceDoor | undefined;
  /** Where it is asked. Absent (undefined): it is our own, or there is no way. */
  readonly door: NamespaceDoor | undefined;
  /** In the order of their indexes. null: it could not be asked. */
  readonly links: readonly DetailedLink[] | null;
  readonly byIndex: ReadonlyMap<number, DetailedLink>;
  readonly addresses: readonly InterfaceAddress[] | null;
  /** Default routes of table main. */
  readonly defaults: readonly Route[] | null;
}

const TABLE_MAIN = 254;

/** Asked by one socket, which is kept for the next question. What is not answered is a gap, and null. */
export function readNetworkNamespace(
  host: Host,
  namespace: Namespace,
  isOurs: boolean,
  gaps: GapTally,
): NetworkNamespace {
  const way = enterable(doorOf(namespace));
  const door = isOurs ? undefined : way;
  const what = `net:[${namespace.inode}]`;
  const nothing = { namespace, inode: namespace.inode, way, door, byIndex: new Map<number, DetailedLink>() };
  if (way === undefined && !isOurs) {
    gaps.add('network namespace', { reason: 'unsupported', what: `${what}: no way to it was found` });
    return { ...nothing, links: null, addresses: null, defaults: null };
  }
  const known = <T>(subject: string, reading: Reading<T>): T | null => {
    if (!reading.ok) gaps.add(subject, reading.gap);
    return reading.ok ? reading.value : null;
  };
  const links = asked(host, more(encodeLinkDump(door)), what, decodeDetailedLinks);
  if (!links.ok) {
    gaps.add('network namespace', links.gap);
    return { ...nothing, links: null, addresses: null, defaults: null };
  }
  const sorted = links.value.toSorted((a, b) => a.ifindex - b.ifindex);
  const addresses = asked(host, more(encodeAddressDump(door)), what, decodeAddresses);
  const routes = asked(host, more(encodeRouteDump(door, TABLE_MAIN)), what, decodeRoutes);
  const isDefault = ({ destination, table, type }: Route): boolean =>
    destination === 'default' && table === TABLE_MAIN && type === 'unicast';
  return {
    ...nothing,
    links: sorted,
    byIndex: new Map(sorted.map((link) => [link.ifindex, link])),
    addresses: known('list of addresses', addresses),
    defaults: known('list of routes', routes)?.filter(isDefault) ?? null,
  };
}

/** The socket is kept for the next question. */
export function more(request: NetlinkRequest): NetlinkRequest {
  return { ...request, keepsSocket: true };
}

function asked<T>(
  host: Host,
  request: NetlinkRequest,
  what: string,
  decode: (datagrams: readonly Uint8Array[], what: string) => Reading<T>,
): Reading<T> {
  const reply = host.netlink(request);
  return reply.ok ? decode(reply.value, what) : reply;
}
