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
    const said = differenceIn(name, after.sets, wish, all);
    if (said !== undefined) return `${said}: ${rulesAbout(name, reasons, all)}`;
  }
  return undefined;
}

function differenceIn(
  name: (typeof NAMES)[number],
  sets: CapabilitySets,
  { sets: wished, drop, add }: CapsWish,
  all: bigint,
): string | undefined {
  const mask = sets[name];
  const wish = wished[name];
  const needed = (wish ?? 0n) | (name === 'permitted' || name === 'effective' ? add : 0n);
  const lacking = needed & ~mask;
  const surplus = mask & ((wish === undefined ? 0n : ~wish) | drop);
  if (lacking !== 0n) return `${collapse(lacking, all)} would not be ${wordFor[name]}`;
  if (surplus !== 0n) return `${collapse(surplus & all, all)} would be ${wordFor[name]}`;
  return undefined;
}

const wordFor: Readonly<Record<(typeof NAMES)[number], string>> = {
  permitted: 'permitted',
  effective: 'effective',
  inheritable: 'inheritable',
  bounding: 'in the bounding set',
  ambient: 'ambient',
};

function rulesAbout(name: ExecReason['about'], reasons: readonly ExecReason[], all: bigint): string {
  const rules = reasons.filter(({ about }) => about === name).map((reason) => reasonText(reason, all));
  return rules.length === 0 ? 'nothing gives it' : rules.join('; ');
}
