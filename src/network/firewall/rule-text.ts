// A rule as `nft list ruleset` has it; what is of iptables as iptables-save(8) has that.

import type { CompareOperation, Expression } from '../../kernel/nftables/expression.ts';
import type { NftRule } from '../../kernel/nftables/objects.ts';
import { decodeXtMatch, type XtFamily } from '../../kernel/xtables/match.ts';
import { decodeXtTarget } from '../../kernel/xtables/target.ts';
import {
  connectionField,
  extensionField,
  metaField,
  otherField,
  payloadField,
  type Field,
  type Known,
} from './field-names.ts';
import { limitText, logText, natText, queueText, quotaText, rejectText } from './statement-text.ts';
import type { FirewallTable } from './ruleset.ts';
import { setText, verdictText } from './set-text.ts';
import { hasBits, isHostOrder, prefixOf, valueText, type LinkNames, type ValueType } from './value-text.ts';

/** What a register has. */
type Held =
  | {
      readonly field: Field;
      /** Only these bits of it. */
      readonly mask: Uint8Array | null;
      /** It was turned from the machine's order into that of the network. */
      readonly turned: boolean;
    }
  | { readonly bytes: Uint8Array }
  | { readonly text: string };

interface Writing {
  readonly table: FirewallTable;
  readonly links: LinkNames;
  /** By where a register begins, in words of 4 bytes. */
  readonly held: Map<number, Held>;
  known: Known;
  readonly words: string[];
  /** Where what was said only for what follows stands among the words. */
  readonly implied: Map<keyof Known, number>;
  /** A range may be two comparisons. */
  least: { readonly held: Held; readonly from: Uint8Array; readonly at: number } | null;
}

const FAMILIES: Readonly<Record<string, string>> = { ip: 'ip', ip6: 'ip6', arp: 'arp' };

export function ruleText(rule: NftRule, table: FirewallTable, links: LinkNames): string {
  if (rule.saved !== undefined) return rule.saved;
  const network = FAMILIES[table.family] ?? null;
  const known = { link: null, network, transport: null };
  const writing: Writing = { table, links, held: new Map(), known, words: [], implied: new Map(), least: null };
  for (const expression of rule.expressions) writing.words.push(write(writing, expression));
  if (rule.comment !== null) writing.words.push(`comment "${rule.comment}"`);
  return writing.words.filter((word) => word !== '').join(' ');
}

/** Where a register begins. Source: nft_parse_register(). */
function wordOf(register: number): number {
  return register < 8 ? 4 * (register - 1) : register - 8;
}

function hold(writing: Writing, register: number | null, held: Held): string {
  if (register !== null) writing.held.set(wordOf(register), held);
  return '';
}

function holdField(writing: Writing, register: number | null, field: Field): string {
  if (field.needs !== null) forget(writing, field.needs);
  return hold(writing, register, { field, mask: null, turned: false });
}

const NETWORKS: ReadonlySet<string> = new Set(['ip', 'ip6', 'arp']);

/** What was said before says this again. */
function forget(writing: Writing, need: string): void {
  const { implied, words, known } = writing;
  const base = need === 'ether' ? 'link' : NETWORKS.has(need) ? 'network' : 'transport';
  const at = implied.get(base);
  if (at !== undefined && known[base] === need) {
    words[at] = '';
    implied.delete(base);
  }
  const network = need === 'icmp' ? 'ip' : need === 'icmpv6' ? 'ip6' : undefined;
  if (network !== undefined) forget(writing, network);
}

