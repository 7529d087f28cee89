// Starts odd-process.c, compiled once for a test run, in a place that every user can read.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { asUser } from './program.ts';
import { startReady, type Started } from './start-ready.ts';

export { startReady, type Started } from './start-ready.ts';

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

/** `before` are words that start it, as `['unshare', '--net']`. */
export function startOddProcess(before: readonly string[], words: readonly string[], uid?: number): Promise<Started> {
  return startReady(asUser([...before, program(), ...words], uid));
}
