// Is it in a set, and what does a map say of it?

import type { NftSet, NftSetElement } from '../../kernel/nftables/objects.ts';
import { both, equals, isKnown, isWithin, knownBytes, slice, type Answer, type Bits } from './bits.ts';

export interface Found {
  /** Those that it may be; one, and `mayMiss` false: it is that. */
  readonly elements: readonly NftSetElement[];
  /** It may be none of them. */
  readonly mayMiss: boolean;
}

/** Is anything of it in the set? */
export function answerOf({ elements, mayMiss }: Found): Answer {
  if (elements.length === 0) return mayMiss ? false : null;
  return mayMiss || elements.some(isLimited) ? null : true;
}

/** What an element has of its own may keep it from holding. */
function isLimited({ expressions }: NftSetElement): boolean {
  return expressions.some(({ kind }) => kind !== 'counter' && kind !== 'last');
}

/** Where the elements could not be read it may be in it, and it may not: no elements, and no miss. */
export function find(set: NftSet, key: Bits): Found {
  if (set.elements === null) return { elements: [], mayMiss: false };
  const choices = key.choices?.map(knownBytes) ?? (isKnown(key) ? [key] : undefined);
  if (choices === undefined) return among(set, set.elements, key);
  const each = choices.map((choice) =>
    hasPairs(set) ? inPairs(set.elements ?? [], choice) : among(set, set.elements ?? [], choice),
  );
  const elements = [...new Set(each.flatMap((found) => found.elements))];
  return { elements, mayMiss: each.some((found) => found.mayMiss) };
}

/** Intervals of one part: an element where each begins, and one where it ends. Those of several have both in one. */
function hasPairs({ isInterval, parts, elements }: NftSet): boolean {
  return isInterval && parts.length === 0 && elements?.some(({ keyEnd }) => keyEnd !== null) !== true;
}

/** The last that begins at or before the key; of two at the same place the one that begins there. */
function inPairs(elements: readonly NftSetElement[], { bytes }: Bits): Found {
  let best: NftSetElement | undefined;
  for (const element of elements) {
    if (element.isCatchAll || compare(element.key, bytes) > 0) continue;
    const side = best === undefined ? 1 : compare(element.key, best.key);
    if (side > 0 || (side === 0 && !element.isEnd)) best = element;
  }
  return best === undefined || best.isEnd ? orCatchAll(elements) : { elements: [best], mayMiss: false };
}

function orCatchAll(elements: readonly NftSetElement[]): Found {
  const all = elements.find(({ isCatchAll }) => isCatchAll);
  return all === undefined ? { elements: [], mayMiss: true } : { elements: [all], mayMiss: false };
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < b.length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Element by element. */
function among(set: NftSet, elements: readonly NftSetElement[], key: Bits): Found {
  const possible: NftSetElement[] = [];
  const asked = hasPairs(set) ? answersOfPairs(elements, key) : answersOfElements(set, elements, key);
  for (const [element, answer] of asked) {
    if (answer === true) return { elements: [element], mayMiss: false };
    if (answer === null) possible.push(element);
  }
  const rest = orCatchAll(elements);
  return { elements: [...possible, ...rest.elements], mayMiss: rest.mayMiss };
}

function* answersOfElements(
  set: NftSet,
  elements: readonly NftSetElement[],
  key: Bits,
): Iterable<readonly [NftSetElement, Answer]> {
  for (const element of elements) if (!element.isCatchAll) yield [element, isElement(set, element, key)];
}

/** An interval ends before the next element, whatever that begins. */
function* answersOfPairs(elements: readonly NftSetElement[], key: Bits): Iterable<readonly [NftSetElement, Answer]> {
  const sorted = elements.filter(({ isCatchAll }) => !isCatchAll).toSorted((a, b) => compare(a.key, b.key));
  for (const [at, element] of sorted.entries()) {
    if (element.isEnd) continue;
    const next = sorted.slice(at + 1, at + 3).find((one) => compare(one.key, element.key) > 0);
    const last = next === undefined ? new Uint8Array(element.key.length).fill(0xff) : lessOne(next.key);
    yield [element, isWithin(key, element.key, last)];
  }
}

/** The number before it. */
function lessOne(bytes: Uint8Array): Uint8Array {
  const less = Uint8Array.from(bytes);
  for (let at = less.length - 1; at >= 0; at -= 1) {
    const byte = less[at] ?? 0;
    less[at] = byte - 1;
    if (byte > 0) break;
  }
  return less;
}

function isElement({ parts }: NftSet, { key: from, keyEnd }: NftSetElement, key: Bits): Answer {
  if (keyEnd === null) return equals(key, from);
  const answers: Answer[] = [];
  let offset = 0;
  for (const length of parts.length > 0 ? parts : [from.length]) {
    const [start, end] = [from.subarray(offset, offset + length), keyEnd.subarray(offset, offset + length)];
    answers.push(isWithin(slice(key, offset, length), start, end));
    offset += (length + 3) & ~3;
  }
  return both(...answers);
}
