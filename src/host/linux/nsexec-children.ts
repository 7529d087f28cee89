// nsexec as children of ours: many programs at a time, what they print in pipes, how they end from the kernel itself.
// Node's own spawn is not used: it forks the whole of Node for each, gives sockets instead of pipes (/dev/stdout cannot
// be opened then), and tells a death by a real-time signal as success.

import { closeSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { getSystemErrorName } from 'node:util';
import { NsError } from '../../kernel/error.ts';
import type { Program } from '../../kernel/program.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { programInMemory, requireNsexec } from './nsexec.ts';
import { executing, sealedCopy } from './sealed-copy.ts';
import { hasEnded, waitForEnd, type Exit } from './wait.ts';

/** How a program ended. */
export interface Ending extends Exit {
  /** The step that failed, from 0, so that the command was not executed. */
  readonly failure: { readonly step: number; readonly errno: number } | null;
}

export interface NsexecChild {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<Ending>;
}

interface Running {
  readonly pid: number;
  readonly statusFd: number;
  readonly done: (ending: Ending) => void;
}

const O_CLOEXEC = 0o2000000;
const STATUS_RECORD_LENGTH = 8;
/** SIGCHLD tells; this keeps us waiting where all pipes are closed already. */
const LOOK_MS = 1000;

/** Who does not end after the signal that ends us is killed. */
const PATIENCE_MS = 5000;

/**
 * All of them that run. Their standard input is /dev/null; each leads a session of its own, without a terminal, so that
 * what it starts gets its signals too. What the terminal would have done to them is done here.
 */
export class NsexecChildren {
  private readonly running = new Map<number, Running>();
  private readonly nsexec: string;
  private readonly copy: string | undefined;
  private readonly nothing = openSync('/dev/null', 'r');
  private readonly timer = setInterval(() => this.reap(), LOOK_MS);
  private patience: NodeJS.Timeout | undefined;
  /** What a child that has ended leaves behind in its session is ended too. */
  private isSweeping = false;
  private readonly handlers = {
    SIGCHLD: (): void => this.reap(),
    SIGTSTP: (): void => this.stop(),
    SIGCONT: (): void => this.signal('SIGCONT'),
  };

  /** Errors: UNSUPPORTED. */
  constructor(nsexec: string) {
    requireNsexec(nsexec);
    this.nsexec = nsexec;
    this.copy = sealedCopy(nsexec);
    for (const [signal, handler] of Object.entries(this.handlers)) process.on(signal, handler);
  }

  /** Nothing of ours is left; children that still run are left alone. */
  close(): void {
    for (const [signal, handler] of Object.entries(this.handlers)) process.off(signal, handler);
    clearInterval(this.timer);
    clearTimeout(this.patience);
    closeSync(this.nothing);
  }

  /** Errors: UNSUPPORTED: without nsexec or koffi, or where no process can be made. */
  start(program: Program): NsexecChild {
    const opened: number[] = [];
    const passed: number[] = [];
    try {
      const c = libc();
      const [stdout, outEnd] = c.pipe(O_CLOEXEC);
      opened.push(stdout);
      passed.push(outEnd);
      const [stderr, errEnd] = c.pipe(O_CLOEXEC);
      opened.push(stderr);
      passed.push(errEnd);
      const statusFd = c.memfdCreate('nstool-status', 0);
      opened.push(statusFd);
      const fd = programInMemory({ ...program, statusFd });
      passed.push(fd);
      const pid = executing(this.nsexec, this.copy, (path) =>
        c.spawn(path, ['nsexec', String(fd)], [this.nothing, outEnd, errEnd]),
      );
      const ended = new Promise<Ending>((done) => this.running.set(pid, { pid, statusFd, done }));
      return { stdout: reader(stdout), stderr: reader(stderr), ended };
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      if (!(error instanceof LibcError)) throw error;
      throw new NsError('UNSUPPORTED', { what: 'cannot start a process', why: getSystemErrorName(-error.errno) });
    } finally {
      for (const fd of passed) closeSync(fd);
    }
  }

  /** Ends all of them, and what is in their sessions with them. */
  end(signal: NodeJS.Signals): void {
    this.isSweeping = true;
    this.signal(signal);
    // One that is stopped would not hear it.
    this.signal('SIGCONT');
    this.patience ??= setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
  }

  private signal(signal: NodeJS.Signals): void {
    for (const pid of this.running.keys()) signalGroup(pid, signal);
  }

  private stop(): void {
    this.signal('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  }

  private reap(): void {
    for (const child of this.running.values()) {
      const ending = hasEnded(child.pid, { leave: true });
      if (ending === undefined) continue;
      // Before it is waited for its pid cannot be another's.
      if (this.isSweeping) signalGroup(child.pid, 'SIGKILL');
      waitForEnd(child.pid);
      this.running.delete(child.pid);
      child.done({ ...ending, failure: failureIn(child.statusFd) });
      closeSync(child.statusFd);
    }
  }
}

function reader(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended, or is another's by now.
  }
}

/** What nsexec wrote there, if a step failed. */
function failureIn(fd: number): Ending['failure'] {
  const record = new Uint8Array(STATUS_RECORD_LENGTH);
  if (readSync(fd, record, 0, record.length, 0) < record.length) return null;
  const view = new DataView(record.buffer);
  return { step: view.getUint32(0, true), errno: view.getUint32(4, true) };
}
