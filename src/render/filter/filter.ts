// The filter language of libsmartcols, scols-filter(5), over columns: what -Q takes.
//
//   const parsed = parseFilter(text, columns);
//   if (!parsed.ok) throw usage(parsed);
//   rows.filter((row) => matches(parsed.filter, row));

import { holds, type ColumnsByKey, type FilterColumn } from './evaluate.ts';
import { expressionText, type Expression } from './expression.ts';
import { parseExpression } from './parser.ts';
import { FilterFlaw, type FilterProblem } from './problem.ts';

export type { FilterColumn } from './evaluate.ts';
export type { Expression } from './expression.ts';
export type { FilterProblem } from './problem.ts';

export interface Filter<Row> {
  readonly expression: Expression;
  readonly columns: ColumnsByKey<Row>;
}

export type ParsedFilter<Row> =
  | {
      readonly ok: true;
      readonly filter: Filter<Row>;
      /** Of the columns it asks, shown or not: what has to be read for it. */
      readonly keys: readonly string[];
    }
  | ({ readonly ok: false } & FilterProblem);

/** Any text is a filter or a problem. */
export function parseFilter<Row>(text: string, columns: readonly FilterColumn<Row>[]): ParsedFilter<Row> {
  const byKey = new Map(columns.map((column) => [column.key, column]));
  try {
    const expression = parseExpression(text, columns);
    return { ok: true, filter: { expression, columns: byKey }, keys: [...new Set(keysOf(expression))] };
  } catch (error) {
    if (error instanceof FilterFlaw) return { ok: false, ...error.flaw };
    throw error;
  }
}

export function matches<Row>(filter: Filter<Row>, row: Row): boolean {
  return holds(filter.expression, filter.columns, row);
}

/** Text that parses to the same filter. */
export function filterText<Row>(filter: Filter<Row>): string {
  return expressionText(filter.expression);
}

function keysOf(expression: Expression): readonly string[] {
  switch (expression.type) {
    case 'literal':
      return [];
    case 'column':
      return [expression.key];
    case 'not':
      return keysOf(expression.operand);
    case 'match':
      return keysOf(expression.left);
    case 'and':
    case 'or':
    case 'compare':
      return [...keysOf(expression.left), ...keysOf(expression.right)];
  }
}
