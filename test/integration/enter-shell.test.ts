// Without a command: which shell is started, compared with nsenter(1) of the newest util-linux.

import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newestUtilLinux } from '../support/newest-util-linux.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

const newest = newestUtilLinux();

describe.skipIf(newest === undefined || lacks('root', 'namespaces', 'unshare'))('a login shell', () => {
  let folder: string;
  let target: Started;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-shell-'));
    chmodSync(folder, 0o755);
    for (const name of ['roots', 'users', 'wanted']) symlinkSync('/bin/sh', join(folder, name));
    const users = [
      'junk',
      `root:x:0:0::/:${folder}/roots`,
      `user:x:${PLAIN_UID}:1::/:${folder}/users`,
      'none:x:7:7::/:',
      'gone:x:10:10::/:/no/such/shell',
    ];
    writeFileSync(join(folder, 'passwd'), `${users.join('\n')}\nevil:x:8:8::/:/bin/\u001B[31m\n`);
    const script = `mount --bind ${folder}/passwd /etc/passwd; echo ready; exec sleep 1000`;
    target = await startReady(['unshare', '-m', '-n', 'sh', '-ec', script]);
  });
  afterAll(async () => {
    await target.end();
    rmSync(folder, { recursive: true });
  });

  function started(command: readonly string[], shell: readonly string[]): readonly [number | null, string] {
    const { status, stdout } = run(['env', '-u', 'SHELL', 'HOME=/', ...shell, ...command], {
      input: 'echo "$0 $(id -u)"; exit 7\n',
    });
    return [status, stdout];
  }

  const wanted = (): string => `SHELL=${folder}/wanted`;

  test.each([
    ['that of root in the target', ['-m'], () => [], '-roots 0'],
    ['that of the user that it becomes', ['-m', '-S', String(PLAIN_UID)], () => [], `-users ${PLAIN_UID}`],
    ['$SHELL before it', ['-m'], () => [wanted()], '-wanted 0'],
    ['an empty $SHELL is none', ['-m'], () => ['SHELL='], '-roots 0'],
    ['a user without a shell', ['-m', '-S', '7'], () => [], '-sh 7'],
    ['a user that is not in there', ['-m', '-S', '9'], () => [], '-sh 9'],
    ['with the root and without the mounts', ['-u', '-r'], () => [], '-roots 0'],
  ] as const)('%s', (_title, options, shell, expected) => {
    const words = ['-t', String(target.pid), ...options];
    const ours = started(commandLine(['enter', ...words]), shell());
    expect(ours).toEqual([7, `${expected}\n`]);
    expect(ours).toEqual(started([...(newest?.('nsenter') ?? []), ...words], shell()));
  });

  test.each([
    ['$SHELL', ['-m'], '-roots 0'],
    ['neither', ['-m', '-S', '10'], '-sh 10'],
  ] as const)('what is not in there is passed over: %s', (_title, options, expected) => {
    const words = ['enter', '-t', String(target.pid), ...options];
    expect(started(commandLine(words), ['SHELL=/no/such/shell'])).toEqual([7, `${expected}\n`]);
  });

  test('where the file system stays ours it is that of this host', () => {
    const words = ['-t', String(target.pid), '-n'];
    const ours = started(commandLine(['enter', ...words, '--no-dns']), []);
    expect(ours[0]).toBe(7);
    expect(ours).toEqual(started([...(newest?.('nsenter') ?? []), ...words], []));
  });

  test('a passwd of the target writes nothing to our terminal', () => {
    const { stdout } = nstool(['enter', String(target.pid), '-m', '-S', '8', '--dry-run'], { env: { SHELL: '' } });
    expect(stdout).toContain(' exec /bin/sh ');
  });

  test('nor does its environment', async () => {
    const hostile = await startReady(['sh', '-c', 'echo ready; exec sleep 1000'], {
      PATH: `${process.env['PATH'] ?? ''}:/\u001B[31m\nnstool: fine`,
    });
    const { status, stderr } = nstool(['enter', String(hostile.pid), '-n', '-e', '-v', 'no-such-command']);
    await hostile.end();
    expect(status).toBe(127);
    expect(stderr).toContain(':/?[31m?nstool: fine; or it is');
    const shelled = await startReady(['sh', '-c', 'echo ready; exec sleep 1000'], { SHELL: '/\u001B[31m\nforged' });
    const shown = nstool(['enter', String(shelled.pid), '-n', '-e', '-v']);
    await shelled.end();
    expect(shown.status).toBe(127);
    expect(shown.stderr).toContain("cannot run '/?[31m?forged': not found");
    expect(shown.stderr).not.toContain('\u001B');
  });
});
