// Comparing facts: only what differs. What is unknown on either side is neither the same nor a difference: it is a gap.

import type { Gap } from '../../kernel/host.ts';
import type { Fact, FactValue, Section } from './fact.ts';

/** One thing in which two targets differ. */
export interface Difference {
  readonly what: string;
  readonly name: string | null;
  readonly change: 'only_a' | 'only_b' | 'differs';
  /** null: A has no such thing. Of a list only what B does not have. */
  readonly a: FactValue | null;
  readonly b: FactValue | null;
}

/** What is not known of one side, and so neither the same nor different. */
export interface Unknown {
  readonly side: 'a' | 'b';
  /** In the singular. */
  readonly subject: string;
  readonly gap: Gap;
}

/** What a comparison found: nothing in either list is the same. */
export interface Comparison {
  readonly differences: readonly Difference[];
  readonly unknowns: readonly Unknown[];
}

/** Both are sections of the same kind in the same order. In the order of A; what only B has comes last. */
export function compareSections(a: readonly Section[], b: readonly Section[]): Comparison {
  return joined(
    a.flatMap((left, index) => {
      const right = b[index];
      return right === undefined ? [] : [compareSection(left, right)];
    }),
  );
}

/** Several comparisons as one. */
export function joined(parts: readonly Comparison[]): Comparison {
  return {
    differences: parts.flatMap(({ differences }) => differences),
    unknowns: parts.flatMap(({ unknowns }) => unknowns),
  };
}

function compareSection({ subject, facts: a }: Section, { facts: b }: Section): Comparison {
  if (a.ok && b.ok) return { differences: compareFacts(a.value, b.value), unknowns: [] };
  const unknowns: Unknown[] = [];
  if (!a.ok) unknowns.push({ side: 'a', subject, gap: a.gap });
  if (!b.ok) unknowns.push({ side: 'b', subject, gap: b.gap });
  return { differences: [], unknowns };
}

/** The differences of two lists of facts. */
export function compareFacts(a: readonly Fact[], b: readonly Fact[]): readonly Difference[] {
  const left = byKey(a);
  const right = byKey(b);
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].flatMap((key) => difference(left.get(key), right.get(key)) ?? []);
}

/** Of facts with the same name the first is compared with the first, the second with the second. */
function byKey(facts: readonly Fact[]): ReadonlyMap<string, Fact> {
  const times = new Map<string, number>();
  return new Map(
    facts.map((fact) => {
      const name = JSON.stringify([fact.what, fact.name]);
      const time = (times.get(name) ?? 0) + 1;
      times.set(name, time);
      return [`${time} ${name}`, fact] as const;
    }),
  );
}

function difference(a: Fact | undefined, b: Fact | undefined): Difference | undefined {
  if (a === undefined) return b === undefined ? undefined : { ...named(b), change: 'only_b', a: null, b: b.value };
  if (b === undefined) return { ...named(a), change: 'only_a', a: a.value, b: null };
  const rest = apart(a.value, b.value);
  return rest === undefined ? undefined : { ...named(a), change: 'differs', ...rest };
}

function named({ what, name }: Fact): Pick<Fact, 'what' | 'name'> {
  return { what, name };
}

/** undefined: the same. */
function apart(a: FactValue, b: FactValue): { readonly a: FactValue; readonly b: FactValue } | undefined {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b ? undefined : { a, b };
  const onlyA = without(a, b);
  const onlyB = without(b, a);
  return onlyA.length + onlyB.length === 0 ? undefined : { a: onlyA, b: onlyB };
}

function without(list: readonly string[], other: readonly string[]): readonly string[] {
  const known = new Set(other);
  return [...new Set(list)].filter((entry) => !known.has(entry));
}
