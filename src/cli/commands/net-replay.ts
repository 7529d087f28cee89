import { undoText } from '../../kernel/network-plan.ts';
import type { Journal } from '../../host/linux/journal.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { Refusal, Replayed, ReplayStep } from '../../kernel/replay-plan.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { labId, requireLabName } from '../../network/lab.ts';
import { planReplay, type ReplayPlan } from '../../network/replay-plan.ts';
import { parseSnapshot } from '../../network/snapshot-check.ts';
import type { Snapshot } from '../../network/snapshot.ts';
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
import { foldersOfOthers, standingOf, waitForTurn } from './net-lab.ts';
import { requireThisMachine } from './this-machine.ts';

export const netReplay: CommandDefinition = {
  name: 'net replay',
  summary: 'build a network namespace again from a snapshot',
  operands: 'FILE',
  arity: [1, 1],
  description: [
    'Makes a network namespace NAME of what nstool net snapshot wrote into FILE: links with the same indexes, addresses,',
    'routes of all tables, rules, neighbours, nftables, settings below /proc/sys/net, and the files of the resolver in',
    '/etc/netns/NAME. What routed the target is NAME-router, with the other ends of its links; it has no way out, so nothing',
    'leaves this machine. Nothing outside of these namespaces changes, and no program is started in them.',
    '',
    'A link that cannot be had here (hardware, tun, WireGuard, a kind that this kernel lacks) is one end of a veth, with its',
    'name, index, address and size; the other end is a dead end in NAME-router. The answer is the list of what is not as it',
    'was: stand-in, refused by the kernel here, missing in FILE already.',
    '',
    'All of it is made before it gets its names: killed in the middle, nothing is left but what nstool gc removes. nstool net',
    'down NAME takes it away. nstool diff net:ORIGINAL netns:NAME compares, where both are on one machine.',
    'FILE may come from anywhere: it is checked as a whole before anything is made.',
  ],
  options: [
    { long: 'as', value: 'NAME', help: 'of the namespace (that of the target)' },
    { long: 'dry-run', help: 'only check FILE, and tell what will not be as it was' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool net replay web.json --as web', does: 'the container web, on the desk' },
    { line: 'nstool net replay web.json --dry-run', does: 'what would not be as it was' },
  ],
  exitStatus: [
    [0, 'it stands'],
    [1, 'it stands, but the kernel refused some of it'],
    [2, 'the command line is wrong, FILE is no snapshot, or something is in the way; nothing was changed'],
    [3, 'there is no such file'],
    [4, 'the kernel refused, or another nstool is at work on it; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const [file = ''] = invocation.operands;
    const snapshot = await readFile(file, context);
    const name = nameOf(invocation, snapshot);
    const host = await context.host();
    const journal = await context.journal();
    const dryRun = flag(invocation, 'dry-run');
    if (!dryRun) await waitForTurn(journal);
    const notes = await clearWay(name, journal, context, dryRun);
    const plan = planReplay(snapshot, name, valueOf(host.readFile('/etc/nsswitch.conf')));
    const steps = wantedSteps(host, journal, name, plan);
    if (dryRun)
      return answer(invocation, { snapshot, plan, name, replayed: null, notes: [...notes, 'nothing was changed'] });
    const replayed = await context.replayNetwork({ id: labId(name), what: `net replay ${file} --as ${name}`, steps });
    if (replayed.ok)
      return answer(invocation, { snapshot, plan, name, replayed, notes: [...notes, ...standingNotes(name, plan)] });
    const error = errorOf(name, replayed);
    const left = replayed.left.map((undo) => `${undoText(undo)} could not be removed: nstool gc`);
    return { stdout: '', notes: [...notes, ...left], error, status: errorStatus(error) };
  },
};

async function readFile(file: string, context: Context): Promise<Snapshot> {
  const bytes = await context.readInput(file);
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read ${file}`);
  return parseSnapshot(decodeText(bytes.value), file);
}

/** Errors: BAD_VALUE. */
function nameOf(invocation: Invocation, { target }: Snapshot): string {
  const given = optionValue(invocation, 'as');
  const short = target.slice(target.lastIndexOf(':') + 1).replaceAll(/[^\w.-]/g, '');
  const name = requireLabName(given ?? (/^\w/.test(short) ? short : `replay${short}`));
  if (name.length <= LONGEST_NAME) return name;
  throw new NsError('BAD_VALUE', {
    what: `--as cannot be '${name}'`,
    why: `it has more than ${LONGEST_NAME} characters`,
  });
}

/** With room for `-router`. */
const LONGEST_NAME = 50;

/** What a killed one left is removed. Errors: DENIED; BAD_VALUE, where one of that name stands. */
async function clearWay(name: string, journal: Journal, context: Context, dryRun: boolean): Promise<readonly string[]> {
  const { standing, notes } = await standingOf(name, journal, context, dryRun);
  if (standing === null) return notes;
  throw new NsError('BAD_VALUE', {
    what: `${name} stands already`,
    why: standing.what,
    tryThis: `nstool net down ${name}, or another name: --as`,
  });
}

/** Without directories that are there, and not of another lab. Errors: BAD_VALUE, where a name or file is taken. */
function wantedSteps(host: Host, journal: Journal, name: string, { steps, paths }: ReplayPlan): readonly ReplayStep[] {
  const files = steps.flatMap((step) => (step.op === 'file' ? [step.path] : []));
  for (const path of [...paths, ...files]) {
    if (!host.stat(path).ok && !host.readLink(path).ok) continue;
    throw new NsError('BAD_VALUE', { what: `there is ${path} already`, tryThis: 'another name: --as' });
  }
  const shared = foldersOfOthers(journal, name);
  return steps.filter((step) => step.op !== 'folder' || shared.has(step.path) || !host.stat(step.path).ok);
}

function standingNotes(name: string, { paths }: ReplayPlan): readonly string[] {
  const router = paths.length > 1 ? `, what routes it is ${name}-router` : '';
  return [`${name} stands${router}; away with it: nstool net down ${name}`];
}

function errorOf(name: string, { what, gap }: Extract<Replayed, { ok: false }>): NsError {
  const errno = gap.errno ?? gap.reason;
  return new NsError('DENIED', {
    what: `cannot replay ${name}: ${what}`,
    why: gap.text === undefined ? errno : `${errno}: ${gap.text}`,
    tryThis: gap.reason === 'denied' ? 'as root; nothing was changed' : 'again; nothing was changed',
  });
}

/** missing: FILE does not have it. */
interface ReportRow {
  readonly state: 'stand-in' | 'refused' | 'missing';
  readonly network: string;
  readonly what: string;
  readonly why: string;
}

const columns: readonly Column<ReportRow>[] = [
  { key: 'state', type: 'string', help: 'how it is not as it was', get: ({ state }) => state },
  { key: 'network', type: 'string', help: 'in which namespace', get: ({ network }) => network },
  { key: 'what', type: 'string', help: 'what', get: ({ what }) => what },
  { key: 'why', type: 'string', help: 'why', get: ({ why }) => why },
];

interface Answer {
  readonly snapshot: Snapshot;
  readonly plan: ReplayPlan;
  readonly name: string;
  /** null: it was only computed. */
  readonly replayed: Extract<Replayed, { ok: true }> | null;
  readonly notes: readonly string[];
}

function answer(invocation: Invocation, { snapshot, plan, name, replayed, notes }: Answer): Outcome {
  const short = (path: string | undefined): string => path?.slice(path.lastIndexOf('/') + 1) ?? '';
  const refused = (replayed?.refused ?? []).map((each) => refusedRow(each, short(each.at)));
  const rows: readonly ReportRow[] = [
    ...plan.standIns.map(({ network, what, why }) => ({
      state: 'stand-in' as const,
      network: short(plan.paths[network]),
      what,
      why,
    })),
    ...(replayed?.standIns ?? []).map(({ at, what, why }) => ({
      state: 'stand-in' as const,
      network: short(at),
      what,
      why,
    })),
    ...refused,
    ...snapshot.missing.map(({ network, what, why }) => ({
      state: 'missing' as const,
      network: short(plan.paths[network]),
      what,
      why,
    })),
  ];
  const status = refused.length === 0 ? 0 : 1;
  if (!flag(invocation, 'json'))
    return { stdout: rows.length === 0 ? '' : renderTable(rows, columns, { headings: true }), notes, status };
  const stdout = renderJson({
    schema: 1,
    complete: true,
    gaps: [],
    name,
    target: snapshot.target,
    dry_run: replayed === null,
    networks: plan.paths.map(short),
    not_as_it_was: rows.map((row) => rowJson(row, columns)),
  });
  return { stdout, notes, status };
}

function refusedRow({ what, gap }: Refusal, network: string): ReportRow {
  const errno = gap.errno ?? gap.reason;
  return { state: 'refused', network, what, why: gap.text === undefined ? errno : `${errno}: ${gap.text}` };
}
