// Readers of listings count what they could not see; a check needs one reason.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Gap } from '../../kernel/host.ts';

export function firstGap(tally: GapTally): Gap | undefined {
  const [first] = tally.list();
  if (first === undefined) return undefined;
  const { reason, examples, subject, errno } = first;
  return { reason, what: examples[0] ?? subject, ...(errno === null ? {} : { errno }) };
}
