import { undoText } from '../../kernel/network-plan.ts';
import { findLeaks } from '../../inspect/network/leaks/find-leaks.ts';
import type { Leak } from '../../inspect/network/leaks/leak.ts';
import { NsError } from '../../kernel/error.ts';
import { isComplete, type GapTally } from '../../kernel/gap-tally.ts';
import { isNetworkUndo } from '../../kernel/journal.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { readTopology } from '../../network/topology.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { quoted } from '../shell-quoting.ts';
import { leaksText } from './net-leaks-text.ts';

export const netLeaks: CommandDefinition = {
  name: 'net leaks',
  summary: 'what was left behind of networks, with evidence and the command that removes it',
  operands: '',
  arity: [0, 0],
  description: [
    'Looks for what nobody needs any more, and removes nothing:',
    '  name     a name in /run/netns or /run/docker/netns without a namespace: an empty file',
    '  network  a namespace that a container engine named, and that no process is in and no descriptor or socket keeps; with',
    '           the veths that lead only there',
    '  address  reserved by CNI (/var/lib/cni/networks) for a container that has no process, and that no namespace has',
    '  result   what a CNI plugin noted (/var/lib/cni/results) of such a container',
    '  rule     a rule of our network namespace (nftables, iptables-nft) whose comment names such a container, as CNI does',
    '  lab      what a killed nstool net up or down left, by the journal',
    '',
    'As text, those of one network of CNI stand together, with one command for each container, and so do stale names.',
    'possible: something that could not be seen might need it, or somebody may want it so. A container that is just being',
    'started can look like one that is gone: look twice. A link into a namespace that nothing else leads to is none of these:',
    'that is there, and hidden (nstool net show).',
    '',
    'Not looked at: the databases of docker and netavark, iptables-legacy. A name that a person gave (ip netns, nstool net',
    'add) may stay without a process: nstool net ls has it as kept.',
  ],
  options: [{ long: 'json', short: 'J', help: 'as JSON, with the gaps' }],
  examples: [
    { line: 'nstool net leaks', does: 'what there is' },
    { line: 'nstool net leaks --json --from incident.json', does: 'of a recorded host' },
  ],
  exitStatus: [
    [0, 'nothing was found'],
    [1, 'something was'],
    [2, 'the command line is wrong'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const host = await context.host();
    requireOwnProc(host);
    const topology = readTopology(host, { deep: true });
    const found = findLeaks(host, topology);
    const labs = flag(invocation, 'from') ? [] : await leftLabs(context, topology.gaps);
    const leaks = [...found, ...labs];
    const gaps = topology.gaps.list();
    const stdout = flag(invocation, 'json')
      ? renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), leaks: leaks.map(leakJson) })
      : leaksText(leaks);
    return { stdout, notes: gaps.map(gapNote), status: leaks.length > 0 ? 1 : 0 };
  },
};

/** What a process of ours that is no more has left of a network. */
async function leftLabs(context: Context, gaps: GapTally): Promise<readonly Leak[]> {
  try {
    const journal = await context.journal();
    const { entries, gaps: unread } = journal.list();
    for (const gap of unread) gaps.add('entry of the journal', gap);
    const left = entries.filter((entry) => !entry.kept && journal.standing(entry) === 'gone');
    return left.flatMap(({ id, what, made, undo }): readonly Leak[] => {
      const things = undo.filter(isNetworkUndo).map(undoText);
      if (things.length === 0) return [];
      const evidence = [
        `begun ${new Date(made).toISOString()} by a process that is no more`,
        ...things.map((thing) => `in the journal: ${thing}`),
      ];
      return [{ kind: 'lab', what, isCertain: true, evidence, remove: ['nstool', 'gc', id] }];
    });
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
    gaps.add('journal', { reason: 'denied', what: error.message });
    return [];
  }
}

function leakJson({ kind, what, isCertain, evidence, remove }: Leak): {
  readonly [key: string]: string | boolean | readonly string[];
} {
  return { kind, what, certain: isCertain, evidence, remove: remove.map(quoted).join(' ') };
}
