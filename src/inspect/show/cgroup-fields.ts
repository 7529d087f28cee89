// What the cgroups of a process do to it now: the limits that bind, who sets them, what they did. All the rest is in
// `cgroup show`.

import { readThrottling, type Throttling } from '../../cgroups/cpu.ts';
import { readCpuset, type Placement } from '../../cgroups/cpuset.ts';
import { countOomKills } from '../../cgroups/events.ts';
import { readFreeze } from '../../cgroups/frozen.ts';
import { readLimits, type Amount, type Limit } from '../../cgroups/limits.ts';
import type { Unit } from '../../cgroups/limit-table.ts';
import type { FieldDefinition } from './field.ts';
import type { ProcessLook } from './process-look.ts';
import { many, plain, type Field, type Value } from './report.ts';

export const cgroupFields: readonly FieldDefinition<ProcessLook>[] = [
  { key: 'limits', help: 'the limits of its cgroups that hold for it, and which cgroup sets them', build: limitsField },
  { key: 'throttling', help: 'the quotas that have held it back, its own and those above', build: throttlingField },
  { key: 'oom_kills', help: 'how many in its cgroup were killed for want of memory', build: oomField },
  { key: 'frozen', help: 'is its cgroup frozen, and by which one?', build: frozenField },
];

/** A limit that binds, or one of which that is unknown. */
interface Bound {
  readonly key: string;
  readonly unit: Unit | 'processors';
  readonly device: string | null;
  readonly effective: Amount | null;
  readonly by: string | null;
  /** What counts against it, in the cgroup that sets it: another one below may have taken most. */
  readonly usage: bigint | null;
}

interface ShownBound {
  readonly bound: Bound;
  readonly line: string;
}

function limitsField({ host, groups, gaps }: ProcessLook): Field {
  if (groups === null) return plain('limits', null);
  const limits = readLimits(host, groups, gaps).filter(({ effective }) => effective !== 'max');
  const narrowed = readCpuset(groups, gaps).filter(({ key, by }) => key === 'cpus' && by !== null);
  const all = [...limits.map(ofLimit), ...narrowed.map(ofCpuset)];
  return many(
    'limits',
    all,
    ({ bound }) => ({ ...bound }),
    ({ line }) => line,
  );
}

function ofLimit({ key, unit, device, effective, by, levels }: Limit): ShownBound {
  const usage = levels.find(({ path }) => path === by)?.usage ?? null;
  const what = `${key}${device === null ? '' : ` ${device}`} ${amountText(effective, unit)}`;
  const used = usage === null ? '' : `, used ${amountText(usage, unit)}`;
  return { bound: { key, unit, device, effective, by, usage }, line: `${what}${byText(by)}${used}` };
}

function ofCpuset({ effective, count, by }: Placement): ShownBound {
  const bound = { key: 'cpus', unit: 'processors', device: null, effective: count, by, usage: null } as const;
  return { bound, line: `cpus ${effective ?? '-'}${byText(by)}` };
}

function byText(by: string | null): string {
  return by === null ? '' : ` by ${by}`;
}

const UNITS: Readonly<Record<Unit, string>> = {
  bytes: 'bytes',
  cores: 'cores',
  tasks: 'tasks',
  bytes_per_second: 'bytes/s',
  operations_per_second: 'operations/s',
  objects: 'objects',
};

const KIB = 1024;

/** `64.0MiB`; what is no size has its number and unit. */
function amountText(amount: Amount | null, unit: Unit): string {
  if (amount === null) return '-';
  if (amount === 1n && unit === 'tasks') return '1 task';
  if (typeof amount !== 'bigint' || !unit.startsWith('bytes')) return `${amount} ${UNITS[unit]}`;
  const rate = unit === 'bytes' ? '' : '/s';
  const kib = Number(amount) / KIB;
  return kib < KIB ? `${kib.toFixed(1)}KiB${rate}` : `${(kib / KIB).toFixed(1)}MiB${rate}`;
}

/** Those that have held back nothing are left out. */
function throttlingField({ groups, gaps }: ProcessLook): Field {
  const all = groups === null ? null : readThrottling(groups, gaps);
  const held = all?.filter(({ throttled }) => throttled !== 0n) ?? null;
  // Bursts held nobody back: they are for `cgroup show`.
  const value = ({ path, periods, throttled, throttled_usec }: Throttling): Value => {
    return { path, periods, throttled, throttled_usec };
  };
  return many('throttling', held, value, throttlingLine);
}

function throttlingLine({ path, periods, throttled, throttled_usec: time }: Throttling): string {
  const seconds = time === null ? '-' : `${(Number(time) / 1e6).toFixed(3)}s`;
  return `by ${path} in ${throttled ?? '-'} of ${periods ?? '-'} periods, for ${seconds}`;
}

function oomField({ groups, gaps }: ProcessLook): Field {
  return plain('oom_kills', groups === null ? null : countOomKills(groups, gaps));
}

function frozenField({ groups, gaps }: ProcessLook): Field {
  const freeze = groups === null ? undefined : readFreeze(groups, gaps);
  if (freeze === undefined || freeze.state === null) return plain('frozen', null);
  const { state, by } = freeze;
  const line = state === 'thawed' ? 'no' : `${state}${byText(by)}`;
  return { key: 'frozen', value: { state, by }, lines: [line] };
}
