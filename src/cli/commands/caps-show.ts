import { showCapabilities } from '../../inspect/caps/caps-show.ts';
import { capsFields } from '../../inspect/caps/fields.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { GapTally, isComplete } from '../../kernel/gap-tally.ts';
import { renderJson } from '../../render/json.ts';
import { flag, optionValue, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { keyLine, pageText } from '../page.ts';
import { splitRecorded } from '../recorded-target.ts';

export const capsShow: CommandDefinition = {
  name: 'caps show',
  summary: 'the capabilities of a process, and what they are worth',
  operands: 'TARGET…',
  arity: [1, Infinity],
  description: [
    'Prints the five sets of a process as masks and as the shortest list, as the texts of libcap, and what they come to:',
    'they count in its own user namespace, so that the same mask is root of the host in one process and nothing in',
    'another. Then what else decides: no_new_privs, seccomp, the label of a security module, ids, securebits, the user',
    'namespace, and threads that are unlike the first one. TARGET is a process in any form, a thread, or host.',
    'What is unknown is -, and why is said on standard error and in the JSON.',
    '',
    'fields, for -o:',
    ...capsFields.map(keyLine),
  ],
  options: [
    {
      long: 'output',
      short: 'o',
      value: 'KEYS',
      choices: capsFields.map(({ key }) => key),
      help: 'only these fields, without their names: one, or a list with commas',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool caps show 4913', does: 'all that is known of what it may do' },
    { line: 'nstool caps show container:web host', does: 'a container, and the host' },
    { line: 'nstool caps show self -o text', does: 'our own sets, as capsh --current has them' },
  ],
  exitStatus: [
    [0, 'shown; what could not be read is named'],
    [2, 'the command line is wrong, or TARGET is a namespace'],
    [3, 'no such process'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const keys = optionValue(invocation, 'output')
      ?.split(',')
      .map((key) => key.toLowerCase());
    const gaps = new GapTally();
    const reports = [];
    for (const operand of invocation.operands) {
      const { word, recording } = splitRecorded(operand);
      const host = await context.host(recording);
      requireOwnProc(host);
      const report = showCapabilities(host, word, keys);
      for (const gap of report.gaps) gaps.addUncounted(gap);
      reports.push({ target: operand, fields: report.fields });
    }
    const list = gaps.list();
    const stdout = flag(invocation, 'json')
      ? renderJson({
          schema: 1,
          complete: isComplete(list),
          gaps: list.map(gapJson),
          processes: reports.map(({ target, fields }) => ({
            target,
            ...Object.fromEntries(fields.map(({ key, value }) => [key, value])),
          })),
        })
      : reports.map(({ fields }) => pageText(fields, keys === undefined)).join(keys === undefined ? '\n' : '');
    return { stdout, notes: list.map(gapNote), status: 0 };
  },
};
