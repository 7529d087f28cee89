// Traces capabilities that are asked for and system calls, of some processes.

import { closeSync, constants, mkdirSync, openSync, readSync, readdirSync, writeFileSync, writeSync } from 'node:fs';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Program } from '../../kernel/program.ts';
import {
  eventNames,
  TRACE_EVENTS,
  traceDecoder,
  type TraceEvent,
  type TraceEventName,
} from '../../kernel/trace/event.ts';
import { parseTraceFormat, type TraceFormat } from '../../kernel/trace/format.ts';
import { decodeTracePage } from '../../kernel/trace/page.ts';
import { libc } from '../ffi/libc.ts';
import { requireNsexec } from './nsexec.ts';
import {
  asError,
  below,
  instanceName,
  isRemoved,
  leftovers,
  mountTracing,
  startGuard,
  startNsexec,
  step,
  waiting,
  type Guard,
} from './trace-instance.ts';
import { waitForEnd } from './wait.ts';
import { wholeFile } from './whole-file.ts';

const O_CLOEXEC = 0o2000000;

/** Of what a processor has, so much at a time: timers and signals get their turn. */
const MOST_PAGES = 256;

/** A page of the buffer is one of the machine. */
const LARGEST_PAGE = 64 * 1024;

export class CapabilityTrace {
  private readonly mount: number;
  private readonly folder: string;
  /** One for each processor. */
  private readonly pipes: readonly number[];
  private readonly buffer = Buffer.alloc(LARGEST_PAGE);
  private readonly guard: Guard;
  private readonly nsexec: string;
  private readonly decode: Decode;
  /** Newer than what other processors may still have to tell. */
  private early: TimedEvent[] = [];
  private isStopped = false;

