// nsexec's own tests, in C, under ASan and UBSan; see native/test.sh.

import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/requires.ts';

const folder = fileURLToPath(new URL('../../native/', import.meta.url));
const FUZZ_SECONDS = '10';

describe.skipIf(lacks('cc'))('nsexec', () => {
  it('passes its tests, and a short fuzz, under ASan and UBSan', () => {
    const { status, stdout, stderr } = spawnSync('bash', [`${folder}test.sh`, FUZZ_SECONDS], { encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });

  it('is under 1 MB, statically linked', () => {
    expect(statSync(`${folder}nsexec`).size).toBeLessThan(1_000_000);
    const { stdout } = spawnSync('ldd', [`${folder}nsexec`], { encoding: 'utf8' });
    expect(stdout).toBe('');
  });
});
