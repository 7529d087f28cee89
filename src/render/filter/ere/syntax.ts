// A POSIX extended regular expression as a tree, as glibc's regcomp(3) with REG_EXTENDED reads it.

import {
  anyCharacter,
  blankCharacter,
  classNames,
  isClassName,
  oneCharacter,
  wordCharacter,
  type CharSet,
  type ClassName,
} from './char-set.ts';
import { FilterFlaw } from '../problem.ts';

/** Of the text, or of a word in it: `^` `$` `\b` `\B` `\<` `\>`. */
export type Assertion = 'start' | 'end' | 'edge' | 'inside' | 'word-start' | 'word-end';

export type Ere =
  | { readonly type: 'empty' }
  | { readonly type: 'set'; readonly set: CharSet }
  | { readonly type: 'assert'; readonly assertion: Assertion }
  | { readonly type: 'sequence'; readonly parts: readonly Ere[] }
  | { readonly type: 'either'; readonly parts: readonly Ere[] }
  | { readonly type: 'repeat'; readonly part: Ere; readonly least: number; readonly most: number | null };

/** Where the reading stands; `depth` is how many groups are open. */
interface Cursor {
  readonly source: string;
  readonly base: number;
  at: number;
  depth: number;
}

/** `base` is where it stands in a larger text, for the position of what is wrong. Errors: FilterFlaw. */
export function parseEre(source: string, base: number): Ere {
  return alternatives({ source, base, at: 0, depth: 0 });
}

function fail({ base }: Cursor, problem: string, at: number, word: string, candidates?: readonly string[]): never {
  throw new FilterFlaw({ problem, at: base + at, word, ...(candidates === undefined ? {} : { candidates }) });
}

