// The course of a watch: waits for what the kernel tells, for the next look at everything, and for the end.

import type { ProcessEventSocket } from '../../host/linux/process-event-socket.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import type { CgroupWatch } from '../../inspect/cgroup/cgroup-watch.ts';
import { NsError } from '../../kernel/error.ts';
import type { CountedGap } from '../../kernel/gap-tally.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import { NamespaceWatch, type WatchEvent } from '../../namespaces/watch/namespace-watch.ts';
import type { WatchedNamespace } from '../../namespaces/watch/known-namespaces.ts';
import { matches } from '../../render/filter/filter.ts';
import type { Context, Streaming } from '../define-command.ts';
import { Wake } from '../wake.ts';
import { interestIn } from './watch-interest.ts';
import type { WatchQuery } from './watch-query.ts';
import { reportLine, watchHeadings, type Report, type WatchCounts } from './watch-report.ts';

/** Where the kernel tells of processes, looking at everything is only a check. */
const POLLING_MS = 1000;
const CHECKING_MS = 5000;
/** A few files of a few processes. */
const CGROUPS_MS = 1000;

/** Says what happens until it is ended, and then what it was in all. */
export async function watchNamespaces(
  query: WatchQuery,
  host: Host,
  context: Context,
  streaming: Streaming,
): Promise<number> {
  const wake = new Wake(streaming.ending);
  // Before the first look: what happens during it is told.
  const opened = await context.processEvents(() => wake.up());
  try {
    const cgroups = query.cgroups ? await watchCgroups(host, query.tasks) : undefined;
    const course = new Course(query, host, streaming, { source: opened.ok ? opened.value : opened.gap, cgroups });
    await course.begin();
    while (!streaming.ending.aborted && course.remaining() > 0) await wake.sleep(await course.round());
    await course.end();
  } finally {
    // Always: the signal of an open socket would end a process that is about to end by itself.
    if (opened.ok) opened.value.close();
  }
  return 0;
}

/** Errors: as of resolveTarget; BAD_VALUE for what is no process. */
async function watchCgroups(host: Host, words: readonly string[]): Promise<CgroupWatch> {
  const { CgroupWatch } = await import('../../inspect/cgroup/cgroup-watch.ts');
  const pids = words.map((word) => {
    const target = resolveTarget(host, word);
    if (target.type === 'process') return target.pid;
    throw new NsError('BAD_VALUE', {
      what: `--cgroups: '${word}' is no process`,
      why: 'only processes are in cgroups',
    });
  });
  return new CgroupWatch(host, pids);
}

/** What a course hears and looks at. */
interface Sources {
  readonly source: ProcessEventSocket | Gap;
  /** Absent: it was not asked for. */
  readonly cgroups: CgroupWatch | undefined;
}

class Course {
  private readonly counts: WatchCounts = { appeared: 0, gone: 0, unsure: 0, unseen: 0, overruns: 0 };
  private readonly watch: NamespaceWatch;
  private readonly interval: number;
  private readonly started = performance.now();
  private readonly isAbout: (event: WatchEvent) => boolean;
  /** Decided once, when it appears. */
  private readonly wanted = new WeakSet<WatchedNamespace>();
  private nextLook: number;
  /** What could not be seen from the start on. */
  private startGaps: readonly CountedGap[] = [];
  private readonly query: WatchQuery;
  private readonly streaming: Streaming;
  private readonly source: ProcessEventSocket | Gap;
  private readonly cgroups: CgroupWatch | undefined;
  private nextCgroups: number;

  constructor(query: WatchQuery, host: Host, streaming: Streaming, { source, cgroups }: Sources) {
    this.query = query;
    this.streaming = streaming;
    this.source = source;
    this.watch = new NamespaceWatch(host, query.kinds, query.facts);
    this.interval = query.interval ?? ('read' in source ? CHECKING_MS : POLLING_MS);
    this.nextLook = this.started + this.interval;
    this.cgroups = cgroups;
    this.nextCgroups = cgroups === undefined ? Infinity : this.started;
    const isOfTarget = interestIn(host, query.tasks, query.kinds);
    const { filter } = query;
    this.isAbout = ({ row }) => isOfTarget(row) && (filter === undefined || matches(filter, row));
  }

  /** Milliseconds until it ends by itself. */
  remaining(): number {
    return this.started + this.query.duration - performance.now();
  }

  async begin(): Promise<void> {
    const { events, scan } = this.watch.begin(performance.now());
    const namespaces = this.select(events).length;
    const refused = 'read' in this.source ? undefined : this.source;
    if (!this.query.ndjson) await this.streaming.emit(watchHeadings());
    this.startGaps = [...scan.gaps.list(), ...(this.cgroups?.gaps.list() ?? [])];
    await this.say([{ type: 'start', refused, interval: this.interval, namespaces, gaps: this.startGaps }]);
  }

  /** Hears and looks, says what it found; how long to sleep after that. */
  async round(): Promise<number> {
    const reports: Report[] = [];
    const more = 'read' in this.source && this.hear(this.source, reports);
    if (performance.now() >= this.nextLook) this.look(reports);
    if (performance.now() >= this.nextCgroups) this.lookAtCgroups(reports);
    await this.say(reports);
    const next = Math.min(this.nextLook, this.nextCgroups) - performance.now();
    return more ? 0 : Math.max(Math.min(next, this.remaining()), 0);
  }

  private hear(source: ProcessEventSocket, reports: Report[]): boolean {
    const { events, overrun, more } = source.read();
    this.note(this.watch.hear(events, performance.now()), reports);
    if (overrun) {
      this.counts.overruns += 1;
      reports.push({ type: 'overrun' });
      this.look(reports);
    }
    return more;
  }

  private look(reports: Report[]): void {
    this.note(this.watch.look(performance.now()), reports);
    this.tellUnseen(reports);
    this.nextLook = performance.now() + this.interval;
  }

  private lookAtCgroups(reports: Report[]): void {
    reports.push(...(this.cgroups?.look() ?? []).map((change): Report => ({ type: 'cgroup', change })));
    this.nextCgroups = performance.now() + (this.query.interval ?? CGROUPS_MS);
  }

  /** Not of each alone: on a busy host there are many. */
  private tellUnseen(reports: Report[]): void {
    const processes = this.watch.unseen - this.counts.unseen;
    if (processes > 0) reports.push({ type: 'unseen', processes });
    this.counts.unseen = this.watch.unseen;
  }

  private note(events: readonly WatchEvent[], reports: Report[]): void {
    const now = performance.now();
    for (const event of this.select(events)) {
      this.counts[event.type] += 1;
      reports.push({ type: 'change', event, now });
    }
  }

  private select(events: readonly WatchEvent[]): readonly WatchEvent[] {
    return events.filter((event) => {
      if (event.type === 'appeared' && this.isAbout(event)) this.wanted.add(event.namespace);
      return this.wanted.has(event.namespace);
    });
  }

  async end(): Promise<void> {
    const reports: Report[] = [];
    // What was told up to now is still heard, and what nobody tells is looked for.
    if ('read' in this.source) this.hear(this.source, reports);
    this.look(reports);
    if (this.cgroups !== undefined) this.lookAtCgroups(reports);
    reports.push({ type: 'end', counts: this.counts, startGaps: this.startGaps, gaps: this.watch.gaps.list() });
    await this.say(reports);
  }

  private async say(reports: readonly Report[]): Promise<void> {
    if (reports.length === 0) return;
    const time = new Date();
    await this.streaming.emit(reports.map((report) => reportLine(report, time, this.query.ndjson)).join(''));
  }
}
