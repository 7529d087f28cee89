// The built program: `nstool diff`, its status and its JSON, as root and as a plain user.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identities, nstool, PLAIN_UID } from '../support/program.ts';
import { fixturePath } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

interface Answer {
  readonly schema: number;
  readonly complete: boolean;
  readonly same: boolean | null;
  readonly same_host: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string }[];
  readonly differences: readonly { readonly what: string; readonly name: string | null; readonly change: string }[];
}

function answer(text: string): Answer {
  return JSON.parse(text) as Answer;
}

describe.skipIf(lacks('userns', 'unshare')).each(identities)('by $name', ({ uid }) => {
  let plain: TargetProcess;
  let apart: TargetProcess;

  beforeAll(async () => {
    plain = await makeTarget([], uid);
    apart = await makeTarget(['-U', '-r', '-n', '-m'], uid);
  });
  afterAll(async () => {
    await plain.end();
    await apart.end();
  });

  test('a process and itself: nothing, status 0', () => {
    expect(nstool(['diff', String(apart.pid), String(apart.pid)], { uid })).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
    const { status, stdout } = nstool(['diff', 'self', 'self', '--json'], { uid });
    expect(status).toBe(0);
    expect(answer(stdout)).toMatchObject({ schema: 1, complete: true, same: true, gaps: [], differences: [] });
  });

  test('two that differ: a table, status 1', () => {
    const { status, stdout, stderr } = nstool(['diff', String(plain.pid), String(apart.pid)], { uid });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^WHAT +A +B$/m);
    expect(stdout).toMatch(/^namespace net +[0-9]+ +[0-9]+$/m);
    expect(stdout).toMatch(/^setgroups +allow +deny$/m);
    expect(stdout).not.toMatch(/^namespace pid/m);
    // Only root may look into a network that is not its own.
    if (uid === 0) expect([stdout, stderr]).toEqual([expect.stringMatching(/^link lo +/m), '']);
    else expect(stderr).toMatch(/^nstool: unknown of B: link list, address list, .*route list.*: permission denied/);
  });

  test('two that differ: JSON', () => {
    const { status, stdout } = nstool(['diff', String(plain.pid), String(apart.pid), '--json'], { uid });
    expect(status).toBe(1);
    const { complete, same, same_host, differences } = answer(stdout);
    expect([complete, same, same_host]).toEqual([uid === 0, false, true]);
    const namespaces = differences.filter(({ what }) => what === 'namespace').map(({ name }) => name);
    expect(new Set(namespaces)).toEqual(new Set(['mnt', 'net', 'user']));
  });
});

describe.skipIf(lacks('root'))('a plain user', () => {
  test('is told what is closed to it, and not that it is the same', async () => {
    const closed = await makeTarget([]);
    try {
      const { status, stdout, stderr } = nstool(['diff', String(closed.pid), 'self', '-J'], { uid: PLAIN_UID });
      expect(status).toBe(1);
      const { complete, gaps } = answer(stdout);
      expect(complete).toBe(false);
      expect(gaps).toContainEqual(expect.objectContaining({ subject: 'environment of A', reason: 'denied' }));
      expect(stderr).toMatch(/^nstool: unknown of A: .*environment.*: permission denied$/m);
    } finally {
      await closed.end();
    }
  });
});

describe('recorded hosts', () => {
  const idle = fixturePath('idle');
  const crowded = fixturePath('thirty-namespaces');

  test('on both sides', () => {
    const { status, stdout } = nstool(['diff', `${crowded}::29940`, `${idle}::1`, '-J']);
    expect(status).toBe(1);
    expect(answer(stdout)).toMatchObject({ same_host: false, same: false, complete: false });
  });

  test('on one side', () => {
    const { status, stdout } = nstool(['diff', `${crowded}::29940`, 'self', '-J']);
    expect(status).toBe(1);
    expect(answer(stdout).same_host).toBe(false);
  });

  test('by --from for both', () => {
    const { status, stdout } = nstool(['diff', '29937', '29937', '--from', crowded]);
    expect([status, stdout]).toEqual([0, '']);
  });
});

describe('errors', () => {
  test.each([
    [['diff', 'self'], 2],
    [['diff', 'self', 'self', 'self'], 2],
    [['diff', 'self', '4194303'], 3],
    [['diff', '/proc/self/ns/net', '/proc/self/ns/uts'], 2],
  ] as const)('%j: status %i', (words, expected) => {
    const { status, stdout, stderr } = nstool(words);
    expect(status).toBe(expected);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^nstool: /);
  });
});
