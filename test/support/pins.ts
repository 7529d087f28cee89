// Starts pins.c, which keeps a network namespace alive in one way only.

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export type PinWay =
  | 'thread'
  | 'socket'
  | 'fd'
  | 'table'
  | 'mount'
  | 'tun'
  | 'flight'
  | 'sysfs'
  | 'tree'
  | 'watch'
  | 'proc'
  | 'detached'
  | 'named';

export interface Pin {
  readonly pid: number;
  readonly inode: bigint;
  /** 0: the kernel has none. */
  readonly id: bigint;
  end(): Promise<void>;
}

let compiled: string | undefined;
const folders: string[] = [];

// A worker of the test runner does not live to its own exit.
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function program(): string {
  if (compiled !== undefined) return compiled;
  const folder = mkdtempSync(join(tmpdir(), 'pins-'));
  folders.push(folder);
  const file = join(folder, 'pins');
  const source = fileURLToPath(new URL('pins.c', import.meta.url));
  const { status, stderr } = spawnSync('cc', ['-pthread', '-o', file, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  chmodSync(folder, 0o755);
  compiled = file;
  return file;
}

/** `within` are words before the command that execute it in the end, as `['unshare', '--net']`. */
export function startPin(way: PinWay, within: readonly string[] = []): Promise<Pin> {
  const [file, ...args] = [...within, program(), way] as const;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  return new Promise((done, failed) => {
    child.once('exit', (status) => failed(new Error(`pins ${way} ended with ${status}`)));
    child.stdout.once('data', (data: Buffer) => {
      const [, inode = '', id = ''] = data.toString().trim().split(' ');
      done({ pid: child.pid ?? 0, inode: BigInt(inode), id: BigInt(id), end });
    });
  });
}
