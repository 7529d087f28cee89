// What a namespace's firewall does with a packet at a hook.

import type { NftRule } from '../../kernel/nftables/objects.ts';
import { hookName, isNatStop, stopsAt, type HookedChain } from './hooks.ts';
import type { Place } from './meta.ts';
import type { Hook, Packet } from './packet.ts';
import { tryRule, type Way } from './rule.ts';
import { ruleText } from './rule-text.ts';
import type { FirewallTable, Ruleset } from './ruleset.ts';
import { keyOf, stateOf, type State } from './state.ts';
import type { Decider, Decision, Outcome, Verdict } from './verdict.ts';

/**
 * All base chains of the hook, in the order of their priorities, whatever table and family they are of: an accept ends one
 * of them, a drop all.
 */
export function judge(ruleset: Ruleset, hook: Hook, packet: Packet): Verdict {
  const trial: Trial = { ruleset, hook, asked: packet, doubts: new Map(), dropped: new Map(), left: MAX_RULES };
  let passing: readonly Passing[] = [{ state: stateOf(asSeenAt(hook, packet)), by: null }];
  for (const stop of stopsAt(ruleset, hook, packet)) {
    for (const hooked of stop) passing = passing.flatMap((one) => throughChain(trial, stop, hooked, one));
    passing = distinct(trial, passing);
  }
  const accepted = passing.map(({ state, by }) => outcome('accept', state, by, packet));
  return verdictOf(trial, accepted);
}

/** A rule set that loops, or fans out, is not walked for ever. */
const MAX_RULES = 200_000;
const MAX_WAYS = 64;
/** The kernel refuses deeper ones. Source: NFT_JUMP_STACK_SIZE. */
const MAX_JUMPS = 16;

interface Passing {
  readonly state: State;
  readonly by: Decider | null;
}

interface Trial {
  readonly ruleset: Ruleset;
  readonly hook: Hook;
  /** Why, by who. */
  readonly doubts: Map<Decider, Set<string>>;
  /** As it was asked of. */
  readonly asked: Packet;
  /** One for each that drops: it may do so to many ways. */
  readonly dropped: Map<Decider, Outcome>;
  /** How many rules may still be asked. */
  left: number;
}

/** At some hooks an interface is not known yet, or not any more. */
function asSeenAt(hook: Hook, packet: Packet): Packet {
  const word = hook.replace('bridge ', '');
  if (word === 'output') return { ...packet, iif: null };
  return word === 'forward' || word === 'postrouting' || word === 'egress' ? packet : { ...packet, oif: null };
}

/** With the interfaces that it came with. */
function outcome(verdict: Decision, { packet, mark, ctMark, nat }: State, by: Decider | null, asked: Packet): Outcome {
  const { iif, oif } = asked;
  return { verdict, by, nat, packet: { ...packet, iif, oif, mark: numberOf(mark), ctMark: numberOf(ctMark) } };
}

function numberOf({ bytes, known }: State['mark']): number | null {
  return known.every((byte) => byte === 0xff) ? bytes.reduceRight((number, byte) => number * 256 + byte, 0) : null;
}

const ORDER: Readonly<Record<Decision, number>> = { drop: 0, reject: 1, accept: 2 };

function verdictOf(trial: Trial, accepted: readonly Outcome[]): Verdict {
  const { gaps } = trial.ruleset;
  const all = [...trial.dropped.values(), ...accepted].toSorted((a, b) => ORDER[a.verdict] - ORDER[b.verdict]);
  const [worst, ...others] = all;
  const isSame = new Set(all.map(({ verdict }) => verdict === 'accept')).size === 1 && trial.left > 0;
  const first = worst ?? outcome('accept', stateOf(trial.asked), null, trial.asked);
  // What could not be read may drop what the rest accepts.
  const unread = first.verdict === 'accept' ? gaps.map(({ what }) => ({ why: `not read: ${what}`, by: null })) : [];
  const met = [...trial.doubts].flatMap(([by, whys]) => [...whys].map((why) => ({ why, by })));
  const doubts = isSame ? unread : [...met, ...unread];
  return { ...first, certain: isSame && unread.length === 0, others, doubts };
}

function distinct(trial: Trial, passing: readonly Passing[]): readonly Passing[] {
  if (passing.length < 2) return passing;
  const different = [...new Map(passing.map((one) => [keyOf(one.state), one])).values()];
  if (different.length > MAX_WAYS) trial.left = 0;
  return different.slice(0, MAX_WAYS);
}

/** One base chain. What it drops is noted, what it lets pass comes back. */
function throughChain(
  trial: Trial,
  stop: readonly HookedChain[],
  hooked: HookedChain,
  one: Passing,
): readonly Passing[] {
  const { state } = one;
  // Only a connection's first packet is asked, until one says what becomes of it.
  const isDone = isNatStop(stop) && (state.packet.ctState !== 'new' || state.nat !== null);
  if (isDone) return [one];
  const { ruleset, hook } = trial;
  const place: Place = { ruleset, hook, priority: isNatStop(stop) ? CONNTRACK_DONE : hooked.base.priority };
  const course: Course = { trial, place, hooked, passing: [], deciders: new Map() };
  const ended = alongChain(course, hooked.chain.name, [state], 0);
  for (const rest of ended) settle(course, hooked.base.policy, rest, policyDecider(hooked));
  return course.passing;
}

