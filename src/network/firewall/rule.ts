// What one rule does with a packet: each way that it can go.

import type { Expression, NftVerdict } from '../../kernel/nftables/expression.ts';
import type { NftRule } from '../../kernel/nftables/objects.ts';
import { decodeXtMatch, type XtFamily, type XtMatch } from '../../kernel/xtables/match.ts';
import { decodeXtTarget, type XtEffect } from '../../kernel/xtables/target.ts';
import { memo } from '../../kernel/memo.ts';
import { addressType } from './address-type.ts';
import {
  both,
  choiceOf,
  equals,
  isLess,
  isWithin,
  knownBytes,
  masked,
  not,
  unknownBytes,
  type Answer,
  type Bits,
} from './bits.ts';
import { connectionBits } from './connection.ts';
import { headerBits } from './headers.ts';
import { linkNamed, metaBits, nameBits, type Place } from './meta.ts';
import { freshRegisters, read, write, type Registers } from './registers.ts';
import { routeInterface } from './route-interface.ts';
import type { FirewallTable, Ruleset } from './ruleset.ts';
import { answerOf, find } from './set-lookup.ts';
import { be16, u32, type State } from './state.ts';
import { translate, type Wanted } from './translation.ts';
import type { Decider } from './verdict.ts';
import { xtAnswer } from './xt-answer.ts';

export type RuleEffect =
  | { readonly code: 'accept' | 'drop' | 'reject' | 'queue' | 'return' }
  | {
      readonly code: 'jump' | 'goto';
      readonly chain: string;
    };

/** `effect` null: the next rule is asked. */
export interface Way {
  readonly effect: RuleEffect | null;
  readonly state: State;
}

export interface Ways {
  readonly ways: readonly Way[];
  /** Why there are several. */
  readonly doubts: readonly string[];
}

/** A rule under way. */
interface Course {
  readonly place: Place;
  readonly table: FirewallTable;
  readonly by: () => Decider;
  readonly registers: Registers;
  state: State;
  readonly ways: Way[];
  readonly doubts: string[];
  /** What was read last: what is then compared. */
  read: string;
}

/** What became of one instruction: it holds, does not, or may; or the rule is at its end. */
type Step = Answer | { readonly end: readonly (RuleEffect | null)[] };

export function tryRule(place: Place, table: FirewallTable, rule: NftRule, state: State, by: () => Decider): Ways {
  const course: Course = { place, table, by, registers: freshRegisters(), state, ways: [], doubts: [], read: '' };
  for (const expression of rule.expressions) {
    course.read = sourceName(expression) ?? course.read;
    const step = take(course, expression);
    if (step === true) continue;
    if (step === null) {
      course.doubts.push(nameOf(course, expression));
      course.ways.push({ effect: null, state: course.state });
      continue;
    }
    const ends = step === false ? [null] : step.end;
    course.ways.push(...ends.map((effect) => ({ effect, state: course.state })));
    return course;
  }
  course.ways.push({ effect: null, state: course.state });
  return course;
}

/** What a doubt is called. */
function nameOf({ read }: Course, expression: Expression): string {
  if (expression.kind === 'match' || expression.kind === 'target') return expression.name;
  if (expression.kind === 'unknown') return expression.unknown;
  return COMPARING.has(expression.kind) ? read : expression.kind;
}

const COMPARING: ReadonlySet<string> = new Set(['cmp', 'range', 'lookup']);

/** Undefined: it reads nothing of the packet. */
function sourceName(expression: Expression): string | undefined {
  const { kind } = expression;
  if (kind === 'meta' || kind === 'ct') return `${kind} ${expression.key}`;
  if (kind === 'exthdr') return `${expression.header} option`;
  if (kind === 'fib') return `fib ${expression.flags.join(' . ')} ${expression.result}`;
  if (kind === 'payload') return headerName(expression.base, expression.offset);
  return kind === 'numgen' || kind === 'hash' ? kind : undefined;
}

function headerName(base: string, offset: number): string {
  return (base === 'transport' ? PORT_NAMES[offset] : undefined) ?? `${base} header`;
}