function write(writing: Writing, expression: Expression): string {
  switch (expression.kind) {
    case 'immediate':
      if ('verdict' in expression.data) return verdictText(expression.data.verdict);
      return hold(writing, expression.dreg, { bytes: expression.data.bytes });
    case 'bitwise':
      return bitwise(writing, expression);
    case 'byteorder':
      return byteorder(writing, expression);
    case 'cmp':
      return compare(writing, expression);
    case 'range':
      return range(writing, expression);
    case 'lookup':
      return lookup(writing, expression);
    case 'dynset':
      return dynset(writing, expression);
    case 'payload':
    case 'exthdr':
    case 'meta':
    case 'ct':
      return readOrSet(writing, expression);
    case 'fib':
    case 'rt':
    case 'socket':
    case 'numgen':
    case 'hash':
      return holdField(writing, expression.dreg, computedField(writing, expression));
    case 'limit':
      return limitText(expression);
    case 'connlimit':
      return `ct count ${expression.over ? 'over ' : ''}${expression.count}`;
    case 'quota':
      return quotaText(expression);
    case 'counter':
      return `counter packets ${expression.packets} bytes ${expression.bytes}`;
    case 'last':
      return expression.before === null ? 'last used never' : `last used ${expression.before}ms`;
    case 'log':
      return logText(expression);
    case 'queue':
      return queueText(expression);
    case 'reject':
      if (expression.type === 'icmp') forget(writing, writing.known.network ?? '');
      return rejectText(expression, writing.table.family);
    case 'nat':
    case 'masquerade':
    case 'redirect':
      return translation(writing, expression);
    case 'objref':
      return objectText(writing, expression);
    case 'notrack':
      return 'notrack';
    case 'match':
      return decodeXtMatch(expression.name, expression.revision, expression.info, xtFamily(writing)).text;
    case 'target':
      return decodeXtTarget(expression.name, expression.revision, expression.info, xtFamily(writing)).text;
    case 'unknown':
      return `(${expression.unknown})`;
  }
}

type Of<Kind extends Expression['kind']> = Extract<Expression, { readonly kind: Kind }>;

function xtFamily({ table, known }: Writing): XtFamily {
  return table.family === 'ip6' || known.network === 'ip6' ? 'ip6' : 'ip';
}

function readOrSet(writing: Writing, expression: Of<'payload' | 'exthdr' | 'meta' | 'ct'>): string {
  const field = fieldOf(writing, expression);
  if (expression.sreg === null) return holdField(writing, expression.dreg, field);
  if (field.needs !== null) forget(writing, field.needs);
  return `${field.text} set ${heldText(writing, expression.sreg, field)}`;
}

function fieldOf({ known }: Writing, expression: Of<'payload' | 'exthdr' | 'meta' | 'ct'>): Field {
  if (expression.kind === 'payload') return payloadField(expression, known);
  if (expression.kind === 'exthdr') return extensionField(expression);
  if (expression.kind === 'meta') return metaField(expression.key);
  return connectionField(expression.key, expression.direction);
}

const FIB_TYPES: Readonly<Record<string, readonly [ValueType, number]>> = {
  type: ['address type', 4],
  oif: ['interface', 4],
  oifname: ['interface name', 16],
};

function computedField(writing: Writing, expression: Of<'fib' | 'rt' | 'socket' | 'numgen' | 'hash'>): Field {
  switch (expression.kind) {
    case 'fib': {
      const flags = expression.flags.filter((flag) => flag !== 'present');
      const isPresent = flags.length < expression.flags.length;
      const [type, length] = isPresent ? (['present', 1] as const) : (FIB_TYPES[expression.result] ?? ['number', 4]);
      return otherField(`fib ${flags.join(' . ')} ${expression.result}`, type, length);
    }
    case 'rt':
      return otherField(`rt ${expression.key}`);
    case 'socket':
      return otherField(`socket ${expression.key}`, expression.key === 'mark' ? 'mark' : 'host number', 1);
    case 'numgen': {
      const offset = expression.offset === 0 ? '' : ` offset ${expression.offset}`;
      return otherField(`numgen ${expression.type} mod ${expression.modulus}${offset}`);
    }
    case 'hash': {
      const of = expression.sreg === null ? '' : ` ${fieldsAt(writing, expression.sreg, expression.length).text}`;
      return otherField(`${expression.type === 'symmetric' ? 'symhash' : 'jhash'}${of} mod ${expression.modulus}`);
    }
  }
}

function bitwise(writing: Writing, { op, sreg, dreg, length, mask, xor, shift }: Of<'bitwise'>): string {
  const held = writing.held.get(wordOf(sreg));
  const isMask = op === 'mask' && xor.every((byte) => byte === 0);
  if (held !== undefined && 'field' in held && isMask) return hold(writing, dreg, { ...held, mask });
  const text = heldText(writing, sreg, null);
  if (op !== 'mask') return hold(writing, dreg, { text: `${text} ${op} ${shift}` });
  const type: ValueType = held !== undefined && 'field' in held ? held.field.type : 'number';
  const [kept, flipped] = [mask, xor].map((bytes) => hexText(bytes.subarray(0, length), type));
  return hold(writing, dreg, { text: `${text} & ${kept} ^ ${flipped}` });
}

