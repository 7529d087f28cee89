// `cgroup top` of groups: what is read of them, drawn, and said in lines.

import type { Rates, Topic } from '../../cgroups/sample.ts';
import type { GroupRow } from '../../inspect/cgroup/group-rows.ts';
import type { ScreenColumn } from '../../render/screen.ts';
import { groupColumns, type GroupColumn } from './cgroup-ls-columns.ts';
import { bytesCell, decimalCell, wholeCell, type TopView } from './cgroup-top-view.ts';

type Write = (row: GroupRow) => string;

function column(heading: string, width: number, spare: number, text: Write): ScreenColumn<GroupRow> {
  return { heading, width, align: 'right', spare, text };
}

/** Of processors, memory and disks the one that is waited for most. */
function stalled(rates: Rates | null): number | null {
  const known = [rates?.cpu_stall, rates?.memory_stall, rates?.io_stall].filter((share) => share != null);
  return known.length === 0 ? null : Math.max(...known);
}

function percentOf(processors: number | null | undefined): number | null {
  return processors == null ? null : processors * 100;
}

function moved({ rates }: GroupRow): number | null {
  const { read_bytes: read = null, written_bytes: written = null } = rates ?? {};
  return read === null && written === null ? null : (read ?? 0) + (written ?? 0);
}

/** A path begins with a slash, an owner does not. */
function named({ owner, group }: GroupRow): string {
  return owner === null ? group.path : `${owner} ${group.path}`;
}

export const groupView: TopView<GroupRow> = {
  noun: 'cgroups',
  // The name is last: it takes what the others leave.
  columns: [
    column('TASKS', 6, 4, ({ sample }) => wholeCell(sample.tasks)),
    column('%CPU', 6, 0, ({ rates }) => decimalCell(percentOf(rates?.cpu))),
    column('%HELD', 5, 3, ({ rates }) => decimalCell(rates?.throttled_percent)),
    column('MEMORY', 7, 1, ({ sample }) => bytesCell(sample.memory)),
    column('READ/S', 7, 5, ({ rates }) => bytesCell(rates?.read_bytes)),
    column('WRITE/S', 7, 6, ({ rates }) => bytesCell(rates?.written_bytes)),
    column('OOM', 4, 7, ({ sample }) => wholeCell(sample.oom_kills)),
    column('%STALL', 6, 8, ({ rates }) => decimalCell(stalled(rates))),
    { heading: 'CGROUP', align: 'left', spare: -1, text: named },
  ],
  sizes: {
    path: undefined,
    tasks: ({ sample }) => sample.tasks,
    cpu: ({ rates }) => rates?.cpu,
    memory: ({ sample }) => sample.memory,
    io: moved,
    throttled: ({ rates }) => rates?.throttled_percent,
    oom: ({ sample }) => sample.oom_kills,
    stall: ({ rates }) => stalled(rates),
  },
};

const LINE_KEYS = [
  'path',
  'owner',
  'tasks',
  'cpu',
  'cpu_now',
  'throttled_now',
  'throttled_time_now',
  'mem',
  'read_now',
  'written_now',
  'oom_kills',
  'oom_kills_now',
  'cpu_psi_now',
  'mem_psi_now',
  'io_psi_now',
];

const columnsNamed = (keys: readonly string[]): readonly GroupColumn[] =>
  keys.flatMap((key) => groupColumns.find((each) => each.key === key) ?? []);

const seconds: GroupColumn = {
  key: 'seconds',
  type: 'number',
  help: 'how long ago the look before was',
  get: ({ rates }) => (rates === null ? null : Math.round(rates.seconds * 1000) / 1000),
};

/** Of a line of JSON. */
export const lineColumns: readonly GroupColumn[] = [...columnsNamed(LINE_KEYS), seconds];

/** Of a line of text. */
export const batchColumns: readonly GroupColumn[] = columnsNamed([
  'tasks',
  'cpu_now',
  'throttled_now',
  'mem',
  'read_now',
  'written_now',
  'oom_kills',
  'owner',
  'path',
]);

/** What all of these need. */
export const topTopics: readonly Topic[] = [...new Set(lineColumns.flatMap(({ topic }) => topic ?? []))];
