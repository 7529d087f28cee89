// The five capability sets of a thread.

import type { StatusMasks } from '../kernel/text/status-masks.ts';

/** Masks: bit n is capability n. Source: capabilities(7). */
export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

/** undefined: a kernel that does not tell all five, that is before Linux 4.3. */
export function setsOf(masks: StatusMasks): CapabilitySets | undefined {
  const { effective, permitted, inheritable, bounding, ambient } = masks;
  if (effective === null || permitted === null || inheritable === null || bounding === null || ambient === null)
    return undefined;
  return { effective, permitted, inheritable, bounding, ambient };
}
