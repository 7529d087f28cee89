import { undoText } from '../../kernel/network-plan.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { DEFAULT_NAME } from '../../network/lab-words.ts';
import { labId, requireLabName } from '../../network/lab.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { networkUndoneColumns, openUndo, undoNetworkEntry, type NetworkUndoneRow } from './net-undone.ts';
import { requireAlone, waitForTurn } from './net-lab.ts';
import { requireThisMachine } from './this-machine.ts';

export const netDown: CommandDefinition = {
  name: 'net down',
  summary: 'undo net up: all is as it was before',
  operands: '[NAME]',
  arity: [0, 1],
  description: [
    'Takes away what nstool net up NAME (ns1) made, by its journal: links, addresses and routes, the name of the namespace,',
    'files. What somebody else put in its place stays, and so does a bridge that has ports of others, or a file that says',
    'something else by now; that is told. Commands that net up started are ended, with all of their session (SIGTERM, after a',
    'second SIGKILL). The namespace lives on while other processes are in it: they are told, and not ended.',
  ],
  options: [
    { long: 'dry-run', help: 'print what would be removed, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool net down', does: 'ns1 is gone' },
    { line: 'nstool net down lab --dry-run', does: 'what would go' },
  ],
  exitStatus: [
    [0, 'nothing is left of it'],
    [1, 'something is: see why'],
    [2, 'the command line is wrong'],
    [3, 'no nstool net up of that NAME'],
    [4, 'another nstool is at work on it, or the journal is closed to us'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const name = requireLabName(invocation.operands[0] ?? DEFAULT_NAME);
    const dryRun = flag(invocation, 'dry-run');
    const host = await context.host();
    const journal = await context.journal();
    if (!dryRun) await waitForTurn(journal);
    const known = journal.list().entries.filter(({ id }) => id.startsWith(labId('')));
    const entry = known.find(({ id }) => id === labId(name));
    if (entry === undefined) throw unknown(name, known);
    if (!entry.kept) requireAlone(name, entry, journal);
    // Killed from here on, gc goes on with it.
    const claimed = dryRun ? entry : journal.claim(entry);
    const rows = await undoNetworkEntry(claimed, context, dryRun);
    const inside = processesIn(host, entry);
    const left = rows.filter(({ state }) => state === 'left');
    if (!dryRun) {
      if (left.length === 0) journal.remove(claimed);
      else journal.update({ ...claimed, kept: true, undo: openUndo(rows) });
    }
    const notes = [...leftNotes(left), ...insideNotes(name, inside), ...(dryRun ? ['nothing was changed'] : [])];
    const json = { schema: 1, complete: true, gaps: [], name, dry_run: dryRun };
    const stdout = flag(invocation, 'json')
      ? renderJson({ ...json, undone: rows.map((row) => rowJson(row, networkUndoneColumns)) })
      : dryRun
        ? renderTable(rows, networkUndoneColumns, { headings: true })
        : '';
    return { stdout, notes, status: left.length === 0 ? 0 : 1 };
  },
};

function unknown(name: string, known: readonly JournalEntry[]): NsError {
  const names = known.map(({ id }) => id.slice(labId('').length));
  return new NsError('NO_FILE', {
    what: `no nstool net up of '${name}' stands`,
    why: 'the journal of this user has none',
    near: { word: name, known: new Map(names.map((each) => [each, each])) },
  });
}

function leftNotes(left: readonly NetworkUndoneRow[]): readonly string[] {
  return left.map(({ undo, why }) => `${undoText(undo)} is left: ${why ?? 'it could not be removed'}`);
}

const MOST_SHOWN = 5;

function processesIn(host: Host, { undo }: JournalEntry): readonly string[] {
  const numbers = undo.flatMap((each) => (each.op === 'network name' ? [`net:[${each.inode}]`] : []));
  const pids = (valueOf(host.readDirectory('/proc')) ?? []).filter((entry) => /^\d+$/.test(entry));
  const ended = new Set(undo.flatMap((each) => (each.op === 'process' ? [String(each.pid)] : [])));
  const others = pids.filter((pid) => !ended.has(pid));
  return others.filter((pid) => numbers.includes(valueOf(host.readLink(`/proc/${pid}/ns/net`)) ?? ''));
}

function insideNotes(name: string, pids: readonly string[]): readonly string[] {
  if (pids.length === 0) return [];
  const more = pids.length > MOST_SHOWN ? `, and ${pids.length - MOST_SHOWN} more` : '';
  const are = pids.length === 1 ? 'process' : 'processes';
  return [`${are} ${pids.slice(0, MOST_SHOWN).join(', ')}${more} in ${name}: its namespace lives on without a name`];
}
