// What keeps a network namespace in one way only: pins.c, for as long as a test looks.

import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asUser } from '../support/program.ts';

const PINS = fileURLToPath(new URL('../../native/pins', import.meta.url));

export async function withPin<T>(
  way: string,
  act: (inode: bigint, pid: number) => T | Promise<T>,
  { uid, before = [] }: { readonly uid?: number; readonly before?: readonly string[] } = {},
): Promise<T> {
  const [file = '', ...args] = asUser([...before, PINS, way], uid);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  try {
    const line = await new Promise<string>((done, failed) => {
      child.once('error', failed);
      child.once('exit', () => failed(new Error(`pins ${way} ended`)));
      child.stdout.once('data', (data: Buffer) => done(data.toString()));
    });
    return await act(BigInt(line.split(' ')[1] ?? ''), child.pid ?? 0);
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
}

/** The descriptor of its socket; `none`: it has none. Its standard output may be one, too. */
export function socketOf(pid: number): string {
  const folder = `/proc/${pid}/fd`;
  const isSocket = (fd: string): boolean => Number(fd) > 2 && readlinkSync(`${folder}/${fd}`).startsWith('socket:');
  return readdirSync(folder).find(isSocket) ?? 'none';
}
