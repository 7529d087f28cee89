// From any form of capabilities to any: what `caps decode` and `caps encode` share.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { setWords } from '../../capabilities/baselines.ts';
import { collapse } from '../../capabilities/expression.ts';
import { parseForm, setsOfForm, toIab, toText, type Converted, type Form } from '../../capabilities/forms.ts';
import { bitsOf, decodeMask, formatDecoded, formatMask } from '../../capabilities/mask.ts';
import { capabilityNames } from '../../capabilities/names.ts';
import { shortName } from '../../capabilities/spelling.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf } from '../../kernel/host.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { flag, type Context, type Invocation, type Outcome } from '../define-command.ts';

/** In the order in which a word's lines come. */
const FORMS = ['mask', 'names', 'text', 'iab'] as const;

export type FormName = (typeof FORMS)[number] | 'decoded';

export interface Conversion {
  /** What a number without 0x is. */
  readonly bareNumber: 'mask' | 'capability';
  /** What is printed if no form is asked for; `decoded` is the line of `capsh --decode`. */
  readonly otherwise: FormName;
  readonly tryThis: string;
}

/** Errors: BAD_VALUE. */
export async function convert(
  words: readonly string[],
  { bareNumber, otherwise, tryThis }: Conversion,
  invocation: Invocation,
  context: Context,
): Promise<Outcome> {
  const told = valueOf(allCapabilities(await context.host()));
  const all = told ?? NAMED;
  const forms = words.map((word) => {
    const parsed = parseForm(word, all, bareNumber);
    if (parsed.ok) return parsed.value;
    throw notCapabilities(word, parsed, tryThis);
  });
  const asked = FORMS.filter((form) => flag(invocation, form));
  const names = asked.length === 0 ? [otherwise] : asked;
  const converted = forms.map((form) => ({ form, text: toText(form, all), iab: toIab(form, all) }));
  const unknown = forms.reduce((mask, form) => mask | unknownIn(form, all), 0n);
  const notes = [
    ...(told === undefined ? ['this kernel does not tell its last capability: all are those that have a name'] : []),
    ...(unknown === 0n ? [] : [`this kernel does not know ${listBits(bitsOf(unknown))}`]),
    ...(names.includes('text') ? converted.flatMap(({ text }) => lostNote('libcap text', text)) : []),
    ...(names.includes('iab') ? converted.flatMap(({ iab }) => lostNote('IAB text', iab)) : []),
  ];
  if (flag(invocation, 'json')) {
    const masks = converted.map(({ form, text, iab }, index) => ({
      word: words[index] ?? '',
      ...(form.form === 'set' ? maskJson(form.mask, all) : { mask: null, names: null, unknown: null, short: null }),
      sets:
        form.form === 'set'
          ? null
          : Object.fromEntries(setsOfForm(form).map(([set, mask]) => [set ?? '', maskJson(mask, all)])),
      text: text.lost.length === 0 ? text.text : null,
      iab: iab.lost.length === 0 ? iab.text : null,
    }));
    return { stdout: renderJson({ schema: 1, complete: true, gaps: [], masks }), notes, status: 0 };
  }
  const lines = converted.flatMap(({ form, text, iab }) =>
    names.flatMap((name) => {
      if (name === 'text') return [text.text];
      if (name === 'iab') return [iab.text];
      return setsOfForm(form).map(([set, mask]) => `${set === null ? '' : `${set} `}${shown(name, mask)}`);
    }),
  );
  return { stdout: lines.map((line) => `${line}\n`).join(''), notes: [...new Set(notes)], status: 0 };
}

/** For a kernel that does not tell. */
const NAMED = (1n << BigInt(capabilityNames.length)) - 1n;

function shown(name: FormName, mask: bigint): string {
  if (name === 'mask') return formatMask(mask);
  const decoded = formatDecoded(decodeMask(mask));
  return name === 'decoded' ? decoded : decoded.slice(decoded.indexOf('=') + 1);
}

function unknownIn(form: Form, all: bigint): bigint {
  return setsOfForm(form).reduce((mask, [, set]) => mask | (set & ~all), 0n);
}

function lostNote(form: string, { lost }: Converted): readonly string[] {
  return lost.length === 0 ? [] : [`${form} has no ${lost.join(' and no ')} set: left out`];
}

function maskJson(mask: bigint, all: bigint): Readonly<Record<string, Json>> {
  const { names, unknown } = decodeMask(mask);
  return { mask: formatMask(mask), names, unknown, short: collapse(mask, all) };
}

/** `bit 41`, `bits 41-63`, `bits 41, 50`. */
export function listBits(bits: readonly number[]): string {
  const [first = 0] = bits;
  const last = bits.at(-1) ?? first;
  if (bits.length === 1) return `bit ${first}`;
  return last - first === bits.length - 1 ? `bits ${first}-${last}` : `bits ${bits.join(', ')}`;
}

const LONGEST_SHOWN = 40;

function notCapabilities(
  text: string,
  { problem, word }: { readonly problem: string; readonly word: string },
  tryThis: string,
): NsError {
  const cut = (long: string): string => (long.length > LONGEST_SHOWN ? `${long.slice(0, LONGEST_SHOWN)}…` : long);
  const known = new Map(
    [...capabilityNames.map((_, index) => shortName(index)), ...setWords].map((name) => [name, name]),
  );
  return new NsError('BAD_VALUE', {
    what: `'${cut(text)}' is no set of capabilities`,
    why: word === text || word === '' ? problem : `${cut(word)}: ${problem}`,
    tryThis,
    near: {
      word: cut(word)
        .toLowerCase()
        .replace(/^[+-]?(?:cap_)?/, ''),
      known,
    },
  });
}