const PORT_NAMES: Readonly<Record<number, string>> = { 0: 'source port', 2: 'destination port' };

function take(course: Course, expression: Expression): Step {
  const { place, registers, state } = course;
  switch (expression.kind) {
    case 'immediate':
      return immediate(course, expression);
    case 'bitwise':
      return bitwise(registers, expression);
    case 'byteorder':
      return byteorder(registers, expression);
    case 'cmp':
      return compare(read(registers, expression.sreg, expression.data.length), expression);
    case 'range': {
      const inside = isWithin(read(registers, expression.sreg, expression.from.length), expression.from, expression.to);
      return expression.op === 'eq' ? inside : not(inside);
    }
    case 'lookup':
      return lookup(course, expression);
    case 'dynset':
      return expression.expressions.some(({ kind }) => MAY_END.has(kind)) ? null : !expression.inverted;
    case 'payload':
      return payload(course, expression);
    case 'exthdr':
      return extensionHeader(course, expression);
    case 'meta':
      if (expression.sreg !== null) return setMeta(course, expression.key, expression.sreg);
      return load(registers, expression.dreg, metaBits(place, state, expression.key, META_LENGTH));
    case 'ct':
      return connection(course, expression);
    case 'fib':
      return fib(course, expression);
    case 'rt':
    case 'socket':
      write(registers, expression.dreg, unknownBytes(4));
      return null;
    case 'numgen':
    case 'hash':
      write(registers, expression.dreg, oneOf(expression.modulus, expression.offset));
      return true;
    case 'limit':
    case 'connlimit':
    case 'quota':
      return null;
    case 'objref':
      return objectReference(course, expression);
    case 'counter':
    case 'last':
    case 'log':
      return true;
    case 'queue':
      return { end: [{ code: 'queue' }] };
    case 'reject':
      return { end: [{ code: 'reject' }] };
    case 'nat':
      return nat(course, expression);
    case 'masquerade':
    case 'redirect': {
      const port = spanBits(registers, expression.port, expression.portEnd, 2);
      return translated(course, { kind: expression.kind, address: null, port });
    }
    case 'notrack':
      course.state = { ...state, packet: { ...state.packet, ctState: 'untracked' } };
      return true;
    case 'match':
      return match(course, expression.name, expression.revision, expression.info);
    case 'target':
      return target(course, expression.name, expression.revision, expression.info);
    case 'unknown':
      return unknown(course, expression.unknown);
  }
}

type Of<Kind extends Expression['kind']> = Extract<Expression, { readonly kind: Kind }>;

/** Longer than anything that is asked of: who compares takes what it needs. */
const META_LENGTH = 16;

/** Instructions that hold until something is used up. */
const MAY_END: ReadonlySet<string> = new Set(['limit', 'quota', 'connlimit', 'unknown']);

/** Null ends the rule. */
function load(registers: Registers, dreg: number | null, bits: Bits | null): Step {
  if (bits === null) return false;
  if (dreg !== null) write(registers, dreg, bits);
  return true;
}

function immediate({ registers }: Course, { dreg, data }: Of<'immediate'>): Step {
  if ('verdict' in data) return verdictStep(data.verdict);
  write(registers, dreg, knownBytes(data.bytes));
  return true;
}

function verdictStep(verdict: NftVerdict): Step {
  if ('chain' in verdict) return { end: [verdict] };
  const { code } = verdict;
  if (code === 'continue') return true;
  if (code === 'break') return false;
  if (code === 'stolen') return { end: [{ code: 'queue' }] };
  return { end: [{ code }] };
}

function bitwise(registers: Registers, expression: Of<'bitwise'>): Step {
  const { op, sreg, dreg, length, mask, xor, shift, sreg2 } = expression;
  const value = read(registers, sreg, length);
  write(registers, dreg, op === 'mask' ? masked(value, mask, xor) : computed(value));
  return true;

  function computed({ bytes, known }: Bits): Bits {
    if ((op === 'lshift' || op === 'rshift') && length === 4) {
      const shifted = (number: number): number => (op === 'lshift' ? number << shift : number >>> shift);
      const filled = ~shifted(0xffff_ffff) >>> 0;
      return { bytes: u32(shifted(numberIn(bytes))), known: u32(shifted(numberIn(known)) | filled) };
    }
    if (sreg2 === null) return unknownBytes(length);
    const other = read(registers, sreg2, length);
    const both = known.map((bits, at) => bits & (other.known[at] ?? 0));
    const of = (byte: number, its: number): number =>
      op === 'and' ? byte & its : op === 'or' ? byte | its : byte ^ its;
    return { bytes: bytes.map((byte, at) => of(byte, other.bytes[at] ?? 0) & (both[at] ?? 0)), known: both };
  }
}

