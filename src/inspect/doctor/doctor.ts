// Why one cannot reach another: the way of a packet through all namespaces that can be seen, back again, and that to the
// nameservers, with what is wrong on it, in that order. Nothing is sent.

import { NsError } from '../../kernel/error.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { isIn } from '../../kernel/netlink/address-bytes.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { readTopology } from '../../network/topology.ts';
import { resolveNetwork } from '../network-names.ts';
import { addressChecks } from './address-checks.ts';
import { addressOf, aimAt, placeNumbered, type Aim } from './aim.ts';
import { advice, finding, isSame, linksEvidence, type Finding, type Way } from './finding.ts';
import { firewallChecks } from './firewall-checks.ts';
import type { Flow } from './flow.ts';
import { linkChecks, loopbackCheck, outerLinks } from './link-checks.ts';
import { asNameserver, hostsAddress, nameserversOf, resolverChecks } from './name-checks.ts';
import { neighbourChecks } from './neighbour-checks.ts';
import { pathBack, pathTo, type Hop, type Path } from './path.ts';
import { leavingCheck, returnChecks } from './return-checks.ts';
import { refusalChecks, ruleCheck } from './route-checks.ts';
import { Sight } from './sight.ts';
import { arrivalChecks, tableChecks } from './socket-checks.ts';
import { unseenOn } from './unseen.ts';

export interface DoctorQuery {
  readonly from: string;
  /** null: its gateways and its nameservers. */
  readonly to: string | null;
}

/** One way that was followed. */
export interface Course {
  readonly way: Way;
  readonly flow: Flow;
  readonly path: Path;
}

export interface Placed extends Finding {
  readonly way: Way;
}

export interface DoctorReport {
  readonly sight: Sight;
  readonly from: NetworkNamespace;
  /** null: it is not one namespace that was asked for. */
  readonly to: NetworkNamespace | null;
  /** The name of DNS that was asked for, and the port at it. null: none. */
  readonly name: string | null;
  readonly port: number | null;
  readonly courses: readonly Course[];
  /** In the order in which the packet meets them. */
  readonly findings: readonly Placed[];
  /** What nothing was looked at of. */
  readonly unseen: readonly string[];
  readonly gaps: readonly CountedGap[];
}

/** Errors: as of resolveNetwork and aimAt; NO_NAMESPACE. */
export function diagnose(host: Host, query: DoctorQuery): DoctorReport {
  const inode = resolveNetwork(host, query.from).inode;
  const aim = query.to === null ? null : aimAt(host, query.to);
  const plain = attempt(host, inode, aim, 'never');
  // Where the way goes on in what a plain look does not find, a deep one may.
  if (
    plain !== undefined &&
    !plain.courses.some(({ path }) => path.hops.some(({ end }) => end.is === 'leaves' && end.exit.why === 'hidden'))
  )
    return plain;
  const deep = attempt(host, inode, aim, true);
  if (deep !== undefined) return deep;
  throw new NsError('NO_NAMESPACE', {
    what: `no network namespace of '${query.from}' or '${query.to ?? ''}' was found`,
  });
}

function attempt(host: Host, inode: bigint, aim: Aim | null, deep: 'never' | true): DoctorReport | undefined {
  const topology = readTopology(host, { deep });
  const gaps = new GapTally();
  for (const counted of topology.gaps.list()) gaps.addUncounted(counted);
  const sight = new Sight(host, topology, gaps);
  const from = placeNumbered(topology, inode);
  const to = aim?.is === 'network' ? placeNumbered(topology, aim.inode) : null;
  if (from === undefined || to === undefined) return undefined;
  if (to !== null && to !== from) requireOpen(sight, to);
  return examine(sight, { from, to, aim });
}

/** Of what cannot be asked nothing is known, and silence would say that it has no links. */
function requireOpen(sight: Sight, place: NetworkNamespace): void {
  if (place.links !== null) return;
  throw new NsError('DENIED', {
    what: `the links of ${sight.of(place).name} could not be read`,
    why: 'it is closed to us (CAP_SYS_ADMIN over it is needed), or it went away meanwhile',
  });
}

