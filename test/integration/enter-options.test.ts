// The options of nsenter(1) besides the kinds, compared with that of the newest util-linux; and what a kind may be
// entered by.

import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandBelow, linkOf, look, type Entered } from '../support/entered.ts';
import { newestUtilLinux, readableCopy } from '../support/newest-util-linux.ts';
import { asUser, commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const newest = newestUtilLinux();
const report = "grep -E '^(Uid|Gid|Groups)' /proc/thread-self/status; pwd; ls -di / .; cat /proc/self/cgroup";
const statusLines = ['Uid', 'Gid', 'Groups', 'CapPrm', 'CapEff', 'CapInh', 'CapBnd', 'CapAmb', 'NoNewPrivs'];

function enter(words: readonly string[], told = report): Promise<Entered> {
  return look(commandLine(['enter', '--no-dns', '--no-proc', ...words]), told);
}

function nsenter(words: readonly string[], told = report): Promise<Entered> {
  return look([...(newest?.('nsenter') ?? []), ...words], told);
}

async function expectSame(words: readonly string[], told = report): Promise<Entered> {
  const ours = await enter(words, told);
  const theirs = await nsenter(words, told);
  expect(ours.links).toEqual(theirs.links);
  expect(ours.report).toBe(theirs.report);
  for (const name of statusLines) expect(`${name} ${ours.status(name)}`).toBe(`${name} ${theirs.status(name)}`);
  return ours;
}

describe.skipIf(newest === undefined || lacks('root', 'namespaces', 'unshare'))('as root', () => {
  let folder: string;
  let target: TargetProcess;
  /** Runs as uid 7 and gid 8 of a user namespace that maps 0 to 99 to ids from 1000 and 2000 on. */
  let mapped: TargetProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-options-'));
    run(['chmod', '755', folder]);
    target = await makeTarget(['-m', '-u', '-n', '-C', '-p', '--fork', '--mount-proc']);
    const made = await makeTarget(['-U', '-n', '-u']);
    writeFileSync(`/proc/${made.pid}/uid_map`, '0 1000 100');
    writeFileSync(`/proc/${made.pid}/gid_map`, '0 2000 100');
    const options = ['-t', String(made.pid), '-U', '-n', '-u', '-S', '7', '-G', '8'];
    const child = spawn('nsenter', [...options, 'sleep', '1000'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    while (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep')) await nap();
    mapped = { pid, end: () => ended(child).then(() => made.end()) };
  });
  afterAll(async () => {
    await Promise.all([target.end(), mapped.end()]);
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    [['-U', '-S', 'follow']],
    [['-U', '-G', 'follow']],
    [['-U', '-n', '-S', 'follow', '-G', 'follow']],
    [['-n', '-S', 'follow', '-G', 'follow']],
    [['-U', '-n', '-S', '7', '-G', '8', '--keep-caps']],
    [['-U', '-n', '--keep-caps', '--preserve-credentials']],
    [['-n', '-S', '7', '--keep-caps']],
  ])('ids and capabilities: %j', async (options) => {
    await expectSame(['-t', String(mapped.pid), ...options], "grep -E '^(Uid|Gid)' /proc/thread-self/status");
  });

  test('--keep-caps makes ambient what the user namespace gave', async () => {
    // With -U alone nsenter 2.42 forgets the option: it has joined all before it looks whether a user namespace is left.
    const kept = await enter(['-t', String(mapped.pid), '-U', '--preserve-credentials', '--keep-caps']);
    expect(kept.status('CapAmb')).toBe(kept.status('CapPrm'));
    expect(BigInt(`0x${kept.status('CapAmb')}`)).toBeGreaterThan(0n);
  });

  test.each([[['-m', '-W/proc']], [['-m', '--wdns=/usr']], [['-W/usr', '-n']], [['-m', '-r', '-W/usr/bin']]])(
    'a working directory in there: %j',
    async (options) => {
      await expectSame(['-t', String(target.pid), ...options], 'pwd; ls -di .');
    },
  );

  test('--wdns that is not there, and with --wd', () => {
    const missing = nstool(['enter', String(target.pid), '-m', '-W', '/nonexistent', 'true']);
    expect(missing).toMatchObject({ status: 125, stdout: '' });
    expect(missing.stderr).toContain('cannot open /nonexistent in there: ENOENT');
    const both = nstool(['enter', String(target.pid), '-m', '-w', '-W', '/usr', 'true']);
    expect(both).toMatchObject({ status: 125, stdout: '' });
    expect(both.stderr).toContain('--wd and --wdns exclude each other');
  });

  test('-t PID:inode: the number of the pidfd', () => {
    if (lacks('python')) return;
    const script = `import os; print(os.fstat(os.pidfd_open(${target.pid})).st_ino)`;
    const number = `${target.pid}:${run(['python3', '-c', script]).stdout.trim()}`;
    expect(number).toMatch(/^\d+:\d+$/);
    const links = run(['readlink', `/proc/${target.pid}/ns/net`]).stdout;
    for (const words of [
      ['-t', number, '-n'],
      [number, '-n'],
    ]) {
      expect(nstool(['enter', ...words, 'readlink', '/proc/self/ns/net'])).toMatchObject({ status: 0, stdout: links });
    }
    const other = nstool(['enter', '-t', `${target.pid}:1`, '-n', 'true']);
    expect(other).toMatchObject({ status: 125, stdout: '' });
    expect(other.stderr).toContain(`process ${target.pid} is not the one with the number 1: ESTALE`);
    expect(run([...(newest?.('nsenter') ?? []), '-t', `${target.pid}:1`, '-n', 'true']).status).toBe(1);
  });

  describe('-e: the environment of the target', () => {
    let odd: ChildProcess;
    beforeAll(async () => {
      const script =
        'exec env -i PATH=/usr/bin:/bin A=1 "B=$(printf \'x\\ny\\377\')" LONG="$(head -c 100000 /dev/zero | tr \'\\0\' x)" EMPTY= sleep 1000';
      odd = spawn('unshare', ['-n', 'sh', '-c', script], { stdio: 'ignore' });
      while (!readFileSync(`/proc/${odd.pid}/cmdline`, 'utf8').startsWith('sleep')) await nap();
    });
    afterAll(
      () =>
        new Promise<void>((done) => {
          odd.once('exit', () => done());
          odd.kill('SIGKILL');
        }),
    );

    test('arrives byte for byte', () => {
      const theirs = readFileSync(`/proc/${odd.pid}/environ`).toString('latin1');
      const ours = run([
        'sh',
        '-c',
        `"$@" | od -An -v -tx1 | tr -d ' \\n'`,
        'sh',
        ...commandLine(['enter', String(odd.pid), '-n', '-e', 'cat', '/proc/self/environ']),
      ]);
      expect(Buffer.from(ours.stdout, 'hex').toString('latin1')).toBe(theirs);
    });

    test('decides where the command is looked for', async () => {
      await expectSame(['-t', String(odd.pid), '-n', '-e'], 'echo $A $PATH $B');
      const empty = nstool(['enter', String(odd.pid), '-n', 'sh', '-c', 'echo "$A"']);
      expect(empty.stdout).toBe('\n');
    });
  });

  test('-N FD: the network namespace of a socket, where its owner is elsewhere', async () => {
    if (lacks('python')) return;
    // The socket is made in a namespace of its own, which the process then leaves.
    const script = [
      'import socket, os, ctypes, time',
      'c = ctypes.CDLL(None)',
      "home = os.open('/proc/self/ns/net', os.O_RDONLY)",
      'assert c.unshare(0x40000000) == 0',
      's = socket.socket(); os.dup2(s.fileno(), 77)',
      "print(os.readlink('/proc/self/ns/net'), flush=True)",
      'assert c.setns(home, 0) == 0',
      'time.sleep(1000)',
    ].join('\n');
    const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const link = await new Promise<string>((done) =>
      child.stdout.once('data', (data: Buffer) => done(data.toString().trim())),
    );
    while (linkOf(child.pid ?? 0, 'net') !== linkOf('self', 'net')) await nap();
    try {
      const words = ['-t', String(child.pid), '-N', '77'];
      const ours = await expectSame(words);
      expect(ours.links['net']).toBe(link);
      expect(nstool(['enter', String(child.pid), '-N', '77', 'readlink', '/proc/self/ns/net']).stdout).toBe(
        `${link}\n`,
      );
      const none = nstool(['enter', '-t', String(child.pid), '-N', '78', 'true']);
      expect(none).toMatchObject({ status: 125, stdout: '' });
      expect(none.stderr).toContain('78 of process');
      expect(none.stderr).toContain('EBADF\n  why: the process has no such descriptor\n');
      const other = nstool(['enter', '-t', String(child.pid), '-N', '0', 'true']);
      expect(other).toMatchObject({ status: 125, stdout: '' });
      expect(other.stderr).toContain('ENOTTY\n  why: it is no socket\n');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('--user-parent: the user namespace above', async () => {
    const inner = ['unshare', '-U', '-r', '-u', '--fork', '--kill-child', 'sleep', '1000'];
    const nested = await makeTarget(['-U', '-r', '-n'], undefined, ['unshare', '--fork', '--kill-child', ...inner]);
    try {
      const pid = String(await commandBelow(nested.pid, 'sleep'));
      expect(linkOf(Number(pid), 'user')).not.toBe(linkOf(nested.pid, 'user'));
      for (const options of [['--user-parent'], ['--user-parent', '-n'], ['-U', '--user-parent', '-n']]) {
        const ours = await expectSame(['-t', pid, ...options], 'true');
        expect(ours.links['user']).toBe(linkOf(nested.pid, 'user'));
      }
      const byFile = await enter([`--user=/proc/${pid}/ns/user`, '--user-parent']);
      expect(byFile.links['user']).toBe(linkOf(nested.pid, 'user'));
    } finally {
      await nested.end();
    }
  });

  test.skipIf(lacks('userns'))('-Z changes nothing where SELinux is not active', async () => {
    if (run(['test', '-e', '/sys/fs/selinux/enforce']).status === 0) return;
    await expectSame(['-t', String(target.pid), '-n', '-Z']);
  });

  describe('-c: the cgroups of the target', () => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '));
    const hierarchies = mounts.flatMap(([, at = '', type = '', options = '']) =>
      type === 'cgroup2' || (type === 'cgroup' && /(^|,)(pids|name=systemd|freezer)(,|$)/.test(options)) ? [at] : [],
    );
    let made: readonly string[] = [];
    let inside: TargetProcess;
    beforeAll(async () => {
      made = hierarchies.map((at) => join(at, `nstool-options-${process.pid} a:b`));
      inside = await makeTarget(['-n', '-C']);
      for (const path of made) {
        mkdirSync(path);
        writeFileSync(join(path, 'cgroup.procs'), String(inside.pid));
      }
    });
    afterAll(async () => {
      await inside.end();
      for (const path of made) rmdirSync(path);
    });

    test.each([[['-n']], [['-C']], [['-n', '-C']]])('in every hierarchy: %j', async (options) => {
      expect(made.length).toBeGreaterThan(0);
      const ours = await enter([String(inside.pid), '-c', ...options], 'true');
      await look(commandLine(['enter', String(inside.pid), '-c', ...options]), 'true', (entered) => {
        expect(readFileSync(`/proc/${entered.pid}/cgroup`, 'utf8')).toBe(
          readFileSync(`/proc/${inside.pid}/cgroup`, 'utf8'),
        );
      });
      expect(ours.links['net']).toBe(options.includes('-n') ? linkOf(inside.pid, 'net') : linkOf('self', 'net'));
    });

    test('not without it', async () => {
      await look(commandLine(['enter', String(inside.pid), '-n']), 'true', (entered) => {
        expect(readFileSync(`/proc/${entered.pid}/cgroup`, 'utf8')).toBe(readFileSync('/proc/self/cgroup', 'utf8'));
      });
    });

    test('a cgroup of which no mount shows anything', () => {
      const script = 'umount -a -t cgroup,cgroup2 2>/dev/null; umount -l /sys/fs/cgroup 2>/dev/null; exec "$@"';
      const words = commandLine(['enter', String(inside.pid), '-c', '-n', 'true']);
      const result = run(['unshare', '-m', 'sh', '-c', script, 'sh', ...words]);
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toMatch(
        /cannot join the \S+ cgroup \/nstool-options-\d+ a:b of process \d+\n {2}why: no mount/,
      );
    });
  });

  describe('what a kind may be entered by', () => {
    test('a pid, an id, a number, the host', async () => {
      const net = linkOf(target.pid, 'net');
      const id =
        run(commandLine(['ls', '-t', 'net', '-n', '-o', 'NS,ID']))
          .stdout.split('\n')
          .map((line) => line.trim().split(/\s+/))
          .find(([number]) => net.includes(number ?? 'none'))?.[1] ?? '-';
      const words = [String(target.pid), net, net.replaceAll(/[[\]]/g, ''), `/proc/${target.pid}/ns/net`];
      if (id !== '-') words.push(`:${id}`);
      for (const word of words) {
        const ours = await enter([`--net=${word}`, `--uts=${target.pid}`, '--mount=host'], 'true');
        expect({ word, net: ours.links['net'] }).toEqual({ word, net });
        expect(ours.links['uts']).toBe(linkOf(target.pid, 'uts'));
      }
    });

    test("--pid=host keeps the host's where all else is entered", async () => {
      const ours = await enter(['-t', String(target.pid), '-a', '--pid=host'], 'true');
      expect(ours.links['net']).toBe(linkOf(target.pid, 'net'));
      expect(ours.links['mnt']).toBe(linkOf(target.pid, 'mnt'));
      expect(ours.links['pid']).toBe(linkOf('self', 'pid'));
    });

    test.each([
      [['--net=:x'], '--net=:x is no id of a namespace'],
      [['--net=:1'], ''],
      [['--net=nothing-is-called-so'], "nothing here is called 'nothing-is-called-so'"],
      [['-N', '7', '--net=self'], '--net-socket needs a process'],
      [['-e', '--net=self'], '--env needs a process'],
      [['--setuid=follow', '--net=self'], '--setuid=follow needs a process'],
      [
        ['self', '--root=/etc/passwd'],
        'cannot change the root: ENOTDIR\n  why: what was named as the root is no directory',
      ],
      [['self', '-N', 'x'], "--net-socket takes the number of a descriptor, not 'x'"],
    ])('%j is refused', (words, text) => {
      const result = nstool(['enter', ...words, 'true']);
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toContain(`nstool: ${text}`);
      expect(result.stderr).not.toContain('internal error');
    });
  });
});

/** The user namespace that owns the others has no process: bwrap made another one below it, to drop its privileges. */
describe.skipIf(newest === undefined || lacks('userns', 'bwrap'))(
  'what bwrap makes, as the plain user who made it',
  () => {
    const uid = process.geteuid?.() === 0 ? PLAIN_UID : (process.geteuid?.() ?? PLAIN_UID);
    let folder: string;
    let oracle: readonly string[];
    let bwrap: ChildProcess;
    let pid: number;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nstool-bwrap-'));
      oracle = readableCopy(newest?.('nsenter') ?? [], folder);
      const links = ['bin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]);
      const options = ['--unshare-all', '--uid', '1234', '--dev', '/dev', '--ro-bind', '/usr', '/usr', ...links];
      const [file = '', ...args] = asUser(['bwrap', ...options, 'sleep', '1000'], uid);
      bwrap = spawn(file, args, { stdio: 'ignore' });
      pid = await commandBelow(bwrap.pid ?? 0, 'sleep');
    });
    afterAll(async () => {
      // The first process in there ends with it; killing the one outside would leave both.
      process.kill(pid, 'SIGKILL');
      await ended(bwrap);
      rmSync(folder, { recursive: true, force: true });
    });

    test.each([[['-a']], [['-U']], [['-U', '-n']], [['-m', '-U', '-p']]])('%j', async (options) => {
      const words = ['-t', String(pid), '--preserve-credentials', ...options];
      const ours = await look(commandLine(['enter', ...words], uid), 'id -u; hostname');
      if (options.includes('-a')) {
        // nsenter wants to join what is ours already, too, and is refused.
        for (const kind of ['user', 'mnt', 'net', 'pid', 'uts', 'ipc'])
          expect(ours.links[kind]).toBe(linkOf(pid, kind));
        return;
      }
      const theirs = await look(asUser([...oracle, ...words], uid), 'id -u; hostname');
      expect(ours.links).toEqual(theirs.links);
      expect(ours.report).toBe(theirs.report);
      expect(ours.links['user']).toBe(linkOf(pid, 'user'));
    });
  },
);

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once('exit', () => done());
    child.kill('SIGKILL');
  });
}

function nap(): Promise<void> {
  return new Promise((done) => setTimeout(done, 10));
}
