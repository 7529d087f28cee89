// What is known of a target, as data that can be compared.

import type { Reading } from '../../kernel/host.ts';

/** A list is a set: of two that differ only what the other does not have is told. */
export type FactValue = string | number | bigint | readonly string[];

/** One thing that is known of a target. */
export interface Fact {
  /** What sort of thing: `link`, `mount`, `uid`. */
  readonly what: string;
  /** Which of its sort. Absent (null): there is only one. Two facts may have one name, as mounts over each other. */
  readonly name: string | null;
  readonly value: FactValue;
}

/** Facts that come from one answer: all are known, or none. */
export interface Section {
  /** What is unknown where there are none, in the singular. */
  readonly subject: string;
  readonly facts: Reading<readonly Fact[]>;
}
