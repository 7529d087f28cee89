// How much processor time a cgroup may have: cpu.max of v2; cpu.cfs_quota_us and cpu.cfs_period_us of v1. Source:
// Documentation/scheduler/sched-bwc.rst.

import { value, type Reading } from '../host.ts';
import { boundOf, type Bound } from './cgroup-bound.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

export interface CpuQuota {
  /** In each period, of all processors together. Unit: microseconds. */
  readonly quota: Bound;
  /** Unit: microseconds. */
  readonly period: bigint;
}

/** `50000 100000`, `max 100000`. */
export function parseCpuMax(bytes: Uint8Array, file: string): Reading<CpuQuota> {
  const text = decodeText(bytes);
  const [quota, period, ...more] = text.replace(/\n$/, '').split(' ');
  const bound = boundOf(quota);
  const length = parseUnsigned64(period);
  // A period of 0 would be divided by.
  if (bound === undefined || length === undefined || length === 0n || more.length > 0) return malformed(file, 1, text);
  return value({ quota: bound, period: length });
}
