import { PartyLook, type PartyRow } from '../../inspect/cgroup/by-look.ts';
import { GroupLooks } from '../../inspect/cgroup/group-looks.ts';
import type { GroupRow } from '../../inspect/cgroup/group-rows.ts';
import { sorts, type Sort } from '../../inspect/cgroup/members-by.ts';
import type { CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Column } from '../../render/columns.ts';
import type { CommandDefinition, Context, Streaming } from '../define-command.ts';
import { batchColumns, groupView, lineColumns } from './cgroup-top-groups.ts';
import { sortKeys } from './cgroup-top-keys.ts';
import { drawLooks, printLooks, type Frame, type TopRun } from './cgroup-top-loop.ts';
import { partyLineColumns, partyView } from './cgroup-top-parties.ts';
import { batches, jsonLines } from './cgroup-top-print.ts';
import { topQuery, type TopQuery } from './cgroup-top-query.ts';

export const cgroupTop: CommandDefinition = {
  name: 'cgroup top',
  summary: 'every cgroup with what it uses now, the busiest first',
  operands: '',
  arity: [0, 0],
  description: [
    'Looks at the cgroups of every hierarchy again and again, and tells what happened between two looks. On a terminal it',
    'draws over itself; in a pipe, and where TERM is dumb, it prints a table for each look, or with --ndjson a line of',
    'JSON for each cgroup. The first look tells no rates: a pipe gets what came after it.',
    '',
    'columns:',
    '  TASKS    threads, with all below, as everything but OOM and %HELD',
    '  %CPU     of one processor',
    '  %HELD    of the periods of its own quota those that held it back',
    '  MEMORY   with the page cache',
    '  READ/S   from block devices; of v1 what is written later by the page cache is not in WRITE/S',
    '  OOM      its own processes that were killed for want of memory, since it was made',
    '  %STALL   how much of the time something waited for processors, memory or disks, the worst of them (v2)',
    '  CGROUP   container, pod or unit, where one is known, and the path',
    '',
    'keys:',
    '  p t c m i x o s   sort by path, tasks, processors, memory, io, being held back, OOM, stalls; n by traffic',
    '  space             stand still; + and - change the time between two looks; h help; q the end',
    '',
    '--by has a row for each network, pid or user namespace, or container, as nstool cgroup ls --by.',
    '',
    'Files stay open from look to look, 16384 at most, fewer where the limit on open files (ulimit -n) is lower; others',
    'are opened each time. New cgroups are looked for when the kernel counts more than there were, else every ten seconds,',
    'and for no more than a fiftieth of the time. The terminal is given back whatever ends us, but SIGKILL: type reset.',
  ],
  options: [
    { long: 'delay', short: 'd', value: 'SECONDS', help: 'between two looks: 2, if it is not said' },
    { long: 'iterations', short: 'n', value: 'NUMBER', help: 'end after so many; on a terminal the last one stays' },
    { long: 'sort', value: 'KEY', choices: [...sortKeys], help: 'in this order at first; cpu, if it is not said' },
    { long: 'throttled', help: 'only those that their own quota held back since the last look' },
    { long: 'oom', help: 'only those whose processes were killed for want of memory, at any time' },
    { long: 'filter', short: 'Q', value: 'EXPR', help: "only rows for which it holds: 'MEM > 100M && CPU_NOW > 0.5'" },
    { long: 'by', value: 'SORT', choices: [...sorts], help: 'a row for each net, pid or user namespace, or container' },
    { long: 'ndjson', help: 'a line of JSON for each row at each look' },
  ],
  examples: [
    { line: 'nstool cgroup top', does: 'who is busy now' },
    { line: 'nstool cgroup top --throttled -d 5', does: 'who is held back by a quota' },
    { line: 'nstool cgroup top --by net --sort traffic', does: 'what each network namespace does' },
    { line: 'nstool cgroup top -n 1 --sort memory', does: 'once, the largest first' },
    { line: 'nstool cgroup top --ndjson -d 10', does: 'for a collector' },
  ],
  exitStatus: [
    [0, 'ended by q, or after --iterations, or nobody reads any more'],
    [2, 'the command line is wrong'],
    [5, 'no cgroups are mounted, or /proc is not that of our own pid namespace'],
    ['128+n', 'ended by signal n, as it was'],
  ],
  async run(invocation, context) {
    const query = topQuery(invocation);
    const host = await context.host();
    requireOwnProc(host);
    return {
      stream: async (streaming) => {
        if (query.by === undefined) await topGroups(query, host, context, streaming);
        else await topParties(query.by, query, host, context, streaming);
        return 0;
      },
    };
  },
};

async function topGroups(query: TopQuery, host: Host, context: Context, streaming: Streaming): Promise<void> {
  const { state, iterations, topics, isWanted } = query;
  const files = await context.keptFiles(() => looks.renewed());
  const looks = new GroupLooks(host, { topics, files, now: () => performance.now() });
  const look = (): Frame<GroupRow> => {
    const { rows, gaps } = looks.look();
    return { rows: rows.filter(isWanted), all: rows.length, gaps };
  };
  try {
    const run = { view: groupView, state, iterations, look };
    await follow(run, query, { json: lineColumns, text: batchColumns, event: 'cgroup' }, context, streaming);
  } finally {
    files.close();
  }
}

async function topParties(
  sort: Sort,
  query: TopQuery,
  host: Host,
  context: Context,
  streaming: Streaming,
): Promise<void> {
  const { state, iterations } = query;
  const wanted = { use: { rss: true, io: true }, traffic: sort === 'net', topics: new Set<never>() };
  let looks: PartyLook | undefined;
  // It counts those of all looks together; most are the same each time.
  let gaps: readonly CountedGap[] | undefined;
  const look = (): Frame<PartyRow> => {
    if (looks === undefined) looks = new PartyLook(host, { sort, ...wanted, now: () => performance.now() });
    else looks.again();
    const rows = looks.rows();
    gaps ??= looks.gaps.list();
    return { rows, all: rows.length, gaps };
  };
  const columns = partyLineColumns(sort);
  const shape = { json: columns, text: columns, event: sort === 'container' ? 'container' : 'namespace' };
  await follow({ view: partyView(sort), state, iterations, look }, query, shape, context, streaming);
}

interface Shape<Row> {
  readonly json: readonly Column<Row>[];
  readonly text: readonly Column<Row>[];
  readonly event: string;
}

function follow<Row>(
  run: TopRun<Row>,
  { ndjson }: TopQuery,
  { json, text, event }: Shape<Row>,
  context: Context,
  streaming: Streaming,
): Promise<void> {
  if (ndjson) return printLooks(run, streaming, jsonLines(run, json, event, streaming));
  // One that knows no cursor (Emacs, a log of a serial line) reads it as a pipe does.
  if (context.stdout.isTerminal && context.variable('TERM') !== 'dumb') return drawLooks(run, context, streaming);
  return printLooks(run, streaming, batches(run, text, streaming));
}
