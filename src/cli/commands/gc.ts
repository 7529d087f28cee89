import { endingsOf } from '../../cgroups/ending.ts';
import { placeNow } from '../../cgroups/renamed.ts';
import { folderOf, isMounted, undoSteps } from '../../cgroups/undo-plan.ts';
import type { Removed } from '../../host/linux/change-cgroups.ts';
import type { Journal } from '../../host/linux/journal.ts';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import { NsError } from '../../kernel/error.ts';
import { GapTally, isComplete } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { isCgroupUndo, isNetworkUndo, type CgroupUndo, type JournalEntry, type Undo } from '../../kernel/journal.ts';
import { isOpen, undoText } from '../../kernel/network-plan.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context, type Invocation, type Outcome } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { endingText } from './cgroup-ending.ts';
import { undoNetworkEntry } from './net-undone.ts';
import { isUndone, undoFiles, type UndoneRow } from './cgroup-undone.ts';
import { requireThisMachine } from './this-machine.ts';

export const gc: CommandDefinition = {
  name: 'gc',
  summary: 'remove what an nstool that was killed left behind',
  operands: '[ID]',
  arity: [0, 1],
  description: [
    'What nstool makes or changes is in its journal, with the process that made it. gc undoes, backwards, what a process',
    'left that is no more: cgroups that nstool cgroup run made are removed, limits that nstool cgroup set left half done',
    'are put back, what nstool net up left half made or net down half removed is taken away, as root also what nstool',
    "caps why and nstool net doctor left in the kernel's tracing. Nothing is touched that is not in the journal, or that",
    'is not what the journal says: a cgroup or a link with the name of ours that somebody else made, a value that',
    'somebody else wrote. What a command of nstool cgroup run left running in its cgroups is killed, as it would be at',
    'its end; any other cgroup with processes is left, and told. A finished set is no garbage, and neither is a network',
    'that stands: nstool cgroup undo restores the one, nstool net down takes the other away. The journal is that of the',
    'user who asks: /run/nstool of root, else $XDG_RUNTIME_DIR/nstool or /tmp/nstool-UID.',
  ],
  options: [
    { long: 'dry-run', help: 'print what would be removed, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool gc --dry-run', does: 'what there is' },
    { line: 'nstool gc', does: 'and away with it' },
  ],
  exitStatus: [
    [0, 'nothing is left'],
    [1, 'something is: in use, changed by somebody else, refused by the kernel, or in an entry that cannot be read'],
    [2, 'the command line is wrong'],
    [3, 'no such ID'],
    [4, 'the journal is closed to us'],
  ],
  async run(invocation, context) {
    return collectAll(invocation, context, () => true, { traces: true });
  },
};

/** What is meant of the journal; `traces`: also what is left in the kernel's tracing. Errors: NO_FILE, DENIED. */
export async function collectAll(
  invocation: Invocation,
  context: Context,
  isMeant: (entry: JournalEntry) => boolean,
  { traces: withTraces }: { readonly traces: boolean },
): Promise<Outcome> {
  requireThisMachine(invocation);
  const host = await context.host();
  const journal = await context.journal();
  const dryRun = flag(invocation, 'dry-run');
  const [id] = invocation.operands;
  const { entries: all, gaps: unread } = journal.list();
  const entries = all.filter(isMeant);
  const gaps = new GapTally();
  for (const gap of unread) gaps.add('entry of the journal', gap);
  for (const entry of entries) {
    if (journal.standing(entry) !== 'unknown' || entry.kept) continue;
    gaps.add('maker of an entry', { reason: 'unsupported', what: `${entry.id}: it is of another pid namespace` });
  }
  const rows: GarbageRow[] = [];
  const told: string[] = [];
  const past = new Set<string>();
  for (const each of chosen(journal, entries, id).toReversed()) {
    const entry = whereNow(host, each);
    if (journal.standing(entry) === 'parent') told.push(...tell(host, entry));
    // eslint-disable-next-line no-await-in-loop -- what was made later is undone first
    rows.push(...(await collect({ host, context, journal, entries, past, dryRun }, entry)));
    if (!entry.kept) past.add(entry.id);
  }
  if (id === undefined && withTraces) rows.push(...(await traces(context, dryRun)));
  const listed = gaps.list();
  const stdout = flag(invocation, 'json')
    ? renderJson({
        schema: 1,
        complete: isComplete(listed),
        gaps: listed.map(gapJson),
        dry_run: dryRun,
        garbage: rows.map((row) => rowJson(row, columns)),
      })
    : rows.length === 0
      ? ''
      : renderTable(rows, columns, { headings: true });
  const notes = [...told, ...listed.map(gapNote), ...(dryRun && rows.length > 0 ? ['nothing was changed'] : [])];
  const isUnsure = id === undefined && unread.length > 0;
  return { stdout, notes, status: isUnsure || rows.some(({ state }) => state === 'left') ? 1 : 0 };
}

