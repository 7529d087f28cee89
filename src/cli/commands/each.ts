import { NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Program } from '../../kernel/program.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { planEach } from '../../launch/each.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import { isUnused } from '../../namespaces/holders.ts';
import { namespaceRows, type NamespaceRow } from '../../namespaces/rows.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { callerOf } from '../caller.ts';
import {
  flag,
  optionValue,
  type CommandDefinition,
  type Context,
  type Invocation,
  type Streaming,
} from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { Collector, isGood, nameOf, namespaceOf, showRun } from './each-report.ts';
import { Run } from './each-run.ts';
import { lsColumns, withCgroups } from './ls-columns.ts';
import { ALL_KINDS, scanFor, selectionOf, selectionOptions, selectRows, type Selection } from './ls-query.ts';

export const each: CommandDefinition = {
  name: 'each',
  summary: 'run a program in every namespace that matches',
  operands: '[filters of ls] [--] COMMAND…',
  arity: [0, 0],
  description: [
    'Runs COMMAND in every namespace that matches, in that one alone: the others stay ours. Without a filter these are all',
    'namespaces of all kinds, our own among them. From the first word that is no option on, all belongs to COMMAND.',
    'In a mount namespace COMMAND is the file that is there, and runs with our rights: an image that is not trusted wants',
    'nstool enter, with all namespaces of the container. In a pid namespace /proc is still ours.',
    '',
    'Several run at the same time, but what they print comes in the order of nstool ls, each below a line that names its',
    "namespace: COMMAND's output on standard output, its errors on standard error. After one that failed comes a line with",
    'its status or signal; the others run on. In the environment NSTOOL_NS is net:4026532177 and NSTOOL_NAME netns:blue,',
    'empty where it has no name.',
    '',
    'Each has /dev/null as standard input and no terminal. It is over when it has ended and nobody has its output open any',
    'more. The JSON has at most 1 MiB of each output; what is not UTF-8 is there as base64, too.',
    '',
    'A signal that ends nstool (INT, TERM, HUP) is passed on to every COMMAND and what it started; who does not end within',
    '5 seconds is killed. Should nstool itself be killed (KILL), each COMMAND is killed by the kernel, but not what it',
    'started.',
  ],
  options: [
    ...selectionOptions,
    {
      long: 'jobs',
      short: 'j',
      value: 'N',
      help: 'so many at the same time; without it as many as there are processors',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool each -t net ip -brief link', does: 'the links of every network namespace' },
    { line: 'nstool each -t net -P -- ss -tln', does: 'who listens where no process is' },
    { line: 'nstool each -t mnt -p container:web df -h', does: 'in the mount namespace of one container' },
    { line: 'nstool each -t uts --json hostname', does: 'all host names, as JSON' },
    { line: 'nstool each -t net -j1 tcpdump -c1', does: 'one after the other' },
  ],
  exitStatus: [
    [0, 'COMMAND ended with status 0 in each'],
    [1, 'in one it did not, or could not be run'],
    [2, 'the command line is wrong'],
    [3, 'no such process or namespace'],
    [4, 'the process asked for is closed to us'],
    [5, '/proc is not that of our own pid namespace, or nsexec is missing'],
    ['128+n', 'ended by signal n, as it was'],
  ],
  program: { operandsBefore: 0, insteadOfOperand: [], ownStatus: true },
  async run(invocation, context) {
    const query = eachQuery(invocation);
    const host = await context.host();
    requireOwnProc(host);
    const scan = scanFor(host, query, query.asksHolders ? ALL_KINDS : query.kinds);
    const rows = await rowsOf(scan, query);
    return { stream: (streaming) => runInEach(query, scan, rows, context, streaming) };
  },
};

interface EachQuery extends Selection {
  readonly jobs: number | undefined;
  readonly json: boolean;
  readonly command: Invocation['program'];
}

/** More would only wait for each other. */
const MOST_JOBS = 1024;

/** Errors: USAGE, BAD_VALUE. */
function eachQuery(invocation: Invocation): EachQuery {
  const selection = selectionOf(invocation, 'each');
  if (flag(invocation, 'from') || selection.recording !== undefined)
    throw new NsError('USAGE', { what: 'nothing can be run on a recorded host', tryThis: 'nstool ls --from FILE' });
  if (invocation.program.length === 0)
    throw new NsError('USAGE', { what: 'no command', tryThis: 'nstool each -t net ip -brief link' });
  return {
    ...selection,
    jobs: jobsOf(invocation),
    json: flag(invocation, 'json'),
    command: invocation.program,
  };
}

function jobsOf(invocation: Invocation): number | undefined {
  const word = optionValue(invocation, 'jobs');
  const jobs = parseDecimal(word);
  if (word === undefined || (jobs !== undefined && jobs >= 1 && jobs <= MOST_JOBS)) return jobs;
  throw new NsError('BAD_VALUE', { what: `--jobs takes a number, not '${word}'`, why: `from 1 to ${MOST_JOBS}` });
}

async function rowsOf(scan: Scan, query: EachQuery): Promise<readonly NamespaceRow[]> {
  const asked = lsColumns.filter((column) => query.filterKeys.includes(column.key));
  const facts = new Set(['name' as const, ...asked.flatMap((column) => column.fact ?? [])]);
  const isShown = (of: Namespace): boolean => query.kinds.has(of.kind) && (!query.unused || isUnused(scan, of));
  return selectRows(scan, await withCgroups(scan, namespaceRows(scan, facts, isShown), asked), query);
}

async function runInEach(
  query: EachQuery,
  scan: Scan,
  rows: readonly NamespaceRow[],
  context: Context,
  streaming: Streaming,
): Promise<number> {
  const gaps = scan.gaps.list();
  for (const gap of gaps) await streaming.talk(`nstool: ${gapNote(gap)}\n`);
  const runs = rows.map((row) => new Run(row));
  const jobs = query.jobs ?? context.processors();
  const results: Json[] = [];
  const collector = new Collector();
  const isAll = await inParallel(runs, jobs, planner(query, scan, context), context, streaming, async (run) => {
    if (query.json) results.push(await collector.collect(run));
    else await showRun(run, streaming);
  });
  if (!isAll) return 1;
  if (query.json) {
    const answer = { schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), results };
    await streaming.emit(renderJson(answer));
  }
  return runs.every((run) => isGood(run.ended)) ? 0 : 1;
}

