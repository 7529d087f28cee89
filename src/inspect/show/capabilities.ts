// The capability sets of a process in one line.

import { collapse } from '../../capabilities/expression.ts';
import { formatMask } from '../../capabilities/mask.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { StatusMasks } from '../../kernel/text/status-masks.ts';
import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import type { Field, Value } from './report.ts';

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

/** They count in the process's own user namespace only. */
export function capabilitiesField(host: Host, masks: StatusMasks | null): Field {
  const key = 'capabilities';
  if (masks === null) return { key, value: null, lines: ['-'] };
  const all = valueOf(allCapabilities(host));
  const value: Record<string, Value> = {};
  const words: string[] = [];
  for (const set of SETS) {
    const mask = masks[set];
    value[set] = mask === null ? null : formatMask(mask);
    if (set === 'effective' || (mask !== masks.effective && mask !== 0n))
      words.push(`${set} ${mask === null ? '-' : collapse(mask, all)}`);
  }
  return { key, value, lines: [words.join('; ')] };
}
