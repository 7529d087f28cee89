// From text to an expression.
//
// Precedence is that of the libsmartcols that runs (2.42), not that of its manual page: ! before the comparisons, these
// before && and ||, which are equals: `a || b && c` is `(a || b) && c`.

import { programOf, type EreProgram } from './ere/program.ts';
import { parseEre } from './ere/syntax.ts';
import { comparisons, type Comparison, type Expression, type LiteralValue } from './expression.ts';
import { joiningOperators, tokenAt, type Operator, type Token } from './lexer.ts';
import { fail } from './problem.ts';

const MOST_BYTES = 1024;
const MOST_NODES = 256;
const MOST_PATTERN_BYTES = 256;

/** What the parser has to know of a column. */
interface ParserColumn {
  readonly key: string;
  readonly type: 'number' | 'string' | 'list';
}

/** Where the parsing stands. */
interface Cursor {
  readonly source: string;
  /** By the name in lower case. */
  readonly columns: ReadonlyMap<string, ParserColumn>;
  token: Token;
  nodes: number;
}

/** Fails with what is wrong. No words at all: all rows, as for lsns. */
export function parseExpression(source: string, known: readonly ParserColumn[]): Expression {
  if (bytesOf(source) > MOST_BYTES) fail(`a filter has at most ${MOST_BYTES} bytes`, 0, '');
  const columns = new Map(known.map((column) => [column.key.toLowerCase(), column]));
  const first = tokenAt(source, 0);
  if (first.type === 'end') return { type: 'literal', value: true, text: 'true' };
  const cursor: Cursor = { source, columns, token: first, nodes: 0 };
  const expression = junction(cursor);
  const { token } = cursor;
  if (token.type !== 'end')
    fail(`an operator was to be here, not ${shown(token)}`, token.at, token.text, joiningOperators);
  return expression;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function shown(token: Token): string {
  return token.type === 'end' ? 'the end' : `'${token.text}'`;
}

function operatorAt({ token }: Cursor): Operator | undefined {
  return token.type === 'operator' ? token.operator : undefined;
}

function advance(cursor: Cursor): Token {
  const { token } = cursor;
  cursor.token = tokenAt(cursor.source, token.at + token.text.length);
  return token;
}

function counted<T extends Expression>(cursor: Cursor, node: T): T {
  cursor.nodes += 1;
  if (cursor.nodes > MOST_NODES) fail(`a filter has at most ${MOST_NODES} parts`, cursor.token.at, cursor.token.text);
  return node;
}

function junction(cursor: Cursor): Expression {
  let left = comparison(cursor);
  for (;;) {
    const operator = operatorAt(cursor);
    if (operator !== '&&' && operator !== '||') return left;
    advance(cursor);
    left = counted(cursor, { type: operator === '&&' ? 'and' : 'or', left, right: comparison(cursor) });
  }
}

function comparison(cursor: Cursor): Expression {
  let left = unary(cursor);
  for (;;) {
    const operator = operatorAt(cursor);
    if (operator === '=~' || operator === '!~') {
      advance(cursor);
      left = counted(cursor, { type: 'match', negated: operator === '!~', left, ...pattern(cursor) });
    } else if (isComparison(operator)) {
      const operation = advance(cursor);
      const right = unary(cursor, true);
      if (operator !== '==' && operator !== '!=') refuseMixed(cursor, left, right, operation);
      left = counted(cursor, { type: 'compare', comparison: operator, left, right });
    } else {
      return left;
    }
  }
}

/** What is a text is neither below nor above a number. lsns fails too, once it meets a text that is none. */
function refuseMixed(cursor: Cursor, left: Expression, right: Expression, { at, text }: Token): void {
  for (const [column, literal] of [
    [left, right],
    [right, left],
  ] as const) {
    if (column.type !== 'column' || literal.type !== 'literal' || !isNumber(literal.value)) continue;
    if (cursor.columns.get(column.key.toLowerCase())?.type === 'number') continue;
    fail(
      `${column.key.toUpperCase()} is a text and ${literal.text} a number; a text is written "${literal.text}"`,
      at,
      text,
    );
  }
}

function isNumber(value: LiteralValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isComparison(operator: Operator | undefined): operator is Comparison {
  return comparisons.some((known) => known === operator);
}

/** `isCompared`: it is the right side of a comparison, where a text without quotes is likely. */
function unary(cursor: Cursor, isCompared = false): Expression {
  if (operatorAt(cursor) !== '!') return operand(cursor, isCompared);
  advance(cursor);
  return counted(cursor, { type: 'not', operand: unary(cursor) });
}

function operand(cursor: Cursor, isCompared: boolean): Expression {
  const { token } = cursor;
  if (operatorAt(cursor) === '(') {
    advance(cursor);
    const inner = junction(cursor);
    close(cursor, token);
    return inner;
  }
  if (token.type === 'literal') {
    advance(cursor);
    return counted(cursor, { type: 'literal', value: token.value, text: token.text });
  }
  if (token.type === 'name') return column(cursor, isCompared);
  return fail(`a column or a value was to be here, not ${shown(token)}`, token.at, token.text);
}

/** `open` is the parenthesis to close. */
function close(cursor: Cursor, open: Token): void {
  if (operatorAt(cursor) === ')') {
    advance(cursor);
    return;
  }
  const { token } = cursor;
  if (token.type === 'end') fail('( without its )', open.at, open.text);
  fail(`an operator or ) was to be here, not ${shown(token)}`, token.at, token.text, joiningOperators);
}

function column(cursor: Cursor, isCompared: boolean): Expression {
  const { at, text } = advance(cursor);
  const known = cursor.columns.get(text.toLowerCase());
  if (known !== undefined) return counted(cursor, { type: 'column', key: known.key });
  const names = [...cursor.columns.keys()].map((name) => name.toUpperCase());
  const hint = isCompared ? `; a text is written "${text}"` : '';
  return fail(`unknown column '${text}'${hint}`, at, text, [...names, 'TRUE', 'FALSE']);
}

interface Pattern {
  readonly text: string;
  readonly program: EreProgram;
}

/** lsns takes parentheses around it too. */
function pattern(cursor: Cursor): Pattern {
  const { token } = cursor;
  if (operatorAt(cursor) === '(') {
    advance(cursor);
    const inner = pattern(cursor);
    close(cursor, token);
    return inner;
  }
  if (token.type !== 'literal' || typeof token.value !== 'string') {
    return fail(`a regular expression in quotes was to be here, not ${shown(token)}`, token.at, token.text);
  }
  const { text, value } = token;
  const program = compile(value, token.at + text.indexOf(value));
  // It is a part of its own.
  counted(cursor, { type: 'literal', value, text });
  advance(cursor);
  return { text, program };
}

/** `at` is where the pattern stands in the filter. */
function compile(source: string, at: number): EreProgram {
  if (bytesOf(source) > MOST_PATTERN_BYTES)
    fail(`a regular expression has at most ${MOST_PATTERN_BYTES} bytes`, at, source);
  const program = programOf(parseEre(source, at));
  return program ?? fail('a regular expression that repeats too much', at, source);
}
