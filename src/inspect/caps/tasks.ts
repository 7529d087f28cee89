// Processes and threads with their capabilities: one read of each status file, of which little is parsed, as on most
// hosts most processes have none.

import type { CapabilitySets } from '../../capabilities/sets.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { parseCapabilityLines, holdsCapabilities, statusLine } from '../../kernel/text/status-lines.ts';
import { unescapeName } from '../../kernel/text/status.ts';
import { decodeText, malformed, parseDecimal } from '../../kernel/text/text.ts';
import { seesKernelThreads } from '../../namespaces/initial.ts';

/** A process, that is its first thread, or another thread of it. */
export interface Task {
  readonly pid: number;
  readonly tid: number;
  /** 0: beyond our pid namespace, or none. */
  readonly ppid: number;
  /** The thread's name. */
  readonly comm: string;
  /** The effective one, as the reader's user namespace maps it. */
  readonly uid: number;
  readonly sets: CapabilitySets;
  /** How many the process has; 0 for a zombie. */
  readonly threads: number;
}

export interface TaskQuery {
  /** Only these; absent: all but ourselves. */
  readonly pids?: readonly number[];
  readonly isIn: (pid: number) => boolean;
  /** Threads that are unlike the first of their process, too. */
  readonly threads: boolean;
  /** Also of a process without capabilities: is it wanted all the same? */
  readonly isWanted: (pid: number) => boolean;
}

/** The parent of the kernel's threads, where there are any. */
const KTHREADD = 2;

/** With a capability in any set but the bounding one. The kernel's threads, which have them all, are left out. */
export function capableTasks(host: Host, query: TaskQuery, gaps: GapTally): readonly Task[] {
  const found: Task[] = [];
  let hasKernel: boolean | undefined;
  for (const pid of query.pids ?? processes(host, gaps)) {
    if (!query.isIn(pid)) continue;
    const text = statusText(host, `/proc/${pid}/status`, gaps);
    if (text === undefined) continue;
    const isCapable = holdsCapabilities(text);
    const isWanted = isCapable || query.isWanted(pid);
    const hasThreads = query.threads && Number(statusLine(text, 'Threads')) > 1;
    if (!isWanted && !hasThreads) continue;
    if (isKernelThread(text, () => (hasKernel ??= seesKernelThreads(host)))) continue;
    const task = parsed(text, `/proc/${pid}/status`, gaps);
    if (task === undefined) continue;
    if (isWanted) found.push(task);
    if (hasThreads) found.push(...unlikeThreads(host, task, isWanted, gaps));
  }
  return found;
}

/** All but ourselves, ascending. */
export function processes(host: Host, gaps: GapTally): readonly number[] {
  const entries = host.readDirectory('/proc');
  if (!entries.ok) gaps.add('process list', entries.gap);
  const pids = (valueOf(entries) ?? []).flatMap((name) => parseDecimal(name) ?? []);
  return pids.filter((pid) => pid !== host.self.pid).toSorted((a, b) => a - b);
}

/** Whatever it has; undefined, and a gap: it is not told. */
export function taskOf(host: Host, pid: number, gaps: GapTally): Task | undefined {
  const file = `/proc/${pid}/status`;
  const text = statusText(host, file, gaps);
  return text === undefined ? undefined : parsed(text, file, gaps);
}

function statusText(host: Host, file: string, gaps: GapTally): string | undefined {
  const bytes = host.readFile(file);
  if (bytes.ok) return decodeText(bytes.value);
  gaps.add('process', bytes.gap);
  return undefined;
}

/** Before Linux 6.8 the kernel does not say so itself. */
function isKernelThread(text: string, hasKernel: () => boolean): boolean {
  const told = statusLine(text, 'Kthread');
  if (told !== undefined) return told === '1';
  const ppid = statusLine(text, 'PPid');
  const isOfKernel = ppid === String(KTHREADD) || (ppid === '0' && statusLine(text, 'Pid') === String(KTHREADD));
  return isOfKernel && hasKernel();
}

function parsed(text: string, file: string, gaps: GapTally): Task | undefined {
  const task = parseTask(text, file);
  if (task.ok) return task.value;
  gaps.add('process', task.gap);
  return undefined;
}

function parseTask(text: string, file: string): Reading<Task> {
  const sets = parseCapabilityLines(text, file);
  if (!sets.ok) return sets;
  const number = (key: string, word = 0): number | undefined => parseDecimal(statusLine(text, key)?.split('\t')[word]);
  const [pid, tid, ppid] = [number('Tgid'), number('Pid'), number('PPid')];
  // Real, effective, saved, file system.
  const uid = number('Uid', 1);
  const name = statusLine(text, 'Name');
  if (pid === undefined || tid === undefined || ppid === undefined || uid === undefined || name === undefined)
    return malformed(file, 1, text);
  const threads = number('Threads') ?? 0;
  return { ok: true, value: { pid, tid, ppid, comm: unescapeName(name), uid, sets: sets.value, threads } };
}

/** Threads that have something their first one has not, or the other way round. */
function unlikeThreads(host: Host, first: Task, isShown: boolean, gaps: GapTally): readonly Task[] {
  const folder = `/proc/${first.pid}/task`;
  const names = host.readDirectory(folder);
  if (!names.ok) {
    gaps.add('list of threads', names.gap);
    return [];
  }
  const tids = names.value.flatMap((name) => parseDecimal(name) ?? []).filter((tid) => tid !== first.pid);
  return tids
    .toSorted((a, b) => a - b)
    .flatMap((tid) => {
      const file = `${folder}/${tid}/status`;
      const bytes = host.readFile(file);
      // A thread that ended meanwhile is no gap.
      if (!bytes.ok && bytes.gap.reason === 'gone') return [];
      const text = bytes.ok ? decodeText(bytes.value) : '';
      const task = bytes.ok ? parseTask(text, file) : bytes;
      if (!task.ok) gaps.add('thread', task.gap);
      if (!task.ok || isAlike(task.value, first)) return [];
      return isShown || holdsCapabilities(text) ? [task.value] : [];
    });
}

function isAlike(one: Task, other: Task): boolean {
  const { effective, permitted, inheritable, bounding, ambient } = one.sets;
  const { sets } = other;
  return (
    one.uid === other.uid &&
    effective === sets.effective &&
    permitted === sets.permitted &&
    inheritable === sets.inheritable &&
    bounding === sets.bounding &&
    ambient === sets.ambient
  );
}
