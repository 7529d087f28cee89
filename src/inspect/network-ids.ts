// The ids that a network namespace has given to others: what `link-netnsid` of its interfaces counts in. They mean
// something to that namespace alone. Source: ip-netns(8), net/core/net_namespace.c. Since: Linux 4.0.

import { NETNSA_NSID_NOT_ASSIGNED } from '../kernel/abi/netlink.ts';
import { doorText } from '../kernel/door.ts';
import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import { value, type Host, type NamespaceDoor, type Reading } from '../kernel/host.ts';
import { decodeNsidReply, decodeNsids, encodeNsidDump, encodeNsidRequest } from '../kernel/netlink/nsid.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import { doorOf } from '../namespaces/discover/door-of.ts';
import { enterable } from '../namespaces/discover/door.ts';
import { allNetworkNames, typedName } from './network-names.ts';

export interface NetworkId {
  readonly nsid: number;
  /** The inode of the namespace. Absent (null): nothing that can be seen leads to one with this id. */
  readonly ns: bigint | null;
  /** As they are typed. */
  readonly names: readonly string[];
}

export interface NetworkIds {
  /** Ascending by id. */
  readonly ids: readonly NetworkId[];
  readonly gaps: readonly CountedGap[];
}

/** null: it has none there. `viewer` absent: our own network namespace. */
export function nsidOf(host: Host, door: NamespaceDoor, viewer: NamespaceDoor | undefined): Reading<number | null> {
  const reply = host.netlink(encodeNsidRequest(door, viewer));
  const nsid = reply.ok ? decodeNsidReply(reply.value, doorText(door)) : reply;
  return nsid.ok && nsid.value === NETNSA_NSID_NOT_ASSIGNED ? value(null) : nsid;
}

/** All that the viewer has given. Only where one is nobody's that a plain look finds a deep one is made. */
export function networkIds(host: Host, viewer: NamespaceDoor | undefined): NetworkIds {
  const tally = new GapTally();
  const reply = host.netlink(encodeNsidDump(viewer));
  const given = reply.ok ? decodeNsids(reply.value, 'ids of networks') : reply;
  if (!given.ok) {
    tally.add('id of a network', given.gap);
    return { ids: [], gaps: tally.list() };
  }
  if (given.value.length === 0) return { ids: [], gaps: [] };
  const plain = whose(host, viewer, false);
  const found = given.value.every((nsid) => plain.owners.has(nsid)) ? plain : whose(host, viewer, true);
  const names = allNetworkNames(host);
  for (const gap of names.gaps) tally.add('name of a network', gap);
  const ids = given.value
    .toSorted((a, b) => a - b)
    .map((nsid) => {
      const ns = found.owners.get(nsid) ?? null;
      return { nsid, ns, names: names.names.filter(({ inode }) => inode === ns && ns !== null).map(typedName) };
    });
  return { ids, gaps: [...found.gaps, ...tally.list()] };
}

interface Owners {
  readonly owners: ReadonlyMap<number, bigint>;
  readonly gaps: readonly CountedGap[];
}

function whose(host: Host, viewer: NamespaceDoor | undefined, deep: boolean): Owners {
  const scan = discoverNamespaces(host, new Set(['net']), { deep });
  const owners = new Map<number, bigint>();
  for (const namespace of scan.namespaces.values()) {
    const door = enterable(doorOf(namespace));
    const nsid = door === undefined ? undefined : nsidOf(host, door, viewer);
    if (nsid?.ok === false) scan.gaps.add('id of a network', nsid.gap);
    else if (typeof nsid?.value === 'number') owners.set(nsid.value, namespace.inode);
  }
  return { owners, gaps: scan.gaps.list() };
}
