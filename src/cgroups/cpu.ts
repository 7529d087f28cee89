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
  /** Periods in which more than the quota was used, as cpu.max.burst allows. Since: Linux 5.14. null: not told. */
  readonly bursts: bigint | null;
  /** What was used beyond it. Unit: microseconds. */
  readonly burst_usec: bigint | null;
}

export interface CpuUsage {
  /** With all cgroups below. Unit: microseconds. */
  readonly usage_usec: bigint | null;
  readonly user_usec: bigint | null;
  readonly system_usec: bigint | null;
  /** Of user_usec, at a positive nice. Since: Linux 6.12, v2 alone. null: not told. */
  readonly nice_usec: bigint | null;
  /** How long it was held back itself, by whosever quota. Unit: microseconds. Since: Linux 6.6. null: not told. */
  readonly held_usec: bigint | null;
  /** By each quota from the cgroup up. Those without a quota count nothing. */
  readonly throttling: readonly Throttling[];
}

/** USER_HZ is 100 on all architectures that are still made. Unit: microseconds. */
const TICK = 10_000n;

export function readCpu(groups: Groups, gaps: GapTally): CpuUsage {
  return { ...times(groups, gaps), held_usec: held(groups, gaps), throttling: readThrottling(groups, gaps) };
}

function times(groups: Groups, gaps: GapTally): Omit<CpuUsage, 'held_usec' | 'throttling'> {
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
      nice_usec: null,
    };
  }
  // Of v2 also without the cpu controller.
  const unified = groups.reached.find(({ version }) => version === 2);
  const stat =
    unified === undefined ? undefined : readFrom(unified, unified.levels[0], 'cpu.stat', parseFlatKeyed, gaps);
  const of = (key: string): bigint | null => stat?.get(key) ?? null;
  const halves = { user_usec: of('user_usec'), system_usec: of('system_usec'), nice_usec: of('nice_usec') };
  return { usage_usec: of('usage_usec'), ...halves };
}

/** Where the quota of one above holds it back, its own cpu.stat counts nothing, but cpu.stat.local does. */
function held(groups: Groups, gaps: GapTally): bigint | null {
  const controlled = controlledBy(groups, 'cpu');
  const level = controlled?.levels[0];
  if (controlled === undefined || level === undefined) return null;
  const stat = readFrom(controlled.group, level, 'cpu.stat.local', parseFlatKeyed, gaps);
  return stat == null ? null : microseconds(controlled.group, stat, 'throttled');
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

function throttlingOf(group: Pick<Group, 'version'>, path: string, stat: ReadonlyMap<string, bigint>): Throttling {
  return {
    path,
    periods: stat.get('nr_periods') ?? null,
    throttled: stat.get('nr_throttled') ?? null,
    throttled_usec: microseconds(group, stat, 'throttled'),
    bursts: stat.get('nr_bursts') ?? null,
    burst_usec: microseconds(group, stat, 'burst'),
  };
}

/** v1 has `throttled_time` in nanoseconds, v2 `throttled_usec`. */
function microseconds(
  { version }: Pick<Group, 'version'>,
  stat: ReadonlyMap<string, bigint>,
  key: string,
): bigint | null {
  const nanoseconds = stat.get(`${key}_time`);
  if (version === 2) return stat.get(`${key}_usec`) ?? null;
  return nanoseconds === undefined ? null : nanoseconds / 1000n;
}