/** In the machine's order. */
function numberIn(bytes: Uint8Array): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0);
}

/** The machine's order is the other one. */
function byteorder(registers: Registers, { sreg, dreg, length, size }: Of<'byteorder'>): Step {
  const turned = (bytes: Uint8Array): Uint8Array => {
    const out = Uint8Array.from(bytes);
    const count = size > 1 ? Math.floor(length / size) : 0;
    for (let each = 0; each < count; each += 1) {
      out.set(bytes.slice(each * size, (each + 1) * size).toReversed(), each * size);
    }
    return out;
  };
  const { bytes, known, choices } = read(registers, sreg, length);
  const result = { bytes: turned(bytes), known: turned(known) };
  write(registers, dreg, choices === undefined ? result : choiceOf(choices.map(turned)));
  return true;
}

function compare(value: Bits, { op, data }: Of<'cmp'>): Answer {
  switch (op) {
    case 'eq':
      return equals(value, data);
    case 'neq':
      return not(equals(value, data));
    case 'lt':
      return isLess(value, data, false);
    case 'lte':
      return isLess(value, data, true);
    case 'gt':
      return not(isLess(value, data, true));
    case 'gte':
      return not(isLess(value, data, false));
  }
}

function lookup(course: Course, { set: name, sreg, dreg, inverted }: Of<'lookup'>): Step {
  const set = course.table.sets.get(name);
  if (set === undefined) return null;
  const found = find(set, read(course.registers, sreg, set.keyLength));
  if (dreg === null) return inverted ? not(answerOf(found)) : answerOf(found);
  if (found.elements.length === 0 && found.mayMiss) return false;
  if (set.elements === null) {
    if (dreg === 0) return { end: anything(course, `@${name}`) };
    write(course.registers, dreg, unknownBytes(set.dataLength ?? 4));
    return null;
  }
  if (dreg !== 0) {
    const data = found.elements.flatMap((element) =>
      element.data !== null && 'bytes' in element.data ? [element.data.bytes] : [],
    );
    write(course.registers, dreg, data.length === 0 ? unknownBytes(set.dataLength ?? 4) : choiceOf(data));
    return answerOf(found) ?? null;
  }
  const verdicts = found.elements.flatMap(({ data }) => (data !== null && 'verdict' in data ? [data.verdict] : []));
  const ends = verdicts.flatMap((verdict): readonly (RuleEffect | null)[] => {
    const step = verdictStep(verdict);
    return step !== null && typeof step === 'object' ? step.end : [null];
  });
  if (found.mayMiss) ends.push(null);
  if (ends.length > 1) course.doubts.push(`@${name}`);
  return { end: distinct(ends) };
}

function distinct(ends: readonly (RuleEffect | null)[]): readonly (RuleEffect | null)[] {
  return [...new Map(ends.map((end) => [JSON.stringify(end), end])).values()];
}

function anything(course: Course, why: string): readonly (RuleEffect | null)[] {
  course.doubts.push(why);
  return [null, { code: 'accept' }, { code: 'drop' }];
}

const ADDRESS_OFFSETS = {
  ip: { source: 12, destination: 16, length: 4 },
  ip6: { source: 8, destination: 24, length: 16 },
};

