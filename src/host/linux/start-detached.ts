// A command that goes on when we have ended: it leads a session of its own, has no terminal, and waits at a gate until
// somebody has written down how to end it.

import { spawn } from 'node:child_process';
import { closeSync, readFileSync, readSync, writeSync } from 'node:fs';
import { NsError } from '../../kernel/error.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Program } from '../../kernel/program.ts';
import { parseStat } from '../../kernel/text/stat.ts';
import { libc } from '../ffi/libc.ts';
import { programInMemory, requireNsexec } from './nsexec.ts';

export interface Detached {
  readonly pid: number;
  /** When it was started. Unit: clock ticks since boot. */
  readonly start: bigint;
  /** Lets it go on. The errno of what kept it from being executed; null: nothing did. */
  readonly open: () => number | null;
  /** It ends without having begun. */
  readonly close: () => void;
}

const O_CLOEXEC = 0o2000000;
const STATUS_FD = 5;
/** Of the number of a step, and an errno. */
const FAILURE_LENGTH = 8;

/** The program finds the gate as its descriptor 3. Errors: UNSUPPORTED. */
export async function startDetached(nsexec: string, program: Program): Promise<Detached> {
  requireNsexec(nsexec);
  const [gate, opener] = libc().pipe(O_CLOEXEC);
  const [answer, status] = libc().pipe(O_CLOEXEC);
  const fd = programInMemory({ ...program, statusFd: STATUS_FD });
  const stdio = ['ignore', 'ignore', 'ignore', gate, fd, status] as const;
  const child = spawn(nsexec, ['4'], { stdio: [...stdio], env: {}, detached: true });
  for (const own of [gate, fd, status]) closeSync(own);
  await new Promise<void>((done, fail) => {
    child.once('spawn', done);
    child.once('error', (error) =>
      fail(new NsError('UNSUPPORTED', { what: 'cannot start a process', why: error.message })),
    );
  });
  child.unref();
  const pid = child.pid ?? 0;
  const stat = valueOf(parseStat(readFileSync(`/proc/${pid}/stat`), 'stat'));
  return {
    pid,
    start: stat?.startTicks ?? 0n,
    open: () => {
      writeSync(opener, 'x');
      closeSync(opener);
      const failure = failureOf(answer);
      closeSync(answer);
      return failure;
    },
    close: () => {
      closeSync(opener);
      closeSync(answer);
    },
  };
}

/** The end of the pipe is closed by execve(2), or by its death after it has told why. */
function failureOf(answer: number): number | null {
  const bytes = Buffer.alloc(FAILURE_LENGTH);
  const length = readSync(answer, bytes);
  return length < FAILURE_LENGTH ? null : bytes.readInt32LE(4);
}
