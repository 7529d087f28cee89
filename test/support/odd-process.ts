// Starts odd-process.c, compiled once for a test run, in a place that every user can read.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { asUser } from './program.ts';

let compiled: string | undefined;

afterAll(() => {
  if (compiled !== undefined) rmSync(dirname(compiled), { recursive: true });
});

function program(): string {
  if (compiled !== undefined) return compiled;
  const folder = mkdtempSync(join(tmpdir(), 'odd-process-'));
  const file = join(folder, 'odd-process');
  const source = fileURLToPath(new URL('odd-process.c', import.meta.url));
  const { status, stderr } = spawnSync('cc', ['-pthread', '-o', file, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  chmodSync(folder, 0o755);
  compiled = file;
  return file;
}

export interface Started {
  /** Of the first command; with `unshare --fork` the process inside is its child. */
  readonly pid: number;
  end(): Promise<void>;
}

/** `before` are words that start it, as `['unshare', '--net']`. */
export function startOddProcess(before: readonly string[], words: readonly string[], uid?: number): Promise<Started> {
  return startReady(asUser([...before, program(), ...words], uid));
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