function payload(course: Course, { dreg, sreg, base, offset, length }: Of<'payload'>): Step {
  const { registers, state } = course;
  if (sreg === null) return load(registers, dreg, headerBits(state, base, offset, length));
  const { family } = state.packet;
  if (family === 'arp') return true;
  const addresses = ADDRESS_OFFSETS[family];
  const value = read(registers, sreg, length);
  // A change of address without a connection; of the rest of the headers nothing asks afterwards.
  const unknown = new Set(state.unknown);
  if (base === 'network' && offset <= addresses.source && offset + length > addresses.source) unknown.add('source');
  if (base === 'network' && offset + length > addresses.destination) unknown.add('destination');
  if (base === 'transport' && offset === 0) unknown.add('sport');
  if (base === 'transport' && offset + length > 2 && offset <= 2) unknown.add('dport');
  const isSame =
    unknown.size === state.unknown.size ||
    equals(headerBits(state, base, offset, length) ?? value, value.bytes) === true;
  if (!isSame) course.state = { ...state, unknown };
  return true;
}

/** Of IP there are none, TCP's options are not known. */
function extensionHeader({ registers }: Course, { dreg, header, length, present }: Of<'exthdr'>): Step {
  if (dreg === null) return null;
  if (header !== 'tcp') return present ? load(registers, dreg, knownBytes(Uint8Array.of(0))) : false;
  write(registers, dreg, unknownBytes(present ? 1 : length));
  return present ? true : null;
}

function setMeta(course: Course, key: string, sreg: number): Step {
  if (key === 'mark') course.state = { ...course.state, mark: read(course.registers, sreg, 4) };
  return true;
}

function connection(course: Course, { dreg, sreg, key, direction }: Of<'ct'>): Step {
  const { place, registers, state } = course;
  if (sreg === null) return load(registers, dreg, connectionBits(place, state, key, direction, META_LENGTH));
  if (key === 'mark') course.state = { ...state, ctMark: read(registers, sreg, 4) };
  return true;
}

function fib({ place, registers, state }: Course, { dreg, result, flags }: Of<'fib'>): Step {
  const { packet } = state;
  const end = flags.includes('saddr') ? 'source' : 'destination';
  const name = flags.includes('iif') ? packet.iif : flags.includes('oif') ? packet.oif : null;
  const ifindex = name === null ? null : (linkNamed(place.ruleset, name)?.ifindex ?? null);
  if (state.unknown.has(end)) write(registers, dreg, unknownBytes(META_LENGTH));
  else if (result === 'type') write(registers, dreg, addressType(place.ruleset, packet[end], ifindex));
  else write(registers, dreg, interfaceBits(place.ruleset, packet[end], ifindex, result, flags.includes('present')));
  return true;
}

function interfaceBits(ruleset: Ruleset, address: string, only: number | null, result: string, present: boolean): Bits {
  const found = routeInterface(ruleset, address, only);
  if (found === null) return unknownBytes(present ? 1 : META_LENGTH);
  if (present) return knownBytes(Uint8Array.of(found === 0 ? 0 : 1));
  if (result === 'oif') return knownBytes(u32(found));
  return nameBits(ruleset.links.find(({ ifindex }) => ifindex === found)?.name ?? '');
}

const MAX_CHOICES = 256;

function oneOf(modulus: number, offset: number): Bits {
  if (modulus === 0 || modulus > MAX_CHOICES) return unknownBytes(4);
  return choiceOf(Array.from({ length: modulus }, (_, at) => u32(at + offset)));
}

/** NFT_OBJECT_QUOTA, LIMIT, CONNLIMIT, SYNPROXY: others let go on. */
const ENDING_OBJECTS: ReadonlySet<number> = new Set([2, 4, 5, 10]);

function objectReference({ table }: Course, { type, name }: Of<'objref'>): Step {
  if (name !== null) return ENDING_OBJECTS.has(type) ? null : true;
  return table.objects.some((object) => ENDING_OBJECTS.has(object.type)) ? null : true;
}

function nat(course: Course, expression: Of<'nat'>): Step {
  const { registers, state } = course;
  const { family, type, address, addressEnd, port, portEnd, flags } = expression;
  if (family !== 'inet' && family !== state.packet.family) return true;
  const length = state.packet.family === 'ip6' ? 16 : 4;
  const isPrefix = (flags & NF_NAT_RANGE_NETMAP) !== 0;
  const wanted = spanBits(registers, address, addressEnd, length);
  return translated(course, {
    kind: type,
    address: isPrefix ? unknownBytes(length) : wanted,
    port: spanBits(registers, port, portEnd, 2),
  });
}

