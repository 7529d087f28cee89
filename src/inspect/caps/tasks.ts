// Processes and threads with their capabilities: one read of each status file, of which little is parsed, as on most
// hosts most processes have none.

import type { CapabilitySets } from '../../capabilities/sets.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { value, valueOf, type Host, type Reading } from '../../kernel/host.ts';
import {
  capabilityLines,
  holdsCapabilities,
  nameLine,
  parseCapabilityLines,
  statusLine,
  type LineStart,
} from '../../kernel/text/status-lines.ts';
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

/** Reads tasks. Those with the same sets get the same object, by which to know again what was found out about it. */
export class TaskReader {
  private readonly host: Host;
  private readonly gaps: GapTally;
  /** By their lines. */
  private readonly sets = new Map<string, Reading<CapabilitySets>>();

  constructor(host: Host, gaps: GapTally) {
    this.host = host;
    this.gaps = gaps;
  }

  /** With a capability in any set but the bounding one. The kernel's threads, which have them all, are left out. */
  capable(query: TaskQuery): readonly Task[] {
    const { host, gaps } = this;
    const found: Task[] = [];
    let hasKernel: boolean | undefined;
    for (const pid of query.pids ?? processes(host, gaps)) {
      if (!query.isIn(pid)) continue;
      const text = this.text(`/proc/${pid}/status`);
      if (text === undefined) continue;
      const isCapable = holdsCapabilities(text);
      const isWanted = isCapable || query.isWanted(pid);
      const hasThreads = query.threads && Number(statusLine(text, '\nThreads:\t')) > 1;
      if (!isWanted && !hasThreads) continue;
      if (isKernelThread(text, () => (hasKernel ??= seesKernelThreads(host)))) continue;
      const task = this.parsed(text, `/proc/${pid}/status`);
      if (task === undefined) continue;
      if (isWanted) found.push(task);
      // A thread that was asked for by its own number stands for itself.
      if (hasThreads && task.tid === task.pid) found.push(...this.unlikeThreads(task, isWanted));
    }
    return found;
  }

  /** Whatever it has; undefined, and a gap: it is not told. */
  one(pid: number): Task | undefined {
    const file = `/proc/${pid}/status`;
    const text = this.text(file);
    return text === undefined ? undefined : this.parsed(text, file);
  }

  private text(file: string): string | undefined {
    const bytes = this.host.readFile(file);
    if (bytes.ok) return decodeText(bytes.value);
    this.gaps.add('process', bytes.gap);
    return undefined;
  }

  private parsed(text: string, file: string): Task | undefined {
    const task = this.parse(text, file);
    if (task.ok) return task.value;
    this.gaps.add('process', task.gap);
    return undefined;
  }

  private parse(text: string, file: string): Reading<Task> {
    const sets = this.setsIn(text, file);
    if (!sets.ok) return sets;
    const number = (start: LineStart): number | undefined => parseDecimal(statusLine(text, start));
    const [pid, tid, ppid] = [number('\nTgid:\t'), number('\nPid:\t'), number('\nPPid:\t')];
    // Real, effective, saved, file system.
    const uid = parseDecimal(statusLine(text, '\nUid:\t')?.split('\t', 2)[1]);
    const name = nameLine(text);
    if (pid === undefined || tid === undefined || ppid === undefined || uid === undefined || name === undefined)
      return malformed(file, 1, text);
    const threads = number('\nThreads:\t') ?? 0;
    return value({ pid, tid, ppid, comm: unescapeName(name), uid, sets: sets.value, threads });
  }

  private setsIn(text: string, file: string): Reading<CapabilitySets> {
    const lines = capabilityLines(text);
    const before = this.sets.get(lines);
    if (before !== undefined) return before;
    const sets = parseCapabilityLines(lines, file);
    // What is malformed is told of each file.
    if (sets.ok) this.sets.set(lines, sets);
    return sets;
  }

  /** Threads that have something their first one has not, or the other way round. */
  private unlikeThreads(first: Task, isShown: boolean): readonly Task[] {
    const folder = `/proc/${first.pid}/task`;
    const names = this.host.readDirectory(folder);
    if (!names.ok) {
      this.gaps.add('list of threads', names.gap);
      return [];
    }
    const tids = names.value.flatMap((name) => parseDecimal(name) ?? []).filter((tid) => tid !== first.pid);
    return tids
      .toSorted((a, b) => a - b)
      .flatMap((tid) => this.unlikeThread(`${folder}/${tid}/status`, first, isShown));
  }

  private unlikeThread(file: string, first: Task, isShown: boolean): readonly Task[] {
    const bytes = this.host.readFile(file);
    // A thread that ended meanwhile is no gap.
    if (!bytes.ok && bytes.gap.reason === 'gone') return [];
    const text = bytes.ok ? decodeText(bytes.value) : '';
    const task = bytes.ok ? this.parse(text, file) : bytes;
    if (!task.ok) this.gaps.add('thread', task.gap);
    if (!task.ok || isAlike(task.value, first)) return [];
    return isShown || holdsCapabilities(text) ? [task.value] : [];
  }
}

/** All but ourselves, ascending. */
function processes(host: Host, gaps: GapTally): readonly number[] {
  const entries = host.readDirectory('/proc');
  if (!entries.ok) gaps.add('process list', entries.gap);
  const pids = (valueOf(entries) ?? []).flatMap((name) => parseDecimal(name) ?? []);
  return pids.filter((pid) => pid !== host.self.pid).toSorted((a, b) => a - b);
}

/** Before Linux 6.8 the kernel does not say so itself. */
function isKernelThread(text: string, hasKernel: () => boolean): boolean {
  const told = statusLine(text, '\nKthread:\t');
  if (told !== undefined) return told === '1';
  const ppid = statusLine(text, '\nPPid:\t');
  const isOfKernel = ppid === String(KTHREADD) || (ppid === '0' && statusLine(text, '\nPid:\t') === String(KTHREADD));
  return isOfKernel && hasKernel();
}

/** The same ids and all five sets. */
function isAlike(one: Task, other: Task): boolean {
  return one.uid === other.uid && one.sets === other.sets;
}
