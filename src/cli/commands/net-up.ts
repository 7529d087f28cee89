import { newLinkAddress } from '../../host/linux/link-address.ts';
import type { Journal } from '../../host/linux/journal.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Gap } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import type { NetworkStep } from '../../kernel/network-plan.ts';
import { ipNetText, overlap, wholeNet } from '../../network/ip-net.ts';
import { planLab, type LabPlan } from '../../network/lab-plan.ts';
import type { PlannedStep } from '../../network/lab-step.ts';
import { askedOf, askedText, labOf, type LabAsked } from '../../network/lab-words.ts';
import { labId } from '../../network/lab.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import {
  flag,
  optionValue,
  type CommandDefinition,
  type Context,
  type Invocation,
  type Outcome,
} from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { networkWhat, undoNetworkEntry } from './net-undone.ts';
import { requireThisMachine } from './this-machine.ts';

export const netUp: CommandDefinition = {
  name: 'net up',
  summary: 'a network namespace with a link, an address, a bridge, a route and a resolver, in one',
  operands: '[NAME]',
  arity: [0, 1],
  description: [
    'Makes a network namespace NAME (ns1), as ip-netns(8) has them, with a link eth0 and its address inside, a bridge with',
    'the address of the gateway outside, the default route, and /etc/netns/NAME/resolv.conf. Nothing of the host is changed:',
    'it forwards as before, so who is inside reaches the host and its neighbours on the bridge, and no more than that.',
    '',
    'A plan is made first, and refused where something is in its way: a net that the host has a route to, a nameserver in',
    'it, a link, a bridge, a namespace or a file of somebody else. Then it is carried out step by step, each with its undo in',
    'the journal before. If one fails, all before it is undone at once; after a kill nstool gc does it, or the next net up.',
    'A second net up mends what is missing, and changes nothing else. nstool net down takes all of it away again.',
  ],
  options: [
    { long: 'tutorial', help: "the tutorial's names of links: the bridge is lxcbr0, its port lxcbr0.1" },
    { long: 'bridge', value: 'NAME', help: 'of the bridge (nstool0)' },
    { long: 'use-bridge', help: 'the bridge is there, and not ours: only a port is added to it' },
    { long: 'address', value: 'IP/BITS', help: 'inside (192.168.10.11/24)' },
    { long: 'gateway', value: 'IP', help: 'of the bridge (the first address of the net)' },
    { long: 'dns', value: 'IP', help: 'a nameserver for who is inside (8.8.8.8); more than once for more' },
    { long: 'mtu', value: 'BYTES', help: 'of the links' },
    { long: 'dry-run', help: 'print the steps with their reasons, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool net up', does: 'ns1 with 192.168.10.11' },
    { line: 'nstool net up lab --address 10.99.0.2/24 --bridge lab0 --dry-run', does: 'what would be made' },
    { line: 'nstool net up two --use-bridge --address 192.168.10.12/24', does: 'another one on the same bridge' },
  ],
  exitStatus: [
    [0, 'it stands'],
    [2, 'the command line is wrong, or something is in the way; nothing was changed'],
    [3, 'there is no such bridge'],
    [4, 'the kernel refused, or another nstool is at work on it; nothing was changed'],
    [5, 'the kernel lacks bridges or veth; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const asked = askedOf({
      name: invocation.operands[0],
      tutorial: flag(invocation, 'tutorial'),
      bridge: optionValue(invocation, 'bridge'),
      useBridge: flag(invocation, 'use-bridge'),
      address: optionValue(invocation, 'address'),
      gateway: optionValue(invocation, 'gateway'),
      dns: invocation.options.get('dns') ?? [],
      mtu: optionValue(invocation, 'mtu'),
    });
    const dryRun = flag(invocation, 'dry-run');
    const host = await context.host();
    const journal = await context.journal();
    const before = await standingOf(asked, journal, context, dryRun);
    const plan = planLab(host, {
      lab: labOf(asked),
      standing: before.standing,
      shared: foldersOfOthers(journal, asked.name),
      newMac: newLinkAddress,
    });
    if (dryRun) return answer(invocation, asked, plan.steps, [...before.notes, 'nothing was changed']);
    return act(invocation, context, asked, plan, before);
  },
};

interface Before {
  readonly standing: JournalEntry | null;
  readonly notes: readonly string[];
}