/** NAT is asked after the connection was looked for, whatever its chains' priority. */
const CONNTRACK_DONE = 0;

interface Course {
  readonly trial: Trial;
  readonly place: Place;
  readonly hooked: HookedChain;
  readonly passing: Passing[];
  readonly deciders: Map<NftRule, Decider>;
}

function settle(
  { trial, passing }: Course,
  verdict: 'accept' | 'drop' | 'reject' | 'queue',
  state: State,
  by: Decider,
): void {
  if (verdict === 'accept' || verdict === 'queue') passing.push({ state, by });
  if (verdict === 'queue') doubt(trial, 'a program decides', by);
  if (verdict !== 'accept') {
    const decision = verdict === 'reject' ? 'reject' : 'drop';
    if (!trial.dropped.has(by)) trial.dropped.set(by, outcome(decision, state, by, trial.asked));
  }
}

function doubt({ doubts }: Trial, why: string, by: Decider): void {
  const known = doubts.get(by);
  if (known === undefined) doubts.set(by, new Set([why]));
  else known.add(why);
}

/** Those that come to its end, or return. */
function alongChain(course: Course, name: string, entering: readonly State[], depth: number): readonly State[] {
  const { trial, hooked } = course;
  const rules = hooked.table.rules.get(name) ?? [];
  const returned: State[] = [];
  let states = entering;
  for (const rule of rules) {
    if (states.length === 0) break;
    const next: State[] = [];
    for (const state of states) {
      trial.left -= 1;
      if (trial.left <= 0) return [...returned, ...states];
      const by = (): Decider => deciderOf(course, rule);
      const { ways, doubts } = tryRule(course.place, hooked.table, rule, state, by);
      if (ways.some(({ effect }) => effect !== null)) {
        for (const why of doubts) doubt(trial, why, by());
      }
      for (const way of ways) follow(course, way, by, depth, { next, returned });
    }
    states = distinctStates(trial, next);
  }
  return distinctStates(trial, [...returned, ...states]);
}

function distinctStates(trial: Trial, states: readonly State[]): readonly State[] {
  if (states.length < 2) return states;
  return distinct(
    trial,
    states.map((state) => ({ state, by: null })),
  ).map(({ state }) => state);
}

function follow(
  course: Course,
  { effect, state }: Way,
  by: () => Decider,
  depth: number,
  { next, returned }: { readonly next: State[]; readonly returned: State[] },
): void {
  if (effect === null) next.push(state);
  else if (effect.code === 'return') returned.push(state);
  else if (!('chain' in effect)) settle(course, effect.code, state, by());
  else {
    if (depth >= MAX_JUMPS) course.trial.left = 0;
    const back = depth >= MAX_JUMPS ? [state] : alongChain(course, effect.chain, [state], depth + 1);
    // From where goto led nobody comes back here.
    (effect.code === 'jump' ? next : returned).push(...back);
  }
}

function baseOf({ table, chain, base }: HookedChain): Decider['base'] {
  return { chain: chain.name, hook: hookName(table, base), priority: base.priority };
}

function policyDecider(hooked: HookedChain): Decider {
  const { table, chain, base } = hooked;
  return {
    family: familyText(table),
    table: table.name,
    chain: chain.name,
    handle: null,
    text: `policy ${base.policy}`,
    isPolicy: true,
    base: baseOf(hooked),
    counters: base.counters,
  };
}

/** Made once a rule: its text may be long. */
function deciderOf({ trial, hooked, deciders }: Course, rule: NftRule): Decider {
  const decider = deciders.get(rule) ?? ruleDecider(trial.ruleset, hooked, rule);
  deciders.set(rule, decider);
  return decider;
}

function ruleDecider({ links }: Ruleset, hooked: HookedChain, rule: NftRule): Decider {
  const { table } = hooked;
  const counter = rule.expressions.find(({ kind }) => kind === 'counter');
  return {
    family: familyText(table),
    table: table.name,
    chain: rule.chain,
    handle: rule.handle,
    text: ruleText(rule, table, namesOf(links)),
    isPolicy: false,
    base: baseOf(hooked),
    counters: counter?.kind === 'counter' ? { packets: counter.packets, bytes: counter.bytes } : null,
  };
}

function namesOf(links: Ruleset['links']): ReadonlyMap<number, string> {
  return new Map(links.map(({ ifindex, name }) => [ifindex, name]));
}

function familyText({ family, isLegacy }: FirewallTable): Decider['family'] {
  return isLegacy && (family === 'ip' || family === 'ip6') ? `legacy ${family}` : family;
}
