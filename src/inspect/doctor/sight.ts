// What is read of the network namespaces on the way, each thing when it is first asked for, and once.

import { IPPROTO_TCP, IPPROTO_UDP } from '../../kernel/abi/sock-diag.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { value, type Host, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import { encodeLinkDump } from '../../kernel/netlink/links.ts';
import {
  decodeLinkConditions,
  decodePortVlans,
  encodePortVlanDump,
  type LinkConditions,
  type PortVlans,
} from '../../kernel/netlink/link-conditions.ts';
import { decodeListeningPorts, type ListeningPort } from '../../kernel/netlink/listening-ports.ts';
import {
  decodeBridgeAddresses,
  decodeNeighbours,
  encodeBridgeAddressDump,
  encodeNeighbourDump,
  type BridgeAddress,
  type Neighbour,
} from '../../kernel/netlink/neighbours.ts';
import { decodeRouteDecision, encodeRouteQuestion, type RouteDecision } from '../../kernel/netlink/route-query.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../../kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump, type Rule } from '../../kernel/netlink/rules.ts';
import { encodeListenerDump, type ListenerFamily } from '../../kernel/netlink/sock-diag.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { insideOf, readInside } from '../../namespaces/inside.ts';
import type { Ruleset } from '../../network/firewall/ruleset.ts';
import { more, type NetworkNamespace } from '../../network/network-namespace.ts';
import type { Topology } from '../../network/topology.ts';
import { rulesOrNone } from '../route-rule.ts';
import { readRulesetOf } from './firewall.ts';
import type { Flow } from './flow.ts';
import { decideByTables } from './route-tables.ts';

/** What becomes of a packet: the kernel's answer, or its errno. */
export type RouteAnswer =
  | { readonly is: 'found'; readonly route: RouteDecision; readonly byKernel: boolean }
  | { readonly is: 'refused'; readonly errno: string; readonly byKernel: boolean }
  | { readonly is: 'unknown' };

/** Answers of one look, by the namespace. */
const keptRoute = memo<RouteAnswer>();
const keptRoutes = memo<readonly Route[] | null>();
const keptRules = memo<readonly Rule[] | null>();
const keptNeighbours = memo<readonly Neighbour[] | null>();
const keptBridgeAddresses = memo<readonly BridgeAddress[] | null>();
const keptConditions = memo<ReadonlyMap<number, LinkConditions> | null>();
const keptVlans = memo<ReadonlyMap<number, PortVlans> | null>();
const keptListeners = memo<readonly ListeningPort[] | null>();
const keptRuleset = memo<Ruleset | null>();
const keptSetting = memo<string | null>();

export class Sight {
  readonly host: Host;
  readonly topology: Topology;
  readonly gaps: GapTally;
  private readonly places = new Map<NetworkNamespace, PlaceSight>();

  constructor(host: Host, topology: Topology, gaps: GapTally) {
    this.host = host;
    this.topology = topology;
    this.gaps = gaps;
  }

  of(place: NetworkNamespace): PlaceSight {
    const known = this.places.get(place);
    if (known !== undefined) return known;
    const fresh = new PlaceSight(this, place);
    this.places.set(place, fresh);
    return fresh;
  }
}

/** One network namespace. null: it could not be read, which is a gap. */
export class PlaceSight {
  readonly place: NetworkNamespace;
  private readonly sight: Sight;

  constructor(sight: Sight, place: NetworkNamespace) {
    this.sight = sight;
    this.place = place;
  }

  /** As a target: `host`, `container:web`. */
  get name(): string {
    return this.sight.topology.nameOf(this.place);
  }

  private told<T>(what: string, reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.sight.gaps.add(what, reading.gap);
    return null;
  }

  private ask<T>(
    what: string,
    request: NetlinkRequest,
    decode: (datagrams: readonly Uint8Array[], what: string) => Reading<T>,
  ): Reading<T> {
    const reply = this.sight.host.netlink(request);
    return reply.ok ? decode(reply.value, `${what} of net:[${this.place.inode}]`) : reply;
  }

  /** What it does with a packet; `iif`: the index of the link it comes by, null where it is made here; `mark`: of rules. */
  route(flow: Pick<Flow, 'source' | 'destination' | 'protocol' | 'port'>, iif: number | null, mark = 0): RouteAnswer {
    const { source, destination, protocol, port } = flow;
    return keptRoute(this, `${iif} ${source} ${destination} ${protocol} ${port} ${mark}`, () => {
      const number = protocol === 'tcp' ? IPPROTO_TCP : protocol === 'udp' ? IPPROTO_UDP : null;
      const question = { destination, source, iif, protocol: number, port: number === null ? null : port, mark };
      const request = encodeRouteQuestion(question, this.place.door);
      if (request === undefined) return { is: 'unknown' };
      const decision = this.ask('route', more(request), decodeRouteDecision);
      if (decision.ok) {
        const isPassedOn = iif !== null && decision.value.type === 'unicast' && destination.includes(':');
        const link = isPassedOn ? this.place.byIndex.get(iif)?.name : undefined;
        // Of IPv6 the kernel tells the route even where it would not forward: net/ipv6/ip6_output.c ip6_forward().
        if (link !== undefined && this.forwards(link, destination) === false)
          return { is: 'refused', errno: 'EHOSTUNREACH', byKernel: true };
        return { is: 'found', route: decision.value, byKernel: true };
      }
      const { gap } = decision;
      // With words of the kernel it is the question that was refused.
      if (gap.reason !== 'unrecorded' && gap.text === undefined && gap.errno !== undefined && VERDICTS.has(gap.errno))
        return { is: 'refused', errno: gap.errno, byKernel: true };
      // Of a recorded host nobody asked this: its tables are there.
      const routes = gap.reason === 'unrecorded' ? this.routes() : null;
      const rules = routes === null ? null : this.rules();
      if (routes !== null && rules !== null) return this.byTables(flow, iif, routes, rules);
      this.sight.gaps.add('route', gap);
      return { is: 'unknown' };
    });
  }