function hexText(bytes: Uint8Array, type: ValueType): string {
  const ordered = isHostOrder(type) ? bytes.toReversed() : bytes;
  return `0x${Array.from(ordered, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function byteorder(writing: Writing, { sreg, dreg }: Of<'byteorder'>): string {
  const held = writing.held.get(wordOf(sreg));
  if (held === undefined || !('field' in held)) return '';
  return hold(writing, dreg, { ...held, turned: !held.turned });
}

const OPERATORS: Readonly<Record<CompareOperation, string>> = {
  eq: '',
  neq: '!= ',
  lt: '< ',
  lte: '<= ',
  gt: '> ',
  gte: '>= ',
};

function compare(writing: Writing, { op, sreg, data }: Of<'cmp'>): string {
  const held = writing.held.get(wordOf(sreg));
  const { least } = writing;
  writing.least = null;
  if (held === undefined || !('field' in held))
    return `${heldText(writing, sreg, null)} ${OPERATORS[op]}${hexText(data, 'number')}`;
  const { field, mask } = held;
  if (op === 'lte' && least !== null && least.held === held && least.at === lastWord(writing)) {
    writing.words[least.at] = '';
    return `${field.text} ${between(writing, held, least.from, data)}`;
  }
  if (op === 'gte') writing.least = { held, from: data, at: writing.words.length };
  if (field.parts.length > 0 && op === 'eq' && mask === null) return partTexts(writing, field.parts, data);
  if (mask !== null) return maskedText(writing, held, op, data);
  if (field.whole !== null) {
    const whole = new Uint8Array(field.whole);
    whole.set(data);
    return `${field.text} ${OPERATORS[op]}${shown(writing, held, whole)}/${8 * data.length}`;
  }
  if (op === 'eq' && field.tells !== null) tell(writing, field.tells, shown(writing, held, data));
  return `${field.text} ${OPERATORS[op]}${shown(writing, held, data)}`;
}

function partTexts({ links }: Writing, parts: readonly Field[], data: Uint8Array): string {
  let offset = 0;
  const words = parts.map(({ text, type, length }) => {
    offset += length;
    return `${text} ${valueText(data.subarray(offset - length, offset), type, links)}`;
  });
  return words.join(' ');
}

/** Words of what only reads are empty. */
function lastWord({ words }: Writing): number {
  return words.findLastIndex((word) => word !== '');
}

/** 1 is ARPHRD_ETHER. */
const TOLD: Readonly<Record<string, string>> = { ipv4: 'ip', ipv6: 'ip6', 'ipv6-icmp': 'icmpv6', 1: 'ether' };

function tell(writing: Writing, base: keyof Known, text: string): void {
  writing.known = { ...writing.known, [base]: TOLD[text] ?? text };
  writing.implied.set(base, writing.words.length);
}

type HeldField = Extract<Held, { readonly field: Field }>;

function shown({ links }: Writing, { field, turned }: HeldField, bytes: Uint8Array): string {
  return valueText(turned ? bytes.toReversed() : bytes, field.type, links);
}

function between({ links }: Writing, { field, turned }: HeldField, from: Uint8Array, to: Uint8Array): string {
  const [first, last] = [from, to].map((bytes) => valueText(turned ? bytes.toReversed() : bytes, field.type, links));
  return `${first}-${last}`;
}

function maskedText(writing: Writing, held: HeldField, op: CompareOperation, data: Uint8Array): string {
  const { field } = held;
  const mask = held.mask ?? new Uint8Array();
  const isZero = data.every((byte) => byte === 0);
  if (field.type === 'address') {
    const length = prefixOf(mask);
    if (length !== undefined) return `${field.text} ${OPERATORS[op]}${shown(writing, held, data)}/${length}`;
  }
  if (hasBits(field.type)) {
    const bits = shown(writing, held, mask);
    if (isZero) return `${field.text} ${op === 'neq' ? '' : '! '}${bits}`;
    return `${field.text} ${OPERATORS[op]}${shown(writing, held, data)} / ${bits}`;
  }
  if (field.shift > 0 && data.length === 1 && mask[0] === ((0xff << field.shift) & 0xff)) {
    return `${field.text} ${OPERATORS[op]}${shown(writing, held, Uint8Array.of((data[0] ?? 0) >> field.shift))}`;
  }
  const operator = op === 'eq' ? '== ' : OPERATORS[op];
  return `${field.text} & ${shown(writing, held, mask)} ${operator}${shown(writing, held, data)}`;
}

function range(writing: Writing, { op, sreg, from, to }: Of<'range'>): string {
  const held = writing.held.get(wordOf(sreg));
  const sign = op === 'eq' ? '' : '!= ';
  if (held === undefined || !('field' in held))
    return `${heldText(writing, sreg, null)} ${sign}${hexText(from, 'number')}-${hexText(to, 'number')}`;
  return `${held.field.text} ${sign}${between(writing, held, from, to)}`;
}

/** All registers together have as many bytes. */
const MAX_LENGTH = 64;

/** The fields from a register on, until so many bytes are told. */
function fieldsAt(
  writing: Writing,
  register: number,
  length: number,
): { readonly text: string; readonly parts: readonly { readonly type: ValueType; readonly length: number }[] } {
  const texts: string[] = [];
  const parts: { type: ValueType; length: number }[] = [];
  let word = wordOf(register);
  for (let left = Math.min(length, MAX_LENGTH); left > 0;) {
    const held = writing.held.get(word);
    const size = held !== undefined && 'field' in held ? (held.field.whole ?? held.field.length) : left;
    texts.push(held === undefined ? '...' : 'field' in held ? held.field.text : 'text' in held ? held.text : '...');
    parts.push({ type: held !== undefined && 'field' in held ? held.field.type : 'number', length: size });
    const words = Math.max(1, Math.ceil(size / 4));
    word += words;
    left -= 4 * words;
  }
  return { text: texts.join(' . '), parts };
}

const DATA_TYPES: Readonly<Record<number, ValueType>> = { 2: 'port', 4: 'address', 16: 'address' };

function lookup(writing: Writing, { set: name, sreg, dreg, inverted }: Of<'lookup'>): string {
  const set = writing.table.sets.get(name);
  const { text, parts } = fieldsAt(writing, sreg, set?.keyLength ?? 4);
  const dataType = dreg === null || dreg === 0 ? null : (DATA_TYPES[set?.dataLength ?? 4] ?? 'number');
  const content = set === undefined ? `@${name}` : setText(set, parts, writing.links, dataType);
  if (dreg === null) return `${text} ${inverted ? '!= ' : ''}${content}`;
  if (dreg === 0) return `${text} vmap ${content}`;
  return hold(writing, dreg, { text: `${text} map ${content}` });
}

function dynset(writing: Writing, { set: name, op, sreg, timeout, expressions }: Of<'dynset'>): string {
  const set = writing.table.sets.get(name);
  const { text } = fieldsAt(writing, sreg, set?.keyLength ?? 4);
  const more = expressions.map((expression) => write(writing, expression));
  const until = timeout === null || timeout === 0n ? [] : [`timeout ${timeout / 1000n}s`];
  return `${op} @${name} { ${[text, ...until, ...more].join(' ')} }`;
}

/** What a register has, for something of this field. */
function heldText(writing: Writing, register: number, field: Field | null): string {
  const held = writing.held.get(wordOf(register));
  if (held === undefined) return '...';
  if ('text' in held) return held.text;
  if ('field' in held) return held.field.text;
  return valueText(held.bytes, field?.type ?? 'number', writing.links);
}

function translation(writing: Writing, expression: Of<'nat' | 'masquerade' | 'redirect'>): string {
  if (expression.kind === 'nat') forget(writing, expression.family);
  const { table, links, held } = writing;
  const textAt = (register: number | null, type: ValueType): string | null => {
    const one = register === null ? undefined : held.get(wordOf(register));
    if (one === undefined) return null;
    if ('bytes' in one) return valueText(one.bytes, type, links);
    return 'text' in one ? one.text : one.field.text;
  };
  return natText(expression, table.family, textAt);
}

const OBJECT_WORDS: Readonly<Record<number, string>> = {
  1: 'counter',
  2: 'quota',
  3: 'ct helper set',
  4: 'limit',
  5: 'ct count',
  7: 'ct timeout set',
  8: 'meta secmark set',
  9: 'ct expectation set',
  10: 'synproxy',
};

function objectText(writing: Writing, { type, name, set, sreg }: Of<'objref'>): string {
  const word = OBJECT_WORDS[type] ?? 'object';
  if (name !== null) return `${word} name "${name}"`;
  const of = sreg === null ? '...' : fieldsAt(writing, sreg, writing.table.sets.get(set ?? '')?.keyLength ?? 4).text;
  return `${word} name ${of} map @${set}`;
}
