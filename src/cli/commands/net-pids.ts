import { resolveNetwork } from '../../inspect/network-names.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { valueOf } from '../../kernel/host.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';

export const netPids: CommandDefinition = {
  name: 'net pids',
  summary: 'the processes in a network',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Prints the pid of every process in the network namespace of TARGET, ascending, a line each, as `ip netns pids` does.',
    'TARGET is a name in /run/netns, or any target: a pid, container:web, net:4026532177. Processes that are closed to us',
    'are counted. Threads that are there alone, sockets and descriptors that keep it: nstool holders netns:NAME.',
  ],
  options: [{ long: 'json', short: 'J', help: 'as JSON, with the names of the commands, and the gaps' }],
  examples: [
    { line: 'nstool net pids blue', does: 'who is in the network blue' },
    { line: 'nstool net pids container:web --json', does: 'of all that share the network of a container' },
  ],
  exitStatus: [
    [0, 'printed; there may be none'],
    [2, 'the command line is wrong'],
    [3, 'no such TARGET'],
    [4, 'TARGET is closed to us'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? '');
    const host = await context.host(recording);
    requireOwnProc(host);
    const { inode } = resolveNetwork(host, word);
    const scan = discoverNamespaces(host, new Set(['net']));
    const pids = scan.namespaces.get(`net:[${inode}]`)?.pids ?? [];
    const gaps = scan.gaps.list();
    const notes = gaps.map(gapNote);
    if (!flag(invocation, 'json')) return { stdout: pids.map((pid) => `${pid}\n`).join(''), notes, status: 0 };
    const processes = pids.map((pid) => ({ pid, comm: valueOf(statOf(host, pid))?.comm ?? null }));
    const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), ns: inode, processes });
    return { stdout, notes, status: 0 };
  },
};