/** Right before each starts: by then others may have ended. */
function planner({ command }: EachQuery, scan: Scan, context: Context): (run: Run) => Program {
  const { host } = scan;
  const caller = callerOf(host, context.environment());
  return ({ row }) => {
    const namespace = scan.namespaces.get(`${row.type}:[${row.ns}]`);
    if (namespace === undefined) throw new Error(`no namespace ${namespaceOf(row)}`);
    return planEach(host, namespace, command, caller, { namespace: namespaceOf(row), name: nameOf(row) });
  };
}

/** Starts them in order, so many at a time, and shows them in order. False: a signal, or the reader, ended it before. */
async function inParallel(
  runs: readonly Run[],
  jobs: number,
  plan: (run: Run) => Program,
  context: Context,
  { ending, endedBy }: Streaming,
  show: (run: Run) => Promise<void>,
): Promise<boolean> {
  const children = await context.children();
  let isOver = false;
  const end = (signal: NodeJS.Signals): void => {
    isOver = true;
    children.end(signal);
    for (const run of runs) run.drop();
  };
  const onEnding = (): void => end(endedBy());
  ending.addEventListener('abort', onEnding);
  const waiting = runs.values();
  const work = async (): Promise<void> => {
    for (const run of waiting) {
      if (isOver) return;
      await run.execute(children, () => plan(run));
    }
  };
  const working = Array.from({ length: Math.min(jobs, runs.length) }, work);
  try {
    for (const run of runs) if (!ending.aborted) await show(run);
  } catch (error) {
    end('SIGTERM');
    throw error;
  } finally {
    await Promise.all(working);
    ending.removeEventListener('abort', onEnding);
    children.close();
  }
  return !ending.aborted;
}
