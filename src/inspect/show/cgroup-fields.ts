// What the cgroups of a process do to it now: the limits that bind, who sets them, what they did. All the rest is in
// `cgroup show`.

import { readThrottling, type Throttling } from '../../cgroups/cpu.ts';
import { readCpuset } from '../../cgroups/cpuset.ts';
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
  /** For people. */
  readonly shown: string;
}

function limitsField({ host, groups, gaps }: ProcessLook): Field {
  if (groups === null) return plain('limits', null);
  const limits = readLimits(host, groups, gaps).filter(({ effective }) => effective !== 'max');
  const narrowed = readCpuset(groups, gaps).filter(({ key, by }) => key === 'cpus' && by !== null);
  const cpus = narrowed.map(({ effective, count, by }): Bound => {
    const common = { key: 'cpus', unit: 'processors', device: null } as const;
    return { ...common, effective: count, by, usage: null, shown: effective ?? '-' };
  });
  return many('limits', [...limits.map(boundOf), ...cpus], valueOf, lineOf);
}

function boundOf({ key, unit, device, effective, by, levels }: Limit): Bound {
  const usage = levels.find(({ path }) => path === by)?.usage ?? null;
  return { key, unit, device, effective, by, usage, shown: amountText(effective, unit) };
}

function valueOf({ shown: _, ...bound }: Bound): Value {
  return bound;
}

function lineOf({ key, unit, device, by, usage, shown }: Bound): string {
  const used = usage === null || unit === 'processors' ? '' : `, used ${amountText(usage, unit)}`;
  return `${key}${device === null ? '' : ` ${device}`} ${shown}${by === null ? '' : ` by ${by}`}${used}`;
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
  return many('throttling', held, (each) => ({ ...each }), throttlingLine);
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
  const line = state === 'thawed' ? 'no' : `${state}${by === null ? '' : ` by ${by}`}`;
  return { key: 'frozen', value: { state, by }, lines: [line] };
}
