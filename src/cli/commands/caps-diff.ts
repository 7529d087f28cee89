import { capsSide, diffCapabilities, type CapsDiff, type CapsDifference } from '../../inspect/caps/caps-diff.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { textOptions } from './text-options.ts';

export const capsDiff: CommandDefinition = {
  name: 'caps diff',
  summary: 'in which capabilities two processes, files or masks differ',
  operands: 'A B',
  arity: [2, 2],
  description: [
    'Compares capability sets, and of two processes also no_new_privs, seccomp and the user namespace, in which the sets',
    'count. Only what differs is printed: the sets as the shortest list, and the names that only one of them has.',
    'A and B are processes in any form, host, or one of',
    '  mask:HEX           a set, as in the Cap lines of /proc/PID/status',
    '  baseline:NAME      docker, podman, crio, k8s-baseline, k8s-restricted, full or none, also with changes behind a comma',
    '  file:PATH          the capabilities of a file: effective, permitted, inheritable',
    'A mask or baseline is compared with the effective, permitted and bounding set of a process. FILE::TARGET is a process',
    'in a recorded host.',
  ],
  options: [
    { long: 'json', short: 'J', help: 'as JSON' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
  ],
  examples: [
    { line: 'nstool caps diff container:web baseline:docker', does: 'is it more than docker gives?' },
    { line: 'nstool caps diff 4913 4914', does: 'why the one may and the other may not' },
    { line: 'nstool caps diff self file:/usr/bin/ping', does: 'what the file has, and what we have' },
  ],
  exitStatus: [
    [0, 'the same'],
    [1, 'they differ, or it is unknown in part whether they do'],
    [2, 'the command line is wrong'],
    [3, 'no such process or file'],
    [4, 'A or B is closed to us'],
    [5, '/proc is not that of our own pid namespace, or the kernel does not tell'],
  ],
  async run(invocation, context) {
    const [a = '', b = ''] = invocation.operands;
    const left = splitRecorded(a);
    const right = splitRecorded(b);
    const hostA = await context.host(left.recording);
    const hostB = left.recording === right.recording ? hostA : await context.host(right.recording);
    const found = diffCapabilities(side(hostA, left.word), side(hostB, right.word));
    const notes = found.gaps.map(gapNote);
    const stdout = flag(invocation, 'json')
      ? json(found, a, b)
      : await text(found.differences, !flag(invocation, 'noheadings'), context);
    return { stdout, notes, status: isSame(found) === true ? 0 : 1 };
  },
};

function side(host: Host, word: string): ReturnType<typeof capsSide> {
  if (!/^(?:mask|baseline|file):/.test(word)) requireOwnProc(host);
  return capsSide(host, word);
}

/** null: unknown. */
function isSame({ differences, gaps }: CapsDiff): boolean | null {
  if (differences.length > 0) return false;
  return gaps.length > 0 ? null : true;
}

function names(list: readonly string[] | null): string | null {
  if (list === null) return null;
  return list.length === 0 ? 'none' : list.map((name) => name.replace(/^cap_/, '')).join(',');
}

const columns: readonly Column<CapsDifference>[] = [
  { key: 'what', help: 'what differs', type: 'string', get: ({ what }) => what },
  { key: 'a', help: 'what A has', type: 'string', shrinks: true, get: (row) => row.a },
  { key: 'b', help: 'what B has', type: 'string', shrinks: true, get: (row) => row.b },
  { key: 'only_a', help: 'what B lacks', type: 'string', shrinks: true, get: ({ onlyA }) => names(onlyA) },
  { key: 'only_b', help: 'what A lacks', type: 'string', shrinks: true, get: ({ onlyB }) => names(onlyB) },
];

async function text(rows: readonly CapsDifference[], headings: boolean, context: Context): Promise<string> {
  if (rows.length === 0) return '';
  return renderTable(rows, columns, await textOptions({ headings, truncate: true }, context));
}

function json(found: CapsDiff, a: string, b: string): string {
  return renderJson({
    schema: 1,
    complete: isComplete(found.gaps),
    gaps: found.gaps.map(gapJson),
    a,
    b,
    same: isSame(found),
    compared: found.compared,
    differences: found.differences.map(({ what, a: left, b: right, onlyA, onlyB }) => {
      return { what, a: left, b: right, only_a: onlyA, only_b: onlyB };
    }),
  });
}
