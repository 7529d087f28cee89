// The way of a packet from one network namespace to the next: the kernel decides in each where it goes on, its firewall
// whether, and the link layer between says who gets it. What the way is, as data; what is wrong with it the checks say.

import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import { bridgeFilter } from '../../network/firewall/bridge-filter.ts';
import { judge } from '../../network/firewall/judge.ts';
import { newPacket, type Hook, type Packet, type PacketEnds } from '../../network/firewall/packet.ts';
import type { Outcome, Verdict } from '../../network/firewall/verdict.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Flow } from './flow.ts';
import { segmentOf, type Exit, type Segment, type Station, type Step } from './segment.ts';
import type { RouteAnswer, Sight } from './sight.ts';

export interface Judged {
  readonly hook: Hook;
  readonly packet: Packet;
  readonly verdict: Verdict;
  /** The bridge where it was judged between two ports. Absent (null): the namespace itself handles it. */
  readonly bridge: Extract<Step, { is: 'bridge' }> | null;
}

/** How a hop ends. */
export type HopEnd =
  | { readonly is: 'next'; readonly station: Station }
  /** It is for this namespace. */
  | { readonly is: 'delivered' }
  /** Nobody sees how it goes on. */
  | { readonly is: 'leaves'; readonly exit: Exit }
  /** No route, or one that refuses. */
  | { readonly is: 'refused' }
  /** Nobody that it could reach has the address. */
  | { readonly is: 'nobody' }
  /** It was here before, or it is a way without end. */
  | { readonly is: 'loop' }
  | { readonly is: 'unknown' };

/** What one namespace does with the packet. */
export interface Hop {
  readonly place: NetworkNamespace;
  /** The link that it comes by. null: it is made here. */
  readonly iif: DetailedLink | null;
  /** As it comes, as it is routed (after NAT of its destination), as it leaves (after NAT of its source). */
  readonly came: Flow;
  readonly routed: Flow;
  readonly left: Flow;
  readonly answer: RouteAnswer;
  readonly oif: DetailedLink | null;
  /** Whose link address it is sent to: the gateway, or the destination itself. */
  readonly nextHop: string | null;
  readonly judged: readonly Judged[];
  /** null: it goes nowhere from here. */
  readonly segment: Segment | null;
  /** All that have the address of the next hop there. */
  readonly owners: readonly Station[];
  readonly end: HopEnd;
}

/** What a namespace changed of a connection's packets, to change it back on those that answer. */
interface Translated {
  readonly place: NetworkNamespace;
  readonly before: Flow;
  readonly after: Flow;
}

export interface Path {
  readonly hops: readonly Hop[];
  readonly translated: readonly Translated[];
}

/** More routers than are on any way. */
const MOST_HOPS = 24;

/** The way there: a connection's first packet. */
export function pathTo(sight: Sight, from: NetworkNamespace, flow: Flow): Path {
  return new Walk(sight, null).go(from, flow);
}

/** The way back: what answers it, from where it came to. `there` has NAT to be undone. */
export function pathBack(sight: Sight, there: Path): Path | null {
  const last = there.hops.at(-1);
  if (last?.end.is !== 'delivered' || last.routed.source === null) return null;
  const { source, destination, protocol, port } = last.routed;
  const answer: Flow = { source: destination, destination: source, protocol, port };
  return new Walk(sight, there).go(last.place, answer);
}

class Walk {
  private readonly sight: Sight;
  /** The way there. null: this is it. */
  private readonly there: Path | null;
  private readonly hops: Hop[] = [];
  private readonly translated: Translated[] = [];

  constructor(sight: Sight, there: Path | null) {
    this.sight = sight;
    this.there = there;
  }

  go(from: NetworkNamespace, flow: Flow): Path {
    let place = from;
    let iif: DetailedLink | null = null;
    let now = flow;
    const seen = new Set<string>();
    for (let count = 0; count < MOST_HOPS; count += 1) {
      const key = `${place.inode} ${iif?.ifindex} ${now.source} ${now.destination}`;
      const hop: Hop = iif === null ? this.sent(place, now) : this.received(place, iif, now);
      const isLoop = seen.has(key);
      this.hops.push(isLoop ? { ...hop, end: { is: 'loop' } } : hop);
      if (hop.end.is !== 'next' || isLoop) break;
      seen.add(key);
      place = hop.end.station.place;
      iif = hop.end.station.link;
      now = hop.left;
    }
    return { hops: this.hops, translated: this.translated };
  }

