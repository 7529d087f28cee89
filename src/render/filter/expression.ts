// A filter expression as data.

import type { EreProgram } from './ere/program.ts';

export const comparisons = ['==', '!=', '<', '<=', '>', '>='] as const;

export type Comparison = (typeof comparisons)[number];

export type LiteralValue = bigint | number | string | boolean;

export type Expression =
  /** `text` is how it was written: quotes and size suffixes included. */
  | { readonly type: 'literal'; readonly value: LiteralValue; readonly text: string }
  | { readonly type: 'column'; readonly key: string }
  | { readonly type: 'not'; readonly operand: Expression }
  | { readonly type: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly type: 'compare';
      readonly comparison: Comparison;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly type: 'match';
      readonly negated: boolean;
      readonly left: Expression;
      /** The regular expression in its quotes. */
      readonly text: string;
      readonly program: EreProgram;
    };

/** Text that parses to this expression again. Whatever could be read in two ways is in parentheses. */
export function expressionText(expression: Expression): string {
  switch (expression.type) {
    case 'literal':
      return expression.text;
    case 'column':
      return expression.key.toUpperCase();
    case 'not':
      return `!${operandText(expression.operand)}`;
    case 'and':
      return `${operandText(expression.left)} && ${operandText(expression.right)}`;
    case 'or':
      return `${operandText(expression.left)} || ${operandText(expression.right)}`;
    case 'compare':
      return `${operandText(expression.left)} ${expression.comparison} ${operandText(expression.right)}`;
    case 'match':
      return `${operandText(expression.left)} ${expression.negated ? '!~' : '=~'} ${expression.text}`;
  }
}

function operandText(expression: Expression): string {
  const text = expressionText(expression);
  return expression.type === 'literal' || expression.type === 'column' || expression.type === 'not'
    ? text
    : `(${text})`;
}