/** planned: it would be removed, or restored. gone: somebody else removed it. */
type State = 'planned' | 'removed' | 'restored' | 'gone' | 'left';

interface GarbageRow {
  readonly entry: JournalEntry | null;
  readonly state: State;
  readonly what: string;
  readonly why: string | null;
}

const columns: readonly Column<GarbageRow>[] = [
  { key: 'state', type: 'string', help: 'what became of it', get: ({ state }) => state },
  { key: 'what', type: 'string', help: 'a directory, a file or a link', get: ({ what }) => what },
  { key: 'why', type: 'string', help: 'why it is left', get: ({ why }) => why },
  { key: 'id', type: 'string', help: 'of the journal', get: ({ entry }) => entry?.id ?? null },
  {
    key: 'command',
    type: 'string',
    help: 'who left it',
    get: ({ entry, what }) => entry?.what ?? (what.includes('nstool-drops-') ? 'net doctor' : 'caps why'),
  },
];

/** Whose makers are no more; with an ID that of who started us, too. Errors: NO_FILE. */
function chosen(journal: Journal, entries: readonly JournalEntry[], id: string | undefined): readonly JournalEntry[] {
  if (id === undefined) return entries.filter((entry) => entry.kept || journal.standing(entry) === 'gone');
  const named = entries.filter((entry) => entry.id === id);
  const mine = named.filter((entry) => ['gone', 'parent'].includes(journal.standing(entry)));
  if (mine.length > 0) return mine;
  const why = named.length === 0 ? 'the journal of this user does not have it' : 'its maker is still at work';
  throw new NsError('NO_FILE', {
    what: `there is no garbage '${id}'`,
    why,
    tryThis: 'nstool gc --dry-run, for what there is',
  });
}

/** Its cgroups as they are called now. */
function whereNow(host: Host, entry: JournalEntry): JournalEntry {
  const undo = entry.undo.map((each) => (each.op === 'cgroup' ? { ...each, place: placeNow(host, each.place) } : each));
  return { ...entry, undo };
}

/** The command has ended, and its parent asks what there is to say before its cgroups go. */
function tell(host: Host, { undo }: JournalEntry): readonly string[] {
  const groups = undo.filter(isCgroupUndo).filter(({ op }) => op === 'cgroup');
  return groups.flatMap((each) => endingsOf(host, folderOf(each))).map(endingText);
}

interface Collecting {
  readonly host: Host;
  readonly context: Context;
  readonly journal: Journal;
  /** All that the journal has. */
  readonly entries: readonly JournalEntry[];
  /** Ids of those that were collected before it. */
  readonly past: ReadonlySet<string>;
  readonly dryRun: boolean;
}

async function collect(
  { host, context, journal, entries, past, dryRun }: Collecting,
  entry: JournalEntry,
): Promise<readonly GarbageRow[]> {
  if (entry.kept) {
    if (!dryRun && isPast(host, entry)) journal.remove(entry);
    return [];
  }
  const undone = await undoFiles(host, context, entries, entry, { force: false, dryRun });
  const rows = undone.map((each): Done => ({ undo: each.undo, row: restoredRow(each) }));
  for (const { undo, state, why } of await undoNetworkEntry(entry, context, dryRun, past))
    rows.push({ undo, row: { entry, what: undoText(undo), state, why } });
  for (const undo of entry.undo.toReversed()) {
    if (undo.op === 'cgroup controllers' && !dryRun)
      // eslint-disable-next-line no-await-in-loop -- who went away comes back only then
      await context.takeControllersBack(undo, groupsOf(entry));
    if (undo.op !== 'cgroup') continue;
    // eslint-disable-next-line no-await-in-loop -- the lower ones first
    rows.push({ undo, row: await removedRow(host, context, entry, undo, dryRun) });
  }
  if (!dryRun) {
    const isLeft = rows.some(({ row }) => row.state === 'left');
    const left = entry.undo.filter(
      (each) => isLeft && rows.some(({ undo, row }) => undo === each && mustAgain(each, row)),
    );
    if (left.length === 0) journal.remove(entry);
    else journal.update({ ...entry, undo: left });
  }
  return rows.map(({ row }) => row);
}

