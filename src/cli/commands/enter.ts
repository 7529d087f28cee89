import type { Step } from '../../kernel/program.ts';
import { planEnter } from '../../launch/enter.ts';
import type { Column } from '../../render/columns.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { callerOf } from '../caller.ts';
import { enterOptions, enterQuery, enterRecording, pathOptions } from './enter-query.ts';

export const enter: CommandDefinition = {
  name: 'enter',
  summary: 'run a program in the namespaces of a process',
  operands: 'TARGET [kinds] [--] [COMMAND…]',
  arity: [0, 1],
  description: [
    'Runs COMMAND, or a login shell, in namespaces of TARGET: a pid, or the path of a namespace (/proc/4913/ns/net,',
    '/run/netns/blue), which is entered alone. Without any kind all eight are entered. nstool is replaced by COMMAND:',
    'nothing of it stays, but a small waiting parent where a pid namespace was entered. From the first word after TARGET',
    'that is no option on, all belongs to COMMAND; -- is optional. With -t, or when a kind has =PATH, there is no TARGET.',
    'Only standard input, output and error are passed on; other open descriptors are closed. Node resets the signals that',
    'the caller ignores: instead of `nohup nstool enter 4913 CMD` write `nstool enter 4913 nohup CMD`.',
  ],
  options: enterOptions,
  examples: [
    { line: 'nstool enter 4913 --net ifconfig', does: "this host's ifconfig in that process's network" },
    { line: 'nstool enter 4913', does: 'a shell in all its namespaces' },
    { line: 'nstool enter /run/netns/blue ip -j addr', does: 'in a named network namespace' },
    { line: 'nstool enter 4913 -a --dry-run id', does: 'the steps, without doing them' },
  ],
  exitStatus: [
    ['N', "COMMAND's own status; if a signal ended it, the same death (128+n in a shell)"],
    [125, 'nstool failed, usage included'],
    [126, 'COMMAND could not be executed'],
    [127, 'COMMAND was not found'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: ['target', ...pathOptions] },
  async run(invocation, context) {
    const recording = enterRecording(invocation);
    const host = await context.host(recording);
    const query = enterQuery(invocation, host);
    const program = planEnter(host, query, callerOf(host, context));
    if (flag(invocation, 'dry-run')) return { stdout: stepList(program.steps), status: 0 };
    return { replaceBy: program };
  },
};

type NumberedStep = Step & { readonly number: number };

const stepColumns: readonly Column<NumberedStep>[] = [
  { key: 'step', type: 'number', help: 'number', get: (step) => step.number },
  { key: 'operation', type: 'string', help: 'what is done', get: (step) => step.label },
  { key: 'reason', type: 'string', help: 'why', get: (step) => step.reason },
];

function stepList(steps: readonly Step[]): string {
  const numbered = steps.map((step, index) => ({ ...step, number: index + 1 }));
  return renderTable(numbered, stepColumns, { headings: true });
}
