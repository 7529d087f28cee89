// Options that take a time.

import { NsError } from '../../kernel/error.ts';
import { optionValue, type Invocation } from '../define-command.ts';

/** More would be no number of milliseconds that a timer takes. */
const MAX_SECONDS = 1_000_000;
const MIN_SECONDS = 0.01;

/** `2`, `0.5`, `2s`; undefined: not given. Unit: milliseconds. Errors: BAD_VALUE. */
export function secondsOf(invocation: Invocation, long: string): number | undefined {
  const text = optionValue(invocation, long);
  if (text === undefined) return undefined;
  const seconds = /^[0-9]{1,7}(?:\.[0-9]{1,9})?s?$/.test(text) ? Number(text.replace('s', '')) : 0;
  if (seconds >= MIN_SECONDS && seconds <= MAX_SECONDS) return seconds * 1000;
  throw new NsError('BAD_VALUE', {
    what: `--${long} takes seconds, not '${text}'`,
    why: `from ${MIN_SECONDS} to ${MAX_SECONDS}, as 2 or 0.5`,
  });
}
