// What makes a lab, whatever it was described by: what stands of it, the plan, the act, and the answer.

import { newLinkAddress } from '../../host/linux/link-address.ts';
import type { Journal } from '../../host/linux/journal.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Gap } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { type NetworkStep, undoText } from '../../kernel/network-plan.ts';
import type { SysctlUndo } from '../../kernel/setting-undo.ts';
import { encodeLab } from '../../network/lab-memory.ts';
import { planLab, type LabPlan } from '../../network/lab-plan.ts';
import type { PlannedStep } from '../../network/lab-step.ts';
import { labId, type Lab } from '../../network/lab.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type Context, type Invocation, type Outcome } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { obstacleJson, obstacleNote } from './net-obstacles.ts';
import { commandsOf, notRunning, startAll } from './net-start.ts';
import { undoNetworkEntry } from './net-undone.ts';

export interface LabRun {
  readonly lab: Lab;
  /** For people, in the journal: `net up ns1 --bridge nstool0`. */
  readonly what: string;
  /** What there is to say once it stands. */
  readonly notes: readonly string[];
}

/** `labOf`: from what stands of it by that name, null for nothing. Errors: as of planLab; DENIED. */
export async function upLab(
  invocation: Invocation,
  context: Context,
  name: string,
  labOf: (standing: JournalEntry | null) => LabRun,
): Promise<Outcome> {
  const dryRun = flag(invocation, 'dry-run');
  const host = await context.host();
  const journal = await context.journal();
  if (!dryRun) await waitForTurn(journal);
  const before = await standingOf(name, journal, context, dryRun);
  const { lab, what, notes } = labOf(before.standing);
  const shared = foldersOfOthers(journal, name);
  const settings = settingsOfOthers(journal, name);
  const plan = planLab(host, { lab, standing: before.standing, shared, settings, newMac: newLinkAddress });
  const obstacles = plan.obstacles.map(obstacleNote);
  const starting = notRunning(host, commandsOf(lab), before.standing);
  const awaited = starting.map((each) => `to be started: ${each.what}`);
  if (dryRun) return answer(invocation, name, plan, [...before.notes, ...obstacles, ...awaited, 'nothing was changed']);
  const told = { lab, what, notes: [...obstacles, ...before.notes, ...notes] };
  const outcome = await act(invocation, context, told, plan, before.standing, starting.length === 0);
  if ('status' in outcome && outcome.status === 0) await startAll(host, context, journal, name, starting);
  return outcome;
}

const PATIENCE_MS = 30_000;
const PAUSE_MS = 10;

/** Two at once would plan for a machine that the other is about to change. Errors: DENIED. */
export async function waitForTurn(journal: Journal): Promise<void> {
  for (let waited = 0; !journal.takeTurn(); waited += PAUSE_MS) {
    if (waited >= PATIENCE_MS)
      throw new NsError('DENIED', {
        what: 'another nstool is at work on networks',
        why: `it has been for ${PATIENCE_MS / 1000} s; nothing was changed`,
        tryThis: 'again once it has ended',
      });
    // eslint-disable-next-line no-await-in-loop -- it is waited for
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
}

interface Before {
  readonly standing: JournalEntry | null;
  readonly notes: readonly string[];
}

/** What a killed one left is removed. Errors: DENIED. */
export async function standingOf(name: string, journal: Journal, context: Context, dryRun: boolean): Promise<Before> {
  const entry = journal.list().entries.find(({ id }) => id === labId(name));
  if (entry === undefined) return { standing: null, notes: [] };
  if (entry.kept) return { standing: entry, notes: [] };
  requireAlone(name, entry, journal);
  if (dryRun)
    throw new NsError('DENIED', {
      what: `an nstool that was killed left something of ${name}`,
      tryThis: 'nstool gc, or without --dry-run: it is removed first',
    });
  const left = (await undoNetworkEntry(entry, context, false)).find(({ state }) => state === 'left');
  if (left !== undefined)
    throw new NsError('DENIED', {
      what: `an nstool that was killed left ${undoText(left.undo)}`,
      why: left.why ?? '',
      tryThis: 'nstool gc',
    });
  journal.remove(entry);
  return { standing: null, notes: [`what was left of ${name}, by a kill or a reboot, was removed`] };
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

export function foldersOfOthers(journal: Journal, name: string): ReadonlySet<string> {
  const others = journal.list().entries.filter(({ id }) => id !== labId(name));
  return new Set(others.flatMap(({ undo }) => undo.flatMap((each) => (each.op === 'folder' ? [each.path] : []))));
}

function settingsOfOthers(journal: Journal, name: string): readonly SysctlUndo[] {
  const others = journal.list().entries.filter(({ id }) => id !== labId(name));
  return others.flatMap(({ undo }) => undo.filter((each) => each.op === 'sysctl'));
}

async function act(
  invocation: Invocation,
  context: Context,
  { lab, what, notes }: LabRun,
  plan: LabPlan,
  standing: JournalEntry | null,
  isWhole: boolean,
): Promise<Outcome> {
  const { steps, places } = plan;
  const wanted = steps.filter(({ isRight }) => !isRight);
  const note = encodeLab(lab);
  if (wanted.length === 0 && standing?.note === note && isWhole)
    return answer(invocation, lab.name, plan, [
      ...plan.obstacles.map(obstacleNote),
      `${lab.name} stands as it should: nothing was changed`,
    ]);
  const built = await context.buildNetwork({ id: labId(lab.name), what, note, steps: wanted, places, standing });
  if (built.ok) return answer(invocation, lab.name, plan, notes);
  const error = errorOf(lab, built.at, built.gap);
  const left = built.left.map((undo) => `${undoText(undo)} could not be removed: nstool gc`);
  return { stdout: '', notes: left, error, status: errorStatus(error) };
}

function errorOf({ name }: Lab, { what, operation }: NetworkStep, gap: Gap): NsError {
  const failed = `cannot make ${name}: ${what}`;
  const errno = gap.errno ?? gap.reason;
  const words = gap.text === undefined ? errno : `${errno}: ${gap.text}`;
  if (gap.reason === 'denied')
    return new NsError('DENIED', {
      what: failed,
      why: `${words}; it takes CAP_SYS_ADMIN and CAP_NET_ADMIN here, and the right to write in /run and /etc`,
      tryThis: 'as root; nothing was changed',
    });
  if (operation.op === 'impair' && (gap.errno === 'ENOENT' || gap.errno === 'EOPNOTSUPP'))
    return new NsError('UNSUPPORTED', {
      what: failed,
      why: `${words}: the kernel has no netem; nothing was changed`,
      tryThis: 'modprobe sch_netem, if it has that; or the file without impair',
    });
  if (gap.errno === 'EOPNOTSUPP')
    return new NsError('UNSUPPORTED', { what: failed, why: `${words}: the kernel lacks it; nothing was changed` });
  if (operation.op === 'nft' && gap.errno === 'ENOENT')
    return new NsError('UNSUPPORTED', {
      what: failed,
      why: `${words}: the kernel lacks something that a rule says; nothing was changed`,
      tryThis: 'modprobe -a nft_chain_nat nft_masq nft_nat nft_fib_inet nft_ct',
    });
  if (operation.op === 'undo')
    return new NsError('DENIED', { what: failed, why: gap.text ?? words, tryThis: 'nothing else was changed' });
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
  name: string,
  { steps, obstacles }: LabPlan,
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
      obstacles: obstacles.map(obstacleJson),
    });
    return { stdout, notes, status: 0 };
  }
  return { stdout: dryRun ? renderTable(rows, columns, { headings: true }) : '', notes, status: 0 };
}
