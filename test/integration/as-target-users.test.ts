// enter --as-target for what unshare(1), bwrap(1) and setpriv(1) make, as root and as the plain user whose it is: the
// command is compared with the target itself, and what cannot be copied is said.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { commandBelow, look, statusLine, type Entered } from '../support/entered.ts';
import { asUser, commandLine, identities, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** The command, or what it started, once that is `sleep`. */
async function started(command: readonly string[], uid?: number): Promise<number> {
  const [file = '', ...args] = asUser(command, uid);
  const child = spawn(file, args, { stdio: 'ignore', cwd: '/' });
  const exit = new Promise<void>((done) => child.once('exit', () => done()));
  let pid = child.pid ?? 0;
  ends.push(async () => {
    for (const each of [pid, child.pid ?? 0]) if (child.exitCode === null && child.signalCode === null) kill(each);
    await exit;
  });
  pid = await commandBelow(pid, 'sleep');
  return pid;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It went with the other one.
  }
}

/** `options` are unshare's. The shell runs `before` and becomes sleep. */
function target(options: readonly string[], before: string, uid?: number): Promise<number> {
  return started(['unshare', ...options, 'sh', '-ec', `${before}\nexec sleep 100000`], uid);
}

const LINES = [
  'Uid',
  'Gid',
  'Groups',
  'CapInh',
  'CapPrm',
  'CapEff',
  'CapBnd',
  'CapAmb',
  'NoNewPrivs',
  'Seccomp',
  'Umask',
];
const FILES = ['limits', 'oom_score_adj', 'cgroup', 'uid_map'];

/** Both read from outside, in the names of the host. */
async function expectLike(pid: number, uid: number | undefined, but: readonly string[] = []): Promise<Entered> {
  return look(commandLine(['enter', String(pid), '--as-target'], uid), 'true', (entered) => {
    const alike = LINES.filter((name) => !but.includes(name));
    const all = (of: number): readonly string[] => [
      ...alike.map((name) => `${name} ${statusLine(of, name)}`),
      ...FILES.filter((name) => !but.includes(name)).map((name) => readFileSync(`/proc/${of}/${name}`, 'latin1')),
    ];
    expect(all(entered.pid)).toEqual(all(pid));
  });
}

describe.skipIf(lacks('root', 'userns', 'unshare'))('as root', () => {
  it('ids, sets and all else that a process can have of its own', async () => {
    const pid = await target(
      ['-m', '-n', '--'],
      `cd /usr; umask 27; echo 700 >/proc/$$/oom_score_adj; ulimit -c 0; ulimit -Sn 55; ulimit -s 4096
       exec setpriv --reuid 1000 --regid 1001 --groups 5,6,7 --inh-caps=-all,+net_raw,+kill --ambient-caps=-all,+net_raw \
         --bounding-set=-all,+net_raw,+kill,+setpcap --no-new-privs sleep 100000`,
    );
    const { report } = await expectLike(pid, undefined);
    expect(report).toBe('');
  });

  it('a mapped user namespace: the ids are translated, groups from outside are kept', async () => {
    const made = await makeTarget(['-U', '-n'], undefined, ['sleep', '100000']);
    ends.push(() => made.end());
    writeFileSync(`/proc/${made.pid}/uid_map`, '0 100000 1000');
    writeFileSync(`/proc/${made.pid}/gid_map`, '0 200000 1000');
    const inner = [
      'nsenter',
      '-t',
      String(made.pid),
      '-U',
      '-n',
      'setpriv',
      '--reuid=33',
      '--regid=34',
      '--groups=35,36',
    ];
    const pid = await started([...inner, 'sleep', '100000']);
    const { status } = await expectLike(pid, undefined);
    expect(status('Groups')).toBe('200035 200036');
    const inside = run(commandLine(['enter', String(pid), '--as-target', 'id', '-G']));
    expect(inside).toMatchObject({ status: 0, stderr: '', stdout: '34 35 36\n' });
  });

  it('an id that is not mapped there cannot be had, and that is said', async () => {
    const pid = await target(['-U'], 'true', PLAIN_UID);
    const { status, stderr } = nstool(['enter', String(pid), '--as-target', 'true']);
    expect(status).toBe(0);
    expect(stderr).toContain(
      `nstool: not copied: uid: uid ${PLAIN_UID} is not mapped in its user namespace, so that nobody can become it there\n`,
    );
  });

  it('a uid 0 that gave up capabilities: exec gives them back, and that is said', async () => {
    const pid = await started(['python3', '-c', NO_ROOT]);
    const { status, stderr } = nstool(['enter', String(pid), '--as-target', 'true']);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^nstool: not copied: permitted capabilities: the command has [0-9]+ capabilities more: exec gives uid 0 all of the bounding set\n$/,
    );
  });

  it('256 KiB of groups, and a megabyte of environment that is no text', async () => {
    const pid = await started(['python3', '-c', HOSTILE]);
    const { status, stdout, stderr } = nstool([
      'enter',
      String(pid),
      '--as-target',
      'sh',
      '-c',
      'cat /proc/$$/environ | sha256sum; grep ^Groups: /proc/$$/status | sha256sum',
    ]);
    const theirs = run([
      'sh',
      '-c',
      `cat /proc/${pid}/environ | sha256sum; grep ^Groups: /proc/${pid}/status | sha256sum`,
    ]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toBe(theirs.stdout);
  });
});

