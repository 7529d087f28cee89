import { resolveLivingCgroup } from '../../inspect/cgroup/cgroup-target.ts';
import type { Groups } from '../../cgroups/groups.ts';
import { folderOf } from '../../cgroups/undo-plan.ts';
import type { Journal } from '../../host/linux/journal.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { isCgroupUndo, type JournalEntry } from '../../kernel/journal.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Outcome } from '../define-command.ts';
import { groupsOfTarget } from './cgroup-set.ts';
import { isUndone, undoFiles, undoneColumns, undoneJson, undoneNotes } from './cgroup-undone.ts';
import { requireThisMachine } from './this-machine.ts';

export const cgroupUndo: CommandDefinition = {
  name: 'cgroup undo',
  summary: 'bring back what the limits were before cgroup set',
  operands: '[TARGET|ID]',
  arity: [0, 1],
  description: [
    'Brings back the values that nstool cgroup set replaced: of ID, which set printed, or the latest of the cgroups that',
    'TARGET is in. With neither, the only one there is; of more than one it lists them. A value that somebody else has',
    'changed since is told and left, unless --force; so is one of a later set, which is to be undone first. What was undone',
    'is taken out of the journal, which lives as long as the kernel runs, as cgroups do. It is that of the user who asks.',
  ],
  options: [
    { long: 'force', short: 'f', help: 'also where somebody else has changed the value since' },
    { long: 'dry-run', help: 'print what would be restored, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool cgroup undo', does: 'the only one; or a list' },
    { line: 'nstool cgroup undo k3v9wq2x', does: 'that one' },
    { line: 'nstool cgroup undo container:web', does: 'the latest of a container' },
  ],
  exitStatus: [
    [0, 'all is as it was'],
    [1, 'something was left: somebody else changed it, or the kernel refused'],
    [2, 'there is more than one; they are listed'],
    [3, 'there is nothing to undo, or no such TARGET or ID'],
    [4, 'the journal is closed to us'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const host = await context.host();
    const journal = await context.journal();
    const [word] = invocation.operands;
    const { entries } = journal.list();
    const all = undoable(entries);
    const [chosen, ...more] = word === undefined ? all.toReversed() : chosenBy(host, word, all);
    if (chosen === undefined) throw nothing(word);
    if (word === undefined && more.length > 0) return listed(all, flag(invocation, 'json'));
    if (journal.standing(chosen) !== 'gone' && !chosen.kept) throw atWork(chosen);
    const dryRun = flag(invocation, 'dry-run');
    const rows = await undoFiles(host, context, entries, chosen, { force: flag(invocation, 'force'), dryRun });
    if (!dryRun) settle(journal, chosen, rows.map(isUndone));
    const notes = [...undoneNotes(rows)];
    if (dryRun) notes.push('nothing was changed');
    else if (more.length > 0) notes.push(`earlier ones of it: ${more.map(({ id }) => id).join(' ')}`);
    const status = rows.every((row) => isUndone(row) || row.state === 'planned') ? 0 : 1;
    const stdout = flag(invocation, 'json')
      ? renderJson({ ...HEAD, dry_run: dryRun, entries: [entryJson(chosen)], files: rows.map(undoneJson) })
      : renderTable(rows, undoneColumns, { headings: true });
    return { stdout, notes, status };
  },
};

const HEAD = { schema: 1, complete: true, gaps: [] };

/** Limits that were set and stand, or were left half done. In the order in which they were made. */
function undoable(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  return entries.filter(({ undo }) => undo.length > 0 && undo.every(({ op }) => op === 'cgroup file'));
}

/** Latest first. */
function chosenBy(host: Host, word: string, all: readonly JournalEntry[]): readonly JournalEntry[] {
  const named = all.filter(({ id }) => id === word);
  if (named.length > 0) return named;
  // A word that could be an ID and is none may be the name of a container.
  const { reached } = groupsNamed(host, word, all);
  const inodes = new Map(
    reached.flatMap(({ files, levels: [{ folder }] }) => {
      const inode = valueOf(files.status(folder))?.ino;
      return inode === undefined ? [] : [[folder, inode] as const];
    }),
  );
  const isOf = ({ undo }: JournalEntry): boolean =>
    undo
      .filter(isCgroupUndo)
      .some((each) => inodes.get(folderOf(each)) === each.place.inode && each.place.inode !== null);
  return all.filter(isOf).toReversed();
}

/** Errors: as of resolveLivingCgroup, and NO_FILE for what is no ID either. */
function groupsNamed(host: Host, word: string, all: readonly JournalEntry[]): Groups {
  try {
    return groupsOfTarget(host, resolveLivingCgroup(host, word));
  } catch (error) {
    if (!(error instanceof NsError) || error.code !== 'NO_PROCESS' || !/^(?=.*[a-z])[a-z0-9]+$/.test(word)) throw error;
    throw new NsError('NO_FILE', {
      what: `neither a cgroup set nor a target is called '${word}'`,
      why: `${all.length === 0 ? 'no set' : all.map(({ id }) => id).join(', ')} of this user is in the journal`,
      tryThis: 'nstool cgroup undo, which lists them',
    });
  }
}

function nothing(word: string | undefined): NsError {
  return new NsError('NO_FILE', {
    what: word === undefined ? 'there is nothing to undo' : `there is nothing to undo of '${word}'`,
    why: 'no nstool cgroup set of this user, since the system was started, is still in the journal',
  });
}

function atWork({ id, maker }: JournalEntry): NsError {
  return new NsError('DENIED', {
    what: `${id} cannot be undone`,
    why: `process ${maker.pid} is still at it`,
    tryThis: 'again once it has ended',
  });
}

/** What could not be undone stays. */
function settle(journal: Journal, entry: JournalEntry, done: readonly boolean[]): void {
  // The rows are backwards.
  const left = entry.undo.filter((_, index) => done[entry.undo.length - 1 - index] !== true);
  if (left.length === 0) journal.remove(entry);
  else journal.update({ ...entry, kept: true, undo: left });
}

const columns: readonly Column<JournalEntry>[] = [
  { key: 'id', type: 'string', help: 'its name', get: ({ id }) => id },
  { key: 'made', type: 'string', help: 'when', get: ({ made }) => timeText(made) },
  { key: 'finished', type: 'string', help: 'or left half done', get: ({ kept }) => (kept ? 'yes' : 'no') },
  { key: 'files', type: 'number', help: 'how many were changed', get: ({ undo }) => undo.length },
  { key: 'command', type: 'string', help: 'what was asked', get: ({ what }) => what },
];

function listed(all: readonly JournalEntry[], asJson: boolean): Outcome {
  const stdout = asJson
    ? renderJson({ ...HEAD, dry_run: true, entries: all.map(entryJson), files: [] })
    : renderTable(all, columns, { headings: true });
  return { stdout, notes: ['there is more than one: nstool cgroup undo ID'], status: 2 };
}

function entryJson({ id, made, kept, undo, what }: JournalEntry): Json {
  return { id, made: timeText(made), finished: kept, changes: undo.length, command: what };
}

function timeText(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString();
}
