// What a listing says of the things it could not see.

import type { CountedGap } from '../kernel/gap-tally.ts';
import type { GapReason } from '../kernel/host.ts';
import type { Json } from '../render/json.ts';
import { shorten } from '../render/width.ts';

/** The words for each reason. */
export const reasons: Record<GapReason, string> = {
  gone: 'gone during the look',
  denied: 'permission denied',
  unsupported: 'not supported here',
  malformed: 'not as documented',
  unrecorded: 'not in this recording',
};

/** A path of somebody's making may be as long as a screen, or longer than the longest that can be opened. */
const WIDEST = 400;

export function gapNote(gap: CountedGap): string {
  const subject =
    gap.count === null ? `some ${plural(gap.subject, 2)}` : `${gap.count} ${plural(gap.subject, gap.count)}`;
  // One is worth naming, and what is malformed or lacking is mended by knowing it; of the rest the JSON has examples.
  const named = gap.count === 1 || gap.reason === 'malformed' || gap.reason === 'unsupported';
  const detail = gap.detail ?? (named ? gap.examples[0] : undefined);
  return `${subject}: ${reasons[gap.reason]}${detail === undefined ? '' : ` (${shorten(detail, WIDEST)})`}`;
}

/** Of `namespace without a way to it` the first noun, of `mount table` the last, of `owner or parent` both. */
function plural(subject: string, count: number): string {
  if (count === 1) return subject;
  const [head = '', ...tail] = subject.split(/ (?=without|of|in|above) ?/);
  const nouns = head.split(' or ').map(pluralNoun);
  return [nouns.join(' or '), ...tail].join(' ');
}

function pluralNoun(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(?:s|x)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

export function gapJson(gap: CountedGap): Json {
  const { subject, reason, errno, count, examples, detail } = gap;
  return { subject, reason, errno, count, examples, detail };
}
