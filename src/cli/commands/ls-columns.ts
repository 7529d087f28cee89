// The columns of `ls`, with the names and meanings of lsns(8).

import { collapser, summarize } from '../../capabilities/summary.ts';
import type { Fact, NamespaceRow, ProcessCapabilities } from '../../namespaces/rows.ts';
import type { Column } from '../../render/columns.ts';

type CellKey = Exclude<keyof NamespaceRow, 'capabilities'>;

export interface LsColumn extends Column<NamespaceRow> {
  readonly key: CellKey | 'caps';
  /** What has to be read for it. */
  readonly fact?: Fact;
}

function column(
  key: CellKey,
  type: Column<NamespaceRow>['type'],
  help: string,
  more: Partial<LsColumn> = {},
): LsColumn {
  return { key, type, help, get: (row) => row[key], ...more };
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
  return lsColumns.map(({ key, help }) => `  ${key.toUpperCase().padEnd(10)} ${help}`);
}
