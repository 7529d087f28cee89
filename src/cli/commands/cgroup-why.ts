import { beginWhy, endWhy } from '../../inspect/cgroup-why/report.ts';
import { whyCodes, whyTitle } from '../../inspect/cgroup-why/codes.ts';
import { NsError } from '../../kernel/error.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { splitRecordedCgroup } from './cgroup-recorded.ts';
import { whyJson, whyText } from './cgroup-why-report.ts';
import { secondsOf } from './seconds-option.ts';

const DEFAULT_MS = 2000;

export const cgroupWhy: CommandDefinition = {
  name: 'cgroup why',
  summary: 'why something is throttled, starved, killed, frozen, slow or cannot fork',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Looks twice at the cgroups of TARGET and at all above them, reads the log of the kernel, and says what holds TARGET',
    'back or killed it: which cgroup is the cause (often one above, while the own files look innocent), with which numbers,',
    'and what to change. A limit that was never reached is said too, and one that swap evades.',
    '',
    'TARGET is a process in any form, host (all that the log has of kills), the directory of a cgroup',
    '(/sys/fs/cgroup/memory/foo), or the path that the kernel has for one (/docker/4c01…), also of one that is no more: then',
    "the log is the only witness. The log's lines are overwritten by later ones; where it can't be read, that is said.",
    '',
    'Of a finding marked as a guess something else could have made the numbers. Notes are worth knowing, and nothing wrong.',
    'nstool explain W1 says more of a code:',
    ...whyCodes.map((code) => `  ${code.padEnd(4)} ${whyTitle(code)}`),
  ],
  options: [
    {
      long: 'for',
      value: 'SECONDS',
      help: 'between the two looks: 5, 500ms, 1m; 2 without it; 0: one look, sums only',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the numbers and the gaps' },
  ],
  examples: [
    { line: 'nstool cgroup why container:web', does: 'why a container is slow, or what was killed in it' },
    { line: 'nstool cgroup why 4913 --for 10s', does: 'over ten seconds' },
    { line: 'nstool cgroup why /docker/4c01db0b339c', does: 'also when it is no more' },
    { line: 'nstool cgroup why host', does: 'all that the kernel killed for want of memory' },
  ],
  exitStatus: [
    [0, 'nothing is wrong, as far as could be seen'],
    [1, 'something is'],
    [2, 'the command line is wrong, or TARGET is a namespace'],
    [3, 'no such process, nor a cgroup that the log knows'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = await splitRecordedCgroup(context, invocation.operands[0] ?? '');
    const wait = secondsOf(invocation, 'for', { zero: true }) ?? DEFAULT_MS;
    const host = await context.host(recording);
    requireOwnProc(host);
    // On a recorded host time stands still.
    const isSampled = wait > 0 && recording === undefined && !flag(invocation, 'from');
    const begun = beginWhy(host, word, isSampled ? performance.now() : null);
    if (begun.look !== null) await new Promise((done) => setTimeout(done, wait));
    const report = endWhy(host, begun, performance.now());
    if (report.type === 'removed' && report.verdicts.length === 0) {
      throw new NsError('NO_FILE', {
        what: `there is no cgroup ${report.paths[0] ?? word}, and the log of the kernel ${report.log === null ? 'cannot be read: it may know of one' : 'knows of none'}`,
        gaps: report.gaps,
      });
    }
    const hasFindings = report.verdicts.some(({ level }) => level === 'finding');
    return {
      stdout: flag(invocation, 'json') ? whyJson(report) : whyText(report),
      notes: report.gaps.map(gapNote),
      status: hasFindings ? 1 : 0,
    };
  },
};
