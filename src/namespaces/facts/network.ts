// What a network namespace is asked over netlink, and what /proc tells of it.

import { NETNSA_NSID_NOT_ASSIGNED } from '../../kernel/abi/netlink.ts';
import { decodeLinks, encodeLinkDump } from '../../kernel/netlink/links.ts';
import { decodeNsidReply, encodeNsidRequest } from '../../kernel/netlink/nsid.ts';
import { doorText } from '../../kernel/door.ts';
import { parseSocketsUsed } from '../../kernel/text/sockstat.ts';
import { enterable, type Door } from '../discover/door.ts';
import type { Namespace } from '../discover/scan.ts';
import { insideOf, readInside } from '../inside.ts';
import type { FactLook } from './fact-look.ts';

/** What our own network namespace calls it: a number, or `unassigned`. */
export function netnsidOf(look: FactLook, door: Door | undefined): string | null {
  if (door === undefined) return null;
  const reply = look.scan.host.netlink(encodeNsidRequest(door.at));
  const nsid = look.known(reply.ok ? decodeNsidReply(reply.value, doorText(door.at)) : reply);
  if (nsid === null) return null;
  return nsid === NETNSA_NSID_NOT_ASSIGNED ? 'unassigned' : String(nsid);
}

/** The names of its interfaces, in the order of their numbers. */
export function interfacesOf(look: FactLook, namespace: Namespace, door: Door | undefined): readonly string[] | null {
  if (door === undefined) return null;
  const reply = look.scan.host.netlink(encodeLinkDump(look.isOurs(namespace) ? undefined : door.at));
  const links = look.known(reply.ok ? decodeLinks(reply.value, doorText(door.at)) : reply);
  return links?.toSorted((a, b) => a.ifindex - b.ifindex).map(({ name }) => name) ?? null;
}

/** How many sockets of all families programs have in it, open here or elsewhere. */
export function socketsOf(look: FactLook, namespace: Namespace, door: Door | undefined): number | null {
  const [pid] = namespace.pids;
  if (pid !== undefined) return look.parsed(`/proc/${pid}/net/sockstat`, parseSocketsUsed);
  const inside = insideOf(look.scan.host, 'net', `net:[${namespace.inode}]`, enterable(door));
  const path = '/proc/thread-self/net/sockstat';
  const bytes = inside.ok ? readInside(inside.value, path) : inside;
  return look.known(bytes.ok ? parseSocketsUsed(bytes.value, path) : bytes);
}
