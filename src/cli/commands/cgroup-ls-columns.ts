// The columns of `cgroup ls`.

import type { Rates, Sample, Topic } from '../../cgroups/sample.ts';
import type { GroupRow } from '../../inspect/cgroup/group-rows.ts';
import type { Column } from '../../render/columns.ts';

export interface GroupColumn extends Column<GroupRow> {
  /** What has to be read for it. */
  readonly topic?: Topic;
  /** What has to be found out for it besides. */
  readonly fact?: 'owner' | 'below';
  /** Takes two looks. */
  readonly isRate?: true;
}

type Figure = Exclude<keyof Sample, 'at'>;

/** A figure, in its own unit divided by `by`, to so many digits. */
function figure(
  key: string,
  name: Figure,
  topic: Topic,
  help: string,
  { by = 1, digits = 0, ...more }: { readonly by?: number; readonly digits?: number } & Partial<GroupColumn> = {},
): GroupColumn {
  return { key, type: 'number', help, topic, get: ({ sample }) => rounded(sample[name], by, digits), ...more };
}

function rate(
  key: string,
  name: keyof Rates,
  topic: Topic,
  help: string,
  { digits = 0, ...more }: { readonly digits?: number } & Partial<GroupColumn> = {},
): GroupColumn {
  const get = ({ rates }: GroupRow): number | null => rounded(rates?.[name] ?? null, 1, digits);
  return { key, type: 'number', help, topic, isRate: true, get, ...more };
}

function rounded(amount: number | null, by: number, digits: number): number | null {
  if (amount === null || !Number.isFinite(amount)) return amount;
  const scale = 10 ** digits;
  return Math.round((amount / by) * scale) / scale;
}

const bytes = { unit: 'bytes' } as const;
const percent = { digits: 1 } as const;
const seconds = { by: 1e6, digits: 2 } as const;

/** Of its own quota's periods, since it was made. Unit: percent. */
function throttled({ sample: { throttled: held, periods } }: GroupRow): number | null {
  if (held === null || periods === null) return null;
  return periods === 0 ? 0 : rounded((100 * held) / periods, 1, 1);
}