/** What is followed, in a look that is there. `to`: of an aim that is a network. */
export interface Examination {
  readonly from: NetworkNamespace;
  readonly to: NetworkNamespace | null;
  readonly aim: Aim | null;
}

export function examine(sight: Sight, { from, to, aim }: Examination): DoctorReport {
  return new Diagnosis(sight, from, to).made(aim);
}

class Diagnosis {
  private readonly sight: Sight;
  private readonly from: NetworkNamespace;
  private readonly to: NetworkNamespace | null;
  private readonly courses: Course[] = [];
  private readonly findings: Placed[] = [];
  private readonly visited = new Set<NetworkNamespace>();
  private readonly unseen: string[] = [];

  constructor(sight: Sight, from: NetworkNamespace, to: NetworkNamespace | null) {
    this.sight = sight;
    this.from = from;
    this.to = to;
  }

  made(aim: Aim | null): DoctorReport {
    if (aim === null) this.wayOut();
    else if (aim.is === 'name') this.byName(aim.name, aim.port);
    else if (aim.is === 'address') this.follow('there', flowTo(aim.address, aim.port));
    else this.toNetwork(aim.port);
    for (const { path } of this.courses) for (const text of unseenOn(this.sight, path)) this.notSeen(text);
    if (this.findings.length === 0) for (const text of NEVER_LOOKED_AT) this.notSeen(text);
    const { sight, from, to, courses, findings, unseen } = this;
    const name = aim?.is === 'name' ? aim.name : null;
    return { sight, from, to, name, port: aim?.port ?? null, courses, findings, unseen, gaps: sight.gaps.list() };
  }

  private notSeen(text: string): void {
    if (!this.unseen.includes(text)) this.unseen.push(text);
  }

  private add(way: Way, findings: readonly Finding[]): void {
    for (const one of findings) {
      if (!this.findings.some((known) => isSame(known, one))) this.findings.push({ ...one, way });
    }
  }

  /** To where it sends what is for others, and to whom it asks for names. */
  private wayOut(): void {
    const { from, sight } = this;
    this.add('there', loopbackCheck(sight, { place: from }));
    const gateways = new Set(
      (from.defaults ?? []).flatMap(({ nextHops }) => nextHops.flatMap(({ gateway }) => gateway ?? [])),
    );
    for (const gateway of gateways)
      if (!/^fe80:/i.test(gateway)) this.follow('there', flowTo(gateway, null), { pings: false });
    // Without any, what a packet to anywhere meets is what is wrong.
    if (gateways.size === 0 && (from.defaults ?? []).length === 0 && !this.sight.topology.isHost(from))
      this.follow('there', flowTo(ANYWHERE, null));
    this.names();
  }

  private names(): void {
    const names = nameserversOf(this.sight, this.from);
    if (names === null) return;
    this.add('names', resolverChecks(this.sight, this.from, names));
    const isOnly = names.servers.length === 1;
    for (const server of names.servers) {
      const flow: Flow = { source: null, destination: server, protocol: 'udp', port: 53 };
      this.add('names', asNameserver(this.followed('names', flow), names, server, isOnly));
    }
    this.notSeen('what the nameservers answer (--probe asks one)');
  }

  private byName(name: string, port: number | null): void {
    const address = hostsAddress(this.sight, this.from, name.replace(/\.$/, ''));
    if (address !== undefined) return this.follow('there', flowTo(address, port));
    this.names();
    this.notSeen(`which address ${name} has, and the way there (--probe asks for it)`);
  }