/** What a killed one left is removed. Errors: DENIED; BAD_VALUE, where it stands with other settings. */
async function standingOf(lab: LabAsked, journal: Journal, context: Context, dryRun: boolean): Promise<Before> {
  const entry = journal.list().entries.find(({ id }) => id === labId(lab.name));
  if (entry === undefined) return { standing: null, notes: [] };
  if (entry.kept) {
    if (entry.what === askedText(lab)) return { standing: entry, notes: [] };
    throw new NsError('BAD_VALUE', {
      what: `${lab.name} stands with other settings`,
      why: entry.what,
      tryThis: `nstool net down ${lab.name}`,
    });
  }
  requireAlone(lab.name, entry, journal);
  if (dryRun)
    throw new NsError('DENIED', {
      what: `an nstool that was killed left something of ${lab.name}`,
      tryThis: 'nstool gc, or without --dry-run: it is removed first',
    });
  const left = (await undoNetworkEntry(entry, context, false)).find(({ state }) => state === 'left');
  if (left !== undefined)
    throw new NsError('DENIED', {
      what: `an nstool that was killed left ${networkWhat(left.undo)}`,
      why: left.why ?? '',
      tryThis: 'nstool gc',
    });
  journal.remove(entry);
  return { standing: null, notes: [`what a killed nstool had left of ${lab.name} was removed`] };
}

/** Errors: DENIED. */
export function requireAlone(name: string, entry: JournalEntry, journal: Journal): void {
  if (journal.standing(entry) === 'gone') return;
  throw new NsError('DENIED', {
    what: `another nstool is at work on ${name}`,
    why: `process ${entry.maker.pid}`,
    tryThis: 'again once it has ended',
  });
}

function foldersOfOthers(journal: Journal, name: string): ReadonlySet<string> {
  const others = journal.list().entries.filter(({ id }) => id !== labId(name));
  return new Set(others.flatMap(({ undo }) => undo.flatMap((each) => (each.op === 'folder' ? [each.path] : []))));
}

async function act(
  invocation: Invocation,
  context: Context,
  lab: LabAsked,
  { steps, places }: LabPlan,
  { standing, notes }: Before,
): Promise<Outcome> {
  const wanted = steps.filter(({ isRight }) => !isRight);
  if (wanted.length === 0)
    return answer(invocation, lab, steps, [`${lab.name} stands as it should: nothing was changed`]);
  const building = { id: labId(lab.name), what: askedText(lab), steps: wanted, places, standing };
  const built = await context.buildNetwork(building);
  if (built.ok) return answer(invocation, lab, steps, [...notes, ...standingNotes(lab)]);
  const error = errorOf(lab, built.at, built.gap);
  const left = built.left.map((undo) => `${networkWhat(undo)} could not be removed: nstool gc`);
  return { stdout: '', notes: [...notes, ...left], error, status: errorStatus(error) };
}

function standingNotes(lab: LabAsked): readonly string[] {
  const far = lab.nameservers.filter((server) => !overlap(lab.address, wholeNet(server)));
  return [
    `${lab.name} has ${ipNetText(lab.address)}, and ${lab.gateway} on ${lab.bridge} is its gateway; away with it: nstool net down ${lab.name}`,
    ...(far.length === 0 ? [] : [`${far.join(', ')} cannot be reached from ${lab.name}: there is no NAT`]),
  ];
}

function errorOf({ name }: LabAsked, { what }: NetworkStep, gap: Gap): NsError {
  const failed = `cannot make ${name}: ${what}`;
  const errno = gap.errno ?? gap.reason;
  const words = gap.text === undefined ? errno : `${errno}: ${gap.text}`;
  if (gap.reason === 'denied')
    return new NsError('DENIED', {
      what: failed,
      why: `${words}; it takes CAP_SYS_ADMIN and CAP_NET_ADMIN here, and the right to write in /run and /etc`,
      tryThis: 'as root; nothing was changed',
    });
  if (gap.errno === 'EOPNOTSUPP')
    return new NsError('UNSUPPORTED', { what: failed, why: `${words}: the kernel lacks it; nothing was changed` });
  if (gap.errno === undefined) return errorOfGap(gap, failed);
  return new NsError('DENIED', { what: failed, why: words, tryThis: 'again; what was made before it is undone' });
}

interface StepRow {
  readonly state: 'planned' | 'done' | 'right';
  readonly step: PlannedStep;
}

const columns: readonly Column<StepRow>[] = [
  { key: 'state', type: 'string', help: 'right: it is so already', get: ({ state }) => state },
  { key: 'what', type: 'string', help: 'what is made', get: ({ step }) => step.what },
  { key: 'reason', type: 'string', help: 'why', get: ({ step }) => step.reason },
];

function answer(
  invocation: Invocation,
  { name }: LabAsked,
  steps: readonly PlannedStep[],
  notes: readonly string[],
): Outcome {
  const dryRun = flag(invocation, 'dry-run');
  const rows = steps.map((step): StepRow => {
    return { state: step.isRight ? 'right' : dryRun ? 'planned' : 'done', step };
  });
  if (flag(invocation, 'json')) {
    const stdout = renderJson({
      schema: 1,
      complete: true,
      gaps: [],
      name,
      dry_run: dryRun,
      steps: rows.map((row) => rowJson(row, columns)),
    });
    return { stdout, notes, status: 0 };
  }
  return { stdout: dryRun ? renderTable(rows, columns, { headings: true }) : '', notes, status: 0 };
}
