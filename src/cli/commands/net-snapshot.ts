import { networkPlace } from '../../inspect/network/network-target.ts';
import { resolveNetwork } from '../../inspect/network-names.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { anonymise } from '../../network/anonymise.ts';
import { readSnapshot, type SnapshotQuestion } from '../../network/snapshot-read.ts';
import type { Snapshot } from '../../network/snapshot.ts';
import { readTopology } from '../../network/topology.ts';
import { gapNote } from '../gap-text.ts';
import { flag, optionValue, type CommandDefinition } from '../define-command.ts';
import { splitRecorded } from '../recorded-target.ts';
import { lowest } from './net-show-columns.ts';

export const netSnapshot: CommandDefinition = {
  name: 'net snapshot',
  summary: 'a running network namespace as a file, to build it again elsewhere',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Writes down what the kernel tells of the network namespace of TARGET: links with their indexes, what they are made of',
    'and how they are ports; addresses, routes of all tables, rules, permanent neighbours; all of nftables as the kernel has',
    'it; settings below /proc/sys/net that a new namespace would not have by itself; resolv.conf, hosts and nsswitch.conf as',
    'who is in it reads them. Where it is routed by another namespace of this host, the links there that lead to it come',
    'along, with their bridge, addresses, routes and nftables. nstool net replay builds all of it again.',
    '',
    'Not in it, and counted instead: queueing disciplines of tc(8), nexthop objects (their routes have the next hops',
    'themselves), policies and associations of IPsec, connections that conntrack knows. Not looked at: sets of ipset(8),',
    'endpoints of MPTCP, tunnels of L2TP.',
    '',
    'Nothing is changed, and nothing of the target is run. What could not be read, or cannot be built again, is told on',
    'standard error, and stands in the file (missing). FILE can be read by its owner only (mode 0600).',
  ],
  options: [
    {
      long: 'output',
      short: 'o',
      value: 'FILE',
      help: 'into FILE, which is replaced if it is there; else standard output',
    },
    {
      long: 'anonymise',
      help: 'other public addresses, link addresses and names, alike everywhere; says what is left',
    },
  ],
  examples: [
    { line: 'nstool net snapshot container:web -o web.json', does: 'a container' },
    { line: 'nstool net snapshot container:web --anonymise -o web.json', does: 'to be given away' },
    { line: 'nstool net snapshot netns:blue', does: 'a name of ip-netns(8), for a look' },
  ],
  exitStatus: [
    [0, 'written; what is missing is told'],
    [2, 'the command line is wrong, TARGET is no network namespace, or FILE is no regular file'],
    [3, 'no such process, namespace or folder'],
    [4, 'TARGET is closed to us, or we may not write there'],
    [5, '/proc is not that of our own pid namespace'],
    [74, 'it could not be written whole: nothing is left of it'],
  ],
  async run(invocation, context) {
    const path = optionValue(invocation, 'output');
    const isFile = path !== undefined && path !== '-';
    const save = isFile ? await context.output(path) : undefined;
    const target = splitRecorded(invocation.operands[0] ?? '');
    const host = await context.host(target.recording);
    requireOwnProc(host);
    const { inode } = resolveNetwork(host, target.word);
    const { topology, place } = networkPlace(host, readTopology(host), inode);
    const netnsName = place.namespace.mounts
      .map((mount) => /^\/(?:var\/)?run\/netns\/([^/]+)$/.exec(mount)?.[1])
      .find(Boolean);
    const question: SnapshotQuestion = {
      topology,
      place,
      pid: processOf(host, target.word) ?? lowest(place.namespace.pids) ?? undefined,
      netnsName,
    };
    const read = readSnapshot(host, question);
    if (!read.ok) throw errorOfGap(read.gap, `cannot look at the network of '${target.word}'`);
    const whole: Snapshot = {
      nstool_snapshot: 1,
      made: new Date().toISOString(),
      kernel: decodeText(valueOf(host.readFile('/proc/sys/kernel/osrelease')) ?? new Uint8Array()).trim(),
      target: topology.nameOf(place),
      anonymised: false,
      ...read.value,
    };
    const snapshot = flag(invocation, 'anonymise') ? anonymise(whole) : whole;
    const text = `${JSON.stringify(snapshot, null, 1)}\n`;
    const notes = [
      ...snapshot.missing.map(({ network, what, why }) => {
        return `not in it: ${what}${network === 0 ? '' : ` of ${snapshot.networks[network]?.name ?? ''}`}: ${why}`;
      }),
      ...topology.gaps.list().map(gapNote),
    ];
    if (save === undefined) return { stdout: text, notes, status: 0 };
    save(text);
    return { stdout: '', notes, status: 0 };
  },
};

/** Whose files of the resolver are meant. */
function processOf(host: Host, word: string): number | undefined {
  try {
    const target = resolveTarget(host, word);
    return target.type === 'process' ? target.pid : undefined;
  } catch (error) {
    if (error instanceof NsError) return undefined;
    throw error;
  }
}
