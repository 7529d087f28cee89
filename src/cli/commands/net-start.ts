// The commands that a lab starts in its namespaces: each known by its pid and start time in the journal, ended by `net down`.

import type { Journal } from '../../host/linux/journal.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { JournalEntry, NetworkUndo } from '../../kernel/journal.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { planEnter } from '../../launch/enter.ts';
import { gated } from '../../launch/gated.ts';
import { commandText, labId, type Lab } from '../../network/lab.ts';
import { callerOf } from '../caller.ts';
import type { Context } from '../define-command.ts';

export interface LabCommand {
  /** `web: python3 -m http.server` */
  readonly what: string;
  readonly path: string;
  readonly words: readonly string[];
}

type Started = Extract<NetworkUndo, { op: 'process' }>;

export function commandsOf({ nodes }: Lab): readonly LabCommand[] {
  return nodes.flatMap((node) =>
    node.kind === 'namespace'
      ? node.start.map((words) => ({ what: commandText(node.name, words), path: node.path, words }))
      : [],
  );
}

/** Those that do not run, by what the journal has of it. */
export function notRunning(
  host: Host,
  commands: readonly LabCommand[],
  standing: JournalEntry | null,
): readonly LabCommand[] {
  const running = startedOf(standing).filter(({ pid, start }) => {
    const stat = valueOf(statOf(host, pid));
    return stat?.startTicks === start && stat.state !== 'Z';
  });
  return commands.filter(({ what }) => !running.some((each) => each.what === what));
}

function startedOf(standing: JournalEntry | null): readonly Started[] {
  return standing?.undo.filter((each): each is Started => each.op === 'process') ?? [];
}

/** One after the other. Errors: NO_FILE, DENIED, where one could not be executed: the others go on. */
export async function startAll(
  host: Host,
  context: Context,
  journal: Journal,
  name: string,
  commands: readonly LabCommand[],
): Promise<void> {
  for (const command of commands) {
    const entry = journal.list().entries.find(({ id }) => id === labId(name));
    if (entry === undefined) return;
    // eslint-disable-next-line no-await-in-loop -- in this order
    await startOne(host, context, journal, entry, command);
  }
}

async function startOne(
  host: Host,
  context: Context,
  journal: Journal,
  entry: JournalEntry,
  { what, path, words }: LabCommand,
): Promise<void> {
  const query = {
    kinds: [],
    given: [{ kind: 'net', way: { at: path, through: [] } }],
    preserveCredentials: false,
    ownSys: true,
    fork: false,
    command: words.map((word) => new TextEncoder().encode(word)),
    trace: false,
  } as const;
  const { program } = planEnter(host, query, callerOf(host, context.environment()));
  const child = await context.startDetached(gated(program, 'until the journal knows how to end it'));
  const { pid, start } = child;
  const { pidNamespace } = entry.maker;
  const undo: Started = { op: 'process', pid, start, pidNamespace, what };
  journal.update({
    ...entry,
    undo: [...entry.undo.filter((each) => each.op !== 'process' || each.what !== what), undo],
  });
  const errno = child.open();
  if (errno === null) return;
  journal.update(entry);
  throw new NsError('DENIED', {
    what: `cannot start ${what}`,
    why: `errno ${errno}`,
    tryThis: `nstool net exec ${path.slice(path.lastIndexOf('/') + 1)} ${words.join(' ')}`,
  });
}
