// The built program: `nstool audit` and `nstool explain`, as root and as a plain user.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { identities, nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

interface Answer {
  readonly complete: boolean;
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly target: string }[];
  readonly known: readonly unknown[];
}

describe.skipIf(lacks('userns', 'unshare')).each(identities)('audit by $name', ({ uid }) => {
  let target: TargetProcess;
  let folder = '';
  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', '-n', '-p', '--fork'], uid);
    folder = mkdtempSync(join(tmpdir(), 'audit-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await target.end();
  });

  const answer = (...words: readonly string[]): Answer =>
    JSON.parse(nstool(['audit', ...words, '--json'], { uid }).stdout) as Answer;

  test('prints the worst first, and a status by --fail-on', () => {
    const { status, stdout, stderr } = nstool(['audit', `${target.pid}`], { uid });
    expect(status).toBe(0);
    expect(stdout).toContain('  info      C1   holds every capability (in its own user namespace only)\n');
    expect(stderr).toMatch(/^nstool: .* in 1 target/);
    const severities = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, word]) => word);
    const order = ['critical', 'high', 'medium', 'low', 'info', 'unknown'];
    expect(severities).toEqual(severities.toSorted((a, b) => order.indexOf(a ?? '') - order.indexOf(b ?? '')));
    expect(nstool(['audit', `${target.pid}`, '--fail-on=info'], { uid }).status).toBe(1);
  });

  test('accepts what it printed before', () => {
    const file = join(folder, 'known.json');
    writeFileSync(file, nstool(['audit', `${target.pid}`, '--json'], { uid }).stdout, { mode: 0o644 });
    const before = answer(`${target.pid}`);
    const input = nstool(['audit', `${target.pid}`, '--json'], { uid }).stdout;
    expect(before.findings.length).toBeGreaterThan(5);
    const { stdout } = nstool(['audit', `${target.pid}`, '--baseline=-', '--json', '--fail-on=info'], { uid, input });
    expect(JSON.parse(stdout)).toMatchObject({ findings: [] });
    const again = nstool(['audit', `${target.pid}`, '--baseline', file, '--fail-on=info'], { uid: 0 });
    if (uid === 0) expect(again).toMatchObject({ status: 0, stdout: '' });
  });

  test('of the whole host: what is closed is unknown, and named', () => {
    const all = answer('--all');
    expect(all.findings.filter(({ severity }) => severity === 'unknown').length > 0).toBe(!all.complete);
    expect(all.findings.map(({ target: word }) => word)).toContain('host');
  });

  test('refuses what makes no sense', () => {
    for (const words of [
      ['--all', 'self'],
      ['--json', '--sarif'],
      ['--fail-on=bad'],
      ['net:self'],
      ['--baseline=/', 'self'],
    ]) {
      const { status, stdout, stderr } = nstool(['audit', ...words], { uid });
      expect([status === 2 || words[0] === '--baseline=/', stdout]).toEqual([true, '']);
      expect(stderr).toMatch(/^nstool: /);
    }
    expect(nstool(['audit', '4194304'], { uid }).status).toBe(3);
  });
});

describe('explain', () => {
  it('prints the page of the package', () => {
    const { status, stdout } = nstool(['explain', 'c2']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^# C2: CAP_SYS_ADMIN\n[^]*^## What to do$/m);
  });

  it('lists all codes', () => {
    expect(nstool(['explain']).stdout.split('\n').length).toBeGreaterThan(60);
  });

  it('refuses what is none', () => {
    expect(nstool(['explain', '../../package'])).toMatchObject({ status: 2, stdout: '' });
  });
});

it('SARIF has the version of the program', () => {
  const log = JSON.parse(nstool(['audit', 'self', '--sarif']).stdout) as {
    runs: { tool: { driver: { version: string } } }[];
  };
  expect(nstool(['version']).stdout).toBe(`nstool ${log.runs[0]?.tool.driver.version}\n`);
});
