// An instance of the kernel's tracing, for capabilities that are asked for and for system calls, of some processes.
// Source: Documentation/trace/ftrace.rst, tracefs. Whatever ends us, SIGKILL included, a guard removes the instance: a
// process that waits for the end of a pipe of ours. Should it be killed too, the next one of us does.

import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Operation, Program, Step } from '../../kernel/program.ts';
import { parseStat } from '../../kernel/text/stat.ts';
import { valueOf } from '../../kernel/host.ts';
import {
  eventNames,
  TRACE_EVENTS,
  traceDecoder,
  type TraceEvent,
  type TraceEventName,
} from '../../kernel/trace/event.ts';
import { parseTraceFormat, type TraceFormat } from '../../kernel/trace/format.ts';
import { decodeTracePage } from '../../kernel/trace/page.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { MOUNT_ATTR, mountDetached } from './detached-mount.ts';
import { programInMemory, requireNsexec } from './nsexec.ts';
import { waitForEnd } from './wait.ts';
import { wholeFile } from './whole-file.ts';

const PREFIX = 'nstool-why-';
const O_CLOEXEC = 0o2000000;

/** Of what a processor has, so much at a time: timers and signals get their turn. */
const MOST_PAGES = 256;

/** A page of the buffer is one of the machine. */
const LARGEST_PAGE = 64 * 1024;

interface Guard {
  readonly pid: number;
  readonly pipe: number;
}

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
      const name = `${PREFIX}${process.pid}-${startOf('self') ?? 0}`;
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

function below(mount: number): string {
  return `/proc/self/fd/${mount}`;
}

const TRY_ROOT = 'as root of the host: sudo nstool caps why …';

function mountTracing(): number {
  try {
    return mountDetached('tracefs', MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    if (error.errno === 1)
      throw new NsError('DENIED', {
        what: 'cannot trace (EPERM)',
        why: 'tracefs is for who has CAP_SYS_ADMIN in the initial user namespace',
        tryThis: TRY_ROOT,
      });
    throw new NsError('UNSUPPORTED', { what: 'cannot trace', why: 'this kernel has no tracefs (CONFIG_FTRACE)' });
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

/** Those of processes that have ended, each together with its guard: their names. None, where tracing is closed to us. */
export function traceLeftovers(options: { readonly remove: boolean }): readonly string[] {
  let mount: number;
  try {
    mount = mountTracing();
  } catch (error) {
    if (error instanceof NsError) return [];
    throw error;
  }
  try {
    const names = leftovers(mount);
    return options.remove ? names.filter((name) => isRemoved(mount, name)) : names;
  } finally {
    closeSync(mount);
  }
}

function leftovers(mount: number): readonly string[] {
  return readdirSync(`${below(mount)}/instances`).filter((name) => {
    const [, pid, start] = /^nstool-why-(\d+)-(\d+)$/.exec(name) ?? [];
    return pid !== undefined && startOf(pid) !== start;
  });
}

function isRemoved(mount: number, name: string): boolean {
  try {
    rmdirSync(`${below(mount)}/instances/${name}`);
    return true;
  } catch {
    // Its guard may be at it.
    return false;
  }
}

/** When the process was started. undefined: it has ended. */
function startOf(pid: string): string | undefined {
  const file = `/proc/${pid}/stat`;
  try {
    return valueOf(parseStat(readFileSync(file), file))?.startTicks.toString();
  } catch {
    return undefined;
  }
}

function startGuard(mount: number, name: string, nsexec: string): Guard {
  const [readEnd, writeEnd] = libc().pipe(O_CLOEXEC);
  try {
    return { pid: startNsexec(nsexec, guardProgram(name), readEnd, mount), pipe: writeEnd };
  } catch (error) {
    closeSync(writeEnd);
    throw error;
  } finally {
    closeSync(readEnd);
  }
}

/** In a session of its own: no signal of a terminal reaches it. It has the pipe as 0 and tracefs as 1. */
function startNsexec(nsexec: string, program: Program, pipe: number, mount: number): number {
  const nothing = openSync('/dev/null', 'r+');
  const fd = programInMemory(program);
  try {
    return libc().spawn(nsexec, ['nsexec', String(fd)], [pipe, mount, nothing]);
  } finally {
    closeSync(nothing);
    closeSync(fd);
  }
}

function guardProgram(name: string): Program {
  return waiting([
    step('tracefs', { op: 'adopt', fd: 1, into: 'tracefs' }),
    step('wait for the end of nstool', { op: 'wait', slot: 'pipe' }),
    step('remove the instance', { op: 'rmdir', dir: 'tracefs', path: `instances/${name}` }),
  ]);
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

function step(label: string, operation: Operation): Step {
  return { label, reason: '', operation, try: true, explanations: [] };
}

/** A program ends with a command: this one with none. */
function waiting(steps: readonly Step[]): Program {
  const none = { op: 'exec', file: '', search: '', shell: '', argv: [''], env: [] } as const;
  const end = { label: 'end', reason: '', operation: none, explanations: [{ errno: 0, status: 0, text: '' }] };
  const pipe = step('the pipe', { op: 'adopt', fd: 0, into: 'pipe' });
  return { steps: [pipe, ...steps, end], failureStatus: 0, trace: false };
}

function asError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof NsError) return error;
  const what = `cannot trace (${String(error.code)})`;
  if (error.code === 'EACCES' || error.code === 'EPERM') return new NsError('DENIED', { what, tryThis: TRY_ROOT });
  return new NsError('UNSUPPORTED', { what, why: error.message });
}
