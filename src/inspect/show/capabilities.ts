// The capability sets of a process in one line.

import { decodeMask, formatMask } from '../../capabilities/mask.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { StatusMasks } from '../../kernel/text/status-masks.ts';
import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import type { Field, Value } from './report.ts';

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

/** So few missing ones are named in place of those that are there. */
const FEW = 5;

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
    if (set === 'effective' || (mask !== masks.effective && mask !== 0n)) words.push(`${set} ${collapse(mask, all)}`);
  }
  return { key, value, lines: [words.join('; ')] };
}

/** `full`, `none`, `full but cap_sys_resource`, or names. */
export function collapse(mask: bigint | null, all: bigint | undefined): string {
  if (mask === null) return '-';
  if (mask === 0n) return 'none';
  const missing = all === undefined ? undefined : all & ~mask;
  if (missing === 0n) return 'full';
  const absent = missing === undefined ? [] : namesOf(missing);
  if (absent.length > 0 && absent.length <= FEW) return `full but ${absent.join(',')}`;
  return namesOf(mask).join(',');
}

function namesOf(mask: bigint): readonly string[] {
  const { names, unknown } = decodeMask(mask);
  return [...names, ...unknown.map(String)];
}
