// Sets as nft(8) writes them in a rule: by name, or what is in them.

import type { NftVerdict } from '../../kernel/nftables/expression.ts';
import type { NftSet, NftSetElement } from '../../kernel/nftables/objects.ts';
import { isHostOrder, numberIn, prefixOf, valueText, type LinkNames, type ValueType } from './value-text.ts';

/** What an element is of: of concatenations each part. */
export interface Part {
  readonly type: ValueType;
  readonly length: number;
}

/** More of them say no more. */
const MAX_SHOWN = 100;

export function setText(set: NftSet, parts: readonly Part[], links: LinkNames, dataType: ValueType | null): string {
  if (!set.isAnonymous) return `@${set.name}`;
  if (set.elements === null) return '{ ... }';
  const { elements } = set;
  const [first] = parts;
  const isHost = parts.length === 1 && first !== undefined && isHostOrder(first.type) && !set.isInterval;
  const sorted = elements.toSorted((a, b) => compare(a, b, isHost));
  const shown = sorted.flatMap((element, at): readonly string[] => {
    if (element.isEnd) return [];
    const key = keyText(set, parts, element, sorted[at + 1], links);
    return [element.data === null ? key : `${key} : ${dataText(element, dataType, links)}`];
  });
  const words = shown.length > MAX_SHOWN ? [...shown.slice(0, MAX_SHOWN), '...'] : shown;
  return `{ ${words.join(', ')} }`;
}

function compare(a: NftSetElement, b: NftSetElement, isHost: boolean): number {
  if (a.isCatchAll !== b.isCatchAll) return a.isCatchAll ? 1 : -1;
  const type: ValueType = isHost ? 'host number' : 'number';
  const [left, right] = [numberIn(a.key, type), numberIn(b.key, type)];
  if (left !== right) return left < right ? -1 : 1;
  // One interval ends where the next begins.
  return Number(b.isEnd) - Number(a.isEnd);
}

export function verdictText(verdict: NftVerdict): string {
  return 'chain' in verdict ? `${verdict.code} ${verdict.chain}` : verdict.code;
}

function dataText({ data }: NftSetElement, type: ValueType | null, links: LinkNames): string {
  if (data === null) return '';
  return 'verdict' in data ? verdictText(data.verdict) : valueText(data.bytes, type ?? 'number', links);
}

function keyText(
  set: NftSet,
  parts: readonly Part[],
  element: NftSetElement,
  next: NftSetElement | undefined,
  links: LinkNames,
): string {
  if (element.isCatchAll) return '*';
  const end = element.keyEnd;
  let offset = 0;
  const words = parts.map(({ type, length }) => {
    const from = element.key.subarray(offset, offset + length);
    const to = end?.subarray(offset, offset + length);
    offset += (length + 3) & ~3;
    return to === undefined ? valueText(from, type, links) : spanText(from, to, type, links);
  });
  const [only] = parts;
  if (!set.isInterval || end !== null || only === undefined || parts.length > 1) return words.join(' . ');
  // Intervals are in network order, whatever the value is.
  const type = isHostOrder(only.type) ? 'number' : only.type;
  const last = next === undefined ? element.key.map(() => 0xff) : before(next.key);
  return spanText(element.key, last, type, links);
}

function before(bytes: Uint8Array): Uint8Array {
  const less = Uint8Array.from(bytes);
  for (let at = less.length - 1; at >= 0; at -= 1) {
    const byte = less[at] ?? 0;
    less[at] = byte - 1;
    if (byte > 0) break;
  }
  return less;
}

/** From and to; of addresses a net where it is one. */
function spanText(from: Uint8Array, to: Uint8Array, type: ValueType, links: LinkNames): string {
  const [first, last] = [valueText(from, type, links), valueText(to, type, links)];
  if (first === last) return first;
  if (type === 'address') {
    const differing = from.map((byte, at) => ~(byte ^ (to[at] ?? 0)) & 0xff);
    const length = prefixOf(differing);
    const isWhole = from.every((byte, at) => (byte & ~(differing[at] ?? 0)) === 0);
    if (length !== undefined && isWhole) return `${first}/${length}`;
  }
  return `${first}-${last}`;
}
