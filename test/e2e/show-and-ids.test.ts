// The built program: `nstool ids` and `nstool show`, as root and as a plain user.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identities, nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

describe.skipIf(lacks('userns', 'unshare')).each(identities)('by $name', ({ uid }) => {
  let target: TargetProcess;
  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', '-n', '-p', '--fork'], uid);
  });
  afterAll(() => target.end());

  test('ids prints maps, and ids both ways', () => {
    const { status, stdout } = nstool(['ids', String(target.pid), '-n'], { uid });
    expect(status).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/ +/)),
    ).toEqual([
      ['uid', '0', String(uid), '1'],
      ['gid', '0', String(uid), '1'],
      ['pid', '1', String(target.pid), '1'],
    ]);
    expect(nstool(['ids', String(target.pid), 'pid:1', 'uid:0'], { uid }).status).toBe(0);
    expect(nstool(['ids', String(target.pid), 'uid:4242'], { uid }).status).toBe(1);
  });

  test('show prints a page, and single fields', () => {
    const { status, stdout } = nstool(['show', String(target.pid)], { uid });
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^pids +${target.pid} → 1$`, 'm'));
    expect(nstool(['show', String(target.pid), '-o', 'pid'], { uid }).stdout).toBe(`${target.pid}\n`);
    const json = JSON.parse(nstool(['show', String(target.pid), '--json'], { uid }).stdout) as {
      process: { pids: unknown };
    };
    expect(json.process.pids).toEqual([target.pid, 1]);
  });

  test.each([
    ['ids', 'self', 'uid'],
    ['show', 'self', '-o', 'nothing'],
  ])('%s %s %s is wrong', (...words) => {
    const { status, stdout, stderr } = nstool(words, { uid });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^nstool: /);
  });
});
