// Does a firewall of somebody else's drop what a lab's packets need? An accept of ours would not help: every base chain of
// the hook has its say, and one drop is enough. Where docker offers a chain for rules of others, two are added there; else
// it is told. No other rule is changed.

import type { Host } from '../kernel/host.ts';
import type { NftMessage } from '../kernel/nftables/batch.ts';
import { deleteRule, newRule } from '../kernel/nftables/encode.ts';
import type { Expression, NftFamily } from '../kernel/nftables/expression.ts';
import type { NftRule } from '../kernel/nftables/objects.ts';
import { ruleComment } from '../kernel/nftables/rule-comment.ts';
import * as xtables from '../kernel/nftables/xtables.ts';
import { judge } from './firewall/judge.ts';
import { newPacket, type Packet } from './firewall/packet.ts';
import { readRuleset } from './firewall/read-ruleset.ts';
import type { FirewallTable, Ruleset } from './firewall/ruleset.ts';
import type { Decider } from './firewall/verdict.ts';
import { SOMEBODY } from './lab-ports.ts';
import type { LabQuestion } from './lab-question.ts';
import type { Sight, Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { settingNow } from './lab-sysctls.ts';
import { translationOf } from './lab-translation.ts';
import { endsOf, placeOf, type Lab, type LabPublish } from './lab.ts';
import { isLoopback, labMark } from './nat.ts';
import { isSameRule } from './same-rule.ts';

const SOME_PORT = 443;
const DOCKERS = { table: 'filter', chain: 'FORWARD', own: 'DOCKER-USER' } as const;

/** A rule or policy that drops what passes the host, and nothing is done about it. */
export interface ForwardObstacle extends Decider {
  /** The chain for rules that let pass: its base chain, or docker's for rules of others. */
  readonly into: string;
  /** Else it may, as far as can be told. */
  readonly isCertain: boolean;
  /** The links of the lab's that it concerns. */
  readonly links: readonly string[];
  /** What goes on to others; else only what crosses the bridge itself (br_netfilter). */
  readonly isRouted: boolean;
}

export interface ForwardPlan {
  readonly steps: readonly PlannedStep[];
  readonly obstacles: readonly ForwardObstacle[];
}

/** What cannot be read is in nobody's way. */
export function forwardPlan(host: Host, question: LabQuestion, sights: Sights): ForwardPlan {
  const plans = Array.from(sights.values())
    .filter(({ node, inode }) => node.kind !== 'namespace' && inode !== null)
    .map((sight) => placePlan(host, question, sight));
  return { steps: plans.flatMap(({ steps }) => steps), obstacles: plans.flatMap(({ obstacles }) => obstacles) };
}

function placePlan(host: Host, question: LabQuestion, sight: Sight): ForwardPlan {
  const { lab } = question;
  const links = facingLinks(lab, sight);
  const isRouted = [...lab.nat, ...lab.publish].some(({ node }) => placeOf(lab, node).name === sight.node.name);
  const isSeen = settingNow(host, sight, 'net.bridge.bridge-nf-call-iptables') === '1';
  if (links.length === 0 || (!isRouted && !isSeen)) return { steps: [], obstacles: [] };
  const whole = readRuleset(host, sight.at ?? undefined);
  const rules = whole.tables.filter(({ isLegacy }) => !isLegacy).flatMap((table) => [...table.rules.values()].flat());
  // What another lab added goes with that one.
  const ruleset = { ...whole, tables: whole.tables.map(withoutMarked) };
  const found = links.flatMap((link) => {
    const packets = isRouted ? routedPackets(lab, sight, link) : [withinPacket(lab, link)];
    return packets.flatMap((packet) => dropsOf(ruleset, packet).map((drop) => ({ ...drop, link })));
  });
  const isDockers = ({ by }: Dropped): boolean => hasDockerUser(by, whole);
  const docker = new Set(found.filter(isDockers).map(({ by }) => by.family));
  const others = found.filter((each) => !isDockers(each));
  const stale = rules.filter((rule) => isMarked(rule, labMark(lab.name)) && !docker.has(rule.family));
  return {
    steps: [
      ...(stale.length === 0 ? [] : [staleStep(sight, stale)]),
      ...[...docker].flatMap((family) =>
        family === 'ip' || family === 'ip6' ? dockerSteps(question, sight, rules, { family, links, isRouted }) : [],
      ),
    ],
    obstacles: distinct(others).map(({ by, isCertain }) => {
      const at = others.filter((each) => isSameDecider(each.by, by)).map(({ link }) => link);
      const into = asksDockerUser(by, whole) ? DOCKERS.own : by.base.chain;
      return { ...by, into, isCertain, links: [...new Set(at)], isRouted };
    }),
  };
}

interface Dropped {
  readonly by: Decider;
  readonly isCertain: boolean;
  readonly link: string;
}

/** All that drop it, whatever those before say: the first that does hides the others. */
function dropsOf(ruleset: Ruleset, packet: Packet): readonly Omit<Dropped, 'link'>[] {
  const { verdict, by, certain } = judge(ruleset, 'forward', packet);
  if (verdict === 'accept' || by === null) return [];
  const tables = ruleset.tables.filter((table) => !isOf(table, by));
  const rest = tables.length === ruleset.tables.length ? [] : dropsOf({ ...ruleset, tables }, packet);
  return [{ by, isCertain: certain }, ...rest];
}

function distinct(dropped: readonly Dropped[]): readonly Dropped[] {
  return dropped.filter((each, at) => dropped.findIndex(({ by }) => isSameDecider(by, each.by)) === at);
}

function isSameDecider(a: Decider, b: Decider): boolean {
  return a.family === b.family && a.table === b.table && a.chain === b.chain && a.handle === b.handle;
}

/**
 * Of connections that somebody inside begins, and of those to published ports: the first packet, and the answer. Nobody is
 * meant in particular.
 */
function routedPackets(lab: Lab, sight: Sight, link: string): readonly Packet[] {
  const { nat, published } = translationOf(lab, sight.node);
  // What the node says to its own loopback does not pass it.
  const passing = published.filter((each) => !isLoopback(each) && (each.link === null || each.link === link));
  return (['ip', 'ip6'] as const).flatMap((family) => {
    const isOf = (address: string): boolean => address.includes(':') === (family === 'ip6');
    const uplink = uplinkOf(lab, sight, family, link);
    if (uplink === undefined) return [];
    const way: Way = { family, link, uplink };
    const source = nat.map(({ source: { address } }) => address).find(isOf);
    const out = source === undefined ? [] : outward(way, source);
    return [...out, ...passing.filter(({ toAddress }) => isOf(toAddress)).flatMap((each) => inward(way, each))];
  });
}

interface Way {
  readonly family: 'ip' | 'ip6';
  readonly link: string;
  readonly uplink: string;
}

function outward({ family, link, uplink }: Way, source: string): readonly Packet[] {
  const destination = SOMEBODY[family];
  const ends = { family, protocol: 'tcp', sport: SOME_PORT, dport: SOME_PORT } as const;
  return [
    newPacket({ ...ends, source, destination, iif: link, oif: uplink }),
    newPacket({
      ...ends,
      source: destination,
      destination: source,
      iif: uplink,
      oif: link,
      ctState: 'established',
      isReply: true,
    }),
  ];
}

function inward(
  { family, link, uplink }: Way,
  { protocol, port, address, toAddress, toPort }: LabPublish,
): readonly Packet[] {
  const somebody = SOMEBODY[family];
  const original = { source: somebody, destination: address ?? toAddress, sport: SOME_PORT, dport: port };
  const known = { family, protocol, ctStatus: ['dnat'], original } as const;
  const [near, far] = [
    { source: toAddress, sport: toPort, destination: somebody, dport: SOME_PORT },
    { source: somebody, sport: SOME_PORT, destination: toAddress, dport: toPort },
  ];
  return [
    newPacket({ ...known, ...far, iif: uplink, oif: link }),
    newPacket({ ...known, ...near, iif: link, oif: uplink, ctState: 'established', isReply: true }),
  ];
}

/** What goes on to others goes by that of the default route; without one by that of any other route, none of the lab's. */
function uplinkOf(lab: Lab, sight: Sight, family: 'ip' | 'ip6', link: string): string | undefined {
  const own = new Set(['lo', link, ...facingLinks(lab, sight)]);
  const names = new Map(Array.from(sight.links.values(), ({ ifindex, name }) => [ifindex, name]));
  const routes = sight.routes
    .filter((each) => each.type === 'unicast' && each.family === (family === 'ip' ? 'inet' : 'inet6'))
    .toSorted((a, b) => Number(b.destination === 'default') - Number(a.destination === 'default'));
  return routes
    .flatMap(({ nextHops }) => nextHops.flatMap(({ ifindex }) => names.get(ifindex ?? 0) ?? []))
    .find((name) => !own.has(name));
}

function withinPacket(lab: Lab, link: string): Packet {
  const addresses = lab.links.flatMap((each) => endsOf(each)).flatMap((end) => end.addresses);
  const address = addresses.find((each) => !each.address.includes(':'))?.address ?? SOMEBODY.ip;
  return newPacket({
    family: 'ip',
    protocol: 'tcp',
    source: address,
    destination: address,
    sport: SOME_PORT,
    dport: SOME_PORT,
    iif: link,
    oif: link,
    ports: { in: null, out: null },
  });
}

/** Of the node, those that lead to the lab's others. */
function facingLinks(lab: Lab, { node }: Sight): readonly string[] {
  const bridges = lab.nodes.filter((each) => each.kind === 'bridge').filter((each) => each.in === node.name);
  const ends = lab.links.flatMap((link) => endsOf(link)).filter((end) => end.node === node.name);
  return [...new Set([...bridges.map(({ name }) => name), ...ends.map(({ link }) => link)])];
}

/** Docker's own chain, and its chain for others' rules, which it asks first; of nftables, where we can add to it. */
function hasDockerUser(by: Decider, ruleset: Ruleset): boolean {
  return (by.family === 'ip' || by.family === 'ip6') && asksDockerUser(by, ruleset);
}

function asksDockerUser(by: Decider, { tables }: Ruleset): boolean {
  if (by.table !== DOCKERS.table || by.base.chain !== DOCKERS.chain) return false;
  const rules = tables.find((table) => isOf(table, by))?.rules.get(DOCKERS.chain) ?? [];
  return rules.some(({ expressions }) => expressions.some((each) => isJumpTo(each, DOCKERS.own)));
}

function isOf({ family, name, isLegacy }: FirewallTable, by: Decider): boolean {
  return (isLegacy ? `legacy ${family}` : family) === by.family && name === by.table;
}

function isMarked(rule: NftRule, mark: string): boolean {
  return rule.table === DOCKERS.table && rule.chain === DOCKERS.own && ruleComment(rule) === mark;
}

/** The lab, or docker, does not need them any more. */
function staleStep({ at }: Sight, rules: readonly NftRule[]): PlannedStep {
  const messages = rules.map(({ family, table, chain, handle }) => deleteRule(family, table, chain, handle));
  const what = `rules removed from ${DOCKERS.own}`;
  return step({ op: 'nft', at, messages }, what, 'the lab needs them no more', { isRight: false });
}

function withoutMarked(table: FirewallTable): FirewallTable {
  const rules = new Map(table.rules);
  const own = rules.get(DOCKERS.own);
  if (table.isLegacy || table.name !== DOCKERS.table || own === undefined) return table;
  rules.set(
    DOCKERS.own,
    own.filter((rule) => ruleComment(rule)?.startsWith(labMark('')) !== true),
  );
  return { ...table, rules };
}

function isIn(
  rule: NftRule,
  { family, table, chain }: { readonly family: NftFamily; readonly table: string; readonly chain: string },
): boolean {
  return rule.family === family && rule.table === table && rule.chain === chain;
}

function isJumpTo(expression: Expression, chain: string): boolean {
  if (expression.kind !== 'immediate' || !('verdict' in expression.data)) return false;
  const { verdict } = expression.data;
  return 'chain' in verdict && verdict.chain === chain;
}

interface DockerWish {
  readonly family: NftFamily;
  readonly links: readonly string[];
  readonly isRouted: boolean;
}

function dockerSteps(
  { lab, standing }: LabQuestion,
  { at, node }: Sight,
  rules: readonly NftRule[],
  { family, links, isRouted }: DockerWish,
): readonly PlannedStep[] {
  const place = { family, table: DOCKERS.table, chain: DOCKERS.own };
  const mark = labMark(lab.name);
  const wanted = links.flatMap((link) => (isRouted ? xtables.passOn(link, mark) : [xtables.passWithin(link, mark)]));
  const found = rules.filter((rule) => isIn(rule, place) && ruleComment(rule) === mark);
  const isSame =
    found.length === wanted.length &&
    found.every(({ expressions }, index) => isSameRule(expressions, wanted[index] ?? []));
  const isJournalled = standing?.undo.some((each) => each.op === 'nft rules' && each.family === family) === true;
  const messages: readonly NftMessage[] = [
    ...found.map(({ handle }) => deleteRule(family, place.table, place.chain, handle)),
    // Each goes before those that are there.
    ...wanted.toReversed().map((expressions) => newRule({ ...place, expressions, comment: null }, true)),
  ];
  const where = node.kind === 'host' ? '' : ` in ${node.name}`;
  const name = family === 'ip6' ? 'ip6tables' : 'iptables';
  const rulesText = wanted.length === 1 ? 'rule' : 'rules';
  const reason = isRouted
    ? "docker's FORWARD drops what it was not told of, and no accept of our own would help"
    : "bridge-nf-call-iptables is on: docker's FORWARD drops also what only crosses the bridge";
  return [
    step(
      { op: 'nft', at, messages },
      `${wanted.length} ${rulesText} in ${name}' ${DOCKERS.own} for ${links.join(', ')}${where}`,
      reason,
      {
        isRight: isSame && isJournalled,
        undo: isJournalled ? null : { op: 'nft rules', ...place, mark, network: 0n, door: at },
      },
    ),
  ];
}
