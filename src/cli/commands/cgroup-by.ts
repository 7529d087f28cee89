// `cgroup ls --by`: what the processes of each namespace, or container, use together.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '../../cgroups/sample.ts';
import { PartyLook, type PartyQuery, type PartyRow } from '../../inspect/cgroup/by-look.ts';
import { sorts, type Sort } from '../../inspect/cgroup/members-by.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { compareCells, selectColumns, type Column } from '../../render/columns.ts';
import { matches } from '../../render/filter/filter.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable } from '../../render/text-table.ts';
import { flag, optionValue, type Context, type Invocation, type Outcome } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { INTERVAL, refuseRecorded } from './cgroup-ls-query.ts';
import { tableShape } from './table-options.ts';
import { columnNamed, filterOf, refuseBoth, sortOf } from './ls-query.ts';
import { secondsOf } from './seconds-option.ts';
import { textOptions } from './text-options.ts';

export interface PartyColumn extends Column<PartyRow> {
  readonly needs?: 'rss' | 'io' | 'traffic' | Topic;
  readonly isRate?: true;
}

const COMMAND = 'cgroup ls';

function rounded(amount: number | null | undefined, digits: number): number | null {
  if (amount === null || amount === undefined) return null;
  return Math.round(amount * 10 ** digits) / 10 ** digits;
}

const bytes = { type: 'number', unit: 'bytes' } as const;

const partyColumns: readonly PartyColumn[] = [
  { key: 'ns', type: 'number', help: 'inode of the namespace', get: ({ ns }) => ns },
  { key: 'name', type: 'string', help: 'container, pod, unit or network', shrinks: true, get: ({ name }) => name },
  { key: 'procs', type: 'number', help: 'processes in it', get: ({ pids }) => pids.length },
  { key: 'pids', type: 'list', help: 'all of them', shrinks: true, get: ({ pids }) => pids },
  { key: 'cpu', type: 'number', help: 'seconds of processor time', get: ({ cpu }) => rounded(cpu, 2) },
  {
    key: 'rss',
    ...bytes,
    help: 'resident memory; what they share counts for each',
    needs: 'rss',
    get: ({ rss }) => rss,
  },
  { key: 'read', ...bytes, help: 'read from block devices', needs: 'io', get: ({ read }) => read },
  { key: 'written', ...bytes, help: 'written to them', needs: 'io', get: ({ written }) => written },
  {
    key: 'mem',
    ...bytes,
    help: 'memory of cgroups that have processes of it alone',
    needs: 'memory',
    get: ({ mem }) => mem,
  },
  {
    key: 'shared',
    type: 'number',
    help: 'its processes in cgroups that have others too: MEM is without their memory',
    needs: 'memory',
    get: ({ shared }) => shared,
  },
  {
    key: 'throttled',
    type: 'number',
    help: 'of the quotas of its own cgroups the percent of the periods that held it back',
    needs: 'throttling',
    get: ({ periods, throttled }) =>
      periods === null || throttled === null ? null : periods === 0 ? 0 : rounded((100 * throttled) / periods, 1),
  },
  {
    key: 'oom_kills',
    type: 'number',
    help: 'killed for want of memory in its own cgroups',
    needs: 'oom_kills',
    get: (row) => row.oom_kills,
  },
  {
    key: 'rx',
    ...bytes,
    help: 'received by its interfaces but lo (--by net)',
    needs: 'traffic',
    get: ({ traffic }) => traffic?.received ?? null,
  },
  { key: 'tx', ...bytes, help: 'sent by them', needs: 'traffic', get: ({ traffic }) => traffic?.sent ?? null },
  {
    key: 'cpu_now',
    type: 'number',
    help: 'processors in use; without what ended meanwhile',
    isRate: true,
    get: ({ rates }) => rounded(rates?.cpu, 3),
  },
  {
    key: 'read_now',
    ...bytes,
    help: 'read, a second',
    needs: 'io',
    isRate: true,
    get: ({ rates }) => rounded(rates?.read, 0),
  },
  {
    key: 'written_now',
    ...bytes,
    help: 'written, a second',
    needs: 'io',
    isRate: true,
    get: ({ rates }) => rounded(rates?.written, 0),
  },
  {
    key: 'throttled_now',
    type: 'number',
    help: 'held back: percent of the periods',
    needs: 'throttling',
    isRate: true,
    get: ({ rates }) => rounded(rates?.throttled, 1),
  },
  {
    key: 'rx_now',
    ...bytes,
    help: 'received, a second',
    needs: 'traffic',
    isRate: true,
    get: ({ rates }) => rounded(rates?.received, 0),
  },
  {
    key: 'tx_now',
    ...bytes,
    help: 'sent, a second',
    needs: 'traffic',
    isRate: true,
    get: ({ rates }) => rounded(rates?.sent, 0),
  },
];