const NF_NAT_RANGE_NETMAP = 0x40;

/** From one register to another: unless both are the same, one of several. */
function spanBits(registers: Registers, first: number | null, last: number | null, length: number): Bits | null {
  if (first === null) return null;
  const from = read(registers, first, length);
  if (last === null || last === first) return from;
  return equals(from, read(registers, last, length).bytes) === true ? from : unknownBytes(length);
}

function translated(course: Course, wanted: Wanted): Step {
  course.state = translate(course.place, course.state, wanted, course.by());
  return { end: [{ code: 'accept' }] };
}

function xtFamily({ state }: Course): XtFamily {
  return state.packet.family === 'ip6' ? 'ip6' : 'ip';
}

const decoded = memo<XtMatch>();

function match(course: Course, name: string, revision: number, info: Uint8Array): Answer {
  const family = xtFamily(course);
  const { tests } = decoded(info, `${name} ${revision} ${family}`, () => decodeXtMatch(name, revision, info, family));
  return both(true, ...tests.map((test) => xtAnswer(course.place, course.state, test)));
}

function target(course: Course, name: string, revision: number, info: Uint8Array): Step {
  const { effect } = decodeXtTarget(name, revision, info, xtFamily(course));
  const { state } = course;
  switch (effect.kind) {
    case 'continue':
      return true;
    case 'accept':
    case 'reject':
    case 'queue':
      return { end: [{ code: effect.kind }] };
    case 'dnat':
    case 'snat':
    case 'masquerade':
    case 'redirect':
      return translated(course, wantedOf(effect));
    case 'mark': {
      const key = effect.of === 'packet' ? 'mark' : 'ctMark';
      course.state = { ...state, [key]: masked(state[key], u32(~effect.mask), u32(effect.value)) };
      return true;
    }
    case 'restore mark':
      course.state = { ...state, mark: merged(state.mark, effect.nfMask, state.ctMark, effect.ctMask) };
      return true;
    case 'save mark':
      course.state = { ...state, ctMark: merged(state.ctMark, effect.ctMask, state.mark, effect.nfMask) };
      return true;
    case 'untrack':
      course.state = { ...state, packet: { ...state.packet, ctState: 'untracked' } };
      return true;
    case 'unknown':
      return { end: anything(course, name) };
  }
}

/** (old & ~oldMask) ^ (other & otherMask) */
function merged(old: Bits, oldMask: number, other: Bits, otherMask: number): Bits {
  const zero = new Uint8Array(4);
  const [kept, added] = [masked(old, u32(~oldMask), zero), masked(other, u32(otherMask), zero)];
  const known = kept.known.map((bits, at) => bits & (added.known[at] ?? 0));
  return { bytes: kept.bytes.map((byte, at) => (byte ^ (added.bytes[at] ?? 0)) & (known[at] ?? 0)), known };
}

function wantedOf(effect: Extract<XtEffect, { readonly isRandom: boolean }>): Wanted {
  const { kind, addresses, ports, isRandom } = effect;
  const isOne = addresses !== null && equals(knownBytes(addresses.from), addresses.to) === true;
  const address = addresses === null ? null : isOne ? knownBytes(addresses.from) : unknownBytes(addresses.from.length);
  const isOnePort = ports !== null && ports.first === ports.last && !isRandom;
  return { kind, address, port: ports === null ? null : isOnePort ? knownBytes(be16(ports.first)) : unknownBytes(2) };
}

/** Instructions that let the packet go on, whatever they do. */
const HARMLESS: ReadonlySet<string> = new Set(['dup', 'flow_offload', 'secmark', 'ct_helper', 'ct_timeout']);
/** Those that load something, which then is not known. */
const LOADING: ReadonlySet<string> = new Set(['osf', 'xfrm', 'tunnel', 'inner']);

function unknown(course: Course, name: string): Step {
  if (HARMLESS.has(name)) return true;
  return LOADING.has(name) ? null : { end: anything(course, name) };
}
