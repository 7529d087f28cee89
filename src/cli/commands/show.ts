import { isComplete } from '../../kernel/gap-tally.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { namespaceFields } from '../../inspect/show/namespace-fields.ts';
import { processFields } from '../../inspect/show/process-fields.ts';
import type { Report } from '../../inspect/show/report.ts';
import { show as look } from '../../inspect/show/show.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson } from '../../render/json.ts';
import { flag, optionValue, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { keyLine, pageText } from '../page.ts';
import { splitRecorded } from '../recorded-target.ts';

export const show: CommandDefinition = {
  name: 'show',
  summary: 'one page on a process or namespace',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Prints what a process is: its ids in every namespace, who is above it, the container that it is part of, what it',
    'shares with the host, what it may do, what is mounted from here, who listens. Of a namespace what is in it.',
    'What is unknown is -, and why is said on standard error and in the JSON.',
    '',
    'Of a container, its engine may be down: root has the driver of its storage, the layers that are only read from the',
    "bottom up with their directories here, which layer of the image each is where the engine's files tell (containerd",
    "has that in its database alone), docker's init layer, and the writable layer: what it takes on the disk (as du -x),",
    'what its files hold (as docker ps --size), and how many entries it has. Of more than 200000 it says so.',
    '-o changes has the paths that were added (A), changed (C) and deleted (D), as docker diff lists them.',
    '',
    'fields of a process, for -o:',
    ...processFields.map(keyLine),
    '',
    'fields of a namespace:',
    ...namespaceFields.map(keyLine),
  ],
  options: [
    {
      long: 'output',
      short: 'o',
      value: 'KEYS',
      choices: [...new Set([...processFields, ...namespaceFields].map(({ key }) => key))],
      help: 'only these fields, without their names: one, or a list with commas',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool show 4913', does: 'all about a process' },
    { line: 'nstool show container:web -o pid', does: 'the pid of a container, for a script' },
    { line: 'nstool show net:self', does: 'our own network namespace; net:4913 is that of a process' },
    { line: 'nstool show net:4026532177', does: 'links, addresses, routes and listeners' },
  ],
  exitStatus: [
    [0, 'shown; what could not be read is named'],
    [2, 'the command line is wrong'],
    [3, 'no such process or namespace'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? '');
    const keys = optionValue(invocation, 'output')
      ?.split(',')
      .map((key) => key.toLowerCase());
    const host = await context.host(recording);
    requireOwnProc(host);
    const report = look(host, resolveTarget(host, word), keys);
    const stdout = flag(invocation, 'json') ? json(report) : pageText(report.fields, keys === undefined);
    return { stdout, notes: report.gaps.map(gapNote), status: 0 };
  },
};

function json({ type, fields, gaps }: Report): string {
  const answer = Object.fromEntries(fields.map(({ key, value }) => [key, value]));
  return renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), [type]: answer });
}
