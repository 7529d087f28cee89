// Whether an expression is true of a row, with the conversions of libsmartcols.

import { UNLIMITED, type Cell } from '../columns.ts';
import { matchesEre } from './ere/run.ts';
import type { Comparison, Expression, LiteralValue } from './expression.ts';
import { trimBlanks } from './lexer.ts';

/** What a filter asks of a column. */
export interface FilterColumn<Row> {
  readonly key: string;
  readonly type: 'number' | 'string' | 'list';
  readonly get: (row: Row) => Cell;
}

export type ColumnsByKey<Row> = ReadonlyMap<string, FilterColumn<Row>>;

/** null: empty. */
type Value = LiteralValue | null;

type Kind = 'number' | 'string' | 'boolean';

/** Alone, a value holds if it is not empty, not zero, not false. */
export function holds<Row>(expression: Expression, columns: ColumnsByKey<Row>, row: Row): boolean {
  switch (expression.type) {
    case 'and':
      return holds(expression.left, columns, row) && holds(expression.right, columns, row);
    case 'or':
      return holds(expression.left, columns, row) || holds(expression.right, columns, row);
    case 'not':
      return !holds(expression.operand, columns, row);
    case 'compare': {
      const kind = comparedAs(expression, columns);
      const [left, right] = [valueOf(expression.left, columns, row), valueOf(expression.right, columns, row)];
      return compare(kind, expression.comparison, left, right);
    }
    case 'match':
      // An empty cell is an empty text here.
      return (
        matchesEre(expression.program, asText(valueOf(expression.left, columns, row)) ?? '') !== expression.negated
      );
    case 'literal':
    case 'column':
      return isTrue(valueOf(expression, columns, row));
  }
}

function isTrue(value: Value): boolean {
  // Zero is one number, however it is written: 0, 0n, -0.
  return typeof value === 'bigint' ? value !== 0n : Boolean(value);
}

function valueOf<Row>(expression: Expression, columns: ColumnsByKey<Row>, row: Row): Value {
  if (expression.type === 'literal') return expression.value;
  if (expression.type !== 'column') return holds(expression, columns, row);
  const column = columns.get(expression.key);
  return column === undefined ? null : cellValue(column.get(row), column.type);
}

function cellValue(cell: Cell, type: FilterColumn<never>['type']): Value {
  if (cell === null) return null;
  // lsns has its lists as a text of lines.
  if (typeof cell === 'object') return cell.length === 0 ? null : trimBlanks(cell.join('\n'));
  if (type === 'number') return asNumber(cell);
  return trimBlanks(String(cell));
}

/** The kind as which two operands are compared: a literal's or an expression's before a column's, the left before the right. */
function comparedAs<Row>(
  { left, right }: { readonly left: Expression; readonly right: Expression },
  columns: ColumnsByKey<Row>,
): Kind {
  const decides = left.type === 'column' && right.type !== 'column' ? right : left;
  return kindOf(decides, columns);
}

function kindOf<Row>(expression: Expression, columns: ColumnsByKey<Row>): Kind {
  if (expression.type === 'column') return columns.get(expression.key)?.type === 'number' ? 'number' : 'string';
  if (expression.type !== 'literal') return 'boolean';
  if (typeof expression.value === 'string') return 'string';
  return typeof expression.value === 'boolean' ? 'boolean' : 'number';
}

function compare(kind: Kind, comparison: Comparison, left: Value, right: Value): boolean {
  if (kind === 'string') return isOrdered(comparison, orderOfTexts(asText(left), asText(right)));
  // Nothing can be said of an empty number, not even that it differs.
  if (left === null || right === null) return false;
  if (kind === 'number') return isOrdered(comparison, order(asNumber(left), asNumber(right)));
  return isOrdered(comparison, order(Number(asBoolean(left)), Number(asBoolean(right))));
}

/** NaN where there is no order: then they differ, and that is all. */
function order<T extends string | number | bigint>(left: T, right: T): number {
  if (left < right) return -1;
  if (left > right) return 1;
  return left <= right ? 0 : Number.NaN;
}

/** Empty comes before all texts, the one of no length too. */
function orderOfTexts(left: string | null, right: string | null): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return order(left, right);
}

function isOrdered(comparison: Comparison, order: number): boolean {
  switch (comparison) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function asText(value: Value): string | null {
  if (value === Infinity) return UNLIMITED;
  return value === null ? null : String(value);
}

/** NaN for a text that is none: lsns then fails as a whole, a row that cannot be equal is no reason to. */
function asNumber(value: LiteralValue): bigint | number {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return value;
  if (/^[0-9]+$/.test(value)) return BigInt(value);
  return /^-?[0-9]+(?:\.[0-9]+)?$/.test(value) ? Number(value) : Number.NaN;
}

function asBoolean(value: LiteralValue): boolean {
  if (typeof value === 'boolean') return value;
  // What the C library takes for a yes.
  return typeof value === 'string' ? /^(?:1$|true$|y)/i.test(value) : value > 0;
}