  /** A packet that is made here. */
  private sent(place: NetworkNamespace, flow: Flow): Hop {
    const seen = this.sight.of(place);
    let answer = seen.route(flow, null);
    const source = flow.source ?? (answer.is === 'found' ? answer.route.source : null);
    const came = { ...flow, source };
    if (answer.is !== 'found') return stopped(place, null, came, answer);
    const judged: Judged[] = [];
    let oif = linkAt(place, answer.route.oif);
    const out = this.judged(judged, 'output', { place, flow: came, iif: null, oif });
    const mark = this.reroutes(place) ? markAfter(judged) : 0;
    if (out.destination !== came.destination || mark !== 0) {
      answer = seen.route(out, null, mark);
      if (answer.is !== 'found') return { ...stopped(place, null, came, answer), routed: out, judged };
      oif = linkAt(place, answer.route.oif);
    }
    const left = this.judged(judged, 'postrouting', { place, flow: out, iif: null, oif, since: came });
    this.note(place, came, left);
    const hop = { ...stopped(place, null, came, answer), routed: out, left, judged, oif };
    if (answer.route.type !== 'local') return this.onwards(hop, answer.route.gateway);
    // By the loopback to itself.
    const back = this.judged(judged, 'prerouting', { place, flow: left, iif: oif, oif: null });
    this.judged(judged, 'input', { place, flow: back, iif: oif, oif: null, since: came });
    return { ...hop, routed: back, end: { is: 'delivered' } };
  }

  /** A mark set on the way out leads elsewhere only where a chain is made for that. Source: net/netfilter/nft_chain_route.c. */
  private reroutes(place: NetworkNamespace): boolean {
    const tables = this.sight.of(place).ruleset()?.tables ?? [];
    return tables.some(
      ({ isLegacy, name, chains }) =>
        (isLegacy && name === 'mangle') || [...chains.values()].some(({ base }) => base?.type === 'route'),
    );
  }

  private received(place: NetworkNamespace, iif: DetailedLink, came: Flow): Hop {
    const judged: Judged[] = [];
    this.judged(judged, 'ingress', { place, flow: came, iif, oif: null });
    const routed = this.judged(judged, 'prerouting', { place, flow: came, iif, oif: null });
    const answer = this.sight.of(place).route(routed, iif.ifindex, markAfter(judged));
    if (answer.is !== 'found') return { ...stopped(place, iif, came, answer), routed, judged };
    const hop = { ...stopped(place, iif, came, answer), routed, left: routed, judged };
    if (answer.route.type === 'local' || answer.route.type === 'broadcast') {
      this.judged(judged, 'input', { place, flow: routed, iif, oif: null, since: came });
      this.note(place, came, routed);
      return { ...hop, end: { is: 'delivered' } };
    }
    const oif = linkAt(place, answer.route.oif);
    const passed = this.judged(judged, 'forward', { place, flow: routed, iif, oif, since: came });
    const left = this.judged(judged, 'postrouting', { place, flow: passed, iif, oif, since: came });
    this.note(place, came, left);
    return this.onwards({ ...hop, left, oif }, answer.route.gateway);
  }

  /** To who has the address of the next hop. */
  private onwards(hop: Hop, gateway: string | null): Hop {
    const { oif, place } = hop;
    if (oif === null) return { ...hop, end: { is: 'unknown' } };
    const nextHop = gateway ?? hop.left.destination;
    const sent = [...hop.judged];
    this.judged(sent, 'egress', { place, flow: hop.left, iif: null, oif });
    const segment = segmentOf(this.sight.topology, { place, link: oif });
    const owners = ownersOf(this.sight, segment, nextHop);
    const next = { ...hop, judged: sent, nextHop, segment, owners };
    const [station] = owners;
    if (station !== undefined) {
      const judged = [...sent, ...this.bridged(station.steps, hop.left)];
      return { ...next, judged, end: { is: 'next', station } };
    }
    const [exit] = segment.exits;
    if (exit === undefined) return { ...next, end: segment.cut ? { is: 'unknown' } : { is: 'nobody' } };
    return { ...next, judged: [...sent, ...this.bridged(exit.steps, hop.left)], end: { is: 'leaves', exit } };
  }

  /** What NAT did here, for what comes back. */
  private note(place: NetworkNamespace, before: Flow, after: Flow): void {
    const known = changed(place, before, after);
    if (this.there === null && known !== undefined) this.translated.push(known);
  }

