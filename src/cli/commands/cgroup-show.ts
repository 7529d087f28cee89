import { reportCgroups } from '../../inspect/cgroup/cgroup-report.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { keyLine, pageText } from '../page.ts';
import { splitRecordedCgroup } from './cgroup-recorded.ts';
import { cgroupFields, fieldsOf } from './cgroup-show-view.ts';

export const cgroupShow: CommandDefinition = {
  name: 'cgroup show',
  summary: "a process's cgroups: limits that bind, who sets them, what is used",
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Prints where a process is in each cgroup hierarchy, v1, v2 or both, and what that means for it. A limit binds all',
    'that is below it: effective is the smallest from the cgroup up to the root, with the cgroup that sets it, and room',
    'is what may be added before any of them is met. Unlimited is max; what is unknown is -, and why is said on standard',
    'error and in the JSON. TARGET is a process in any form, host for the root cgroups, the directory of a cgroup, or the',
    'path that the kernel has for one (/docker/4c01…).',
    '',
    "Beside each file of the kernel stands its name in an OCI container's configuration, below linux.resources. Shares and",
    'weight are converted in three ways, as the tools that write them do not agree.',
    '',
    'what there is:',
    ...cgroupFields.map(keyLine),
  ],
  options: [{ long: 'json', short: 'J', help: 'as JSON, with the gaps' }],
  examples: [
    { line: 'nstool cgroup show container:web', does: 'what limits a container, itself or above it' },
    { line: 'nstool cgroup show self', does: 'our own' },
    { line: 'nstool cgroup show /kubepods.slice', does: 'what limits all pods of a node' },
    { line: 'nstool cgroup show 4913 -J', does: 'for a script' },
  ],
  exitStatus: [
    [0, 'shown; what could not be read is named'],
    [2, 'the command line is wrong, or TARGET is a namespace'],
    [3, 'no such process, or no such cgroup'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = await splitRecordedCgroup(context, invocation.operands[0] ?? '');
    const host = await context.host(recording);
    requireOwnProc(host);
    const report = reportCgroups(host, word);
    const fields = fieldsOf(report);
    const stdout = flag(invocation, 'json')
      ? renderJson({
          schema: 1,
          complete: isComplete(report.gaps),
          gaps: report.gaps.map(gapJson),
          ...Object.fromEntries(fields.map(({ key, value }) => [key, value])),
        })
      : pageText(fields, true);
    return { stdout, notes: report.gaps.map(gapNote), status: 0 };
  },
};
