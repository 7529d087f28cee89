// The course of `caps why`: trace, let the command begin, read what the kernel tells until it is over, and say it.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { DenialTally, type Denial } from '../../capabilities/denials.ts';
import { execHazards, type ExecHazard } from '../../capabilities/exec-hazard.ts';
import { NamespaceProbe } from '../../capabilities/namespace-probe.ts';
import type { KernelLog } from '../../host/linux/kernel-log.ts';
import type { CapabilityTrace } from '../../host/linux/trace.ts';
import type { ProcessTarget } from '../../inspect/resolve-target.ts';
import { startTicksOf } from '../../inspect/start-ticks.ts';
import { systemCallName } from '../../kernel/abi/system-call-names.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { parseAuditRecord } from '../../kernel/text/audit-record.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { DEFAULT_SEARCH } from '../../launch/command.ts';
import { planTraced } from '../../launch/traced.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { callerOf } from '../caller.ts';
import { gapNote } from '../gap-text.ts';
import type { Context, Invocation, Streaming } from '../define-command.ts';
import { Watched } from './caps-why-watched.ts';
import { denialLine, whyReport, type NamedDenial, type TracedCommand, type WhyReport } from './caps-why-report.ts';

/** Between two looks into the trace. What comes meanwhile has room for some ten thousand events on each processor. */
const PAUSE_MS = 20;

/** Of so many user namespaces the addresses are found out at the beginning. */
const MOST_PROBED = 200;

export interface WhyQuery {
  readonly target: string | undefined;
  /** Milliseconds; infinite without --for. */
  readonly duration: number;
  readonly json: boolean;
}

export async function whyCommand(
  query: WhyQuery,
  command: Invocation['program'],
  host: Host,
  context: Context,
  streaming: Streaming,
): Promise<number> {
  const program = planTraced(command, callerOf(host, context.environment()));
  return traced(query, context, streaming, async (trace, log) => {
    const course = new Course(trace, host, log, () => {});
    course.probe(representatives(host));
    const child = await context.gated(program);
    const end = { ended: undefined as Awaited<typeof child.ended> | undefined };
    const ended = child.ended.then((how) => {
      end.ended = how;
    });
    // The terminal tells a command of ^C itself.
    streaming.ending.addEventListener('abort', () => {
      const signal = streaming.endedBy();
      if (signal !== 'SIGINT' && signal !== 'SIGPIPE') child.kill(signal);
    });
    trace.watch([child.pid]);
    child.open();
    const until = performance.now() + query.duration;
    while (end.ended === undefined && performance.now() < until) await course.round(ended);
    course.finish();
    const words = command.map(decodeText);
    const run = { words, pid: child.pid, ...(end.ended ?? { status: null, signal: null }) };
    return course.report(run, hazardsOf(host, words, context));
  });
}

/** Traces, says what was found, and leaves nothing behind. */
async function traced(
  query: WhyQuery,
  context: Context,
  streaming: Streaming,
  look: (trace: CapabilityTrace, log: Reading<KernelLog>) => Promise<WhyReport>,
): Promise<number> {
  const trace = await context.trace();
  const log = await context.kernelLog();
  try {
    const report = await look(trace, log);
    for (const gap of report.gaps) await streaming.talk(`nstool: ${gapNote(gap)}\n`);
    await streaming.emit(whyReport(report, query.json));
    return report.denials.some(isRefusal) ? 1 : 0;
  } finally {
    if (log.ok) log.value.close();
    trace.close();
  }
}

/** Programs that the command line names, of which execve(2) may say EPERM without asking for a capability. */
function hazardsOf(host: Host, words: readonly string[], context: Context): readonly ExecHazard[] {
  const all = valueOf(allCapabilities(host)) ?? 0n;
  return execHazards(host, words, context.variable('PATH') ?? DEFAULT_SEARCH, all);
}

export async function whyProcess(
  query: WhyQuery,
  target: ProcessTarget,
  host: Host,
  context: Context,
  streaming: Streaming,
): Promise<number> {
  const isThere = (): boolean => startTicksOf(host, target.pid) === (target.startTicks ?? null);
  return traced(query, context, streaming, async (trace, log) => {
    const told: Denial[] = [];
    const course = new Course(trace, host, log, (denial) => told.push(denial));
    course.probe([target.pid, ...representatives(host)]);
    const watched = new Watched(trace, host, target.pid);
    const until = performance.now() + query.duration;
    const waiting = new Promise<void>((done) => streaming.ending.addEventListener('abort', () => done()));
    while (!streaming.ending.aborted && performance.now() < until && isThere()) {
      await course.round(waiting);
      watched.look();
      if (!query.json)
        for (const denial of told.splice(0).filter(isRefusal)) await streaming.emit(denialLine(course.named(denial)));
    }
    course.finish();
    return course.report(undefined, []);
  });
}

/** Not one that the kernel may just have tried. */
function isRefusal({ errno }: Pick<Denial, 'errno'>): boolean {
  return errno !== null;
}

