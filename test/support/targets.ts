// Processes in namespaces of their own, made by unshare(1), that wait until the test is done with them.

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { asUser } from './program.ts';

export interface TargetProcess {
  /** The process inside: the child where unshare forked. */
  readonly pid: number;
  end(): Promise<void>;
}

/** `options` are unshare's: `['--net', '--uts']`. The process is `sleep`, or `command`. */
export async function makeTarget(
  options: readonly string[],
  uid?: number,
  command: readonly string[] = ['sleep', '1000'],
): Promise<TargetProcess> {
  const script = 'echo ready; exec "$@"';
  const [file = '', ...args] = asUser(['unshare', ...options, 'sh', '-c', script, 'sh', ...command], uid);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  await ready(child);
  const forked = options.some((option) => option === '--fork' || option === '-f');
  const pid = forked ? Number(childrenOf(child.pid ?? 0)[0]) : (child.pid ?? 0);
  await executed(pid, command[0] ?? '');
  return { pid, end: () => end(child, pid) };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((done, failed) => {
    child.stdout?.once('data', () => done());
    child.once('exit', (status) => failed(new Error(`unshare ended with ${status}`)));
  });
}

export function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
}

/** The shell said that it is ready before it became the command. */
async function executed(pid: number, file: string): Promise<void> {
  while (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${file}\0`)) {
    await new Promise((done) => setTimeout(done, 5));
  }
}

function end(child: ChildProcess, pid: number): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.removeAllListeners('exit');
    child.once('exit', () => done());
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  });
}