  private byTables(
    flow: Pick<Flow, 'source' | 'destination'>,
    iif: number | null,
    routes: readonly Route[],
    rules: readonly Rule[],
  ): RouteAnswer {
    const name = iif === null ? null : (this.place.byIndex.get(iif)?.name ?? null);
    const decision = decideByTables(rules, routes, { ...flow, iif: name });
    if (decision.is === 'refused') return { ...decision, byKernel: false };
    const { route } = decision;
    const source = route.source ?? this.sourceOn(route.oif, route.gateway ?? flow.destination);
    const forwards = iif === null || route.type === 'local' || this.forwards(name ?? '', flow.destination) !== false;
    if (!forwards) return { is: 'refused', errno: 'EHOSTUNREACH', byKernel: false };
    return { is: 'found', route: { ...route, source }, byKernel: false };
  }

  /** The first address of the link, as the kernel chooses where nothing else tells. */
  private sourceOn(oif: number | null, destination: string): string | null {
    const family = destination.includes(':') ? 'inet6' : 'inet';
    const own = this.place.addresses?.filter((one) => one.family === family && one.scope === 'global') ?? [];
    return (own.find(({ ifindex }) => ifindex === oif) ?? own[0])?.address ?? null;
  }

  /** Does it pass on what comes by this link? null: not told. */
  forwards(link: string, destination: string): boolean | null {
    const isIpv6 = destination.includes(':');
    // IPv6 has one switch for all links, until Linux 6.17 gave each its own besides.
    const number = this.number(`net/${isIpv6 ? 'ipv6' : 'ipv4'}/conf/${isIpv6 ? 'all' : link}/forwarding`);
    return number === null ? null : number !== 0;
  }

  routes(): readonly Route[] | null {
    return keptRoutes(this, '', () =>
      this.told('list of routes', this.ask('routes', more(encodeRouteDump(this.place.door)), decodeRoutes)),
    );
  }

  rules(): readonly Rule[] | null {
    return keptRules(this, '', () =>
      this.told('list of rules', rulesOrNone(this.ask('rules', more(encodeRuleDump(this.place.door)), decodeRules))),
    );
  }

  neighbours(): readonly Neighbour[] | null {
    return keptNeighbours(this, '', () => {
      const request = more(encodeNeighbourDump(this.place.door));
      return this.told('list of neighbours', this.ask('neighbours', request, decodeNeighbours));
    });
  }

  bridgeAddresses(): readonly BridgeAddress[] | null {
    return keptBridgeAddresses(this, '', () => {
      const request = more(encodeBridgeAddressDump(this.place.door));
      return this.told('list of bridge addresses', this.ask('bridge addresses', request, decodeBridgeAddresses));
    });
  }

  /** By index. */
  conditions(): ReadonlyMap<number, LinkConditions> | null {
    return keptConditions(this, '', () => {
      const links = this.ask('links', more(encodeLinkDump(this.place.door)), decodeLinkConditions);
      const told = this.told('list of links', links);
      return told === null ? null : new Map(told.map((one) => [one.ifindex, one]));
    });
  }

  /** By index. */
  portVlans(): ReadonlyMap<number, PortVlans> | null {
    return keptVlans(this, '', () => {
      const vlans = this.told(
        'list of VLANs',
        this.ask('VLANs', more(encodePortVlanDump(this.place.door)), decodePortVlans),
      );
      return vlans === null ? null : new Map(vlans.map((one) => [one.ifindex, one]));
    });
  }

  /** Those of both families, as one socket of IPv6 may take both. */
  listeners(protocol: 'tcp' | 'udp'): readonly ListeningPort[] | null {
    return keptListeners(this, protocol, () => {
      const families: readonly ListenerFamily[] = [protocol, `${protocol}6`];
      const all = families.map((family) =>
        this.told(
          'list of listening sockets',
          this.ask('listeners', encodeListenerDump(family, this.place.door), decodeListeningPorts),
        ),
      );
      return all.some((one) => one === null) ? null : all.flatMap((one) => one ?? []);
    });
  }

  /** All that its firewall is. */
  ruleset(): Ruleset | null {
    return keptRuleset(this, '', () => readRulesetOf(this.sight.host, this.place, this.sight.gaps));
  }

  /** A file below /proc/sys, as it reads in there. null: there is none, or it could not be read. */
  setting(path: string): string | null {
    return keptSetting(this, path, () => {
      const { host, gaps } = this.sight;
      const inside = insideOf(host, 'net', `net:[${this.place.inode}]`, this.place.door);
      const bytes = inside.ok ? readInside(inside.value, `/proc/sys/${path}`) : inside;
      if (!bytes.ok && bytes.gap.reason !== 'gone') gaps.add('setting', bytes.gap);
      const text = bytes.ok ? value(decodeText(bytes.value).trim()) : bytes;
      return text.ok ? text.value : null;
    });
  }

  number(path: string): number | null {
    const text = this.setting(path);
    return text !== null && /^-?\d+$/.test(text) ? Number(text) : null;
  }
}

/** Errnos that say what becomes of the packet; all others, that it could not be asked. */
const VERDICTS: ReadonlySet<string> = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL', 'EXDEV']);