  private toNetwork(port: number | null): void {
    const { to, from, sight } = this;
    if (to === null) return;
    if (to === from) return this.follow('there', flowTo(addressOf(to, from, isIn) ?? '127.0.0.1', port));
    const address = addressOf(to, from, isIn);
    if (address !== undefined) return this.follow('there', flowTo(address, port));
    const links = outerLinks(to);
    this.add('there', [
      finding(
        links.length === 0 ? 'D2' : 'D4',
        to,
        links.length === 0
          ? `${sight.of(to).name} has no link but its loopback`
          : `${sight.of(to).name} has no address`,
        {
          link: links[0]?.name ?? null,
          evidence: linksEvidence(links, (name) => `${name}: no address`),
          fix: advice(`ip address add ADDRESS/LENGTH dev ${links[0]?.name ?? 'LINK'}`),
        },
      ),
    ]);
  }

  private follow(way: Way, flow: Flow, options: { readonly pings?: boolean } = {}): void {
    this.add(way, this.followed(way, flow, options));
  }

  /** There and back. `pings` false: whether a ping is answered does not matter. */
  private followed(way: Way, flow: Flow, { pings = true }: { readonly pings?: boolean } = {}): readonly Finding[] {
    const { sight } = this;
    const there = pathTo(sight, this.from, flow);
    this.courses.push({ way, flow, path: there });
    const found = there.hops.flatMap((hop) => this.hopChecks(hop));
    const last = there.hops.at(-1);
    if (last !== undefined && (pings || flow.protocol !== 'icmp')) found.push(...arrivalChecks(sight, last));
    found.push(...leavingCheck(sight, there));
    const back = pathBack(sight, there);
    if (back === null) return found;
    this.courses.push({ way: way === 'there' ? 'back' : way, flow: back.hops[0]?.came ?? flow, path: back });
    const before = back.hops.slice(0, -1).flatMap((hop) => this.hopChecks(hop));
    const end = back.hops.at(-1);
    const ending = end === undefined ? [] : this.hopChecks(end);
    const answers = [...before, ...returnChecks(sight, there, back, [...before, ...ending])];
    return [...found, ...answers];
  }

  private hopChecks(hop: Hop): readonly Finding[] {
    const { sight } = this;
    const first = this.visited.has(hop.place) ? [] : tableChecks(sight, hop.place);
    this.visited.add(hop.place);
    const refused = refusalChecks(sight, hop);
    if (refused.length > 0) return [...first, ...refused];
    const sent = addressChecks(sight, hop);
    const links = linkChecks(sight, hop);
    const near = neighbourChecks(sight, hop);
    // A gateway that nobody has, of a table that a rule chose: the rule is what is wrong.
    const rule = near.some(({ code }) => code === 'D34') ? ruleCheck(sight, hop) : [];
    const loop = hop.end.is === 'loop' ? loopFinding(sight, hop) : [];
    const cut = links.filter(({ code }) => code === 'D1' || code === 'D2');
    // Behind a link that is down nobody is found, and nothing else of it counts.
    const after = cut.length > 0 ? [] : rule.length > 0 ? rule : near;
    return [...first, ...sent, ...firewallChecks(sight, hop), ...(cut.length > 0 ? cut : links), ...after, ...loop];
  }
}

/** What may stop a packet, and is told by no finding: where there is none, it is what is left. */
const NEVER_LOOKED_AT = [
  'IPsec policies (ip xfrm policy), filters of tc, what queues lose, and programs of eBPF in cgroups and tc',
  'static entries of a bridge (bridge fdb), and what was so a moment ago, or comes and goes',
];

/** Of the documentation: nobody has it, and every default route leads there. */
const ANYWHERE = '198.51.100.1';

function loopFinding(sight: Sight, { place, routed }: Hop): readonly Finding[] {
  return [
    finding('D41', place, `what is for ${routed.destination} comes back to ${sight.of(place).name}, again and again`, {
      evidence: ['the routes on the way lead in a circle'],
      fix: advice('one of them needs a route that leads out of it'),
    }),
  ];
}

function flowTo(destination: string, port: number | null): Flow {
  return { source: null, destination, protocol: port === null ? 'icmp' : 'tcp', port };
}