export const byHelp: readonly string[] = [
  '--by has a row for each network, pid or user namespace that has a process, or each container (and one for what is in',
  'none). CPU, RSS, READ and WRITTEN are sums over the processes, as these have counted themselves: what has ended is not',
  'in them. Memory, throttling and kills are counted by cgroups, and cannot be split: they are told of the cgroups that',
  'have processes of that row alone, and SHARED says how many of its processes are in others.',
];

/** Errors: USAGE, BAD_VALUE, UNSUPPORTED. */
export async function cgroupBy(invocation: Invocation, context: Context): Promise<Outcome> {
  refuseBoth(
    invocation,
    ['--throttled', '--oom', '--empty'].map((other) => ['--by', other] as const),
    COMMAND,
  );
  refuseRecorded(invocation);
  const sort = sortNamed(optionValue(invocation, 'by') ?? '');
  const known = columnsBy(sort);
  if (flag(invocation, 'list-columns')) return { stdout: listed(known, flag(invocation, 'json')), status: 0 };
  const asked = secondsOf(invocation, 'for');
  const columns = columnsOf(invocation, known, asked !== undefined);
  const filter = filterOf(invocation, known, `nstool ${COMMAND} --by net -Q 'CPU > 60'`);
  const order = sortOf(invocation, known, COMMAND);
  const shape = tableShape(invocation, COMMAND);
  const needed = known.filter(
    (column) => columns.includes(column) || filter?.keys.includes(column.key) === true || column === order,
  );
  const isRate = needed.some((column) => column.isRate === true) && !flag(invocation, 'from');
  const interval = asked ?? (isRate ? INTERVAL : undefined);
  const host = await context.host();
  requireOwnProc(host);
  const look = new PartyLook(host, { sort, ...needsOf(needed), now: () => performance.now() });
  if (interval !== undefined) {
    await sleep(interval);
    look.again();
  }
  const found = look.rows().filter((row) => filter === undefined || matches(filter.filter, row));
  const rows = order === undefined ? found : found.toSorted((a, b) => compareCells(order.get(a), order.get(b)));
  const gaps = look.gaps.list();
  const notes = gaps.map(gapNote);
  if (shape.format === 'json') {
    const answer = { schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), by: sort } as const;
    return { stdout: renderJson({ ...answer, rows: rows.map((row) => rowJson(row, columns)) }), notes, status: 0 };
  }
  const stdout =
    shape.format === 'raw'
      ? renderRaw<PartyRow>(rows, columns, shape.headings)
      : renderTable<PartyRow>(rows, columns, await textOptions(shape, context));
  return { stdout, notes, status: 0 };
}

/** The columns that there are of this sort. */
export function columnsBy(sort: Sort): readonly PartyColumn[] {
  return partyColumns.filter(({ key, needs }) => {
    return (key !== 'ns' || sort !== 'container') && (needs !== 'traffic' || sort === 'net');
  });
}

/** Errors: BAD_VALUE. */
export function sortNamed(word: string): Sort {
  const sort = sorts.find((each) => each === word);
  if (sort !== undefined) return sort;
  throw new NsError('BAD_VALUE', { what: `--by takes ${sorts.join(', ')}, not '${word}'` });
}

/** Errors: BAD_VALUE. */
function columnsOf(invocation: Invocation, known: readonly PartyColumn[], interval: boolean): readonly PartyColumn[] {
  if (flag(invocation, 'output-all')) return known;
  const moment = ['ns', 'procs', 'cpu', 'rss', 'mem', 'shared', 'rx', 'tx', 'name'];
  const now = ['ns', 'procs', 'cpu_now', 'rss', 'read_now', 'written_now', 'rx_now', 'tx_now', 'name'];
  const shown = (interval ? now : moment).filter((key) => known.some((column) => column.key === key));
  const selection = selectColumns(known, shown, optionValue(invocation, 'output'));
  return selection.ok ? selection.columns : [columnNamed(known, selection.unknown, COMMAND)];
}

function needsOf(columns: readonly PartyColumn[]): Pick<PartyQuery, 'use' | 'traffic' | 'topics'> {
  const needs = new Set(columns.flatMap((column) => column.needs ?? []));
  const topics = new Set<Topic>();
  for (const need of needs) if (need !== 'rss' && need !== 'io' && need !== 'traffic') topics.add(need);
  return { use: { rss: needs.has('rss'), io: needs.has('io') }, traffic: needs.has('traffic'), topics };
}

function listed(columns: readonly PartyColumn[], asJson: boolean): string {
  if (!asJson) return columns.map(({ key, help }) => `${key.toUpperCase().padEnd(14)} ${help}\n`).join('');
  const rows = columns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns: rows });
}
