// What processor time a cgroup used, and how long it was held back. Source: Documentation/admin-guide/cgroup-v2.rst,
// "cpu.stat", cgroup-v1/cpuacct.rst, Documentation/scheduler/sched-bwc.rst.

import type { GapTally } from '../kernel/gap-tally.ts';
import { parseAmount } from '../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { controlledBy, type Group, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

/** Throttling by the quota of one cgroup: those above have numbers of their own. */
export interface Throttling {
  readonly path: string;
  readonly periods: bigint | null;
  readonly throttled: bigint | null;
  /** Summed over processors: it may exceed the time that passed. Unit: microseconds; v1 tells nanoseconds. */
  readonly throttled_usec: bigint | null;
}

export interface CpuUsage {
  /** With all cgroups below. Unit: microseconds. */
  readonly usage_usec: bigint | null;
  readonly user_usec: bigint | null;
  readonly system_usec: bigint | null;
  /** By each quota from the cgroup up. Those without a quota count nothing. */
  readonly throttling: readonly Throttling[];
}

/** USER_HZ is 100 on all architectures that are still made. Unit: microseconds. */
const TICK = 10_000n;

export function readCpu(groups: Groups, gaps: GapTally): CpuUsage {
  return { ...times(groups, gaps), throttling: readThrottling(groups, gaps) };
}

function times(groups: Groups, gaps: GapTally): Omit<CpuUsage, 'throttling'> {
  const accounted = controlledBy(groups, 'cpuacct');
  const level = accounted?.levels[0];
  if (accounted !== undefined && level !== undefined) {
    const usage = readFrom(accounted.group, level, 'cpuacct.usage', parseAmount, gaps) ?? null;
    const stat = readFrom(accounted.group, level, 'cpuacct.stat', parseFlatKeyed, gaps);
    const ticks = (key: string): bigint | null => scaled(stat?.get(key), TICK);
    return {
      usage_usec: usage === null ? null : usage / 1000n,
      user_usec: ticks('user'),
      system_usec: ticks('system'),
    };
  }
  // Of v2 also without the cpu controller.
  const unified = groups.reached.find(({ version }) => version === 2);
  const stat =
    unified === undefined ? undefined : readFrom(unified, unified.levels[0], 'cpu.stat', parseFlatKeyed, gaps);
  const of = (key: string): bigint | null => stat?.get(key) ?? null;
  return { usage_usec: of('usage_usec'), user_usec: of('user_usec'), system_usec: of('system_usec') };
}

function scaled(number: bigint | undefined, factor: bigint): bigint | null {
  return number === undefined ? null : number * factor;
}

/** By each quota from the cgroup up. */
export function readThrottling(groups: Groups, gaps: GapTally): readonly Throttling[] {
  const controlled = controlledBy(groups, 'cpu');
  if (controlled === undefined) return [];
  const { group, levels } = controlled;
  return levels.flatMap((level) => {
    const stat = readFrom(group, level, 'cpu.stat', parseFlatKeyed, gaps);
    return stat == null || (stat.get('nr_periods') ?? 0n) === 0n ? [] : [throttlingOf(group, level.path, stat)];
  });
}

function throttlingOf(
  { version }: Pick<Group, 'version'>,
  path: string,
  stat: ReadonlyMap<string, bigint>,
): Throttling {
  const nanoseconds = stat.get('throttled_time');
  const v1 = nanoseconds === undefined ? null : nanoseconds / 1000n;
  return {
    path,
    periods: stat.get('nr_periods') ?? null,
    throttled: stat.get('nr_throttled') ?? null,
    throttled_usec: version === 1 ? v1 : (stat.get('throttled_usec') ?? null),
  };
}
