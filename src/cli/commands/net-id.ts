import { networkIds, nsidOf, type NetworkId } from '../../inspect/network-ids.ts';
import { allNetworkNames, resolveNetwork, typedName } from '../../inspect/network-names.ts';
import type { NamespaceTarget } from '../../inspect/resolve-target.ts';
import { NETNSA_NSID_NOT_ASSIGNED } from '../../kernel/abi/netlink.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Gap, Host, NamespaceDoor } from '../../kernel/host.ts';
import { encodeNsidAssignment } from '../../kernel/netlink/nsid.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { enterable } from '../../namespaces/discover/door.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import {
  flag,
  optionValue,
  type CommandDefinition,
  type Context,
  type Invocation,
  type Outcome,
} from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { requireThisMachine } from './this-machine.ts';

const AUTO = 'auto';
const LARGEST_ID = 0x7fffffff;

export const netId: CommandDefinition = {
  name: 'net id',
  summary: 'the ids by which a network knows others, the numbers in link-netnsid',
  operands: '[TARGET]',
  arity: [0, 1],
  description: [
    'Lists the ids that our network namespace has given to others, each with the namespace and its names, as',
    '`ip netns list-id`; with TARGET that of its network. The peer of eth0@if7 with link-netnsid 2 is in the one with id 2.',
    'An id means something only in the namespace that gave it: --in VIEWER lists what another one has given. The kernel gives',
    'one when an interface leads there; --set gives one before, as `ip netns set`, which lasts as long as the two.',
    'TARGET and VIEWER are names in /run/netns, or any target.',
  ],
  options: [
    { long: 'in', value: 'VIEWER', help: 'the ids that the network of VIEWER has given; default: ours' },
    { long: 'set', value: 'ID', help: 'give TARGET this id, or with auto a free one' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool net id', does: 'whose are the link-netnsid of our interfaces' },
    { line: 'nstool net id container:web', does: 'what ours calls the network of a container' },
    { line: 'nstool net id --in container:web host', does: "what a container's calls that of the host" },
    { line: 'nstool net id blue --set auto', does: 'gives it one' },
  ],
  exitStatus: [
    [0, 'listed, or set'],
    [1, 'TARGET has no id there'],
    [2, 'the command line is wrong; with --set: TARGET has an id, or another network has this; nothing was changed'],
    [3, 'no such TARGET or VIEWER'],
    [4, 'the kernel refused'],
  ],
  async run(invocation, context) {
    const wished = wishOf(invocation);
    const { word, recording } = splitRecorded(invocation.operands[0]) ?? {};
    const host = await context.host(recording);
    requireOwnProc(host);
    const viewer = optionValue(invocation, 'in');
    const door = viewer === undefined ? undefined : doorInto(resolveNetwork(host, viewer));
    if (word === undefined) {
      const { ids, gaps } = networkIds(host, door);
      return { stdout: print(invocation, ids, gaps), notes: gaps.map(gapNote), status: 0 };
    }
    const target = resolveNetwork(host, word);
    if (wished !== undefined) await assign(doorInto(target), wished, door, word, context);
    return ofOne(invocation, host, target, door);
  },
};

/** undefined: nothing is to be set. Errors: USAGE, BAD_VALUE. */
function wishOf(invocation: Invocation): number | undefined {
  const word = optionValue(invocation, 'set');
  if (word === undefined) return undefined;
  requireThisMachine(invocation);
  const target = splitRecorded(invocation.operands[0]);
  if (target === undefined || target.recording !== undefined) {
    throw new NsError('USAGE', {
      what: target === undefined ? '--set needs a TARGET' : 'a recorded host cannot be changed',
      tryThis: 'nstool net id TARGET --set auto',
    });
  }
  if (word === AUTO) return NETNSA_NSID_NOT_ASSIGNED;
  const id = parseDecimal(word);
  if (id !== undefined && id <= LARGEST_ID) return id;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is no id`,
    why: `an id is ${AUTO}, or a number up to ${LARGEST_ID}`,
  });
}

function doorInto({ door, inode }: NamespaceTarget): NamespaceDoor {
  const way = enterable(door);
  if (way !== undefined) return way;
  throw new NsError('UNSUPPORTED', { what: `nothing leads into net:[${inode}]` });
}

async function assign(
  door: NamespaceDoor,
  nsid: number,
  viewer: NamespaceDoor | undefined,
  word: string,
  context: Context,
): Promise<void> {
  const answer = await context.changeNetwork(encodeNsidAssignment(door, nsid, viewer));
  if (!answer.ok) throw refusal(answer.gap, `cannot give '${word}' the id ${nsid < 0 ? AUTO : nsid}`);
}

function refusal(gap: Gap, what: string): NsError {
  if (gap.errno === 'EEXIST' || gap.errno === 'ENOSPC') {
    return new NsError('BAD_VALUE', {
      what,
      why: `${gap.errno}: it has one already, which lasts, or another network has this one`,
      tryThis: 'nstool net id',
    });
  }
  if (gap.errno === 'EPERM') {
    return new NsError('DENIED', {
      what,
      why: 'EPERM: it takes CAP_NET_ADMIN in the network that gives the id',
      tryThis: 'as root',
    });
  }
  return errorOfGap(gap, what);
}

function ofOne(
  invocation: Invocation,
  host: Host,
  target: NamespaceTarget,
  viewer: NamespaceDoor | undefined,
): Outcome {
  const nsid = nsidOf(host, doorInto(target), viewer);
  if (!nsid.ok) throw errorOfGap(nsid.gap, `cannot tell the id of net:[${target.inode}]`);
  if (nsid.value === null) {
    const note = `net:[${target.inode}] has no id there; this gives it one: --set ${AUTO}`;
    return { stdout: flag(invocation, 'json') ? print(invocation, [], []) : '', notes: [note], status: 1 };
  }
  const names = allNetworkNames(host).names.filter(({ inode }) => inode === target.inode);
  const row = { nsid: nsid.value, ns: target.inode, names: names.map(typedName) };
  return { stdout: print(invocation, [row], []), status: 0 };
}

const columns: readonly Column<NetworkId>[] = [
  { key: 'nsid', type: 'number', help: 'the id', get: (row) => row.nsid },
  { key: 'ns', type: 'number', help: 'the inode of the network namespace', get: (row) => row.ns },
  {
    key: 'names',
    type: 'string',
    help: 'its names in /run/netns and /run/docker/netns',
    get: (row) => (row.names.length === 0 ? null : row.names.join(',')),
  },
];

function print(invocation: Invocation, ids: readonly NetworkId[], gaps: readonly CountedGap[]): string {
  if (!flag(invocation, 'json')) return renderTable(ids, columns, { headings: !flag(invocation, 'noheadings') });
  const list = ids.map(({ nsid, ns, names }) => ({ nsid, ns, names }));
  return renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), ids: list });
}
