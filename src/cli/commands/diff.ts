import { sideOf, type Side } from '../../inspect/diff/side.ts';
import { diffTargets, type TargetDiff } from '../../inspect/diff/diff.ts';
import type { Difference, Unknown } from '../../inspect/diff/compare.ts';
import type { FactValue } from '../../inspect/diff/fact.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Cell, Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, reasons } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';

export const diff: CommandDefinition = {
  name: 'diff',
  summary: 'what differs between two processes, containers or namespaces',
  operands: 'A B',
  arity: [2, 2],
  description: [
    'Compares the namespaces of A and B, then what is in those that differ: links, addresses, routes and rules, permanent',
    'neighbours, nftables, settings below /proc/sys/net, mounts, id maps, clock offsets, host names, System V objects and',
    'message queues, the root of cgroups, how many processes; of processes also ids, capabilities, no_new_privs, seccomp,',
    'cgroups with the limits that hold there, processors, weight and whether they are frozen, root and working directory,',
    'and the names in the environment. Only what differs is printed; of a list (capabilities, groups, addresses,',
    'options of a mount) only what the other one lacks. A limit that one has not is (none).',
    'What is used is not compared: nstool cgroup diff does that.',
    'A and B are targets of any kind, or host: the initial namespaces, all capabilities, the root cgroups, and else',
    'process 1. FILE::TARGET is one in a recorded host. Between two hosts the numbers of namespaces mean nothing, and',
    'all that is in them is compared.',
    'What is unknown on either side is said on standard error, and does not count as the same: names, IPC objects and',
    'the root of cgroups of namespaces that are not our own are told to who may enter them.',
  ],
  options: [
    { long: 'env', help: 'the values in the environment too, which may be secrets' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
  ],
  examples: [
    { line: 'nstool diff container:web host', does: 'what makes the container another place than the host' },
    { line: 'nstool diff 4913 4914 --env', does: 'why the one works and the other does not' },
    { line: 'nstool diff before.ndjson::container:web container:web', does: 'what changed since the recording' },
  ],
  exitStatus: [
    [0, 'the same'],
    [1, 'they differ, or it is unknown in part whether they do'],
    [2, 'the command line is wrong, or the two have nothing in common'],
    [3, 'no such process or namespace, or it ended during the look'],
    [4, 'A or B is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const [a = '', b = ''] = invocation.operands;
    const sides = await bothSides(context, a, b);
    const found = diffTargets(sides.a, sides.b, { env: flag(invocation, 'env') });
    const isSame = verdict(found.differences, found.unknowns) === true;
    const stdout = flag(invocation, 'json')
      ? json(found, a, b)
      : await text(found, !flag(invocation, 'noheadings'), context);
    return { stdout, notes: unknownNotes(found.unknowns), status: isSame ? 0 : 1 };
  },
};

/** One host is looked at as one: it is what tells whether numbers of namespaces can be compared. */
async function bothSides(context: Context, a: string, b: string): Promise<{ readonly a: Side; readonly b: Side }> {
  const left = splitRecorded(a);
  const right = splitRecorded(b);
  const hostA = await ready(context, left.recording);
  const hostB = left.recording === right.recording ? hostA : await ready(context, right.recording);
  return { a: sideOf(hostA, left.word), b: sideOf(hostB, right.word) };
}

async function ready(context: Context, recording: string | undefined): Promise<Host> {
  const host = await context.host(recording);
  requireOwnProc(host);
  return host;
}

const columns: readonly Column<Difference>[] = [
  {
    key: 'what',
    help: 'what differs',
    type: 'string',
    get: ({ what, name }) => (name === null ? what : `${what} ${name}`),
  },
  { key: 'a', help: 'what A has', type: 'string', shrinks: true, get: (row) => shown(row.a) },
  { key: 'b', help: 'what B has', type: 'string', shrinks: true, get: (row) => shown(row.b) },
];

/** A dash would say that it is unknown. */
const NONE = '(none)';

function shown(value: FactValue | null): Cell {
  return value === null || (typeof value === 'object' && value.length === 0) ? NONE : value;
}

async function text({ differences }: TargetDiff, headings: boolean, context: Context): Promise<string> {
  if (differences.length === 0) return '';
  const width = context.stdout.columns();
  const style = context.stdout.color ? { styleHeading: (await context.theme(context.stdout)).heading } : {};
  return renderTable(differences, columns, { headings, ...style, ...(width === undefined ? {} : { width }) });
}

/** A line for each side and reason: most of what is closed is closed for one reason. */
function unknownNotes(unknowns: readonly Unknown[]): readonly string[] {
  const groups = new Map<string, Unknown[]>();
  for (const unknown of unknowns) {
    const { side, gap } = unknown;
    // What is unsupported has its own words each time.
    const key = `${side} ${gap.reason} ${gap.reason === 'unsupported' ? gap.what : ''}`;
    groups.set(key, [...(groups.get(key) ?? []), unknown]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { side, gap } = first;
    const why = group.every((each) => each.gap.what === gap.what) ? ` (${gap.what})` : '';
    const subjects = [...new Set(group.map(({ subject }) => subject))].join(', ');
    return [`unknown of ${side.toUpperCase()}: ${subjects}: ${reasons[gap.reason]}${why}`];
  });
}

function tallied(unknowns: readonly Unknown[]): GapTally {
  const tally = new GapTally();
  for (const { side, subject, gap } of unknowns) tally.add(`${subject} of ${side.toUpperCase()}`, gap);
  return tally;
}

function json({ differences, unknowns, sameHost }: TargetDiff, a: string, b: string): string {
  return renderJson({
    schema: 1,
    complete: unknowns.length === 0,
    gaps: tallied(unknowns).list().map(gapJson),
    a,
    b,
    same_host: sameHost,
    same: verdict(differences, unknowns),
    differences: differences.map(({ what, name, change, a: left, b: right }) => {
      return { what, name, change, a: left, b: right };
    }),
  });
}

/** null: nothing that differs was found, but not all is known. */
function verdict(differences: readonly Difference[], unknowns: readonly Unknown[]): boolean | null {
  if (differences.length > 0) return false;
  return unknowns.length === 0 ? true : null;
}
