// The forms in which people have capabilities at hand: one set, libcap's text of three, IAB's text of three others.

import { parseCapabilities } from './expression.ts';
import { formatIab, parseIab, type IabSets } from './iab.ts';
import { formatCapabilityText, parseCapabilityText, type TextSets } from './text.ts';

export type Form =
  | { readonly form: 'set'; readonly mask: bigint }
  | { readonly form: 'text'; readonly sets: TextSets }
  | { readonly form: 'iab'; readonly sets: IabSets };

export type ParsedForm =
  | { readonly ok: true; readonly value: Form }
  /** `word`: the part of it at fault. */
  | { readonly ok: false; readonly problem: string; readonly word: string };

/** A list of capabilities has none of their signs, so that what reads as a list is one. */
export function parseForm(word: string, all: bigint, bareNumber: 'mask' | 'capability'): ParsedForm {
  const list = parseCapabilities(word, all, bareNumber);
  if (list.ok) return { ok: true, value: { form: 'set', mask: list.mask } };
  if (/=|[A-Za-z0-9_][+-][eip]/.test(word)) {
    const text = parseCapabilityText(word, all);
    return text.ok ? { ok: true, value: { form: 'text', sets: text.sets } } : { ...text, word };
  }
  if (/[!^%]/.test(word)) {
    const iab = parseIab(word, all);
    return iab.ok ? { ok: true, value: { form: 'iab', sets: iab.sets } } : { ...iab, word };
  }
  return list;
}

/** The sets that the form speaks of; of one set, that one has no name (null). */
export function setsOfForm(form: Form): readonly (readonly [string | null, bigint])[] {
  return form.form === 'set' ? [[null, form.mask]] : Object.entries(form.sets);
}

/** What another form has no room for. */
export interface Converted {
  readonly text: string;
  /** The sets that are left out; empty: none. */
  readonly lost: readonly string[];
}

/** One set is taken as what is effective and permitted. */
export function toText(form: Form, all: bigint): Converted {
  switch (form.form) {
    case 'set': {
      const sets = { effective: form.mask, permitted: form.mask, inheritable: 0n };
      return { text: formatCapabilityText(sets, all), lost: [] };
    }
    case 'text':
      return { text: formatCapabilityText(form.sets, all), lost: [] };
    case 'iab': {
      const { inheritable, ambient, bounding } = form.sets;
      const sets = { effective: 0n, permitted: 0n, inheritable };
      const lost = [...(ambient === 0n ? [] : ['ambient']), ...(bounding === all ? [] : ['bounding'])];
      return { text: formatCapabilityText(sets, all), lost };
    }
  }
}

/** One set is taken as what is inheritable, as IAB's text does it with a bare list. */
export function toIab(form: Form, all: bigint): Converted {
  switch (form.form) {
    case 'set':
      return { text: formatIab({ inheritable: form.mask, ambient: 0n, bounding: all }, all), lost: [] };
    case 'text': {
      const { effective, permitted, inheritable } = form.sets;
      const lost = [...(effective === 0n ? [] : ['effective']), ...(permitted === 0n ? [] : ['permitted'])];
      return { text: formatIab({ inheritable, ambient: 0n, bounding: all }, all), lost };
    }
    case 'iab':
      return { text: formatIab(form.sets, all), lost: [] };
  }
}
