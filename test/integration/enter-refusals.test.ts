// Refusals, each provoked: the text names the rule, and a dry run foresees the same, with the status of a denial.

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandBelow, linkOf } from '../support/entered.ts';
import { startOddProcess } from '../support/odd-process.ts';
import { asUser, commandLine, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

/** Around nstool: who it is run as, and where. */
type Around = (command: readonly string[]) => readonly string[];

const asRoot: Around = (command) => command;
const asPlain: Around = (command) => asUser(command, PLAIN_UID);
const without =
  (...capabilities: readonly string[]): Around =>
  (command) => {
    const sets = capabilities.map((name) => `-${name}`).join(',');
    return ['setpriv', `--bounding-set=${sets}`, `--inh-caps=${sets}`, ...command];
  };

/** nstool in the same way, tried and foreseen; both texts are the same. */
function refused(around: Around, words: readonly string[]): string {
  const tried = enter(around, words);
  expect(tried).toMatchObject({ status: 125, stdout: '' });
  const foreseen = enter(around, ['--dry-run', ...words]);
  expect({ words, status: foreseen.status }).toEqual({ words, status: 4 });
  expect(foreseen.stderr).toBe(tried.stderr);
  const json: unknown = JSON.parse(enter(around, ['--dry-run', '--json', ...words]).stdout);
  expect(faults('enter', json)).toEqual([]);
  expect(json).toMatchObject({ verdict: { allowed: false, what: firstLine(tried.stderr) } });
  return tried.stderr;
}

function firstLine(text: string): string {
  return text.slice('nstool: '.length, text.indexOf('\n'));
}

/** It is done, and was foreseen to be. */
function allowed(around: Around, words: readonly string[]): void {
  expect(enter(around, words)).toMatchObject({ status: 0, stderr: '' });
  expect(enter(around, ['--dry-run', ...words])).toMatchObject({ status: 0, stderr: '' });
}

function enter(around: Around, words: readonly string[]): RunResult {
  return run(around(commandLine(['enter', ...words, 'true'])));
}

describe.skipIf(lacks('root', 'userns', 'namespaces', 'unshare'))('refused by the kernel', () => {
  /** Of root, without a user namespace. */
  let plain: TargetProcess;
  /** Of the plain user, in a user namespace of its own. */
  let theirs: TargetProcess;
  /** Of root, in a user namespace of its own. */
  let mapped: TargetProcess;

  beforeAll(async () => {
    plain = await makeTarget(['-n', '-u', '-m', '-p', '--fork']);
    theirs = await makeTarget(['-U', '-r', '-n', '-u', '-m', '-p', '-i', '--fork'], PLAIN_UID);
    mapped = await makeTarget(['-U', '-r', '-n']);
  });
  afterAll(async () => {
    await Promise.all([plain.end(), theirs.end(), mapped.end()]);
  });

  test('ptrace access: a process of another user', () => {
    expect(refused(asPlain, [String(plain.pid), '-n'])).toMatch(
      /: permission denied \(EACCES\)\n {2}why: .*ptrace access: it runs as uid 0, we as \d+, without CAP_SYS_PTRACE.*\n {2}try: the same command with sudo\n/,
    );
  });

  test('ptrace access: a process of ours that is not dumpable', async () => {
    if (lacks('cc')) return;
    const process = await startOddProcess([], ['undumpable'], PLAIN_UID);
    try {
      expect(refused(asPlain, [String(process.pid), '-n'])).toContain('it is not dumpable');
    } finally {
      await process.end();
    }
  });

  test('ptrace access: a process of ours with capabilities that we lack', async () => {
    const [file = '', ...args] = asRoot([
      'setpriv',
      `--reuid=${PLAIN_UID}`,
      `--regid=${PLAIN_UID}`,
      '--clear-groups',
      '--inh-caps=+net_raw',
      '--ambient-caps=+net_raw',
      'sleep',
      '1000',
    ]);
    const child = spawn(file, args, { stdio: 'ignore' });
    try {
      await commandBelow(child.pid ?? 0, 'sleep');
      expect(refused(asPlain, [String(child.pid), '-n'])).toContain(
        'it has capabilities that we have not (cap_net_raw)',
      );
    } finally {
      await ended(child);
    }
  });

  test('ptrace access: two users that our user namespace has no numbers for', async () => {
    const [file = '', ...args] = asUser(['sleep', '1000'], 12_345);
    const child = spawn(file, args, { stdio: 'ignore' });
    try {
      await commandBelow(child.pid ?? 0, 'sleep');
      const other: Around = (command) => asUser(['unshare', '-U', ...command], PLAIN_UID);
      expect(refused(other, [String(child.pid), '-n'])).toContain(
        'ptrace access: it may be of another user than we: our user namespace has no number for either',
      );
    } finally {
      await ended(child);
    }
  });

  test('uid 0 that is not mapped: the command has no capabilities, which is said', async () => {
    const target = await makeTarget(['-U'], PLAIN_UID);
    const said =
      /^nstool: uid 0 is not mapped in user:\[\d+\]: the command keeps our uid, and has no capabilities there; .*\n$/;
    const words = ['enter', String(target.pid), '-U'];
    try {
      const tried = run(commandLine([...words, 'grep', 'CapEff', '/proc/self/status']));
      expect(tried).toMatchObject({ status: 0, stdout: 'CapEff:\t0000000000000000\n' });
      expect(tried.stderr).toMatch(said);
      expect(run(commandLine([...words, '--dry-run', 'true'])).stderr).toMatch(said);
      for (const option of ['--keep-caps', '--preserve-credentials'])
        expect(run(commandLine([...words, option, 'true']))).toMatchObject({ status: 0, stderr: '' });
    } finally {
      await target.end();
    }
  });

  test.each(['net', 'uts', 'ipc', 'mount', 'pid'])('a %s namespace of ours without its user namespace', (option) => {
    const text = refused(asPlain, [String(theirs.pid), `--${option}`]);
    expect(text).toMatch(/^nstool: cannot join the \w+ namespace of \S+: EPERM\n/);
    expect(text).toMatch(/why: user:\[\d+\] owns it, and we may there, but that also needs CAP_SYS_ADMIN in our own/);
    expect(text).toContain(`try: nstool enter -t ${theirs.pid} --user --${option} COMMAND\n`);
    allowed(asPlain, [String(theirs.pid), '--user', `--${option}`]);
  });

  test('the command that would do is one that does, by a path or another process too', async () => {
    const other = await makeTarget(['-U', '-r', '-n', '-i'], PLAIN_UID);
    try {
      for (const word of [`--net=${theirs.pid}`, `--net=/proc/${theirs.pid}/ns/net`, `/proc/${theirs.pid}/ns/net`]) {
        const [, words = ''] = /try: nstool enter (.*) COMMAND\n$/.exec(refused(asPlain, [word])) ?? [];
        expect(words).toBe(`--user=/proc/${theirs.pid}/ns/user --net=/proc/${theirs.pid}/ns/net`);
        allowed(asPlain, words.split(' '));
      }
      // In the one user namespace nothing can be done in the other: only who is outside of both can join these.
      const mixed = [`--user=${theirs.pid}`, `--net=${other.pid}`];
      const [, words = ''] = /try: sudo nstool enter (.*) COMMAND\n$/.exec(refused(asPlain, mixed)) ?? [];
      expect(words).toBe(`--user=/proc/${theirs.pid}/ns/user --net=/proc/${other.pid}/ns/net`);
      allowed(asRoot, words.split(' '));
      expect(refused(asPlain, [`--uts=${theirs.pid}`, `--net=${other.pid}`])).toContain(
        'try: sudo nstool enter --uts=',
      );
    } finally {
      await other.end();
    }
  });

  test('a user namespace that is not ours', () => {
    const path = `/proc/${mapped.pid}/ns/user`;
    const fd = openSync(path, 'r');
    try {
      // Its file is open to nobody but root: through a descriptor of ours it is.
      const passed: Around = (command) => ['sh', '-c', `exec "$@" 9<${path}`, 'sh', ...asPlain(command)];
      const text = refused(passed, ['--user=/dev/fd/9']);
      expect(text).toMatch(/cannot join the user namespace of \/dev\/fd\/9: EPERM/);
      expect(text).toMatch(
        /not the owner of user:\[\d+\] \(that is uid 0, we are uid \d+\), and without CAP_SYS_ADMIN/,
      );
    } finally {
      closeSync(fd);
    }
  });

  test.each([
    ['net', ['sys_admin'], 'CAP_SYS_ADMIN in user:\\[\\d+\\], our own, is missing'],
    ['mount', ['sys_admin'], 'CAP_SYS_ADMIN in user:\\[\\d+\\], our own, is missing'],
    ['mount', ['sys_chroot'], 'that also needs CAP_SYS_CHROOT in our own user namespace, for a mount namespace'],
    ['pid', ['sys_admin'], 'CAP_SYS_ADMIN in user:\\[\\d+\\], our own, is missing'],
  ])('root, a %s namespace, without %j', (option, capabilities, rule) => {
    expect(refused(without(...capabilities), [String(plain.pid), `--${option}`])).toMatch(new RegExp(`why: .*${rule}`));
    allowed(without('net_raw'), [String(plain.pid), `--${option}`]);
  });

  test('root of a user namespace, into what belongs to the host', () => {
    const inside: Around = (command) => ['unshare', '-U', '-r', ...command];
    const text = refused(inside, [String(plain.pid), '-u']);
    expect(text).toMatch(/ptrace access/);
    const through: Around = (command) => [
      'sh',
      '-c',
      `exec "$@" 9</proc/${plain.pid}/ns/uts`,
      'sh',
      ...inside(command),
    ];
    expect(refused(through, ['--uts=/dev/fd/9'])).toMatch(
      /neither ours nor below ours: no capability of ours counts there/,
    );
  });

  test('a pid namespace that is not below ours', () => {
    const inside: Around = (command) => [
      'sh',
      '-c',
      `exec "$@" 9</proc/self/ns/pid`,
      'sh',
      'unshare',
      '-p',
      '--fork',
      '--mount-proc',
      ...command,
    ];
    expect(refused(inside, ['--pid=/dev/fd/9'])).toBe(
      'nstool: cannot join the pid namespace of /dev/fd/9: EINVAL\n' +
        '  why: it is not below our own pid namespace: only children and theirs can be entered\n',
    );
  });

  test('a pid namespace whose first process has ended', async () => {
    const target = await makeTarget(['-p', '--fork']);
    const handle = openSync(`/proc/${target.pid}/ns/pid`, 'r');
    try {
      await target.end();
      expect(refused(asRoot, [`--pid=/proc/${process.pid}/fd/${handle}`])).toBe(
        'nstool: cannot start a process in the pid namespace: ENOMEM\n' +
          '  why: its first process has ended, and nothing can be started in it any more\n',
      );
    } finally {
      closeSync(handle);
    }
  });

  test('ids', () => {
    expect(refused(asRoot, [String(mapped.pid), '-U', '-S', '5'])).toContain(
      'cannot become uid 5: EINVAL\n  why: uid 5 is not mapped',
    );
    expect(refused(asRoot, [String(mapped.pid), '-U', '-G', '6'])).toContain(
      'cannot become gid 6: EINVAL\n  why: gid 6 is not mapped',
    );
    expect(refused(asPlain, ['self', '-n', '-S', '5'])).toContain(
      'cannot become uid 5: EPERM\n  why: that needs CAP_SETUID',
    );
    expect(refused(asPlain, ['self', '-n', '-G', '5'])).toContain('cannot drop supplementary groups: EPERM\n  why: ');
    expect(refused(asPlain, [`--user=/proc/${theirs.pid}/ns/user`, '-G', '0'])).toContain('setgroups not denied there');
    allowed(asPlain, ['self', '-n', '-S', String(PLAIN_UID)]);
  });

  test('a root of another choice', () => {
    expect(refused(asPlain, ['self', '-n', '-r'])).toContain(
      'cannot change the root: EPERM\n  why: that needs CAP_SYS_CHROOT',
    );
    allowed(asRoot, ['self', '-n', '-r']);
  });

  test('a process that is not the one of that number', () => {
    expect(refused(asRoot, [`${plain.pid}:3`, '-n'])).toMatch(
      /^nstool: process \d+ is not the one with the number 3: ESTALE\n {2}why: it ended, and another has its pid/,
    );
  });

  test.each([
    [['-n', '--wd=/nope'], 'cannot open /nope: ENOENT\n  why: it does not exist'],
    [['-n', '--wd=/etc/passwd'], 'cannot change to /etc/passwd: ENOTDIR\n  why: it is no directory'],
    [['-n', '--wd=/etc/passwd/x'], 'cannot open /etc/passwd/x: ENOTDIR\n'],
    [['-n', '--root=/nope'], 'cannot open /nope: ENOENT\n'],
    [['-n', '--root=/etc/passwd'], 'cannot change the root: ENOTDIR\n  why: what was named as the root'],
    [['-m', '-W', '/nope'], 'cannot open /nope in there: ENOENT\n'],
    [['-m', '-W', 'nope'], 'cannot open nope in there: ENOENT\n'],
    [['-m', '-W', '/etc/passwd'], 'cannot change to /etc/passwd in there: ENOTDIR\n'],
    [['-u', '-r', '-W', '/nope'], 'cannot open /nope in there: ENOENT\n'],
    [['-u', '-W', '/nope'], 'cannot open /nope in there: ENOENT\n'],
    [['-n', '--no-dns', '-p', '--wd=/nope'], 'cannot open /nope'],
  ] as const)('a directory that is none: %j', (options, text) => {
    expect(refused(asRoot, [String(plain.pid), ...options])).toContain(text);
  });

  test('no number of a descriptor leads to a directory of ours, where /proc is ours, too (CVE-2024-21626)', () => {
    // Those of --root and --wd are opened first; a path in there may find a namespace, which is no directory.
    for (const fd of [3, 4, 5]) {
      for (const option of ['--wd', '--wdns', '--root']) {
        const words = [String(plain.pid), '-m', `${option}=/proc/self/fd/${fd}`];
        expect(enter(asRoot, words)).toMatchObject({ status: 125, stdout: '' });
        expect(enter(asRoot, ['--dry-run', ...words]).status).toBe(4);
      }
    }
  });

  test.skipIf(lacks('bwrap'))('--tools, by the owner of what bwrap made', async () => {
    const [file = '', ...args] = asPlain([
      'bwrap',
      '--unshare-all',
      '--uid',
      '1234',
      '--bind',
      '/',
      '/',
      '--dev',
      '/dev',
      'sleep',
      '1000',
    ]);
    const child = spawn(file, args, { stdio: 'ignore' });
    const pid = await commandBelow(child.pid ?? 0, 'sleep');
    try {
      expect(refused(asPlain, [String(pid), '--tools', '--preserve-credentials'])).toContain(
        "cannot put the target's file system below /target: EPERM\n  why: to copy its mounts needs CAP_SYS_ADMIN in",
      );
    } finally {
      process.kill(pid, 'SIGKILL');
      await ended(child);
    }
  });

  test('what is allowed is foreseen so', () => {
    allowed(asRoot, [String(plain.pid), '-m', '-W', '/usr', '-r']);
    allowed(asRoot, [String(plain.pid), '-u', '--wd=/usr', '--root=/']);
    allowed(asRoot, [String(plain.pid), '-a']);
    allowed(asRoot, [String(theirs.pid), '-a']);
    allowed(asRoot, [String(mapped.pid), '-a', '--preserve-credentials']);
    allowed(asPlain, [String(theirs.pid), '-a']);
    allowed(asPlain, ['self']);
    const inside: Around = (command) => ['unshare', '-U', '-r', '-m', ...command];
    allowed(inside, ['self', '-a']);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('--program', () => {
  let folder: string;
  let target: TargetProcess;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-program-'));
    target = await makeTarget(['-n', '-u']);
  });
  afterAll(async () => {
    await target.end();
    rmSync(folder, { recursive: true, force: true });
  });

  function printed(words: readonly string[]): string {
    const command = commandLine(['enter', String(target.pid), '-n', '--dry-run', '--json', ...words]);
    const { status, stdout } = run(command);
    expect(status).toBe(0);
    return stdout;
  }

  function carriedOut(program: string, words: readonly string[] = []): RunResult {
    const file = join(folder, 'program.json');
    writeFileSync(file, program);
    return run(commandLine(['enter', '--program', file, ...words]));
  }

  test('as it was printed, and edited', () => {
    const program = printed(['echo', 'one two', '', '\u00e4']);
    expect(faults('enter', JSON.parse(program))).toEqual([]);
    expect(passed('enter', JSON.parse(program))).toEqual([]);
    expect(carriedOut(program)).toMatchObject({ status: 0, stdout: 'one two  \u00e4\n', stderr: '' });
    expect(carriedOut(program.replace('"one two"', '"three"'))).toMatchObject({ status: 0, stdout: 'three  \u00e4\n' });
    expect(carriedOut(printed(['readlink', '/proc/self/ns/net'])).stdout).toBe(`${linkOf(target.pid, 'net')}\n`);
    const listed = carriedOut(program, ['--dry-run']);
    expect(listed.stdout).toContain('exec echo one two');
    expect(run(commandLine(['enter', '--program', '-']), { input: program }).stdout).toBe('one two  \u00e4\n');
  });

  test('a closed standard input is /dev/null by name, here and in other forms', () => {
    const show = ['readlink', '/proc/self/fd/0'];
    const file = join(folder, 'closed.json');
    writeFileSync(file, printed(show));
    const forms = [
      ['--program', file],
      ...['--tools', '--as-target', '-m'].map((form) => [String(target.pid), form, ...show]),
    ];
    for (const words of forms)
      expect(run(['sh', '-c', '"$@" <&-', 'sh', ...commandLine(['enter', ...words])]).stdout).toBe('/dev/null\n');
  });

  test('bytes that are no text stay as they are', () => {
    const command = commandLine(['enter', String(target.pid), '-n', '--dry-run', '--json', 'printf', '%s']);
    const { stdout } = run(['sh', '-c', `exec "$@" "$(printf '\\377\\376')"`, 'sh', ...command]);
    expect(stdout).toContain('{ "hex": "fffe" }');
    const file = join(folder, 'bytes.json');
    writeFileSync(file, stdout);
    const out = run(['sh', '-c', `"$@" | od -An -tx1`, 'sh', ...commandLine(['enter', '--program', file])]);
    expect(out.stdout.trim()).toBe('ff fe');
  });

  test.each([
    ['{', 'the file'],
    ['[]', 'the file'],
    ['{"program":{"failure_status":1,"trace":false,"steps":{}}}', 'steps'],
    ['{"program":{"failure_status":256,"trace":false,"steps":[]}}', 'failure_status'],
    [
      '{"program":{"failure_status":1,"trace":false,"steps":[{"label":"x","operation":{"op":"toString"}}]}}',
      'steps[0].operation.op',
    ],
    [
      '{"program":{"failure_status":1,"trace":false,"steps":[{"label":"x","operation":{"op":"setuid","uid":"5"}}]}}',
      'steps[0].operation.uid',
    ],
    [
      '{"program":{"failure_status":1,"trace":false,"steps":[{"label":"x","operation":{"op":"setuid","uid":5,"gid":5}}]}}',
      'steps[0].operation.gid',
    ],
    [
      '{"program":{"failure_status":1,"trace":false,"steps":[{"label":"x","operation":{"op":"expect","slot":"a","device":"0","inode":"18446744073709551616"}}]}}',
      'steps[0].operation.inode',
    ],
  ])('%s is refused', (text, where) => {
    const result = carriedOut(text);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toContain(`nstool: no program: ${where}\n`);
  });

  test('a file that cannot be one', () => {
    expect(run(commandLine(['enter', '--program', folder]))).toMatchObject({
      status: 125,
      stderr: `nstool: cannot read ${folder}\n  why: it is a directory (EISDIR)\n`,
    });
    const large = join(folder, 'large');
    writeFileSync(large, '');
    truncateSync(large, 100_000_000);
    expect(run(commandLine(['enter', '--program', large])).stderr).toBe(
      `nstool: cannot read ${large}\n  why: it is too large (EFBIG)\n`,
    );
  });

  test('one that nsexec does not take, and one with a NUL inside', () => {
    const none = carriedOut('{"program":{"failure_status":1,"trace":false,"steps":[]}}');
    expect(none).toMatchObject({ status: 125, stdout: '' });
    expect(none.stderr).toMatch(/^nsexec: bad program/);
    const nul = carriedOut(printed(['echo', 'x']).replace('"x"', String.raw`"x\u0000y"`));
    expect(nul).toMatchObject({ status: 125, stdout: '' });
    expect(nul.stderr).toContain('nstool: no program: ');
    const more = carriedOut(printed(['echo', 'x']), ['-n']);
    expect(more.stderr).toContain('--program does not go with --net');
  });
});

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.once('exit', () => done());
    child.kill('SIGKILL');
  });
}
