// Where a link leads.

import type { DetailedLink } from '../kernel/netlink/link-details.ts';
import type { Link } from '../kernel/netlink/links.ts';
import type { NetworkNamespace } from './network-namespace.ts';

/**
 * `known`: to that link. `hidden`: into a network namespace that is there, but that nothing we see leads to. `lost`: the
 * namespace is known, and has no such link (any more), or one that leads elsewhere. `unseen`: the namespace is known, and its
 * links could not be read.
 */
export type LinkEnd =
  | { readonly state: 'known'; readonly in: NetworkNamespace; readonly link: DetailedLink }
  | { readonly state: 'lost'; readonly in: NetworkNamespace; readonly ifindex: number }
  | { readonly state: 'unseen'; readonly in: NetworkNamespace; readonly ifindex: number }
  | {
      readonly state: 'hidden';
      /** What the namespace of this end calls the hidden one. */
      readonly nsid: number;
      readonly ifindex: number;
      /** What the kernel tells of the link there. Absent (null): it does not. */
      readonly link: DetailedLink | null;
    };

/** Kinds that come in pairs: either is the other end. Of all other kinds a link may lie upon another. */
const PAIRS: ReadonlySet<string | null> = new Set(['veth', 'netkit', 'vxcan']);

export function isPair({ kind }: Link): boolean {
  return PAIRS.has(kind);
}

/** Does it lead to a link at all? A tunnel that is bound to none says 0; one may also name itself. */
export function leadsSomewhere({ link, linkNetnsid, ifindex }: Link): boolean {
  return link !== null && link !== 0 && (linkNetnsid !== null || link !== ifindex);
}
