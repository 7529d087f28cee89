// What differs between the cgroups of two processes: where they are, what limits them and who sets that, how they are
// weighed, what they may touch. What they use at the moment stands beside it and is no difference.

import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { compareFacts, type Difference } from '../diff/compare.ts';
import type { Fact } from '../diff/fact.ts';
import { factsOf, usesOf, type CgroupFact, type CgroupUse, type FactUnit } from './cgroup-facts.ts';
import type { CgroupReport } from './cgroup-report.ts';

export interface CgroupDifference extends Difference {
  /** null: words, or a number of nothing. */
  readonly unit: FactUnit | null;
}

/** What is not known of one side, and so neither the same nor different. */
export interface CgroupUnknown {
  readonly side: 'a' | 'b';
  readonly what: string;
  readonly name: string | null;
}

/** A number of both. null: there is none, or it is not told. */
export interface UseOfBoth {
  readonly what: string;
  readonly unit: FactUnit;
  readonly a: CgroupUse['value'];
  readonly b: CgroupUse['value'];
}

export interface CgroupDiff {
  readonly differences: readonly CgroupDifference[];
  readonly unknowns: readonly CgroupUnknown[];
  readonly usage: readonly UseOfBoth[];
  /** Of both; the subject ends with whose they are. */
  readonly gaps: readonly CountedGap[];
  /** null: nothing that differs was found, but not all is known. */
  readonly same: boolean | null;
}

export function diffCgroups(a: CgroupReport, b: CgroupReport): CgroupDiff {
  const [left, right] = [factsOf(a, b), factsOf(b, a)];
  const unknowns = [...unknownIn('a', left), ...unknownIn('b', right)];
  const closed = new Set(unknowns.map(keyOf));
  const differences = compareFacts(known(left, closed), known(right, closed));
  const units = new Map([...left, ...right].map((each) => [keyOf(each), each.unit]));
  const gaps = [...gapsOf('A', a), ...gapsOf('B', b)];
  const isKnown = unknowns.length === 0 && isComplete(gaps);
  return {
    differences: differences.map((each) => ({ ...each, unit: units.get(keyOf(each)) ?? null })),
    unknowns,
    usage: beside(usesOf(a), usesOf(b)),
    gaps,
    same: differences.length > 0 ? false : isKnown ? true : null,
  };
}

function keyOf({ what, name }: { readonly what: string; readonly name: string | null }): string {
  return JSON.stringify([what, name]);
}

function unknownIn(side: 'a' | 'b', facts: readonly CgroupFact[]): readonly CgroupUnknown[] {
  return facts.flatMap(({ what, name, value }) => (value === null ? [{ side, what, name }] : []));
}

function known(facts: readonly CgroupFact[], closed: ReadonlySet<string>): readonly Fact[] {
  return facts.flatMap((each) => {
    const { what, name, value } = each;
    return value === null || closed.has(keyOf(each)) ? [] : [{ what, name, value }];
  });
}

function gapsOf(side: 'A' | 'B', { gaps }: CgroupReport): readonly CountedGap[] {
  return gaps.map((gap) => ({ ...gap, subject: `${gap.subject} of ${side}` }));
}

function beside(a: readonly CgroupUse[], b: readonly CgroupUse[]): readonly UseOfBoth[] {
  const [left, right] = [a, b].map((uses) => new Map(uses.map((use) => [use.what, use])));
  const whats = new Map([...a, ...b].map(({ what, unit }) => [what, unit]));
  return [...whats].map(([what, unit]) => {
    return { what, unit, a: left?.get(what)?.value ?? null, b: right?.get(what)?.value ?? null };
  });
}
