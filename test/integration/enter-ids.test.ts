// Ids, groups, root and working directory after entering, compared with nsenter(1) where it gets that far.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkOf, look, type Entered } from '../support/entered.ts';
import { asUser, commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const report = "grep -E '^(Uid|Gid|Groups)' /proc/thread-self/status; cat /proc/self/uid_map /proc/self/gid_map";

/** Groups 100 and 200, so that one sees whether they were dropped. */
function withGroups(command: readonly string[]): readonly string[] {
  return ['setpriv', '--groups', '100,200', ...command];
}

function expectSameIds(ours: Entered, theirs: Entered): void {
  expect(ours.report).toBe(theirs.report);
  for (const name of ['Uid', 'Gid', 'Groups', 'CapEff', 'CapPrm', 'CapInh', 'CapAmb']) {
    expect(`${name} ${ours.status(name)}`).toBe(`${name} ${theirs.status(name)}`);
  }
}

describe.skipIf(lacks('root', 'namespaces', 'userns', 'nsenter', 'unshare'))('as root', () => {
  let mapped: TargetProcess;
  let unmapped: TargetProcess;
  let plain: TargetProcess;

  beforeAll(async () => {
    mapped = await makeTarget(['-U', '-n', '-u']);
    writeFileSync(`/proc/${mapped.pid}/uid_map`, '0 1000 100');
    writeFileSync(`/proc/${mapped.pid}/gid_map`, '0 2000 100');
    unmapped = await makeTarget(['-U', '-n', '-u']);
    plain = await makeTarget(['-n', '-u', '-p', '--fork']);
  });
  afterAll(async () => {
    await Promise.all([mapped.end(), unmapped.end(), plain.end()]);
  });

  test.each([
    [['-n']],
    [['-n', '-S', '1234']],
    [['-n', '-G', '4321']],
    [['-n', '-S', '1234', '-G', '4321']],
    [['-n', '--setuid=1234', '--setgid=4321']],
    [['-p', '-S', '1234', '-G', '4321']],
    [['-n', '-S', '0', '-G', '0']],
    [['-n', '-S', '4294967294']],
    [['-n', '--preserve-credentials']],
  ])('without a user namespace: %j', async (options) => {
    const words = ['-t', String(plain.pid), ...options];
    expectSameIds(
      await look(withGroups(commandLine(['enter', ...words])), report),
      await look(withGroups(['nsenter', ...words]), report),
    );
  });

  test.each([
    [['-U']],
    [['-a']],
    [['-U', '-S', '5']],
    [['-U', '-G', '6']],
    [['-U', '-S', '5', '-G', '6']],
    [['-U', '--preserve-credentials']],
    [['-U', '-n', '--preserve-credentials', '-S', '5']],
    [['-U', '-n', '--preserve-credentials', '-G', '6']],
  ])('with a mapped user namespace: %j', async (options) => {
    const words = ['-t', String(mapped.pid), ...options];
    const ours = await look(withGroups(commandLine(['enter', ...words])), report);
    expectSameIds(ours, await look(withGroups(['nsenter', ...words]), report));
    expect(ours.links['user']).toBe(linkOf(mapped.pid, 'user'));
  });

  test('where 0 is not mapped nsenter fails, and we keep the ids and drop the groups', async () => {
    const words = ['-t', String(unmapped.pid), '-U'];
    expect(run(['nsenter', ...words, 'true']).status).not.toBe(0);
    const ours = await look(withGroups(commandLine(['enter', ...words])), report);
    expect(ours.links['user']).toBe(linkOf(unmapped.pid, 'user'));
    expect(ours.status('Uid').split('\t')).toEqual(['0', '0', '0', '0']);
    expect(ours.report).toMatch(/^Uid:(\t65534){4}\nGid:(\t65534){4}\nGroups:[\t ]*\n/);
  });

  test('an id that is asked for and not mapped there is an error that says so', () => {
    const result = nstool(['enter', String(unmapped.pid), '-U', '-S', '5', 'true']);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toBe(
      'nstool: cannot become uid 5: EINVAL\n  why: uid 5 is not mapped in that user namespace\n',
    );
    const group = nstool(['enter', String(unmapped.pid), '-U', '-G', '5', 'true']);
    expect(group.stderr).toContain('gid 5 is not mapped in that user namespace');
    expect(group.status).toBe(125);
  });

  test.each(['-1', '4294967295', '4294967296', 'root', '', '0x10', ' 5', '1e3'])('-S %j is refused', (value) => {
    for (const option of ['--setuid', '--setgid']) {
      const result = nstool(['enter', 'self', '-n', `${option}=${value}`, 'true']);
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toContain(`${option} takes a number`);
    }
  });
});

describe.skipIf(lacks('userns', 'nsenter', 'unshare'))('as a plain user', () => {
  const uid = process.geteuid?.() === 0 ? PLAIN_UID : (process.geteuid?.() ?? PLAIN_UID);
  let mapped: TargetProcess;
  let unmapped: TargetProcess;

  beforeAll(async () => {
    mapped = await makeTarget(['-U', '-r', '-n'], uid);
    unmapped = await makeTarget(['-U', '-n'], uid);
  });
  afterAll(async () => {
    await Promise.all([mapped.end(), unmapped.end()]);
  });

  test.each([[['-U', '--preserve-credentials']], [['-U', '-n', '--preserve-credentials', '-S', '0']]])(
    '%j',
    async (options) => {
      const words = ['-t', String(mapped.pid), ...options];
      expectSameIds(
        await look(commandLine(['enter', ...words], uid), report),
        await look(asUser(['nsenter', ...words], uid), report),
      );
    },
  );

  test('where setgroups is denied nsenter fails, and we become 0 and keep the groups', async () => {
    const words = ['-t', String(mapped.pid), '-U'];
    expect(run(asUser(['nsenter', ...words, 'true'], uid)).stderr).toContain('setgroups failed');
    const ours = await look(commandLine(['enter', ...words], uid), report);
    expect(ours.report).toMatch(/^Uid:(\t0){4}\nGid:(\t0){4}\n/);
    expect(ours.status('CapEff')).toMatch(/^0*1ff|[1-9a-f]/);
    expect(ours.links['user']).toBe(linkOf(mapped.pid, 'user'));
  });

  test('also when the gid was asked for', async () => {
    const ours = await look(commandLine(['enter', String(mapped.pid), '-U', '-G', '0', '-S', '0'], uid), report);
    expect(ours.report).toMatch(/^Uid:(\t0){4}\nGid:(\t0){4}\n/);
  });

  test('where 0 is not mapped nsenter fails, and we keep the ids', async () => {
    const words = ['-t', String(unmapped.pid), '-U', '-n'];
    expect(run(asUser(['nsenter', ...words, 'true'], uid)).status).not.toBe(0);
    const ours = await look(commandLine(['enter', ...words], uid), report);
    expect(ours.links['user']).toBe(linkOf(unmapped.pid, 'user'));
    expect(ours.links['net']).toBe(linkOf(unmapped.pid, 'net'));
    expect(ours.status('Uid').split('\t')).toEqual(Array.from({ length: 4 }, () => String(uid)));
  });

  test('an id of others is refused, with what it needs', () => {
    const result = nstool(['enter', 'self', '-n', '-S', '1', 'true'], { uid });
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toBe(
      'nstool: cannot become uid 1: EPERM\n  why: that needs CAP_SETUID in the user namespace of the command\n',
    );
    const group = nstool(['enter', 'self', '-n', '-G', '1', 'true'], { uid });
    expect(group.status).toBe(125);
    expect(group.stderr).toMatch(/^nstool: cannot drop supplementary groups: EPERM\n {2}why: .*CAP_SETGID/);
    const denied = nstool(['enter', `--user=/proc/${mapped.pid}/ns/user`, '-G', '0', 'true'], { uid });
    expect(denied.status).toBe(125);
    expect(denied.stderr).toContain('cannot drop supplementary groups: EPERM');
  });
});

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare'))('root and working directory', () => {
  const where = 'pwd; ls -di / .; ls /';
  let folder: string;
  let target: TargetProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-root-'));
    for (const name of ['bin', 'lib', 'lib64', 'usr', 'work', 'proc', 'sbin']) mkdirSync(join(folder, name));
    // A root that one can run sh and ls in, seen in the target's mount namespace only.
    const script = [
      ...['bin', 'lib', 'lib64', 'usr', 'sbin'].map((name) => `mount --rbind /${name} '${folder}/${name}'`),
      `cd '${folder}/work'`,
      `exec chroot '${folder}' sh -c 'cd /work; exec sleep 1000'`,
    ].join(' && ');
    target = await makeTarget(['-m'], undefined, ['sh', '-c', script]);
    while (run(['cat', `/proc/${target.pid}/comm`]).stdout !== 'sleep\n')
      await new Promise((done) => setTimeout(done, 10));
  });
  afterAll(async () => {
    await target.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function both(options: readonly string[]): Promise<readonly [Entered, Entered]> {
    const start = ['env', '-C', '/tmp'];
    const words = ['-t', String(target.pid), ...options];
    return [
      await look([...start, ...commandLine(['enter', ...words])], where),
      await look([...start, 'nsenter', ...words], where),
    ];
  }

  test.each([
    [['-u']],
    [['-m']],
    [['-u', '-r', '-w']],
    [['-m', '-r', '-w']],
    [['-u', '-w']],
    [['-m', '-w']],
    [['-u', '--wd=/etc']],
    [['-m', '--wd=/etc']],
    [['-u', '--wd=..']],
    [['-u', '--root=/', '--wd=/etc']],
  ])('%j is as with nsenter', async (options) => {
    const [ours, theirs] = await both(options);
    expect(ours.report).toBe(theirs.report);
    expect(ours.links).toEqual(theirs.links);
  });

  test.each([[['-m', '-r']], [['-u', '-r']], [['-u', '--root=/']]])(
    '%j: the root is as with nsenter, and the working directory is that root: none is left outside',
    async (options) => {
      const [ours, theirs] = await both(options);
      const listing = (report: string): readonly string[] => report.split('\n').slice(3);
      expect(listing(ours.report)).toEqual(listing(theirs.report));
      expect(ours.report).toMatch(/^\/\n *(\d+) \.\n *\1 \/\n/);
    },
  );

  test.each(['--root', '--wd'])('%s of a directory that is not there', (option) => {
    const result = nstool(['enter', String(target.pid), '-u', `${option}=/nonexistent`, 'true']);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain('cannot open /nonexistent: ENOENT');
  });

  test.each(['--root', '--wd'])('%s of a file', (option) => {
    const result = nstool(['enter', String(target.pid), '-u', `${option}=/etc/passwd`, 'true']);
    expect(result.status).toBe(125);
    expect(result.stderr).toContain('ENOTDIR');
  });
});

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare'))('-F', () => {
  test('does not fork: the pid namespace holds for the children of the command', async () => {
    const target = await makeTarget(['-p', '--fork', '-u']);
    try {
      for (const option of ['-F', '--no-fork']) {
        const ours = nstool(['enter', String(target.pid), '-p', option, 'readlink', '/proc/self/ns/pid']);
        expect(ours).toMatchObject({ status: 0, stderr: '', stdout: `${linkOf('self', 'pid')}\n` });
        const children = nstool([
          'enter',
          String(target.pid),
          '-p',
          option,
          'readlink',
          '/proc/self/ns/pid_for_children',
        ]);
        const theirs = run([
          'nsenter',
          '-t',
          String(target.pid),
          '-p',
          '-F',
          'readlink',
          '/proc/self/ns/pid_for_children',
        ]);
        expect(children).toEqual(theirs);
        expect(children.stdout).toBe(`${linkOf(target.pid, 'pid')}\n`);
      }
    } finally {
      await target.end();
    }
  });
});
