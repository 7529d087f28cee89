// Old values of files of cgroups, brought back: of `cgroup undo` and `gc`.

import {
  folderOf,
  undoSteps,
  undoWrite,
  type LaterSet,
  type UndoneFile,
  type UndoStep,
} from '../../cgroups/undo-plan.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import type { Column } from '../../render/columns.ts';
import type { Json } from '../../render/json.ts';
import type { Context } from '../define-command.ts';

/** planned: it would be restored. left: another value is there, which we did not write. */
type State = 'planned' | 'restored' | 'already' | 'left' | 'gone' | 'refused';

export interface UndoneRow {
  readonly entry: JournalEntry;
  readonly undo: UndoneFile;
  readonly state: State;
  /** What the file said before. null: that is not told. */
  readonly was: string | null;
  readonly gap: Gap | null;
  /** The later set whose value is there. null: none. */
  readonly heldBy: string | null;
}

interface Wish {
  /** Also where another value is there that we did not write. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Backwards. `all`: of the journal, in the order in which they were made. */
export async function undoFiles(
  host: Host,
  context: Context,
  all: readonly JournalEntry[],
  entry: JournalEntry,
  { force, dryRun }: Wish,
): Promise<readonly UndoneRow[]> {
  const steps = undoSteps(host, filesOf(entry), laterThan(entry, all));
  const isWritten = ({ state }: UndoStep): boolean =>
    state === 'back' || (force && (state === 'changed' || state === 'held'));
  const wanted = steps.filter(isWritten);
  const writes = wanted.map((step, index) => undoWrite(step, index, `undo of ${entry.id}`));
  const outcomes = dryRun ? [] : await context.changeCgroups(writes, { bestEffort: true });
  return steps.map((step) => {
    const { undo, current: was, heldBy } = step;
    const base = { entry, undo, was, heldBy, gap: null };
    if (!isWritten(step)) return { ...base, state: stateOf(step) };
    const outcome = outcomes[wanted.indexOf(step)];
    if (outcome === undefined) return { ...base, state: 'planned' };
    return outcome.type === 'failed' ? { ...base, state: 'refused', gap: outcome.gap } : { ...base, state: 'restored' };
  });
}

function filesOf({ undo }: JournalEntry): readonly UndoneFile[] {
  return undo.flatMap((each) => (each.op === 'cgroup file' ? [each] : []));
}

/** What is half done is garbage, and holds nothing. */
function laterThan(entry: JournalEntry, all: readonly JournalEntry[]): readonly LaterSet[] {
  const later = all.slice(all.findIndex(({ id }) => id === entry.id) + 1).filter(({ kept }) => kept);
  return later.map((each) => ({ id: each.id, undo: filesOf(each) }));
}

function stateOf({ state }: UndoStep): State {
  switch (state) {
    case 'already':
    case 'gone':
      return state;
    case 'unknown':
      return 'refused';
    case 'back':
    case 'changed':
    case 'held':
      return 'left';
  }
}

/** Is nothing left to undo there? */
export function isUndone({ state }: UndoneRow): boolean {
  return state === 'restored' || state === 'already' || state === 'gone';
}

export const undoneColumns: readonly Column<UndoneRow>[] = [
  { key: 'state', type: 'string', help: 'what became of it', get: ({ state }) => state },
  { key: 'directory', type: 'string', help: 'of the cgroup', get: ({ undo }) => folderOf(undo) },
  { key: 'file', type: 'string', help: 'which', get: ({ undo }) => undo.file },
  { key: 'was', type: 'string', help: 'what it said', get: ({ was }) => was },
  { key: 'back', type: 'string', help: 'the old value', get: ({ undo }) => undo.previous },
];

export function undoneNotes(rows: readonly UndoneRow[]): readonly string[] {
  return rows.flatMap(({ state, undo, was, gap, heldBy }) => {
    const file = `${folderOf(undo)}/${undo.file}`;
    if (state === 'left' && heldBy !== null)
      return [`${file} says '${was ?? ''}', which a later set wrote: left; first: nstool cgroup undo ${heldBy}`];
    if (state === 'left')
      return [
        `${file} says '${was ?? ''}', which is not ours: left; we had written '${undo.text}' (--force restores it)`,
      ];
    if (state === 'refused')
      return [`${file} could not be restored (${gap?.errno ?? gap?.reason ?? 'it cannot be read'})`];
    return [];
  });
}

export function undoneJson({ entry, undo, state, was, gap, heldBy }: UndoneRow): Json {
  const { file, text, previous } = undo;
  const errno = gap?.errno ?? null;
  return {
    id: entry.id,
    state,
    directory: folderOf(undo),
    file,
    was,
    written: text,
    back: previous,
    held_by: heldBy,
    errno,
  };
}
