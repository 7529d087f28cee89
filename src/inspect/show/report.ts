// What is shown of a target, as data: fields in order, each for JSON and as lines for people.

import type { CountedGap } from '../../kernel/gap-tally.ts';

/** What JSON can hold, with 64-bit numbers. */
export type Value = string | number | bigint | boolean | null | readonly Value[] | { readonly [key: string]: Value };

export interface Field {
  readonly key: string;
  /** null: unknown, or there is none. */
  readonly value: Value;
  /** For people. None: there is nothing to show. */
  readonly lines: readonly string[];
}

export interface Report {
  readonly type: 'process' | 'namespace';
  readonly fields: readonly Field[];
  readonly gaps: readonly CountedGap[];
}

/** A field of one plain value: unknown is `-`. */
export function plain(key: string, value: string | number | bigint | boolean | null): Field {
  const shown = value === null ? '-' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
  return { key, value, lines: [shown] };
}

/** A field of many things, a line each; null: unknown. */
export function many<T>(
  key: string,
  list: readonly T[] | null,
  toValue: (one: T) => Value,
  line: (one: T) => string,
): Field {
  if (list === null) return { key, value: null, lines: ['-'] };
  return { key, value: list.map(toValue), lines: list.map(line) };
}
