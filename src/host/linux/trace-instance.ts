// An instance of the kernel's tracing: a buffer of its own, that nobody else reads or fills. Source:
// Documentation/trace/ftrace.rst, tracefs. Whatever ends us, SIGKILL included, a guard removes the instance: a process that
// waits for the end of a pipe of ours. Should it be killed too, the next one of us does.

import { closeSync, openSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { NsError } from '../../kernel/error.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Operation, Program, Step } from '../../kernel/program.ts';
import { parseStat } from '../../kernel/text/stat.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { MOUNT_ATTR, mountDetached } from './detached-mount.ts';
import { programInMemory } from './nsexec.ts';

const O_CLOEXEC = 0o2000000;

export interface Guard {
  readonly pid: number;
  readonly pipe: number;
}

/** What it is for: the names of instances tell theirs. */
export type TracePurpose = 'why' | 'drops';

/** Nobody else's: a process that has our pid later was started later. */
export function instanceName(purpose: TracePurpose): string {
  return `nstool-${purpose}-${process.pid}-${startOf('self') ?? 0}`;
}

export function below(mount: number): string {
  return `/proc/self/fd/${mount}`;
}

const TRY_ROOT = 'as root of the host: with sudo';

/** tracefs, mounted for us alone. Errors: DENIED, UNSUPPORTED. */
export function mountTracing(): number {
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

/** Those of processes that have ended. */
export function leftovers(mount: number): readonly string[] {
  return readdirSync(`${below(mount)}/instances`).filter((name) => {
    const [, pid, start] = /^nstool-(?:why|drops)-(\d+)-(\d+)$/.exec(name) ?? [];
    return pid !== undefined && startOf(pid) !== start;
  });
}

export function isRemoved(mount: number, name: string): boolean {
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

export function startGuard(mount: number, name: string, nsexec: string): Guard {
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
export function startNsexec(nsexec: string, program: Program, pipe: number, mount: number): number {
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

export function step(label: string, operation: Operation): Step {
  return { label, reason: '', operation, try: true, explanations: [] };
}

/** A program ends with a command: this one with none. */
export function waiting(steps: readonly Step[]): Program {
  const none = { op: 'exec', file: '', search: '', shell: '', argv: [''], env: [] } as const;
  const end = { label: 'end', reason: '', operation: none, explanations: [{ errno: 0, status: 0, text: '' }] };
  const pipe = step('the pipe', { op: 'adopt', fd: 0, into: 'pipe' });
  return { steps: [pipe, ...steps, end], failureStatus: 0, trace: false };
}

export function asError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof NsError) return error;
  const what = `cannot trace (${String(error.code)})`;
  if (error.code === 'EACCES' || error.code === 'EPERM') return new NsError('DENIED', { what, tryThis: TRY_ROOT });
  return new NsError('UNSUPPORTED', { what, why: error.message });
}
