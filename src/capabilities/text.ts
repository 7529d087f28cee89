// The text of three capability sets, as cap_from_text(3) reads it and cap_to_text(3) writes it, byte for byte.
//
//   text   := clause (blank clause)*          empty: nothing in any set
//   clause := [list] action+                  without a list: all, and then only '='
//   list   := (all | name | number) , …       a number is decimal, 0x… or 0…, below 64
//   action := (= | + | - | =+ | =-) [e i p]*
//
// Source: libcap libcap/cap_text.c, cap_text_formats(7).

import { capabilityNames } from './names.ts';
import { bitsOf } from './mask.ts';
import { libcapName, MAX_CAPABILITIES } from './spelling.ts';

/** What the text speaks of: of a file, `effective` is all that it gives or nothing. */
export interface TextSets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

export type ParsedText =
  { readonly ok: true; readonly sets: TextSets } | { readonly ok: false; readonly problem: string };

const SPACE = /[ \t\n\v\f\r]+/;
const CLAUSE = /^([A-Za-z0-9_][A-Za-z0-9_,]*)?((?:=[+-]?|[+-])[^=+-]*)((?:[+-][^=+-]*)*)$/;

/** The sets by their letters. */
const SETS = { e: 'effective', i: 'inheritable', p: 'permitted' } as const;

/** `all` is what the running kernel knows: what a bare `=` and `all` mean. */
export function parseCapabilityText(text: string, all: bigint): ParsedText {
  const sets = { effective: 0n, permitted: 0n, inheritable: 0n };
  for (const clause of text.split(SPACE)) {
    if (clause === '') continue;
    const problem = applyClause(sets, clause, all);
    if (problem !== undefined) return { ok: false, problem: `'${clause}': ${problem}` };
  }
  return { ok: true, sets };
}

/** Gives the problem, if there is one. */
function applyClause(
  sets: { effective: bigint; permitted: bigint; inheritable: bigint },
  clause: string,
  all: bigint,
): string | undefined {
  const [, list, first = '', others = ''] = CLAUSE.exec(clause) ?? [];
  if (first === '')
    return /[=+-]/.test(clause) ? 'it is no clause such as cap_net_raw=ep' : "there is no '=', '+' or '-'";
  const isBare = first.startsWith('=') && !/^=[+-]/.test(first) && others === '';
  if (list === undefined && !isBare) return "only '=' may stand without a list of capabilities";
  const mask = list === undefined ? all : maskOfList(list, all);
  if (typeof mask === 'string') return mask;
  for (const action of [first, ...(others.match(/[+-][^+-]*/g) ?? [])]) {
    const [, op = '', flags = ''] = /^(=[+-]?|[+-])(.*)$/.exec(action) ?? [];
    if (!/^[eip]*$/.test(flags)) return "the flags are of the small letters 'e', 'i' and 'p'";
    if (flags === '' && op !== '=') return `'${op}' needs one of the flags 'e', 'i' and 'p'`;
    for (const [letter, set] of Object.entries(SETS)) {
      if (op.startsWith('=')) sets[set] &= ~mask;
      if (!flags.includes(letter)) continue;
      if (op.endsWith('-')) sets[set] &= ~mask;
      else sets[set] |= mask;
    }
  }
  return undefined;
}

/** Or what is wrong with it. */
function maskOfList(list: string, all: bigint): bigint | string {
  let mask = 0n;
  for (const word of list.split(',')) {
    if (word.toLowerCase() === 'all') {
      // What stood before it is forgotten, which only matters beyond what the kernel knows.
      mask = all;
      continue;
    }
    const capability = libcapCapability(word);
    if (capability !== undefined) mask |= 1n << BigInt(capability);
    else if (word === '') return 'an item of the list is empty';
    else if (/^[0-9]/.test(word)) return `capabilities have the numbers 0 to ${MAX_CAPABILITIES - 1}, not ${word}`;
    else if (capabilityNames.includes(`cap_${word.toLowerCase()}`))
      return `in this form it is cap_${word.toLowerCase()}`;
    else return `no capability is called ${word}`;
  }
  return mask;
}

/** A name with its prefix in letters of any case, or a number as strtoul(3) reads it, of base 0. */
export function libcapCapability(word: string): number | undefined {
  const index = capabilityNames.indexOf(word.toLowerCase());
  if (index >= 0) return index;
  if (!/^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(word)) return undefined;
  const number = /^0[0-7]/.test(word) ? Number.parseInt(word, 8) : Number(word);
  return number < MAX_CAPABILITIES ? number : undefined;
}

/**
 * As cap_to_text(3). `all`: what the running kernel knows; bits beyond it stand at the end by their numbers. The start
 * is what most capabilities have, of equals the one with fewer bits in its number (e is 1, p 2, i 4).
 */
export function formatCapabilityText(sets: TextSets, all: bigint): string {
  const known = groupsOf(sets, bitsOf(all));
  const size = (state: number): number => known[state]?.length ?? 0;
  const prevailing = known.reduce((most, group, state) => (group.length > size(most) ? state : most), 0);
  let text = `=${flagsOf(prevailing)}`;
  for (let state = 7; state >= 0; state--) {
    if (state === prevailing || size(state) === 0) continue;
    const [plus, minus] = [state & ~prevailing, prevailing & ~state];
    // Where nothing is what most have, the first group needs no start before it.
    const isFirst = text === '=';
    text = `${isFirst ? '' : `${text} `}${namesOf(known[state])}`;
    if (plus !== 0) text += `${isFirst ? '=' : '+'}${flagsOf(plus)}`;
    if (minus !== 0) text += `-${flagsOf(minus)}`;
  }
  const beyond = groupsOf(sets, bitsOf((sets.effective | sets.permitted | sets.inheritable) & ~all));
  for (let state = 7; state > 0; state--)
    if ((beyond[state]?.length ?? 0) > 0) text += ` ${namesOf(beyond[state])}+${flagsOf(state)}`;
  return text;
}

/** The capabilities by their state: 1 effective, 2 permitted, 4 inheritable. */
function groupsOf({ effective, permitted, inheritable }: TextSets, capabilities: readonly number[]): number[][] {
  const states = new Uint8Array(MAX_CAPABILITIES);
  for (const bit of bitsOf(effective)) states[bit] = 1;
  for (const bit of bitsOf(permitted)) states[bit] = (states[bit] ?? 0) | 2;
  for (const bit of bitsOf(inheritable)) states[bit] = (states[bit] ?? 0) | 4;
  const groups: number[][] = Array.from({ length: 8 }, () => []);
  for (const capability of capabilities) groups[states[capability] ?? 0]?.push(capability);
  return groups;
}

function flagsOf(state: number): string {
  return `${(state & 1) === 0 ? '' : 'e'}${(state & 4) === 0 ? '' : 'i'}${(state & 2) === 0 ? '' : 'p'}`;
}

function namesOf(capabilities: readonly number[] = []): string {
  return capabilities.map(libcapName).join(',');
}
