import { namespaceKinds } from '../../kernel/abi/namespace-kinds.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { CommandDefinition } from '../define-command.ts';
import { watchNamespaces } from './watch-loop.ts';
import { watchQuery } from './watch-query.ts';

export const watch: CommandDefinition = {
  name: 'watch',
  summary: 'namespaces as they appear and vanish, with who and how long',
  operands: '',
  arity: [0, 0],
  description: [
    'Says a line for each namespace that appears or vanishes, as it happens, until it is interrupted. A namespace is there',
    'while a process is in it, or while it is mounted in a mount namespace that has a process, as in nstool ls.',
    '',
    'Where the kernel tells of processes (in the initial namespaces; before Linux 6.6 with CAP_NET_ADMIN), those that it',
    'tells of are looked at, and everything every 5 seconds; elsewhere everything every second.',
    '',
    'events:',
    '  appeared  it was not there at the last look; reused: another one had its number until now',
    '  gone      it is not there any more. LIVED is in seconds; >SECONDS: it was there before us',
    '  unsure    all in it are others now, and this kernel (before 6.18) does not tell whether it is the same',
    '  unseen    so many processes ended before they could be looked at, and any namespaces of theirs with them',
    '  overrun   the kernel told more than could be heard; everything was looked at',
    'The first line is start, with what cannot be seen; the last is end, with counts.',
    '',
    '-Q asks what was known when it appeared: what is unknown, as of a process that has ended, is equal to nothing. -p shows',
    'also those of which it could not be told any more.',
    '',
    '--cgroups: also what changes in the cgroups of the processes that -p names, looked at every second (--interval):',
    '  moved     it is in another cgroup',
    '  limit     another limit of memory, processor time or processes holds, set by whichever cgroup',
    '  killed    processes in its cgroup were killed for want of memory, and how many since it was made',
    '  frozen    its cgroup is, or is again not (thawed); ended: the process has',
    'Nobody is told of these by the kernel: a move or limit that is taken back before the next look is not seen. How much is',
    'used, and what is throttled, changes all the time and is not told: nstool cgroup top.',
    '',
    'Not seen: what a process makes and leaves, between two looks at everything, without running a program, making a',
    'child or changing its ids; threads in a namespace of their own.',
  ],
  options: [
    {
      long: 'type',
      short: 't',
      value: 'TYPE',
      choices: namespaceKinds.map((entry) => entry.kind),
      help: 'only mnt net ipc user pid uts cgroup time; a list, or repeated',
    },
    {
      long: 'filter',
      short: 'Q',
      value: 'EXPR',
      help: 'only those for which it held when they appeared; columns as in nstool ls',
    },
    {
      long: 'task',
      short: 'p',
      value: 'TARGET',
      help: 'only the namespaces of this process, its descendants, or of this name; repeatable',
    },
    { long: 'cgroups', help: 'also what changes in the cgroups of the processes of -p' },
    { long: 'interval', value: 'SECONDS', help: 'between two looks at everything' },
    { long: 'for', value: 'SECONDS', help: 'end after this time' },
    { long: 'ndjson', help: 'a line of JSON for each event' },
  ],
  examples: [
    { line: 'nstool watch', does: 'all of them' },
    { line: 'nstool watch -t net --for 10', does: 'network namespaces, for ten seconds' },
    {
      line: 'nstool watch -p container:web --cgroups',
      does: 'also its limits, kills for want of memory, freezes, moves',
    },
    { line: 'nstool watch -p 4913 --ndjson', does: 'what process 4913 and those below it make, as JSON' },
  ],
  exitStatus: [
    [0, 'the time of --for is over, or nobody reads any more'],
    [2, 'the command line is wrong'],
    [3, 'no such process or namespace'],
    [4, 'the process asked for is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
    ['128+n', 'ended by signal n, as it was'],
  ],
  async run(invocation, context) {
    const query = watchQuery(invocation);
    const host = await context.host();
    requireOwnProc(host);
    return { stream: (streaming) => watchNamespaces(query, host, context, streaming) };
  },
};
