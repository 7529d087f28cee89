// Counts what could not be seen, by what was looked for and why it failed, so that a listing can say
// "412 processes: permission denied" instead of 412 lines, or nothing.

import type { Gap, GapReason } from './host.ts';

/** Gaps of one sort, counted. */
export interface CountedGap {
  /** What was looked for, in the singular: `process`, `mount table`, `network namespace id`. */
  readonly subject: string;
  readonly reason: GapReason;
  readonly errno: string | null;
  /** null: it is known that there are some, not how many. */
  readonly count: number | null;
  /** The first few, as they were asked for. */
  readonly examples: readonly string[];
  /** What a person should know besides. */
  readonly detail: string | null;
}

const MAX_EXAMPLES = 3;

export class GapTally {
  private readonly counted = new Map<string, CountedGap>();

  /** `detail`: what a person should know besides; such gaps are counted apart. */
  add(subject: string, gap: Gap, detail: string | null = null): void {
    const key = `${subject} ${gap.reason} ${gap.errno ?? ''} ${detail ?? ''}`;
    const before = this.counted.get(key);
    const where = gap.line === undefined ? gap.what : `${gap.what}:${gap.line}: ${gap.text ?? ''}`;
    const examples = before?.examples ?? [];
    this.counted.set(key, {
      subject,
      reason: gap.reason,
      errno: gap.errno ?? null,
      count: (before?.count ?? 0) + 1,
      examples: examples.length < MAX_EXAMPLES ? [...examples, where] : examples,
      detail,
    });
  }

  addUncounted(gap: Omit<CountedGap, 'count'> & { readonly count: number | null }): void {
    this.counted.set(`${gap.subject} ${gap.reason} ${gap.detail ?? ''}`, gap);
  }

  list(): readonly CountedGap[] {
    return [...this.counted.values()];
  }
}

/** Of who needs one reason, not counts. undefined: there is none. */
export function firstGap(tally: GapTally): Gap | undefined {
  const [first] = tally.list();
  if (first === undefined) return undefined;
  const { reason, examples, subject, errno } = first;
  return { reason, what: examples[0] ?? subject, ...(errno === null ? {} : { errno }) };
}

/** Was everything seen that is still there? What vanished during the look hides nothing. */
export function isComplete(gaps: readonly CountedGap[]): boolean {
  return gaps.every((gap) => gap.reason === 'gone');
}
