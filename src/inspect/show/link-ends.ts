// Where an interface leads: the other end of a veth, or what lies below a vlan or macvlan, which may be in another network
// namespace. Of that the kernel tells a number that counts in the asked namespace only, so all others are asked for.

import { valueOf, type NamespaceDoor } from '../../kernel/host.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../../kernel/netlink/links.ts';
import { decodeNsidReply, encodeNsidRequest } from '../../kernel/netlink/nsid.ts';
import { enterable } from '../../namespaces/discover/door.ts';
import { doorOf } from '../../namespaces/discover/door-of.ts';
import type { NamespaceLook } from './namespace-look.ts';

export interface LinkEnd {
  /** Absent (null): not told. */
  readonly name: string | null;
  /** Inode of its network namespace. Absent (null): no namespace that we see is called so. */
  readonly inode: bigint | null;
}

/** By the index of the interface that leads there; those that lead nowhere are left out. */
export function endsOf(look: NamespaceLook, links: readonly Link[]): ReadonlyMap<number, LinkEnd> {
  const names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  const others = othersOf(look, links);
  const ends = new Map<number, LinkEnd>();
  for (const { ifindex, link, linkNetnsid } of links) {
    // A tunnel that is bound to no interface says 0.
    if (link === null || link === 0 || (linkNetnsid === null && link === ifindex)) continue;
    const other = linkNetnsid === null ? undefined : others.get(linkNetnsid);
    const inside = linkNetnsid === null ? names : other?.names;
    const inode = linkNetnsid === null ? look.namespace.inode : (other?.inode ?? null);
    ends.set(ifindex, { name: inside?.get(link) ?? null, inode });
  }
  return ends;
}

interface Other {
  readonly inode: bigint;
  /** Its interfaces, by index. */
  readonly names: ReadonlyMap<number, string>;
}

/** The namespaces that the links lead to, by what this one calls them. What is not found is no gap: it may be hidden. */
function othersOf(look: NamespaceLook, links: readonly Link[]): ReadonlyMap<number, Other> {
  const wanted = new Set(links.flatMap(({ linkNetnsid }) => linkNetnsid ?? []));
  const found = new Map<number, Other>();
  for (const namespace of look.scan.namespaces.values()) {
    if (found.size === wanted.size) break;
    const door = namespace.kind === 'net' ? enterable(doorOf(namespace)) : undefined;
    if (door === undefined) continue;
    const reply = look.host.netlink(encodeNsidRequest(door, look.door));
    const nsid = reply.ok ? valueOf(decodeNsidReply(reply.value, 'netns id')) : undefined;
    // -1: it has no number here.
    if (nsid !== undefined && nsid >= 0 && wanted.has(nsid))
      found.set(nsid, { inode: namespace.inode, names: namesIn(look, door) });
  }
  return found;
}

function namesIn({ host }: NamespaceLook, door: NamespaceDoor): ReadonlyMap<number, string> {
  const reply = host.netlink(encodeLinkDump(door));
  const links = reply.ok ? valueOf(decodeLinks(reply.value, 'links')) : undefined;
  return new Map(links?.map(({ ifindex, name }) => [ifindex, name]));
}
