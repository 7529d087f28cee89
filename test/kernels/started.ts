// Processes that a test starts and waits for, with all that they start.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { asUser } from '../support/program.ts';
import { childrenOf, type TargetProcess } from '../support/targets.ts';
import { until } from './until.ts';

/** `sh -c script`, ready when it, or the first of those below it with such a command line, runs `sleep TIME`. */
export async function startScript(script: string, time: number, uid?: number): Promise<TargetProcess> {
  const [file = '', ...args] = asUser(['sh', '-ec', script], uid);
  // In a process group of its own: that is how all of it is ended.
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/', detached: true });
  const started = child.pid ?? 0;
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-started, 'SIGKILL');
    await ended;
  };
  try {
    await until(() => sleeping(started, time) !== undefined);
  } catch (error) {
    await end();
    throw error;
  }
  return { pid: sleeping(started, time) ?? 0, end };
}

function sleeping(pid: number, time: number): number | undefined {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${time}\0`) return pid;
    return childrenOf(pid)
      .map((child) => sleeping(Number(child), time))
      .find((found) => found !== undefined);
  } catch {
    // It has ended: others may still come.
    return undefined;
  }
}