/** Of each user namespace the process with the lowest pid. */
function representatives(host: Host): readonly number[] {
  const scan = discoverNamespaces(host, new Set(['user']), { deep: false });
  const pids = [...scan.namespaces.values()].flatMap(({ pids: [first] }) => (first === undefined ? [] : [first]));
  return pids.slice(0, MOST_PROBED);
}

class Course {
  private readonly tally: DenialTally;
  /** The user namespaces whose addresses are known. */
  private readonly namespaces = new Map<bigint, bigint>();
  private readonly asked = new Set<string>();
  private readonly trace: CapabilityTrace;
  private readonly host: Host;
  private readonly log: Reading<KernelLog>;

  constructor(trace: CapabilityTrace, host: Host, log: Reading<KernelLog>, onNew: (denial: Denial) => void) {
    this.trace = trace;
    this.host = host;
    this.log = log;
    const hear = (denial: Denial): void => {
      this.askFor(denial);
      onNew(denial);
    };
    this.tally = new DenialTally(hear, (tid) => nameOf(host, tid));
  }

  /** Finds out where the user namespaces of these processes are. */
  probe(pids: readonly number[]): void {
    const inodes = pids.map((pid) => userNamespaceOf(this.host, pid));
    const prober = this.trace.probe(pids);
    const probe = new NamespaceProbe();
    for (let more = true; more;) {
      const read = this.trace.read();
      ({ more } = read);
      for (const event of read.events) {
        if (event.type === 'lost' || event.tid !== prober) this.tally.take(event);
        else probe.take(event, nameOfCall);
      }
    }
    for (const [address, at] of probe.found) {
      const [pid, inode] = [pids[at], inodes[at]];
      // It may have gone elsewhere meanwhile.
      if (pid !== undefined && inode !== undefined && userNamespaceOf(this.host, pid) === inode)
        this.namespaces.set(address, inode);
    }
  }

  /** What is denied in a namespace that nobody was in at the beginning. */
  private askFor({ cause, tid }: Denial): void {
    if (cause.by !== 'capability' || this.namespaces.has(cause.namespace)) return;
    const question = `${tid} ${cause.namespace}`;
    if (this.asked.has(question)) return;
    this.asked.add(question);
    this.waiting.push(tid);
  }

  private readonly waiting: number[] = [];

  /** Hears what has come, then waits a little, or until `over`. */
  async round(over: Promise<void>): Promise<void> {
    const more = this.hear();
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<void>((done) => {
      timer = setTimeout(done, more ? 0 : PAUSE_MS);
    });
    await Promise.race([pause, over]);
    clearTimeout(timer);
  }

  private hear(): boolean {
    const { events, more } = this.trace.read();
    for (const event of events) this.tally.take(event);
    const tids = this.waiting.splice(0);
    if (tids.length > 0) this.probe(tids);
    return more;
  }

  finish(): void {
    this.trace.stop();
    while (this.hear());
    this.tally.finish();
  }

  named(denial: Denial): NamedDenial {
    const { cause, call } = denial;
    return {
      ...denial,
      call: call === null ? null : nameOfCall(call),
      namespace: cause.by === 'capability' ? (this.namespaces.get(cause.namespace) ?? null) : null,
    };
  }

  report(command: TracedCommand | undefined, hazards: readonly ExecHazard[]): WhyReport {
    const lines = this.log.ok ? this.log.value.read() : [];
    const records = lines.flatMap((line) => parseAuditRecord(line) ?? []).filter(({ tid }) => this.tally.hasSeen(tid));
    const denials = this.tally.list().map((denial) => this.named(denial));
    return { command, denials, records, hazards, gaps: this.gaps() };
  }

  private gaps(): readonly CountedGap[] {
    const tally = new GapTally();
    const { lost, dropped } = this.tally;
    const common = { reason: 'unsupported', errno: null, examples: [] } as const;
    if (lost > 0)
      tally.addUncounted({
        ...common,
        subject: 'trace event',
        count: lost,
        detail: 'they came faster than they were read',
      });
    if (dropped > 0)
      tally.addUncounted({
        ...common,
        subject: 'denial',
        count: dropped,
        detail: 'of more programs and calls than are kept',
      });
    if (!this.log.ok) tally.add('log of the kernel', this.log.gap, 'what security modules say is not seen');
    return tally.list();
  }
}

/** null: it has ended. */
function nameOf(host: Host, tid: number): string | null {
  const name = valueOf(host.readFile(`/proc/${tid}/comm`));
  return name === undefined ? null : decodeText(name).replace(/\n$/, '');
}

function nameOfCall(number: number): string {
  return systemCallName(process.arch === 'arm64' ? 'arm64' : 'x64', number);
}

function userNamespaceOf(host: Host, pid: number): bigint | undefined {
  const path = `/proc/${pid}/ns/user`;
  const link = valueOf(host.readLink(path));
  return link === undefined ? undefined : valueOf(parseNamespaceLink(link, path))?.inode;
}
