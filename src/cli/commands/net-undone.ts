// What was made of a network, taken back: of `net down`, `gc`, and `net up` after one that was killed.

import type { JournalEntry, NetworkUndo } from '../../kernel/journal.ts';
import { isNetworkUndo } from '../../kernel/journal.ts';
import { isOpen, undoText, type NetworkUndone } from '../../kernel/network-plan.ts';
import type { Column } from '../../render/columns.ts';
import type { Context } from '../define-command.ts';

export interface NetworkUndoneRow extends NetworkUndone {
  readonly undo: NetworkUndo;
}

export const networkUndoneColumns: readonly Column<NetworkUndoneRow>[] = [
  { key: 'state', type: 'string', help: 'what became of it', get: ({ state }) => state },
  { key: 'what', type: 'string', help: 'a link, a name or a file', get: ({ undo }) => undoText(undo) },
  { key: 'why', type: 'string', help: 'why it is left', get: ({ why }) => why },
];

/** Backwards. `past`: entries that are undone before it, and that a dry run leaves in the journal. */
export async function undoNetworkEntry(
  { id, undo }: JournalEntry,
  context: Context,
  dryRun: boolean,
  past: ReadonlySet<string> = new Set(),
): Promise<readonly NetworkUndoneRow[]> {
  const { entries } = (await context.journal()).list();
  const others = entries.filter((entry) => entry.id !== id && !past.has(entry.id));
  const backwards = undo.filter(isNetworkUndo).toReversed();
  const outcomes = await context.undoNetworks(backwards, { dryRun, others });
  return outcomes.flatMap((outcome, at) => {
    const each = backwards[at];
    return each === undefined ? [] : [{ undo: each, ...outcome }];
  });
}

/** For the journal, where some of it is left: in the order in which it was made. */
export function openUndo(rows: readonly NetworkUndoneRow[]): readonly NetworkUndo[] {
  return rows
    .filter((row) => isOpen(row.undo, row))
    .map(({ undo }) => undo)
    .toReversed();
}
