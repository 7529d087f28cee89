// Where what execve(2) will give is not what was wished.

import { collapse } from '../../capabilities/expression.ts';
import type { ExecPrediction, ExecReason } from '../../capabilities/exec.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { reasonText } from '../../inspect/exec/reason-text.ts';
import type { CapsWish } from './wish.ts';

const NAMES = ['permitted', 'effective', 'inheritable', 'bounding', 'ambient'] as const;

/** In one line, with the rule; undefined: it is as wished. */
export function shortfall({ after, reasons }: ExecPrediction, wish: CapsWish, all: bigint): string | undefined {
  if (after === null) {
    const forced = reasons.find(({ code }) => code === 'forced_missing');
    return forced === undefined ? 'execve would fail (EPERM)' : reasonText(forced, all);
  }
  for (const name of NAMES) {
    const { lacking, surplus } = differenceIn(name, after.sets, wish);
    const [mask, is] = lacking === 0n ? [surplus & all, 'would be'] : [lacking, 'would not be'];
    if (lacking === 0n && surplus === 0n) continue;
    const unbounded = lacking & ~after.sets.bounding;
    const rules = rulesAbout(name, mask, reasons, all) ?? (unbounded === 0n ? 'nothing gives it' : UNBOUNDED);
    return `${collapse(mask, all)} ${is} ${wordFor[name]}: ${rules}`;
  }
  return undefined;
}

const UNBOUNDED = 'the bounding set lacks it';

/** What is wished and would not be had, and what would be had against the wish. */
function differenceIn(
  name: (typeof NAMES)[number],
  sets: CapabilitySets,
  { sets: wished, drop, add }: CapsWish,
): { readonly lacking: bigint; readonly surplus: bigint } {
  const mask = sets[name];
  const wish = wished[name];
  const needed = (wish ?? 0n) | (name === 'permitted' || name === 'effective' ? add : 0n);
  return { lacking: needed & ~mask, surplus: mask & ((wish === undefined ? 0n : ~wish) | drop) };
}

const wordFor: Readonly<Record<(typeof NAMES)[number], string>> = {
  permitted: 'permitted',
  effective: 'effective',
  inheritable: 'inheritable',
  bounding: 'in the bounding set',
  ambient: 'ambient',
};

/** Of these capabilities; a rule without any is about all. undefined: there is none. */
function rulesAbout(
  name: ExecReason['about'],
  mask: bigint,
  reasons: readonly ExecReason[],
  all: bigint,
): string | undefined {
  const isMeant = ({ about, code, capabilities }: ExecReason): boolean =>
    about === name && ((capabilities & mask) !== 0n || (capabilities === 0n && code !== 'root'));
  const rules = reasons
    .filter(isMeant)
    .map((reason) => reasonText({ ...reason, capabilities: reason.capabilities & mask }, all));
  return rules.length === 0 ? undefined : rules.join('; ');
}
