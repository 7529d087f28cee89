// The value of --secbits.

import { parseSecurebits, securebitWords } from '../../capabilities/securebits.ts';
import { NsError } from '../../kernel/error.ts';
import { nearest } from '../nearest.ts';

/** A number, or setpriv's names. Errors: BAD_VALUE. */
export function securebitsOf(text: string): number {
  const parsed = parseSecurebits(text);
  if (typeof parsed === 'number') return parsed;
  const meant = nearest(parsed.unknown, securebitWords);
  throw new NsError('BAD_VALUE', {
    what: `'${parsed.unknown.slice(0, 60)}' is no securebit`,
    why: meant === undefined ? 'names as of setpriv(1), or a number up to 0xfff' : `did you mean ${meant}?`,
    tryThis: '--secbits noroot',
  });
}
