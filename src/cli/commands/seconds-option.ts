// Options that take a time: the one reader of them.

import { NsError } from '../../kernel/error.ts';
import { optionValue, type Invocation } from '../define-command.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Unit: milliseconds. */
const SHORTEST = 10;

/** More would be no number of milliseconds that a timer takes. */
const LONGEST = 1_000_000_000;

/**
 * `2`, `0.5`, `2s`, `500ms`, `5m`, `1h`; undefined: not given. `zero`: none at all is a time too. Unit: milliseconds.
 * Errors: BAD_VALUE.
 */
export function secondsOf(
  invocation: Invocation,
  long: string,
  { zero = false }: { readonly zero?: boolean } = {},
): number | undefined {
  const text = optionValue(invocation, long);
  if (text === undefined) return undefined;
  const [, number = '', unit = 's'] = /^([0-9]{1,10}(?:\.[0-9]{1,9})?)(ms|s|m|h)?$/.exec(text) ?? [];
  const time = number === '' ? Number.NaN : Number(number) * (UNITS[unit] ?? Number.NaN);
  if ((time >= SHORTEST && time <= LONGEST) || (zero && time === 0)) return time;
  throw new NsError('BAD_VALUE', {
    what: `--${long} takes seconds, not '${text}'`,
    why: `or a number with ms, s, m or h, from ${SHORTEST}ms to ${LONGEST / 1000}s${zero ? ', and 0' : ''}`,
    tryThis: `--${long} 5, or --${long} 500ms`,
  });
}