  /** As it goes on from a hook: passed, even where it is dropped, as what comes after may be wrong too. */
  private judged(all: Judged[], hook: Hook, at: JudgedAt): Flow {
    const { place, flow } = at;
    const packet = this.packetAt(at);
    const undone = this.undone(hook, place, flow);
    const ruleset = this.sight.of(place).ruleset();
    if (ruleset === null || packet === null) return undone ?? flow;
    const verdict = judge(ruleset, hook, packet);
    all.push({ hook, packet, verdict, bridge: null });
    if (this.there !== null) return undone ?? flow;
    return flowAfter(flow, passing(verdict), at, this.sight);
  }

  /** Of an answer what the way there had changed. */
  private undone(hook: Hook, place: NetworkNamespace, flow: Flow): Flow | undefined {
    const known = this.there?.translated.find((one) => one.place === place);
    if (known === undefined) return undefined;
    const { before, after } = known;
    if (hook === 'prerouting' && flow.destination === after.source && before.source !== null)
      return { ...flow, destination: before.source };
    if (hook === 'postrouting' && flow.source === after.destination)
      return { ...flow, source: before.destination, port: before.port };
    return undefined;
  }

  private packetAt({ place, flow, iif, oif, since }: JudgedAt): Packet | null {
    const { source, destination, protocol, port } = flow;
    if (source === null) return null;
    const isReply = this.there !== null;
    const ends = { source, destination, sport: isReply ? port : null, dport: isReply ? null : port };
    const known =
      this.there === null
        ? changed(place, since ?? flow, flow)
        : this.there.translated.find((one) => one.place === place);
    return newPacket({
      family: destination.includes(':') ? 'ip6' : 'ip',
      protocol,
      ...ends,
      iif: iif?.name ?? null,
      oif: oif?.name ?? null,
      ...(isReply ? { isReply, ctState: 'established' as const } : {}),
      ...(known === undefined ? {} : { original: endsOf(known.before), ctStatus: statusOf(known) }),
    });
  }

  /** A bridge that passes it on: its own hooks, those of its ports, and with br_netfilter those of IP. */
  private bridged(steps: readonly Step[], flow: Flow): readonly Judged[] {
    const all: Judged[] = [];
    for (const step of steps) {
      if (step.is !== 'bridge') continue;
      const { bridge } = step;
      const ports = { in: step.in?.link.name ?? null, out: step.out?.link.name ?? null };
      const ruleset = this.sight.of(bridge.place).ruleset();
      const packet = this.packetAt({
        place: bridge.place,
        flow,
        iif: step.in?.link ?? null,
        oif: step.out?.link ?? null,
      });
      if (ruleset === null || packet === null) continue;
      const add = (hook: Hook, as: Packet): void => {
        all.push({ hook, packet: as, verdict: judge(ruleset, hook, as), bridge: step });
      };
      const hooks: readonly Hook[] = [
        ...(step.in === null ? [] : (['ingress', 'bridge prerouting'] as const)),
        step.out === null ? 'bridge input' : step.in === null ? 'bridge output' : 'bridge forward',
        ...(step.out === null ? [] : (['bridge postrouting', 'egress'] as const)),
      ];
      for (const hook of hooks) add(hook, packet);
      const { isOn } = bridgeFilter(ruleset, bridge.link.name, packet.family);
      if (step.in === null || step.out === null || isOn === false) continue;
      const routed = { ...packet, iif: bridge.link.name, oif: bridge.link.name, ports };
      add('prerouting', { ...routed, oif: null });
      add('forward', routed);
      add('postrouting', { ...routed, iif: null });
    }
    return all;
  }
}

interface JudgedAt {
  readonly place: NetworkNamespace;
  readonly flow: Flow;
  readonly iif: DetailedLink | null;
  readonly oif: DetailedLink | null;
  /** As it came, before NAT changed it. Absent: as it is. */
  readonly since?: Flow;
}

function changed(place: NetworkNamespace, before: Flow, after: Flow): Translated | undefined {
  const isSame =
    before.source === after.source && before.destination === after.destination && before.port === after.port;
  return isSame ? undefined : { place, before, after };
}

