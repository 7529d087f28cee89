// The words of a filter expression.

import type { Comparison, LiteralValue } from './expression.ts';
import { fail } from './problem.ts';

export type Operator = Comparison | '&&' | '||' | '!' | '=~' | '!~' | '(' | ')';

export type Token = { readonly at: number; readonly text: string } & (
  | { readonly type: 'operator'; readonly operator: Operator }
  | { readonly type: 'literal'; readonly value: LiteralValue }
  | { readonly type: 'name' }
  | { readonly type: 'end' }
);

const blanks = /[ \t\n]*/y;
const symbol = /&&|\|\||==|!=|<=|>=|=~|!~|[()!<>]/y;
/** lsns 2.42 has no `-`: it prints it, and takes -1 for 1. */
const number = /(-?[0-9]+)(?:(\.[0-9]+)|([KMGTPEZY])(?:iB)?)?/y;
const quoted = /"[^"\n]*"|'[^'\n]*'/y;
/** Names may hold more than letters: `MAJ:MIN`, `USE%`. */
const name = /[a-zA-Z][a-zA-Z_.%:/\-0-9]*/y;

const operatorSymbols: readonly Operator[] = ['&&', '||', '!', '==', '!=', '<', '<=', '>', '>=', '=~', '!~', '(', ')'];

/** In lower or upper case, but not in both. */
const operatorWords: ReadonlyMap<string, Operator> = inBothCases([
  ['and', '&&'],
  ['or', '||'],
  ['not', '!'],
  ['eq', '=='],
  ['ne', '!='],
  ['lt', '<'],
  ['le', '<='],
  ['gt', '>'],
  ['ge', '>='],
]);

const truths: ReadonlyMap<string, boolean> = inBothCases([
  ['true', true],
  ['false', false],
]);

function inBothCases<T>(entries: readonly (readonly [string, T])[]): ReadonlyMap<string, T> {
  return new Map(
    entries.flatMap(([word, meaning]) => [[word, meaning] as const, [word.toUpperCase(), meaning] as const]),
  );
}

/** What may join two operands, for a message about a word that does not. */
export const joiningOperators: readonly string[] = [...operatorSymbols, ...operatorWords.keys()].filter(
  (word) => !/^(?:[!()]|not)$/i.test(word),
);

/** The first token from `from` on. It ends at `at + text.length`. Fails on what is none. */
export function tokenAt(source: string, from: number): Token {
  const at = from + (textAt(blanks, source, from)?.length ?? 0);
  if (at >= source.length) return { type: 'end', at, text: '' };
  return (
    symbolToken(source, at) ??
    numberToken(source, at) ??
    textToken(source, at) ??
    wordToken(source, at) ??
    noToken(source, at)
  );
}

function textAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function symbolToken(source: string, at: number): Token | undefined {
  const text = textAt(symbol, source, at);
  const operator = operatorSymbols.find((known) => known === text);
  return operator === undefined ? undefined : { type: 'operator', at, text: operator, operator };
}

function wordToken(source: string, at: number): Token | undefined {
  const text = textAt(name, source, at);
  if (text === undefined) return undefined;
  const operator = operatorWords.get(text);
  if (operator !== undefined) return { type: 'operator', at, text, operator };
  const value = truths.get(text);
  return value === undefined ? { type: 'name', at, text } : { type: 'literal', at, text, value };
}

const SIZES = 'KMGTPEZY';

function numberToken(source: string, at: number): Token | undefined {
  number.lastIndex = at;
  const match = number.exec(source);
  if (match === null) return undefined;
  const [text, digits = '', fraction, size] = match;
  refuseTail(source, at, text);
  if (fraction !== undefined) return { type: 'literal', at, text, value: Number(text) };
  const power = size === undefined ? 0 : SIZES.indexOf(size) + 1;
  return { type: 'literal', at, text, value: BigInt(digits) * 1024n ** BigInt(power) };
}

/** `1KB` and `0x10` are no numbers; but `5and` is two words. */
function refuseTail(source: string, at: number, text: string): void {
  const tail = textAt(name, source, at + text.length);
  if (tail === undefined || operatorWords.has(tail)) return;
  const word = `${text}${tail}`;
  fail(`'${word}' is no number: they are written 4096, 4K, 4KiB or 0.5`, at, word);
}

const BLANKS = ' \t\n\v\f\r';

/** Blanks at both ends are left out, as libsmartcols does, in texts and in cells. */
export function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANKS.includes(text.charAt(start))) start += 1;
  while (end > start && BLANKS.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function textToken(source: string, at: number): Token | undefined {
  const text = textAt(quoted, source, at);
  return text === undefined ? undefined : { type: 'literal', at, text, value: trimBlanks(text.slice(1, -1)) };
}

function noToken(source: string, at: number): never {
  const word = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (word === '"' || word === "'") fail('a quote that is not closed', at, word);
  const candidates = joiningOperators.filter((operator) => operator.includes(word));
  fail(`'${word}' means nothing here`, at, word, candidates.length === 0 ? undefined : candidates);
}