  private constructor(mount: number, decode: Decode, guard: Guard, name: string, nsexec: string) {
    this.mount = mount;
    this.decode = decode;
    this.guard = guard;
    this.nsexec = nsexec;
    this.folder = `${below(mount)}/instances/${name}`;
    try {
      mkdirSync(this.folder);
      this.prepare();
      this.pipes = openPipes(this.folder);
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Traces nothing yet. Errors: DENIED; UNSUPPORTED, with what the kernel lacks. */
  static open(nsexec: string): CapabilityTrace {
    requireNsexec(nsexec);
    const mount = mountTracing();
    try {
      const decode = decoderOf(mount);
      for (const name of leftovers(mount)) isRemoved(mount, name);
      const name = instanceName('why');
      return new CapabilityTrace(mount, decode, startGuard(mount, name, nsexec), name, nsexec);
    } catch (error) {
      closeSync(mount);
      throw asError(error);
    }
  }

  private prepare(): void {
    this.set('trace_clock', 'mono');
    this.set('options/event-fork', '1');
    // Without any pid everything would be traced; the guard does nothing but wait.
    this.watch([this.guard.pid]);
    this.setFilter('ret < 0');
    for (const name of eventNames) this.set(`events/${TRACE_EVENTS[name].path}/enable`, '1');
  }

  /** These threads too, and what they make from then on. */
  watch(tids: readonly number[]): void {
    // The kernel reads a page at a time.
    for (let at = 0; at < tids.length; at += 256)
      writeFileSync(`${this.folder}/set_event_pid`, `${tids.slice(at, at + 256).join('\n')}\n`, { flag: 'a' });
  }

  private setFilter(filter: string): void {
    this.set(`events/${TRACE_EVENTS.capability.path}/filter`, filter);
  }

  /**
   * Has a process ask for a capability in the user namespace of each of these processes: what the kernel tells of this
   * process of ours is in what is read next. Its pid.
   */
  probe(pids: readonly number[]): number {
    const c = libc();
    const [readEnd, writeEnd] = c.pipe(O_CLOEXEC);
    const pid = startNsexec(this.nsexec, probeProgram(pids), readEnd, this.mount);
    closeSync(readEnd);
    this.setFilter(`ret < 0 || common_pid == ${pid}`);
    this.watch([pid]);
    writeSync(writeEnd, 'x');
    closeSync(writeEnd);
    waitForEnd(pid);
    this.setFilter('ret < 0');
    return pid;
  }

  /** What came since, in the order in which it happened; and whether there may be more at once. */
  read(): { readonly events: readonly TraceEvent[]; readonly more: boolean } {
    // What is newer may be older than something of a processor that was looked at before.
    const until = this.isStopped ? Infinity : Number(process.hrtime.bigint());
    const events = this.early;
    let more = false;
    for (const pipe of this.pipes) more = this.readProcessor(pipe, events) || more;
    events.sort((a, b) => a.time - b.time);
    const first = events.findIndex(({ time }) => time >= until);
    this.early = first < 0 ? [] : events.splice(first);
    return { events: events.map(({ event }) => event), more };
  }

  /** True: there is more. */
  private readProcessor(pipe: number, events: TimedEvent[]): boolean {
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const length = readSome(pipe, this.buffer);
      if (length === 0) return false;
      // The events look into the bytes.
      const page = decodeTracePage(this.buffer.subarray(0, length));
      const [first] = page.events;
      if (page.lost > 0) events.push({ time: first?.time ?? 0, event: { type: 'lost', count: page.lost } });
      for (const { time, data } of page.events) {
        const event = this.decode(data);
        if (event !== undefined) events.push({ time, event });
      }
    }
    return true;
  }

  /** Nothing more is written; what was can still be read. */
  stop(): void {
    this.set('tracing_on', '0');
    this.isStopped = true;
  }

  /** After it nothing of the instance is left. */
  close(): void {
    for (const pipe of this.pipes) closeSync(pipe);
    this.leave();
    closeSync(this.mount);
  }

  private leave(): void {
    closeSync(this.guard.pipe);
    waitForEnd(this.guard.pid);
  }

  private set(file: string, text: string): void {
    writeFileSync(`${this.folder}/${file}`, text);
  }
}

interface TimedEvent {
  readonly time: number;
  readonly event: TraceEvent;
}

type Decode = (data: DataView) => TraceEvent | undefined;

function openPipes(folder: string): readonly number[] {
  const pipes: number[] = [];
  try {
    for (const name of readdirSync(`${folder}/per_cpu`))
      pipes.push(openSync(`${folder}/per_cpu/${name}/trace_pipe_raw`, constants.O_RDONLY | constants.O_NONBLOCK));
    return pipes;
  } catch (error) {
    for (const pipe of pipes) closeSync(pipe);
    throw error;
  }
}

function readSome(pipe: number, buffer: Uint8Array): number {
  try {
    return readSync(pipe, buffer);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
    throw error;
  }
}

const NEEDS: Record<TraceEventName, string> = {
  capability: 'Linux 6.14 with CONFIG_EVENT_TRACING',
  enter: 'CONFIG_FTRACE_SYSCALLS',
  exit: 'CONFIG_FTRACE_SYSCALLS',
  exec: 'CONFIG_EVENT_TRACING',
  fork: 'CONFIG_EVENT_TRACING',
};

/** Errors: UNSUPPORTED, PARSE. */
function decoderOf(mount: number): Decode {
  const decode = traceDecoder({
    capability: formatOf(mount, 'capability'),
    enter: formatOf(mount, 'enter'),
    exit: formatOf(mount, 'exit'),
    exec: formatOf(mount, 'exec'),
    fork: formatOf(mount, 'fork'),
  });
  if (typeof decode === 'function') return decode;
  throw new NsError('UNSUPPORTED', {
    what: 'this kernel traces otherwise',
    why: `there is no field ${decode.missing}`,
  });
}

function formatOf(mount: number, name: TraceEventName): TraceFormat {
  const { path } = TRACE_EVENTS[name];
  const file = `${below(mount)}/events/${path}/format`;
  let bytes: Uint8Array;
  try {
    bytes = wholeFile(file);
  } catch {
    const what = `this kernel has no trace event ${path.replace('/', ':')}`;
    throw new NsError('UNSUPPORTED', { what, why: `that needs ${NEEDS[name]}` });
  }
  const format = parseTraceFormat(bytes, file);
  if (!format.ok) throw errorOfGap(format.gap, 'cannot trace');
  return format.value;
}

/** See capabilities/namespace-probe.ts. */
function probeProgram(pids: readonly number[]): Program {
  return waiting([
    step('wait until it is traced', { op: 'wait', slot: 'pipe' }),
    ...pids.flatMap((pid) => [
      step('a mark for the reader', { op: 'umask', mask: 0o77 }),
      step('ask', { op: 'open', path: `/proc/${pid}/setgroups`, flags: constants.O_WRONLY, into: 'file' }),
    ]),
  ]);
}
