// Programs of the host, run to their end.

import { spawnSync, type SpawnSyncOptionsWithStringEncoding } from 'node:child_process';

// Where the PATH of a plain user does not look: depmod is there.
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Returns its standard output. Errors: it did not start, or its status is not 0. */
export function run(command: readonly string[], options: Partial<SpawnSyncOptionsWithStringEncoding> = {}): string {
  const [file = '', ...args] = command;
  const { status, signal, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
    env: { ...process.env, ...options.env, PATH },
  });
  if (error !== undefined) throw new Error(`cannot run ${file}`, { cause: error });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${signal ?? `status ${status}`}\n${stderr ?? ''}`.trim());
  return stdout;
}

export function isThere(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { env: { PATH } }).status === 0;
}
