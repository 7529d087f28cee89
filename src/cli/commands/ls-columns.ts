// The columns of `ls`, with the names and meanings of lsns(8).

import { collapser, summarize } from '../../capabilities/summary.ts';
import type { CgroupCells, CgroupKey } from '../../inspect/cgroup/cgroup-cells.ts';
import type { Fact, NamespaceRow, ProcessCapabilities } from '../../namespaces/rows.ts';
import type { Scan } from '../../namespaces/discover/scan.ts';
import type { Column } from '../../render/columns.ts';

type CellKey = Exclude<keyof NamespaceRow, 'capabilities'>;

/** What cgroups say is read for those rows only, and when it is asked for. */
export type LsRow = NamespaceRow & Partial<CgroupCells>;

export interface LsColumn extends Column<LsRow> {
  readonly key: CellKey | CgroupKey | 'caps';
  /** What has to be read for it. */
  readonly fact?: Fact;
  /** What has to be read for it of cgroups. */
  readonly cgroup?: CgroupKey;
}

function column(key: CellKey, type: Column<LsRow>['type'], help: string, more: Partial<LsColumn> = {}): LsColumn {
  return { key, type, help, get: (row) => row[key], ...more };
}

function ofCgroup(key: CgroupKey, type: Column<LsRow>['type'], help: string, more: Partial<LsColumn> = {}): LsColumn {
  return { key, type, help, cgroup: key, get: (row) => row[key] ?? null, ...more };
}

const collapsers = new Map<bigint | undefined, (mask: bigint) => string>();

/** As `caps ls` has it. */
function capabilityCell(capabilities: ProcessCapabilities | null): string | null {
  if (capabilities === null) return null;
  const { sets, all } = capabilities;
  const short = collapsers.get(all) ?? collapser(all);
  collapsers.set(all, short);
  return summarize(sets, short);
}

export const lsColumns: readonly LsColumn[] = [
  column('ns', 'number', 'inode number of the namespace'),
  column('type', 'string', 'kind of namespace'),
  column('path', 'string', 'path to it, through the process with the lowest pid', { shrinks: true }),
  column('nprocs', 'number', 'processes in it'),
  column('pid', 'number', 'lowest pid in it'),
  column('ppid', 'number', 'parent of that process', { fact: 'ppid' }),
  column('command', 'string', 'command line of that process', { fact: 'command', shrinks: true }),
  column('uid', 'number', 'uid of that process; without one, who made its user namespace', { fact: 'uid' }),
  column('user', 'string', 'name of that uid', { fact: 'user' }),
  column('netnsid', 'string', 'id that our network namespace gives it', { fact: 'netnsid' }),
  column('nsfs', 'list', 'where it is mounted', { shrinks: true }),
  column('pns', 'number', 'inode of the parent namespace (pid, user)', { fact: 'pns' }),
  column('ons', 'number', 'inode of the owning user namespace', { fact: 'ons' }),
  column('id', 'number', "the kernel's number for it, never given twice (Linux 6.18)", { fact: 'id' }),
  column('name', 'string', 'container, pod, named network namespace or unit', { fact: 'name', shrinks: true }),
  column('cgroup', 'string', 'cgroup of the lowest pid', { fact: 'cgroup', shrinks: true }),
  {
    key: 'caps',
    type: 'string',
    help: 'capabilities of the lowest pid: effective, and what differs in other sets',
    fact: 'caps',
    shrinks: true,
    get: ({ capabilities }) => capabilityCell(capabilities),
  },
  ofCgroup('cgroup_mem', 'number', 'memory that this cgroup uses, with all below it', { unit: 'bytes' }),
  ofCgroup('mem_limit', 'number', 'limit of memory that holds for it: the smallest up to the root; max: none', {
    unit: 'bytes',
  }),
  ofCgroup('mem_limit_by', 'string', 'the cgroup that sets it', { shrinks: true }),
  ofCgroup('cpu_limit', 'number', "how many processors' time it may have: the smallest quota up to the root; max: all"),
  ofCgroup('cpu_limit_by', 'string', 'the cgroup that sets it', { shrinks: true }),
  ofCgroup('cgroup_tasks', 'number', 'processes and threads in this cgroup, with all below it'),
  ofCgroup('pids_limit', 'number', 'limit of those that holds for it: the smallest up to the root; max: none'),
  ofCgroup('pids_limit_by', 'string', 'the cgroup that sets it', { shrinks: true }),
  ofCgroup('throttled_usec', 'number', 'microseconds that a quota, its own or one above, has held it back'),
  ofCgroup('oom_kills', 'number', 'processes in this cgroup killed for want of memory, since it was made'),
  ofCgroup('frozen', 'string', 'is this cgroup frozen, by itself or from above: yes or no'),
  column('holders', 'list', 'what keeps it alive, counted (implies --deep)', { fact: 'holders', shrinks: true }),
  column('entered', 'list', 'pids put into its container from outside; of a process that container', {
    fact: 'entered',
  }),
  column('owner', 'string', 'who made the user namespace that owns it; of a user namespace, who made it', {
    fact: 'owner',
  }),
  column('created', 'string', 'when it was made (UTC); ~ behind it: about then, by its processes or mounts', {
    fact: 'created',
  }),
  column('threads', 'number', 'threads of its processes; with --deep those that are in it', { fact: 'threads' }),
  column('pids', 'list', 'all processes in it', { shrinks: true }),
  column('cpu', 'number', 'seconds of processor time of its processes, user and system', { fact: 'cpu' }),
  column('rss', 'number', 'resident memory of its processes; what they share counts for each', {
    fact: 'rss',
    unit: 'bytes',
  }),
  column('hostname', 'string', 'host name (uts)', { fact: 'hostname', shrinks: true }),
  column('interfaces', 'list', 'network interfaces (net)', { fact: 'interfaces', shrinks: true }),
  column('sockets', 'number', 'sockets that programs have in it, of all families (net)', { fact: 'sockets' }),
  column('maps', 'list', 'uid:INSIDE:HERE:COUNT and gid:... for each range (user)', { fact: 'maps', shrinks: true }),
];

/** In a filter a parent or owner that is not known is 0, as lsns has it; in the answer it is null. */
export const filterColumns: readonly LsColumn[] = lsColumns.map((column) =>
  column.key === 'pns' || column.key === 'ons' ? { ...column, get: (row) => column.get(row) ?? 0n } : column,
);

/** A line for each. */
export function lsColumnList(): readonly string[] {
  return lsColumns.map(({ key, help }) => `  ${key.toUpperCase().padEnd(14)} ${help}`);
}

/** Of rows whose process is in cgroups; nothing is read, and nothing loaded, where none of that was asked for. */
export async function withCgroups(
  { host, gaps }: Pick<Scan, 'host' | 'gaps'>,
  rows: readonly NamespaceRow[],
  columns: readonly LsColumn[],
): Promise<readonly LsRow[]> {
  const keys = new Set(columns.flatMap(({ cgroup }) => cgroup ?? []));
  if (keys.size === 0) return rows;
  const { CgroupCellReader } = await import('../../inspect/cgroup/cgroup-cells.ts');
  const reader = new CgroupCellReader(host, keys, gaps);
  return rows.map((row) => ({ ...row, ...reader.cells(row.pid) }));
}
