// libcap's own answers, by a small program that is compiled against it.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './program.ts';

/** A line for each question; libcap-oracle.c says how they read. */
export function askLibcap(questions: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'libcap-oracle-'));
  try {
    const file = join(folder, 'oracle');
    const source = fileURLToPath(new URL('libcap-oracle.c', import.meta.url));
    const compiler = spawnSync('cc', ['-O1', '-o', file, source, '-lcap'], { encoding: 'utf8' });
    if (compiler.status !== 0) throw new Error(`cc: ${compiler.stderr}`);
    const { status, stdout } = run([file], { input: questions.map((question) => `${question}\n`).join('') });
    const answers = stdout.split('\n').slice(0, -1);
    if (status !== 0 || answers.length !== questions.length) throw new Error(`the oracle ended with ${status}`);
    return answers;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
