// Which link leads to which, over all network namespaces that were found.
//
// A link tells the index of its other end and the number that its own namespace gives the other one (nsid). Which namespace
// has that number is asked of the same namespace, for those first that have a link which leads back. An end of a pair
// counts only if the other one says the same of it. Source: rtnl_fill_link_netnsid(), rtnl_net_getid().

import { NETNSA_NSID_NOT_ASSIGNED } from '../kernel/abi/netlink.ts';
import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { decodeDetailedLinks, encodeFarLink, type DetailedLink } from '../kernel/netlink/link-details.ts';
import { decodeNsidReply, encodeNsidRequest } from '../kernel/netlink/nsid.ts';
import { isPair, leadsSomewhere, type LinkEnd } from './link-end.ts';
import { more, type NetworkNamespace } from './network-namespace.ts';

/** By the index of the link. */
export type EndsOfNamespace = ReadonlyMap<number, LinkEnd>;

/** Answers that stay true for the time of a look. */
export class NetnsNumbers {
  private readonly host: Host;
  private readonly gaps: GapTally;
  private readonly asked = new Map<NetworkNamespace, Map<NetworkNamespace, number | null>>();
  private readonly byNumber = new Map<NetworkNamespace, Map<number, NetworkNamespace>>();

  constructor(host: Host, gaps: GapTally) {
    this.host = host;
    this.gaps = gaps;
  }

  /** What the one calls the other; null: nothing, or it is not told. */
  numberOf(viewer: NetworkNamespace, other: NetworkNamespace): number | null {
    const answers = this.asked.get(viewer) ?? new Map<NetworkNamespace, number | null>();
    this.asked.set(viewer, answers);
    const known = answers.get(other);
    if (known !== undefined) return known;
    const number = this.ask(viewer, other);
    answers.set(other, number);
    if (number === null) return null;
    const numbers = this.byNumber.get(viewer) ?? new Map<number, NetworkNamespace>();
    this.byNumber.set(viewer, numbers.set(number, other));
    return number;
  }

  private ask(viewer: NetworkNamespace, other: NetworkNamespace): number | null {
    if (other.way === undefined) return null;
    const reply = this.host.netlink(more(encodeNsidRequest(other.way, viewer.door)));
    const number = reply.ok ? decodeNsidReply(reply.value, `nsid in net:[${viewer.inode}]`) : reply;
    if (!number.ok) this.gaps.add('network namespace id', number.gap);
    return !number.ok || number.value === NETNSA_NSID_NOT_ASSIGNED ? null : number.value;
  }

  /** Who is called so there: the first of these that is; undefined: none of them. */
  find(viewer: NetworkNamespace, nsid: number, candidates: Iterable<NetworkNamespace>): NetworkNamespace | undefined {
    const known = this.byNumber.get(viewer)?.get(nsid);
    if (known !== undefined) return known;
    for (const candidate of candidates) if (this.numberOf(viewer, candidate) === nsid) return candidate;
    return undefined;
  }
}

/** The ends of all links of each namespace. Links that lead nowhere are left out. */
export function matchEnds(
  host: Host,
  namespaces: readonly NetworkNamespace[],
  numbers: NetnsNumbers,
): ReadonlyMap<NetworkNamespace, EndsOfNamespace> {
  const others = findOthers(namespaces, numbers);
  return new Map(
    namespaces.map((viewer) => {
      const ends = (viewer.links ?? []).filter(leadsSomewhere).map((link) => {
        return [link.ifindex, endOf(host, numbers, viewer, link, others.get(link))] as const;
      });
      return [viewer, new Map(ends)];
    }),
  );
}

/**
 * In which namespace the other end of each link is. One namespace is asked after the other, each all that it is to be asked,
 * so that each has its socket once.
 */
function findOthers(
  namespaces: readonly NetworkNamespace[],
  numbers: NetnsNumbers,
): ReadonlyMap<DetailedLink, NetworkNamespace> {
  const open = new OpenPairs(namespaces);
  const indexes = byIndex(namespaces);
  const others = new Map<DetailedLink, NetworkNamespace>();
  for (const viewer of namespaces) {
    for (const link of viewer.links ?? []) {
      if (!leadsSomewhere(link)) continue;
      const likely = isPair(link) ? open.partnersOf(viewer, link) : (indexes.get(link.link ?? 0) ?? []);
      const nsid = link.linkNetnsid;
      // Who has no link that fits may still be the one, if it changed between our questions.
      const other =
        nsid === null ? viewer : (numbers.find(viewer, nsid, likely) ?? numbers.find(viewer, nsid, namespaces));
      if (other === undefined) continue;
      others.set(link, other);
      if (isPair(link)) open.pair(viewer, link, other);
    }
  }
  return others;
}