function mustAgain(undo: Undo, { state, why }: GarbageRow): boolean {
  if (state === 'restored' || !isNetworkUndo(undo)) return state === 'left';
  return isOpen(undo, { state, why });
}

function groupsOf({ undo }: JournalEntry): readonly CgroupPlace[] {
  return undo.flatMap((each) => (each.op === 'cgroup' ? [each.place] : []));
}

interface Done {
  readonly undo: Undo;
  readonly row: GarbageRow;
}

/** A finished set whose cgroups are all gone: nothing of it can be undone any more. */
function isPast(host: Host, { undo }: JournalEntry): boolean {
  const files = undo.flatMap((each) => (each.op === 'cgroup file' ? [each] : []));
  return files.length === undo.length && undoSteps(host, files).every(({ state }) => state === 'gone');
}

function restoredRow(done: UndoneRow): GarbageRow {
  const { entry, undo, state, was, gap, heldBy } = done;
  const base = { entry, what: `${folderOf(undo)}/${undo.file}`, why: null };
  if (state === 'planned') return { ...base, state };
  if (isUndone(done)) return { ...base, state: state === 'gone' ? 'gone' : 'restored' };
  if (heldBy !== null) return { ...base, state: 'left', why: `a later set has it: nstool cgroup undo ${heldBy}` };
  const why = state === 'left' ? `it says '${was ?? ''}', which is not ours` : (gap?.errno ?? 'it cannot be read');
  return { ...base, state: 'left', why };
}

async function removedRow(
  host: Host,
  context: Context,
  entry: JournalEntry,
  undo: CgroupUndo,
  dryRun: boolean,
): Promise<GarbageRow> {
  const what = folderOf(undo);
  const base = { entry, what, why: null };
  if (!isMounted(host, undo)) return { ...base, state: 'left', why: `no cgroups are mounted at ${undo.place.mount}` };
  const status = valueOf(host.stat(what));
  const isOther = undo.place.inode !== null && status !== undefined && status.ino !== undo.place.inode;
  if (isOther) return { ...base, state: 'gone', why: 'another has its name' };
  const isKilled = undo.op === 'cgroup' && undo.kill === true;
  if (!dryRun) await (isKilled ? context.emptyCgroup(undo.place) : context.leaveCgroup(undo.place));
  const busy = status === undefined || (dryRun && isKilled) ? undefined : inUse(host, what);
  if (busy !== undefined) return { ...base, state: 'left', why: busy };
  if (dryRun) return { ...base, state: status === undefined ? 'gone' : 'planned' };
  return { ...base, ...removedState(await context.removeCgroup(undo.place)) };
}

function removedState(removed: Removed): Pick<GarbageRow, 'state' | 'why'> {
  if (removed === 'another') return { state: 'gone', why: 'another has its name' };
  if (removed === 'removed' || removed === 'gone') return { state: removed, why: null };
  return { state: 'left', why: removed.errno ?? removed.reason };
}

/** undefined: it is empty. */
function inUse(host: Host, folder: string): string | undefined {
  const procs = host.readFile(`${folder}/cgroup.procs`);
  const count = procs.ok ? procs.value.reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0) : 0;
  if (count > 0) return `${count} ${count === 1 ? 'process is' : 'processes are'} in it`;
  const below = (valueOf(host.readDirectory(folder)) ?? []).filter(
    (name) => host.stat(`${folder}/${name}/cgroup.procs`).ok,
  );
  return below.length === 0 ? undefined : `cgroups are below it: ${below.slice(0, 3).join(', ')}`;
}

async function traces(context: Context, dryRun: boolean): Promise<readonly GarbageRow[]> {
  const names = await context.traceLeftovers({ remove: !dryRun });
  const state = dryRun ? 'planned' : 'removed';
  return names.map((name) => ({ entry: null, state, what: `tracing/instances/${name}`, why: null }));
}
