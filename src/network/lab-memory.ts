// A lab as text: what the journal remembers of one that stands, to tell another one of the same name from it.

import type { Lab } from './lab.ts';

interface Packed {
  readonly map: readonly (readonly [string, string])[];
}

/** The same for the same. */
export function encodeLab(lab: Lab): string {
  return JSON.stringify(lab, (_, each: unknown) => {
    if (each instanceof Map) return { map: [...each] };
    return typeof each === 'bigint' ? { number: String(each) } : each;
  });
}

/** undefined: none is remembered, or one that this nstool cannot read. The journal is ours alone, so its form is trusted. */
export function decodeLab(text: string | undefined): Lab | undefined {
  if (text === undefined) return undefined;
  try {
    const lab: unknown = JSON.parse(text, (_, each: unknown) => {
      if (isPacked(each)) return new Map(each.map);
      return isNumber(each) ? BigInt(each.number) : each;
    });
    return isLab(lab) ? lab : undefined;
  } catch {
    return undefined;
  }
}

function isPacked(each: unknown): each is Packed {
  return typeof each === 'object' && each !== null && 'map' in each && Array.isArray(each.map);
}

function isNumber(each: unknown): each is { readonly number: string } {
  return typeof each === 'object' && each !== null && 'number' in each && typeof each.number === 'string';
}

function isLab(each: unknown): each is Lab {
  return typeof each === 'object' && each !== null && 'nodes' in each && 'links' in each && 'name' in each;
}