function stopped(place: NetworkNamespace, iif: DetailedLink | null, came: Flow, answer: RouteAnswer): Hop {
  const nothing = { oif: null, nextHop: null, judged: [], segment: null, owners: [] };
  const end: HopEnd = answer.is === 'unknown' ? { is: 'unknown' } : { is: 'refused' };
  return { place, iif, came, routed: came, left: came, answer, end, ...nothing };
}

function linkAt({ byIndex }: NetworkNamespace, ifindex: number | null): DetailedLink | null {
  return ifindex === null ? null : (byIndex.get(ifindex) ?? null);
}

/** What a rule of the last hook marked it with. */
function markAfter(judged: readonly Judged[]): number {
  const last = judged.at(-1);
  return last === undefined ? 0 : (passing(last.verdict).packet.mark ?? 0);
}

/** Of several ways one on which it passes. */
function passing(verdict: Verdict): Outcome {
  if (verdict.verdict === 'accept') return verdict;
  return verdict.others.find((one) => one.verdict === 'accept') ?? verdict;
}

function flowAfter(flow: Flow, { nat, packet }: Outcome, { place, oif }: JudgedAt, sight: Sight): Flow {
  if (nat === null) return flow;
  if (nat.kind === 'dnat' || nat.kind === 'redirect')
    return { ...flow, destination: nat.address ?? packet.destination, port: nat.port ?? packet.dport ?? flow.port };
  const source = nat.address ?? (nat.kind === 'masquerade' ? firstAddress(place, oif, flow, sight) : packet.source);
  return { ...flow, source };
}

/** What masquerading takes: the address that the link would use towards there. */
function firstAddress(place: NetworkNamespace, oif: DetailedLink | null, flow: Flow, sight: Sight): string | null {
  const decision = sight.of(place).route({ ...flow, source: null }, null);
  if (decision.is === 'found' && decision.route.oif === oif?.ifindex && decision.route.source !== null)
    return decision.route.source;
  const family = flow.destination.includes(':') ? 'inet6' : 'inet';
  return place.addresses?.find((one) => one.ifindex === oif?.ifindex && one.family === family)?.address ?? null;
}

function endsOf({ source, destination, port }: Flow): PacketEnds {
  return { source: source ?? '', destination, sport: null, dport: port };
}

function statusOf({ before, after }: Translated): readonly ('dnat' | 'snat')[] {
  return [
    ...(before.destination === after.destination && before.port === after.port ? [] : (['dnat'] as const)),
    ...(before.source === after.source ? [] : (['snat'] as const)),
  ];
}

/**
 * Who answers for an address: who has it on that link, else on another one, as Linux does; else who a neighbour entry
 * names by its link address, or answers for others (proxy_arp).
 */
function ownersOf(sight: Sight, segment: Segment, address: string): readonly Station[] {
  const { from, stations } = segment;
  const others = stations.filter((one) => one.place !== from.place || one.link.ifindex !== from.link.ifindex);
  const has = ({ place }: Station, ifindex: number | null): boolean =>
    place.addresses?.some((one) => one.address === address && (ifindex === null || one.ifindex === ifindex)) === true;
  const direct = others.filter((one) => has(one, one.link.ifindex));
  if (direct.length > 0) return direct;
  const loose = others.filter((one) => has(one, null) && !isSilent(sight, one));
  if (loose.length > 0) return loose;
  const entry = sight
    .of(from.place)
    .neighbours()
    ?.find((one) => one.ifindex === from.link.ifindex && one.address === address && one.linkAddress !== null);
  const named = entry === undefined ? [] : others.filter(({ link }) => link.address === entry.linkAddress);
  if (named.length > 0) return named;
  return others.slice(0, MOST_ASKED).filter(({ place, link }) => answersForOthers(sight, place, link, address));
}

/** Who answers for others is a router next to it, not one of hundreds. */
const MOST_ASKED = 64;

/** Does it answer only for addresses of the link that is asked? */
function isSilent(sight: Sight, { place, link }: Station): boolean {
  const of = (name: string): number => sight.of(place).number(`net/ipv4/conf/${name}/arp_ignore`) ?? 0;
  return Math.max(of('all'), of(link.name)) > 0;
}

function answersForOthers(sight: Sight, place: NetworkNamespace, link: DetailedLink, address: string): boolean {
  const isIpv6 = address.includes(':');
  const of = (name: string): boolean =>
    sight.of(place).number(isIpv6 ? `net/ipv6/conf/${name}/proxy_ndp` : `net/ipv4/conf/${name}/proxy_arp`) === 1;
  return of('all') || of(link.name);
}
