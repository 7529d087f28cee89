// `ls --matrix`: who shares which namespace with whom.

import { resolveTarget } from '../../inspect/resolve-target.ts';
import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { hiddenProcesses } from '../../namespaces/discover/hidden-processes.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { processLinks } from '../../namespaces/discover/process-links.ts';
import { emptyScan } from '../../namespaces/discover/scan.ts';
import { matrixRows, type MatrixCell, type MatrixRow } from '../../namespaces/matrix.ts';
import { compareCells, type Cell, type Column } from '../../render/columns.ts';
import { matches, type Filter } from '../../render/filter/filter.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderRaw, renderTable } from '../../render/text-table.ts';
import { flag, type Context, type Invocation, type Outcome } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { filterOf, refuseBoth, sortOf, typesOf } from './ls-query.ts';
import { textOptions } from './text-options.ts';

/** In the order in which people name them. */
const KINDS: readonly NamespaceKind[] = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'];

type MatrixColumn = Column<MatrixRow>;

interface MatrixQuery {
  readonly kinds: ReadonlySet<NamespaceKind>;
  /** Only rows that these targets are in: words as they were given. */
  readonly tasks: readonly string[];
  readonly format: 'text' | 'raw' | 'json';
  readonly filter: Filter<MatrixRow> | undefined;
  readonly sort: MatrixColumn | undefined;
  readonly headings: boolean;
  readonly truncate: boolean;
  readonly recording: string | undefined;
}

const EXCLUSIVE = [
  ['--matrix', 'NAMESPACE'],
  ...['--output', '--output-all', '--list-columns', '--tree', '--persistent', '--deep'].map(
    (other) => ['--matrix', other] as const,
  ),
  ['--json', '--raw'],
] as const;

const LEGEND =
  "host: the host's; own: in no other row; a number: rows with the same number share it; ?: closed to us; -: in none";

export const matrixHelp: readonly string[] = [
  '--matrix has a row for each container, each unit, and else for the processes of one name, in the order of names; those',
  'of them that are in different namespaces have a row each. In the column of a kind is host (shared with the host), a',
  'number (the rows with the same one share it), own (in no other row), ? (closed to us) or - (in none). -t chooses the',
  'columns; -p the rows that a process or namespace is in; -Q and --sort take NAME, PID (the lowest), NPROCS, MNT, NET,',
  'IPC, USER, PIDNS, UTS, CGROUP and TIME.',
];

/** Errors: USAGE, BAD_VALUE, and those of finding the targets. */
export async function lsMatrix(invocation: Invocation, context: Context): Promise<Outcome> {
  const query = queryOf(invocation);
  const host = await context.host(query.recording);
  requireOwnProc(host);
  const scan = emptyScan(host, query.kinds);
  processLinks.discover(scan);
  hiddenProcesses.discover(scan);
  const rows = select(matrixRows(scan), query, host);
  const gaps = scan.gaps.list();
  const notes = gaps.map(gapNote);
  if (query.format === 'json') {
    const matrix = rows.map(rowJson);
    const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), matrix });
    return { stdout, notes, status: 0 };
  }
  const columns = columnsOf(query.kinds, '?');
  if (query.format === 'raw') return { stdout: renderRaw(rows, columns, query.headings), notes, status: 0 };
  const stdout = renderTable(rows, columns, await textOptions(query, context));
  return { stdout, notes: context.stdout.isTerminal ? [...notes, LEGEND] : notes, status: 0 };
}

function queryOf(invocation: Invocation): MatrixQuery {
  refuseBoth(invocation, EXCLUSIVE);
  const kinds = new Set(typesOf(invocation) ?? namespaceKinds.map(({ kind }) => kind));
  const tasks = (invocation.options.get('task') ?? []).map((word) => splitRecorded(word));
  // To a filter what is closed is unknown.
  const columns = columnsOf(kinds, null);
  return {
    kinds,
    tasks: tasks.map(({ word }) => word),
    format: flag(invocation, 'json') ? 'json' : flag(invocation, 'raw') ? 'raw' : 'text',
    filter: filterOf(invocation, columns, `nstool ls --matrix -Q 'NET != "host"'`)?.filter,
    sort: sortOf(invocation, columns),
    headings: !flag(invocation, 'noheadings'),
    truncate: !flag(invocation, 'notruncate'),
    recording: tasks.find((task) => task.recording !== undefined)?.recording,
  };
}

/** The pid namespace is called as ps(1) calls it: PID is that of a process. */
function columnsOf(kinds: ReadonlySet<NamespaceKind>, closed: string | null): readonly MatrixColumn[] {
  return [
    { key: 'name', type: 'string', help: 'container, unit or name', shrinks: true, get: ({ name }) => name },
    { key: 'pid', type: 'number', help: 'the lowest pid', get: ({ pids }) => pids[0] ?? null },
    { key: 'nprocs', type: 'number', help: 'processes', get: ({ pids }) => pids.length },
    ...KINDS.filter((kind) => kinds.has(kind)).map((kind): MatrixColumn => {
      const get = ({ cells }: MatrixRow): Cell => cellOf(cells.get(kind) ?? 'none', closed);
      return { key: kind === 'pid' ? 'pidns' : kind, type: 'string', help: `its ${kind} namespace`, get };
    }),
  ];
}

function cellOf(cell: MatrixCell, closed: string | null): Cell {
  if (cell === 'none') return null;
  if (cell === 'closed') return closed;
  if (cell.initial === true) return 'host';
  return cell.group === null ? 'own' : String(cell.group);
}

function select(rows: readonly MatrixRow[], query: MatrixQuery, host: Host): readonly MatrixRow[] {
  const { tasks, filter, sort } = query;
  const asked = tasks.map((word) => isOf(host, word));
  const found = rows.filter(
    (row) =>
      (asked.length === 0 || asked.some((isAsked) => isAsked(row))) && (filter === undefined || matches(filter, row)),
  );
  return sort === undefined ? found : found.toSorted((a, b) => compareCells(sort.get(a), sort.get(b)));
}

function isOf(host: Host, word: string): (row: MatrixRow) => boolean {
  const target = resolveTarget(host, word);
  switch (target.type) {
    case 'host':
      return ({ cells }) => [...cells.values()].some((cell) => typeof cell === 'object' && cell.initial === true);
    case 'process':
      return ({ pids }) => pids.includes(target.pid);
    case 'namespace':
      return ({ cells }) => {
        const cell = cells.get(target.kind);
        return typeof cell === 'object' && cell.ns === target.inode;
      };
  }
}

function rowJson({ name, pids, cells }: MatrixRow): Json {
  const namespaces = KINDS.filter((kind) => cells.has(kind)).map((kind) => {
    const cell = cells.get(kind);
    return [kind, typeof cell === 'object' ? { ...cell } : null] as const;
  });
  return { name, pid: pids[0] ?? null, nprocs: pids.length, pids, namespaces: Object.fromEntries(namespaces) };
}
