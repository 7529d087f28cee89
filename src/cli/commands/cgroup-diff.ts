import {
  diffCgroups,
  type CgroupDiff,
  type CgroupDifference,
  type UseOfBoth,
} from '../../inspect/cgroup/cgroup-diff.ts';
import type { FactUnit } from '../../inspect/cgroup/cgroup-facts.ts';
import { reportCgroups } from '../../inspect/cgroup/cgroup-report.ts';
import type { FactValue } from '../../inspect/diff/fact.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Cell, Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecordedCgroup } from './cgroup-recorded.ts';
import { amountText, settingText } from './cgroup-show-view.ts';
import { textOptions } from './text-options.ts';

export const cgroupDiff: CommandDefinition = {
  name: 'cgroup diff',
  summary: 'in which cgroups, limits and settings two processes differ',
  operands: 'A B',
  arity: [2, 2],
  description: [
    'Compares where A and B are in each cgroup hierarchy, their limits as set and as effective and who sets those, cpuset,',
    'weight and the part of the processors that it comes to, other settings, which devices they may use, and to whom their',
    'cgroups were handed. Only what differs is printed; of a list only what the other one lacks. A limit that is set by the',
    'cgroup itself is set by "itself" on both sides.',
    'A and B are processes in any form, or host for the root cgroups. FILE::TARGET is one in a recorded host.',
    'What is unknown on either side is said on standard error, and does not count as the same. Of v2 no file tells which',
    'devices may be used: where that is so of both sides, devices are not compared.',
    'What they use at the moment is never a difference; --usage prints it behind the others.',
  ],
  options: [
    { long: 'usage', help: 'what both use, beside each other' },
    { long: 'json', short: 'J', help: 'as JSON, with what they use and the gaps' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
  ],
  examples: [
    { line: 'nstool cgroup diff container:web container:db', does: 'why the one is held back and the other is not' },
    { line: 'nstool cgroup diff 4913 host', does: 'all that limits process 4913' },
    { line: 'nstool cgroup diff before.ndjson::container:web container:web', does: 'what changed since the recording' },
  ],
  exitStatus: [
    [0, 'the same'],
    [1, 'they differ, or it is unknown in part whether they do'],
    [2, 'the command line is wrong, or A or B is a namespace'],
    [3, 'no such process, or it ended during the look'],
    [4, 'A or B is closed to us'],
    [5, '/proc is not that of our own pid namespace, or there are no cgroups'],
  ],
  async run(invocation, context) {
    const [a = '', b = ''] = invocation.operands;
    const left = await splitRecordedCgroup(context, a);
    const right = await splitRecordedCgroup(context, b);
    const hostA = await ready(context, left.recording);
    const hostB = left.recording === right.recording ? hostA : await ready(context, right.recording);
    const found = diffCgroups(reportCgroups(hostA, left.word), reportCgroups(hostB, right.word));
    const stdout = flag(invocation, 'json')
      ? json(found, { a, b, sameHost: hostA === hostB })
      : await text(found, { usage: flag(invocation, 'usage'), headings: !flag(invocation, 'noheadings') }, context);
    return { stdout, notes: [...unknownNotes(found), ...found.gaps.map(gapNote)], status: found.same === true ? 0 : 1 };
  },
};

async function ready(context: Context, recording: string | undefined): Promise<Host> {
  const host = await context.host(recording);
  requireOwnProc(host);
  return host;
}

interface Row {
  readonly what: string;
  readonly a: Cell;
  readonly b: Cell;
}

const columns: readonly Column<Row>[] = [
  { key: 'what', help: 'what differs', type: 'string', get: ({ what }) => what },
  { key: 'a', help: 'what A has', type: 'string', shrinks: true, get: ({ a }) => a },
  { key: 'b', help: 'what B has', type: 'string', shrinks: true, get: ({ b }) => b },
];

/** A dash would say that it is unknown. */
const NONE = '(none)';

function differenceRow({ what, name, unit, a, b }: CgroupDifference): Row {
  const shown = (value: FactValue | null): Cell =>
    value === null || value === '' || (typeof value === 'object' && value.length === 0) ? NONE : valueCell(value, unit);
  return { what: name === null ? what : `${what} ${name}`, a: shown(a), b: shown(b) };
}

function useRow({ what, unit, a, b }: UseOfBoth): Row {
  const shown = (value: bigint | number | null): Cell => {
    if (value === null) return null;
    return unit === 'microseconds' ? `${(Number(value) / 1e6).toFixed(3)}s` : valueCell(value, unit);
  };
  return { what, a: shown(a), b: shown(b) };
}

/** Numbers as `cgroup show` has them. */
function valueCell(value: FactValue, unit: FactUnit | null): Cell {
  if (typeof value === 'object' || unit === null || unit === 'word') return value;
  if (unit === 'part') return `${(Number(value) * 100).toFixed(1)}%`;
  if (unit === 'microseconds' || unit === 'flag' || unit === 'scale') {
    return settingText({ value: typeof value === 'number' ? BigInt(value) : value, unit });
  }
  return amountText(value === 'max' || typeof value !== 'string' ? value : null, unit);
}

interface TextQuery {
  readonly usage: boolean;
  readonly headings: boolean;
}

async function text(found: CgroupDiff, { usage, headings }: TextQuery, context: Context): Promise<string> {
  const rows = [...found.differences.map(differenceRow), ...(usage ? found.usage.map(useRow) : [])];
  if (rows.length === 0) return '';
  return renderTable(rows, columns, await textOptions({ headings, truncate: true }, context));
}

function unknownNotes({ unknowns }: CgroupDiff): readonly string[] {
  return (['a', 'b'] as const).flatMap((side) => {
    const names = unknowns
      .filter((each) => each.side === side)
      .map(({ what, name }) => (name === null ? what : `${what} ${name}`));
    return names.length === 0 ? [] : [`unknown of ${side.toUpperCase()}: ${names.join(', ')}`];
  });
}

interface Compared {
  readonly a: string;
  readonly b: string;
  readonly sameHost: boolean;
}

function json({ differences, unknowns, usage, gaps, same }: CgroupDiff, { a, b, sameHost }: Compared): string {
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    a,
    b,
    same_host: sameHost,
    same,
    differences: differences.map(({ what, name, unit, change, a: left, b: right }) => {
      return { what, name, unit, change, a: left, b: right };
    }),
    unknown: unknowns.map((each) => ({ ...each })),
    usage: usage.map((each) => ({ ...each })),
  });
}
