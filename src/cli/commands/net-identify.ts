import { allNetworkNames, resolveNetwork, typedName, type NetworkName } from '../../inspect/network-names.ts';
import { GapTally, isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';

export const netIdentify: CommandDefinition = {
  name: 'net identify',
  summary: 'the names of the network that a process, container or we are in',
  operands: '[TARGET]',
  arity: [0, 1],
  description: [
    'Prints every name of the network namespace of TARGET (default: our own), a line each: those in /run/netns, as',
    '`ip netns identify` does, which ends at the first, and the paths of those in /run/docker/netns. They are compared by',
    'device and inode. TARGET is a pid, any other name of a process or container, or a network namespace.',
  ],
  options: [{ long: 'json', short: 'J', help: 'as JSON, with the gaps' }],
  examples: [
    { line: 'nstool net identify', does: 'where am I' },
    { line: 'nstool net identify container:web', does: 'what a container is called there' },
    { line: 'nstool net identify 4913 --json', does: 'with the number of the namespace' },
  ],
  exitStatus: [
    [0, 'it has a name'],
    [1, 'it has none'],
    [2, 'the command line is wrong'],
    [3, 'no such TARGET'],
    [4, 'TARGET is closed to us'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? 'self');
    const host = await context.host(recording);
    requireOwnProc(host);
    const { inode } = resolveNetwork(host, word);
    const all = allNetworkNames(host);
    const names = all.names.filter((name) => name.inode === inode);
    const tally = new GapTally();
    for (const gap of all.gaps) tally.add('name of a network', gap);
    const gaps = tally.list();
    const none = `net:[${inode}] has no name; this gives it one: nstool net attach NAME ${word}`;
    return {
      stdout: flag(invocation, 'json')
        ? json(inode, names, gaps)
        : names.map((name) => `${escapeControls(typedName(name))}\n`).join(''),
      notes: [...gaps.map(gapNote), ...(names.length === 0 ? [none] : [])],
      status: names.length === 0 ? 1 : 0,
    };
  },
};

function json(ns: bigint, names: readonly NetworkName[], gaps: readonly CountedGap[]): string {
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    ns,
    names: names.map(({ name, path }) => ({ name, path })),
  });
}