/** With SECBIT_NOROOT uid 0 loses all permitted capabilities by exec, and the bounding set stays whole. */
const NO_ROOT = `
import ctypes, os
PR_SET_SECUREBITS, SECBIT_NOROOT = 28, 1
assert ctypes.CDLL(None).prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0) == 0
os.execvp('sleep', ['sleep', '100000'])`;

const HOSTILE = `
import os, sys
os.setgroups(range(100000, 165536))
env = {b'L%d' % i: b'\\xff\\x80\\n=' * 30000 for i in range(8)}
env[b'\\xfe'] = b'x'
env[b'PATH'] = os.environb[b'PATH']
os.execve('/bin/sleep', [b'sleep', b'100000'], env)`;

describe.skipIf(lacks('userns', 'unshare'))('of the same user', () => {
  it.each(identities)('$name: a process of its own', async ({ uid }) => {
    const pid = await target([], 'cd /usr; umask 77; echo 650 >/proc/$$/oom_score_adj; ulimit -n 333', uid);
    await expectLike(pid, uid);
  });

  it.each(identities)('$name: an unshared one', async ({ uid }) => {
    const pid = await target(['-U', '-r', '-m', '-p', '--fork', '--mount-proc', '-u', '-i', '-n'], 'umask 7', uid);
    await expectLike(pid, uid);
  });

  it.skipIf(lacks('bwrap')).each(identities)('$name: one that bwrap made', async ({ uid }) => {
    const options = ['--unshare-all', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--uid', '1000'];
    const pid = await started(['bwrap', ...options, 'sleep', '100000'], uid);
    await expectLike(pid, uid);
  });

  it('a plain user is told what needs rights', async () => {
    const pid = await target([], 'true', PLAIN_UID);
    const script = `echo 900 >/proc/$$/oom_score_adj; ulimit -n 100; exec "$@"`;
    const words = commandLine(['enter', String(pid), '--as-target', 'sh', '-c', 'ulimit -n'], PLAIN_UID);
    const hard = run(['sh', '-c', 'ulimit -Hn']).stdout.trim();
    const result = run(['sh', '-c', script, 'sh', ...words]);
    expect(result).toMatchObject({ status: 0, stdout: '100\n' });
    expect(result.stderr).toContain(
      'nstool: not copied: oom_score_adj 0: ours is 900, and below ours it needs CAP_SYS_RESOURCE in the initial user namespace\n',
    );
    expect(result.stderr).toContain(
      'nstool: not copied: limit of open files: to raise the hard limit needs CAP_SYS_RESOURCE in the initial user namespace; the command gets 100, hard 100\n',
    );
    expect(Number(hard)).toBeGreaterThan(100);
  });
});

it.each([
  ['env', "there is no 'env'", 'no-env'],
  ['no-evn', "there is no 'no-evn'", 'no-env'],
  ['no-env,,no-caps', "there is no ''", ''],
])('--as-target=%s is refused', (word, what, meant) => {
  const result = nstool(['enter', 'self', `--as-target=${word}`, 'true']);
  expect(result).toMatchObject({ status: 125, stdout: '' });
  expect(result.stderr).toContain(what);
  expect(result.stderr).toContain('no-ns, no-root, no-cwd, no-env, no-cgroup, no-ids, no-caps');
  expect(result.stderr).toContain(`try: --as-target${meant === '' ? '' : `=${meant}`}`);
});

it('a namespace is no process that one could be like', () => {
  const result = nstool(['enter', '/proc/self/ns/net', '--as-target', 'true']);
  expect(result).toMatchObject({ status: 125 });
  expect(result.stderr).toContain('--as-target needs a process');
});