export const groupColumns: readonly GroupColumn[] = [
  { key: 'path', type: 'string', help: 'path of the cgroup', shrinks: true, get: ({ group }) => group.path },
  {
    key: 'owner',
    type: 'string',
    help: 'container, pod or unit',
    shrinks: true,
    fact: 'owner',
    get: ({ owner }) => owner,
  },
  {
    key: 'hierarchies',
    type: 'list',
    help: 'the hierarchies that have it: by their controllers, of v2 cgroup2',
    shrinks: true,
    get: ({ group }) => group.places.map(({ hierarchy }) => hierarchy.name),
  },
  figure('procs', 'processes', 'processes', 'its own processes, in the first of its hierarchies that has any there'),
  {
    key: 'procs_below',
    type: 'number',
    help: 'processes in it and in all below',
    topic: 'processes',
    fact: 'below',
    get: ({ below }) => below,
  },
  figure('tasks', 'tasks', 'tasks', 'threads (pids controller)'),
  figure('tasks_limit', 'tasks_limit', 'tasks_limit', 'how many it may have itself'),
  figure('forks_refused', 'forks_refused', 'forks_refused', 'how often fork(2) met its own limit'),
  figure('cpu', 'cpu_usec', 'cpu', 'seconds of processor time', seconds),
  figure('cpu_limit', 'cpu_limit', 'cpu_limit', 'processors that its own quota gives', { digits: 3 }),
  figure('periods', 'periods', 'throttling', 'periods of its own quota that began'),
  {
    key: 'throttled',
    type: 'number',
    help: 'in how many percent of these it was held back',
    topic: 'throttling',
    get: throttled,
  },
  figure('throttled_time', 'throttled_usec', 'throttling', 'for how many seconds, summed over processors', seconds),
  figure('mem', 'memory', 'memory', 'memory', bytes),
  figure('mem_limit', 'memory_limit', 'memory_limit', 'its own limit; max: none', bytes),
  figure('mem_peak', 'memory_peak', 'memory_peak', 'the most that it was', bytes),
  figure('working_set', 'working_set', 'memory_stat', 'memory without inactive files, as Kubernetes counts it', bytes),
  figure('anon', 'anon', 'memory_stat', 'memory that is of no file', bytes),
  figure('file', 'file', 'memory_stat', 'memory of files, tmpfs and shared memory', bytes),
  figure('swap', 'swap', 'swap', 'what is swapped out', bytes),
  figure('oom_kills', 'oom_kills', 'oom_kills', 'its own processes that were killed for want of memory'),
  figure('limit_hits', 'limit_hits', 'limit_hits', 'how often its own memory limit was met'),
  figure('read', 'read_bytes', 'io_bytes', 'read from block devices', bytes),
  figure('written', 'written_bytes', 'io_bytes', 'written to them; of v1 only what is written at once', bytes),
  figure('reads', 'reads', 'io_requests', 'requests to read'),
  figure('writes', 'writes', 'io_requests', 'requests to write'),
  figure('cpu_psi', 'cpu_stall', 'cpu_pressure', 'waited for processors: percent of the last 10 seconds (v2)', {
    digits: 2,
  }),
  figure('mem_psi', 'memory_stall', 'memory_pressure', 'waited for memory', { digits: 2 }),
  figure('io_psi', 'io_stall', 'io_pressure', 'waited for disks', { digits: 2 }),
  figure('frozen', 'frozen', 'frozen', '1: frozen, itself or from above'),
  figure('dying', 'dying', 'dying', 'removed cgroups below it that something still holds (v2)'),
  rate('cpu_now', 'cpu', 'cpu', 'processors in use', { digits: 3 }),
  rate('throttled_now', 'throttled_percent', 'throttling', 'held back: percent of the periods', percent),
  rate('throttled_time_now', 'throttled', 'throttling', 'held back: seconds in each, summed over processors', {
    digits: 3,
  }),
  rate('mem_now', 'memory', 'memory', 'memory more, or less', bytes),
  rate('read_now', 'read_bytes', 'io_bytes', 'read', bytes),
  rate('written_now', 'written_bytes', 'io_bytes', 'written', bytes),
  rate('reads_now', 'reads', 'io_requests', 'requests to read', percent),
  rate('writes_now', 'writes', 'io_requests', 'requests to write', percent),
  rate('cpu_psi_now', 'cpu_stall', 'cpu_pressure', 'waited for processors, in percent (v2)', percent),
  rate('mem_psi_now', 'memory_stall', 'memory_pressure', 'waited for memory, in percent', percent),
  rate('io_psi_now', 'io_stall', 'io_pressure', 'waited for disks, in percent', percent),
  rate('oom_kills_now', 'oom_kills', 'oom_kills', 'killed for want of memory'),
  rate('limit_hits_now', 'limit_hits', 'limit_hits', 'memory limit met'),
  rate('forks_refused_now', 'forks_refused', 'forks_refused', 'fork(2) refused'),
];

const MOMENT = ['procs', 'mem', 'mem_limit', 'cpu', 'throttled', 'oom_kills', 'owner', 'path'];
const INTERVAL = ['procs', 'mem', 'mem_limit', 'cpu_now', 'throttled_now', 'read_now', 'written_now', 'owner', 'path'];
const EMPTY = ['mem', 'cpu', 'dying', 'hierarchies', 'owner', 'path'];

/** What is shown if -o does not say. */
export function defaultGroupColumns(shape: { readonly interval: boolean; readonly empty: boolean }): readonly string[] {
  if (shape.interval) return INTERVAL;
  return shape.empty ? EMPTY : MOMENT;
}

/** A line for each. */
export function groupColumnLines(): readonly string[] {
  const line = ({ key, help }: GroupColumn): string => `  ${key.toUpperCase().padEnd(18)} ${help}`;
  return [
    ...groupColumns.filter(({ isRate }) => isRate !== true).map(line),
    'columns that take two looks, a second each of which they tell, but for the last three:',
    ...groupColumns.filter(({ isRate }) => isRate === true).map(line),
  ];
}