function endOf(
  host: Host,
  numbers: NetnsNumbers,
  viewer: NetworkNamespace,
  link: DetailedLink,
  other: NetworkNamespace | undefined,
): LinkEnd {
  const ifindex = link.link ?? 0;
  if (other === undefined) {
    const nsid = link.linkNetnsid ?? 0;
    const far = host.netlink(more(encodeFarLink(nsid, ifindex, viewer.door)));
    const links = far.ok ? valueOf(decodeDetailedLinks(far.value, `link ${ifindex} of nsid ${nsid}`)) : undefined;
    return { state: 'hidden', nsid, ifindex, link: links?.[0] ?? null };
  }
  if (other.links === null) return { state: 'unseen', in: other, ifindex };
  const found = other.byIndex.get(ifindex);
  const fits =
    found !== undefined && (!isPair(link) || leadsTo(numbers, { from: found, in: other, to: link, at: viewer }));
  return fits ? { state: 'known', in: other, link: found } : { state: 'lost', in: other, ifindex };
}

interface Direction {
  readonly from: DetailedLink;
  readonly in: NetworkNamespace;
  readonly to: DetailedLink;
  readonly at: NetworkNamespace;
}

/** Backwards: does the other end name this one, and this namespace? */
function leadsTo(numbers: NetnsNumbers, { from, in: place, to, at }: Direction): boolean {
  return from.link === to.ifindex && leadsBack(numbers, from, place, at);
}

function leadsBack(numbers: NetnsNumbers, from: DetailedLink, place: NetworkNamespace, at: NetworkNamespace): boolean {
  if (from.linkNetnsid === null) return place === at;
  return place !== at && numbers.numberOf(place, at) === from.linkNetnsid;
}

/** Ends of pairs whose other end is not known yet, by the two indexes. */
class OpenPairs {
  private readonly open = new Map<string, Set<NetworkNamespace>>();
  /** Whose link leads to this one: most likely this one leads there. */
  private readonly answered = new Map<DetailedLink, NetworkNamespace>();

  constructor(namespaces: readonly NetworkNamespace[]) {
    for (const namespace of namespaces) {
      for (const link of namespace.links ?? []) {
        if (!isPair(link) || link.link === null) continue;
        const key = `${link.ifindex} ${link.link}`;
        const known = this.open.get(key);
        if (known === undefined) this.open.set(key, new Set([namespace]));
        else known.add(namespace);
      }
    }
  }

  /** Those that have a link which could be the other end. What was made together has numbers close together. */
  partnersOf(viewer: NetworkNamespace, link: DetailedLink): readonly NetworkNamespace[] {
    const answered = this.answered.get(link);
    const fitting = [...(this.open.get(`${link.link ?? 0} ${link.ifindex}`) ?? [])];
    if (answered !== undefined) return [answered, ...fitting];
    if (fitting.length < 2) return fitting;
    const distance = ({ inode }: NetworkNamespace): bigint =>
      inode < viewer.inode ? viewer.inode - inode : inode - viewer.inode;
    return fitting.toSorted((a, b) => (distance(a) < distance(b) ? -1 : Number(distance(a) > distance(b))));
  }

  /** The other end of `link` is in that namespace: neither is looked for by others any more. */
  pair(viewer: NetworkNamespace, link: DetailedLink, other: NetworkNamespace): void {
    const { ifindex, link: far } = link;
    this.open.get(`${ifindex} ${far ?? 0}`)?.delete(viewer);
    this.open.get(`${far ?? 0} ${ifindex}`)?.delete(other);
    const end = other.byIndex.get(far ?? 0);
    if (end !== undefined) this.answered.set(end, viewer);
  }
}

function byIndex(namespaces: readonly NetworkNamespace[]): ReadonlyMap<number, readonly NetworkNamespace[]> {
  const found = new Map<number, NetworkNamespace[]>();
  for (const namespace of namespaces) {
    for (const { ifindex } of namespace.links ?? []) {
      const known = found.get(ifindex);
      if (known === undefined) found.set(ifindex, [namespace]);
      else known.push(namespace);
    }
  }
  return found;
}
