// Compiles audited.c, once for a test file, in a place that every user can read.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

let folder: string | undefined;

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** Its path. */
export function auditedProgram(): string {
  const name = 'audited';
  if (folder !== undefined) return join(folder, name);
  folder = mkdtempSync(join(tmpdir(), 'audited-'));
  chmodSync(folder, 0o755);
  const source = fileURLToPath(new URL('audited.c', import.meta.url));
  const words = ['-static', '-pthread', '-o', join(folder, name), source];
  const { status, stderr } = spawnSync('cc', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  return join(folder, name);
}
