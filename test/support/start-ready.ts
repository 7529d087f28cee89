// Processes that say when they are ready, and end when the test does. Also for scripts, which no test runner runs.

import { spawn } from 'node:child_process';

export interface Started {
  /** Of the first command; with `unshare --fork` the process inside is its child. */
  readonly pid: number;
  end(): Promise<void>;
}

/** Starts a command that says a line when it is ready and then waits. It, and what it started, end with `end()`. */
export function startReady(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const [file = '', ...args] = command;
  // In a process group of its own: that is how all of it is ended.
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    detached: true,
    env: { ...process.env, ...env },
  });
  const pid = child.pid ?? 0;
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
    await ended;
  };
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.stdout.once('data', () => done({ pid, end }));
    child.once('exit', (status) => failed(new Error(`${command.join(' ').slice(0, 200)} ended with ${status}`)));
  });
}