function peek({ source, at }: Cursor): string {
  const code = source.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function take(cursor: Cursor): string {
  const character = peek(cursor);
  cursor.at += character.length;
  return character;
}

function takeMatch(cursor: Cursor, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.source);
  if (match !== null) cursor.at = pattern.lastIndex;
  return match;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function alternatives(cursor: Cursor): Ere {
  const parts = [sequence(cursor)];
  while (peek(cursor) === '|') {
    take(cursor);
    parts.push(sequence(cursor));
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { type: 'either', parts };
}

function sequence(cursor: Cursor): Ere {
  const parts: Ere[] = [];
  while (!endsSequence(cursor)) parts.push(piece(cursor));
  const [first] = parts;
  if (first === undefined) return { type: 'empty' };
  return parts.length === 1 ? first : { type: 'sequence', parts };
}

/** A closing parenthesis that nothing opened is a character like any other. */
function endsSequence(cursor: Cursor): boolean {
  const character = peek(cursor);
  return character === '' || character === '|' || (character === ')' && cursor.depth > 0);
}

function piece(cursor: Cursor): Ere {
  let part = atom(cursor);
  // Nothing repeats an assertion: a quantifier after it is refused as one that follows nothing.
  if (part.type === 'assert') return part;
  for (;;) {
    const times = quantifier(cursor);
    if (times === undefined) return part;
    part = { type: 'repeat', part, ...times };
  }
}

interface Times {
  readonly least: number;
  readonly most: number | null;
}

function quantifier(cursor: Cursor): Times | undefined {
  switch (peek(cursor)) {
    case '*':
      take(cursor);
      return { least: 0, most: null };
    case '+':
      take(cursor);
      return { least: 1, most: null };
    case '?':
      take(cursor);
      return { least: 0, most: 1 };
    case '{':
      return interval(cursor);
    default:
      return undefined;
  }
}

function interval(cursor: Cursor): Times {
  const { at } = cursor;
  const match = takeMatch(cursor, /\{([0-9]*)(,?)([0-9]*)\}/y);
  const [text = '', first = '', comma = '', last = ''] = match ?? [];
  if (match === null || text === '{}') fail(cursor, '{ in a regular expression takes {n}, {n,} or {n,m}', at, '{');
  const least = Number(first);
  const most = comma === '' ? least : last === '' ? null : Number(last);
  if (most !== null && most < least) fail(cursor, `${text} ends before it begins`, at, text);
  return { least, most };
}

function atom(cursor: Cursor): Ere {
  const { at } = cursor;
  const character = take(cursor);
  switch (character) {
    case '(':
      return group(cursor, at);
    case '[':
      return { type: 'set', set: bracket(cursor, at) };
    case '.':
      return { type: 'set', set: anyCharacter };
    case '^':
      return { type: 'assert', assertion: 'start' };
    case '$':
      return { type: 'assert', assertion: 'end' };
    case '\\':
      return escaped(cursor, at);
    case '*':
    case '+':
    case '?':
    case '{':
      return fail(cursor, `nothing before ${character} that it could repeat`, at, character);
    default:
      return { type: 'set', set: oneCharacter(codeOf(character)) };
  }
}

function group(cursor: Cursor, at: number): Ere {
  cursor.depth += 1;
  const inner = alternatives(cursor);
  cursor.depth -= 1;
  if (take(cursor) !== ')') fail(cursor, '( without its )', at, '(');
  // A group is a unit even around an assertion: `(^)*` may stand.
  return inner.type === 'assert' ? { type: 'sequence', parts: [inner] } : inner;
}

const assertions: Readonly<Record<string, Assertion>> = {
  '`': 'start',
  "'": 'end',
  b: 'edge',
  B: 'inside',
  '<': 'word-start',
  '>': 'word-end',
};

function escaped(cursor: Cursor, at: number): Ere {
  const character = take(cursor);
  if (character === '') fail(cursor, 'nothing after the last backslash', at, '\\');
  if (/[1-9]/.test(character)) fail(cursor, `no back-references: \\${character}`, at, `\\${character}`);
  const assertion = assertions[character];
  if (assertion !== undefined) return { type: 'assert', assertion };
  return { type: 'set', set: escapedSet(character) };
}

function escapedSet(character: string): CharSet {
  switch (character) {
    case 'w':
    case 'W':
      return wordCharacter(character === 'W');
    case 's':
    case 'S':
      return blankCharacter(character === 'S');
    default:
      // Also \n and \d: no more than the letter.
      return oneCharacter(codeOf(character));
  }
}

/** After the `[`, which stands at `at`. A backslash is a character here. */
function bracket(cursor: Cursor, at: number): CharSet {
  const negated = peek(cursor) === '^';
  if (negated) take(cursor);
  const ranges: [number, number][] = [];
  const named: ClassName[] = [];
  for (let isFirst = true; isFirst || peek(cursor) !== ']'; isFirst = false) {
    if (peek(cursor) === '') fail(cursor, '[ without its ]', at, '[');
    const name = className(cursor);
    if (name === undefined) ranges.push(range(cursor, at, isFirst));
    else named.push(name);
  }
  take(cursor);
  return { negated, ranges, classes: named };
}

function className(cursor: Cursor): ClassName | undefined {
  const { at } = cursor;
  const name = takeMatch(cursor, /\[:([^\]:]*):\]/y)?.[1];
  if (name === undefined) return undefined;
  if (isClassName(name)) return name;
  return fail(cursor, `no character class [:${name}:]`, at + '[:'.length, name, classNames);
}

function range(cursor: Cursor, open: number, isFirst: boolean): [number, number] {
  const { at, source } = cursor;
  const first = codeOf(collated(cursor, open));
  if (peek(cursor) !== '-' || source.startsWith('-]', cursor.at)) {
    // A dash stands for itself at both ends, and as `[.-.]`. In the middle, as in `[a-c-e]`, it would be a riddle.
    if (source[at] === '-' && !isFirst && peek(cursor) !== ']') fail(cursor, 'a - without its range', at, '-');
    return [first, first];
  }
  take(cursor);
  const isClass = source.startsWith('[:', cursor.at);
  const last = codeOf(collated(cursor, open));
  if (isClass || last < first) fail(cursor, 'a range ends before it begins', at, source.slice(at, cursor.at));
  return [first, last];
}

/** One character, also as `[.x.]` or `[=x=]`. */
function collated(cursor: Cursor, open: number): string {
  const { at } = cursor;
  const symbol = takeMatch(cursor, /\[([.=])(.*?)\1\]/suy);
  if (symbol === null) return take(cursor) || fail(cursor, '[ without its ]', open, '[');
  const [text, , character = ''] = symbol;
  if (Array.from(character).length !== 1) fail(cursor, `${text} is not one character`, at, text);
  return character;
}
