// A command that shares our terminal and waits at a gate until it is let go on.

import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { NsError } from '../../kernel/error.ts';
import type { Program } from '../../kernel/program.ts';
import { libc } from '../ffi/libc.ts';
import { programInMemory, requireNsexec } from './nsexec.ts';

export interface GatedChild {
  readonly pid: number;
  /** Lets it go on. */
  readonly open: () => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** How it ended: one of the two is null. */
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

const O_CLOEXEC = 0o2000000;

/** The program finds the gate as its descriptor 3; its standard output is our standard error. Errors: UNSUPPORTED. */
export async function startGated(nsexec: string, program: Program): Promise<GatedChild> {
  requireNsexec(nsexec);
  const [readEnd, writeEnd] = libc().pipe(O_CLOEXEC);
  const fd = programInMemory(program);
  const child = spawn(nsexec, ['4'], { stdio: [0, 2, 2, readEnd, fd], env: {} });
  closeSync(readEnd);
  closeSync(fd);
  const ended = new Promise<Awaited<GatedChild['ended']>>((done) => {
    child.once('exit', (status, signal) => done({ status, signal }));
  });
  await new Promise<void>((done, fail) => {
    child.once('spawn', done);
    child.once('error', (error) =>
      fail(new NsError('UNSUPPORTED', { what: 'cannot start a process', why: error.message })),
    );
  });
  const open = (): void => {
    writeSync(writeEnd, 'x');
    closeSync(writeEnd);
  };
  return { pid: child.pid ?? 0, open, kill: (signal) => child.kill(signal), ended };
}
