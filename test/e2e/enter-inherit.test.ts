// The command inherits what nstool's caller gave: streams, arguments and environment as bytes, limits, signals; and
// nothing of nstool itself.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { look, statusLine } from '../support/entered.ts';
import { commandLine, identities, installation, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';

let target: TargetProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nstool-inherit-'));
  chmodSync(folder, 0o755);
  if (process.geteuid?.() === 0) target = await makeTarget(['-n', '-p', '--fork']);
  else target = await makeTarget(['-U', '-r', '-n', '-p', '--fork']);
});
afterAll(async () => {
  await target.end();
  rmSync(folder, { recursive: true });
});

const MEGABYTE = 1 << 20;
const user = process.geteuid?.() === 0 ? [] : ['-U', '--preserve-credentials'];

/** Without and with a process that waits. */
const ways = [['-n'], ['-n', '-p']].map((kinds) => [...kinds, ...user]);

describe.skipIf(lacks('userns', 'unshare', 'nsenter')).each(ways.map((kinds) => ({ kinds })))(
  'entering $kinds',
  ({ kinds }) => {
    function words(...command: readonly string[]): string[] {
      return ['enter', String(target.pid), ...kinds, '--', ...command];
    }

    function sh(
      script: string,
      command: readonly string[],
      env: Readonly<Record<string, string>> = {},
    ): ReturnType<typeof run> {
      return run(['sh', '-c', script, 'sh', ...command], { env });
    }

    const theirs = (...command: readonly string[]): string[] => [
      'nsenter',
      '-t',
      String(target.pid),
      ...kinds,
      '--',
      ...command,
    ];

    test('100 MB through standard input and standard output arrive whole', async () => {
      const [file = '', ...args] = commandLine(words('cat'));
      const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      const sent = createHash('sha256');
      const got = createHash('sha256');
      let length = 0;
      child.stdout.on('data', (data: Buffer) => {
        got.update(data);
        length += data.length;
      });
      const ended = new Promise((done) => child.once('close', done));
      for (let index = 0; index < 100; index += 1) {
        const block = Buffer.alloc(MEGABYTE, `block ${index} of many, `);
        sent.update(block);
        if (!child.stdin.write(block)) await new Promise((done) => child.stdin.once('drain', done));
      }
      child.stdin.end();
      expect(await ended).toBe(0);
      expect(length).toBe(100 * MEGABYTE);
      expect(got.digest('hex')).toBe(sent.digest('hex'));
    });

    test('standard error is its own', () => {
      expect(nstool(words('sh', '-c', 'echo out; echo err >&2'))).toEqual({
        status: 0,
        signal: null,
        stdout: 'out\n',
        stderr: 'err\n',
      });
    });

    test('nothing is read of standard input before the command reads it', () => {
      const script = 'printf "a\\nb\\nc\\n" | { "$@"; cat; }';
      expect(sh(script, commandLine(words('sh', '-c', 'read x; echo "got $x"'))).stdout).toBe('got a\nb\nc\n');
    });

    test.each(['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])('closed streams do no harm: %s', (closed) => {
      const file = join(folder, 'written');
      rmSync(file, { force: true });
      const result = sh(`"$@" ${closed}`, commandLine(words('sh', '-c', `echo fine > '${file}'; exit 11`)));
      expect(result.status).toBe(11);
      expect(readFileSync(file, 'utf8')).toBe('fine\n');
      expect(result.stdout + result.stderr).toBe('');
    });

    test.each(['', '--pty'])('a closed standard input is an empty one %s', (pty) => {
      const show = `readlink /proc/self/fd/0; cat; echo "read $?"`;
      const command = words('sh', '-c', show).flatMap((word) => (word === '--' && pty !== '' ? [pty, '--'] : [word]));
      const result = sh('"$@" <&-', commandLine(command));
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(result.stdout).toMatch(pty === '' ? /^\/dev\/null\nread 0\n$/ : /^\/dev\/pts\/\d+\r\nread 0\r\n$/);
    });

    test('no message of ours lands in a file that came open under number 2', () => {
      const result = sh('"$@" 2>&-', commandLine(words('no-such-command')));
      expect(result).toMatchObject({ status: 127, stdout: '', stderr: '' });
    });

    test('only standard input, output and error are open', () => {
      const file = join(folder, 'secret');
      writeFileSync(file, 'secret');
      const script = `exec 3<'${file}' 7<'${file}' 9>/dev/null; "$@"`;
      const open = sh(script, commandLine(words('ls', '/proc/self/fd')))
        .stdout.trim()
        .split('\n');
      expect(open).toEqual(['0', '1', '2', '3']);
      // The last is the folder that ls reads.
      const pointers = sh(script, commandLine(words('ls', '-l', '/proc/self/fd'))).stdout;
      expect(pointers).toMatch(/ 3 -> \/proc\/\d+\/fd\n/);
    });

    test.each([512, 1024, 77])('the soft limit on open files is the caller’s: %i', (limit) => {
      const script = `ulimit -Sn ${limit}; "$@"; exit $?`;
      const ours = sh(script, commandLine(words('sh', '-c', 'ulimit -Sn; ulimit -Hn')));
      expect(ours).toEqual(sh(script, theirs('sh', '-c', 'ulimit -Sn; ulimit -Hn')));
      expect(ours.stdout).toMatch(new RegExp(`^${limit}\n`));
    });

    test('all limits, the mask for new files, the priority and the working directory are the caller’s', () => {
      const report = 'cat /proc/self/limits; umask; nice; pwd; cat /proc/self/oom_score_adj';
      const script = 'ulimit -c 0; ulimit -Sn 300; ulimit -t 1000; umask 027; cd /usr/lib; nice -n 3 "$@"; exit $?';
      const ours = sh(script, commandLine(words('sh', '-c', report)));
      expect(ours).toEqual(sh(script, theirs('sh', '-c', report)));
      expect(ours).toMatchObject({ status: 0, stderr: '' });
    });

    test('signals are as under nsenter: none ignored, none blocked, none caught', async () => {
      const ours = await look(['env', '--default-signal', ...commandLine(words())]);
      const other = await look(['env', '--default-signal', ...theirs()]);
      for (const name of ['SigIgn', 'SigBlk', 'ShdPnd', 'SigPnd']) {
        expect(`${name} ${ours.status(name)}`).toBe(`${name} ${other.status(name)}`);
        expect(ours.status(name)).toMatch(/^0+$/);
      }
      expect(ours.status('SigCgt')).toBe(other.status('SigCgt'));
    });

    test('SIGPIPE ends a command whose reader went away, although Node ignores it', () => {
      const script = '{ "$@"; echo "status $?" >&2; } | head -c 1 >/dev/null';
      expect(sh(script, commandLine(words('yes'))).stderr).toMatch(/status 141\n/);
      // `yes` of coreutils would say so if the signal was ignored.
      expect(sh(script, commandLine(words('yes'))).stderr).not.toContain('Broken pipe');
    });

    test('of a failing reader our own message does no harm', () => {
      const script = '{ "$@" 2>&1; echo "status $?" >&2; } | true';
      expect(sh(script, commandLine(words('no-such-command'))).stderr).toBe('status 127\n');
    });

    test('arguments arrive byte by byte', () => {
      const odd = String.raw`$(printf "\377\376 \001\n \302")`;
      const script = `"$@" "${odd}" "" "a
b" " " "*" '$HOME' "-n" "--" "é" "\t"`;
      const command = ['sh', '-c', 'for word; do printf "%s\\0" "$word"; done | od -An -tx1', 'sh'];
      const ours = sh(script, commandLine(words(...command)));
      expect(ours).toEqual(sh(script, theirs(...command)));
      expect(ours.stdout).toContain('ff fe 20 01 0a 20 c2');
    });

    test('the name of the command may be bytes that are no text', () => {
      const file = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x20])]);
      writeFileSync(file, '#!/bin/sh\necho ran "$@"\n', { mode: 0o755 });
      const script = `"$@" "${folder}/$(printf '\\377\\376 ')" x`;
      expect(sh(script, commandLine(words())).stdout).toBe('ran x\n');
      rmSync(file);
    });

    test('one argument of 131,071 bytes, and 2,000 of them in all', () => {
      const long = 'x'.repeat(131_071);
      expect(nstool(words('sh', '-c', 'echo "${#1}"', 'sh', long)).stdout).toBe('131071\n');
      const many = Array.from({ length: 2000 }, (_, index) => `word ${index}`);
      expect(nstool(words('sh', '-c', 'echo "$#"; eval echo "\\${$#}"', 'sh', ...many)).stdout).toBe(
        '2000\nword 1999\n',
      );
    });

    test('100,000 arguments, empty ones and such with newlines among them', () => {
      const many = Array.from(
        { length: 100_000 },
        (_, index) => ['', `a\n${index % 10}`, String(index)][index % 3] ?? '',
      );
      const hash = createHash('sha256').update(many.map((word) => `${word}\0`).join(''));
      const result = nstool(words('sh', '-c', String.raw`printf '%s\0' "$@" | sha256sum`, 'sh', ...many));
      expect(result).toMatchObject({ status: 0, stdout: `${hash.digest('hex')}  -\n` });
    });

    test('more than the kernel takes is E2BIG, and 126', () => {
      const file = join(folder, 'program.json');
      const printed = nstool(['enter', String(target.pid), ...kinds, '--dry-run', '--json', 'true', 'WORD']).stdout;
      writeFileSync(file, printed.replace('"WORD"', Array<string>(600_000).fill('"1234567"').join(',')));
      const result = nstool(['enter', '--program', file]);
      expect(result.status).toBe(126);
      expect(result.stderr).toContain('arguments and environment are too long (E2BIG)');
    });

    test('the environment is the caller’s, byte by byte', () => {
      const file = join(folder, 'environment');
      const script = [
        `exec env -i PATH="$PATH" EMPTY= "ODD=$(printf '\\377\\376')" 'LINES=a`,
        `b' "1 odd name=x" "BIG=$(head -c 131000 /dev/zero | tr '\\0' y)" NODE_OPTIONS= "$@" > '${file}'`,
      ].join('\n');
      expect(sh(script, commandLine(words('cat', '/proc/self/environ')))).toMatchObject({ status: 0, stderr: '' });
      const ours = readFileSync(file);
      expect(sh(script, theirs('cat', '/proc/self/environ')).status).toBe(0);
      expect(ours.equals(readFileSync(file))).toBe(true);
      expect(ours.length).toBeGreaterThan(131_000);
      expect(ours.includes(Buffer.from([0x4f, 0x44, 0x44, 0x3d, 0xff, 0xfe, 0]))).toBe(true);
    });

    test('an empty environment stays empty', () => {
      const ours = run(['env', '-i', ...commandLine(words('/usr/bin/env'))]);
      expect(ours).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
    });

    test('without PATH the command is looked for where a shell would', () => {
      expect(run(['env', '-i', ...commandLine(words('true'))]).status).toBe(0);
      expect(run(['env', '-i', 'PATH=/nonexistent', ...commandLine(words('true'))]).status).toBe(127);
      expect(run(['env', '-i', '-C', '/usr/bin', 'PATH=/nonexistent::/x', ...commandLine(words('true'))]).status).toBe(
        0,
      );
    });

    test('nothing of nstool stays: the command took its place', async () => {
      const mine = (): string[] =>
        readdirSync('/proc').filter((name) => {
          try {
            return /^[0-9]+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(installation());
          } catch {
            return false;
          }
        });
      await look(commandLine(words()), 'true', ({ started, pid, status }) => {
        expect(mine()).toEqual([]);
        expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/\/sleep$/);
        expect(status('Threads')).toBe('1');
        expect(status('TracerPid')).toBe('0');
        expect(childrenOf(pid)).toEqual([]);
        if (!kinds.includes('-p')) {
          expect(started).toBe(pid);
          return;
        }
        expect(childrenOf(started)).toEqual([String(pid)]);
        expect(readlinkSync(`/proc/${started}/exe`)).toBe(`/memfd:${join(installation(), 'native/nsexec')} (deleted)`);
        expect(statusLine(started, 'Name')).toBe('nsexec');
        expect(readFileSync(`/proc/${started}/cmdline`, 'utf8')).toMatch(/^nsexec\0\d+\0$/);
        // It keeps nobody's pipe open. The one that it has tells its child of its end.
        const pipes = readdirSync(`/proc/${started}/fd`).map((fd) => readlinkSync(`/proc/${started}/fd/${fd}`));
        expect(pipes).toEqual([expect.stringMatching(/^pipe:/)]);
        expect(statusLine(started, 'Threads')).toBe('1');
        const resident = Number(/^(\d+) kB$/.exec(statusLine(started, 'VmRSS'))?.[1]);
        expect(resident).toBeGreaterThan(0);
        expect(resident).toBeLessThan(2048);
      });
    });

    test('with --pty, too: no descriptor but its terminal, and a parent that has few', async () => {
      await look(
        commandLine(words().flatMap((word) => (word === '--' ? ['--pty', '--'] : [word]))),
        'stty -opost',
        async (it) => {
          const links = (pid: number): readonly string[] =>
            readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
          expect(links(it.pid)).toEqual(Array(3).fill(expect.stringMatching(/^\/dev\/pts\/\d+$/)));
          expect(readlinkSync(`/proc/${it.pid}/exe`)).toMatch(/\/sleep$/);
          expect(childrenOf(it.started)).toEqual([String(it.pid)]);
          // Input, output, both sides, signals, and the pipe that tells of its end.
          // The command may be there a moment before its parent has closed what it opened for it.
          await vi.waitFor(() => expect(links(it.started)).toHaveLength(6));
          expect(links(it.started)).toEqual(
            expect.arrayContaining(['/dev/ptmx', 'anon_inode:[signalfd]', links(it.pid)[0] ?? '']),
          );
        },
      );
    });

    test.skipIf(process.geteuid?.() !== 0)('nsexec itself gets no environment', async () => {
      await look(['env', 'SECRET=1', ...commandLine(words())], 'true', ({ started, pid }) => {
        if (started === pid) return;
        // Read before the name: an empty file is its whole environment.
        expect(readFileSync(`/proc/${started}/environ`, 'utf8')).toBe('');
        expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('SECRET=1');
      });
    });

    test('the pipe ends when the command closes it, although a process waits', () => {
      const script = '"$@" | cat; echo after';
      const command = ['sh', '-c', 'echo before; exec >&- 2>&-; sleep 0.3; exit 0'];
      expect(sh(script, commandLine(words(...command))).stdout).toBe('before\nafter\n');
    });
  },
);

describe.skipIf(lacks('strace')).each(identities)('by $name', ({ uid }) => {
  test('--dry-run prints numbered steps with reasons, and calls nothing that changes', () => {
    const calls = 'setns,unshare,chroot,execve,setresuid,setresgid,setuid,setgid,setgroups,memfd_create';
    const dry = run([
      'strace',
      '-f',
      '-qq',
      '-s',
      '4096',
      '-e',
      `trace=${calls}`,
      ...commandLine(['enter', 'self', '-a', '-S', '0', '--dry-run', 'id'], uid),
    ]);
    // A plain user may not become root: that is foreseen.
    expect(dry.status).toBe(uid === 0 ? 0 : 4);
    const traced = dry.stderr.split('\n').filter((line) => /^(\[pid +\d+\] )?\w+\(/.test(line));
    // The last is what starts nstool.
    expect(traced.at(-1)).toContain(`execve("${process.execPath}", `);
    const lines = dry.stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^STEP +OPERATION +REASON$/);
    expect(lines.slice(1).map((line) => Number(line.trim().split(' ')[0]))).toEqual(
      lines.slice(1).map((_, index) => index + 1),
    );
    for (const line of lines.slice(1)) expect(line).toMatch(/^ +\d+ {2}\S.* {2}\S.+$/);
    expect(lines.at(-1)).toMatch(/exec id +the command takes the place of nstool/);
  });
});

describe.skipIf(lacks('userns', 'unshare'))('what is said', () => {
  test('-v prints the steps as they happen to standard error, the same that --dry-run lists', () => {
    const words = ['enter', String(target.pid), '-n', '-p', ...user];
    const happened = nstool([...words, '-v', 'echo', 'done']);
    expect(happened).toMatchObject({ status: 0, stdout: 'done\n' });
    const listed = nstool([...words, '--dry-run', 'echo', 'done']);
    const steps = happened.stderr.trimEnd().split('\n');
    for (const label of steps) expect(listed.stdout).toContain(` ${label} `);
    expect(steps.at(-1)).toBe('exec echo done');
    expect(steps.indexOf(`open /proc/${target.pid}/ns/net`)).toBeGreaterThan(-1);
    expect(steps.findIndex((label) => label.startsWith('setns net:'))).toBeGreaterThan(
      steps.indexOf(`open /proc/${target.pid}/ns/net`),
    );
  });

  test('-v of a failure ends with the step that failed', () => {
    const failed = nstool(['enter', 'self', '-n', '-v', 'no-such-command']);
    expect(failed.status).toBe(127);
    expect(failed.stderr).toMatch(/exec no-such-command\nnstool: cannot run 'no-such-command': not found \(ENOENT\)\n/);
  });

  test('what follows the command is the command’s', () => {
    const seen = (words: readonly string[]): string => nstool(words).stdout;
    const pid = String(target.pid);
    const echo = ['printf', '[%s]'];
    expect(seen(['enter', pid, '-n', ...user, ...echo, '-v', '--net', '--', '-m'])).toBe('[-v][--net][--][-m]');
    expect(seen(['enter', pid, '-n', ...user, '--', ...echo, '--dry-run'])).toBe('[--dry-run]');
    expect(seen(['enter', '-t', pid, '-n', ...user, ...echo, pid])).toBe(`[${pid}]`);
    expect(seen(['enter', '--uts=/proc/self/ns/uts', ...echo, '--help'])).toBe('[--help]');
    expect(seen(['enter', '-n', pid, ...user, ...echo, '-h'])).toBe('[-h]');
  });
});

test.skipIf(lacks('root', 'ip', 'ifconfig'))(
  'enter --net=/run/netns/NAME ifconfig has no TARGET; enter PID --net ip -j addr',
  async () => {
    const name = `nstool-test-${process.pid}`;
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(' /run/netns ');
    expect(run(['ip', 'netns', 'add', name]).status).toBe(0);
    try {
      const shown = nstool(['enter', `--net=/run/netns/${name}`, 'ifconfig', '-a']);
      expect(shown).toEqual(run(['nsenter', `--net=/run/netns/${name}`, 'ifconfig', '-a']));
      expect(shown.status).toBe(0);
      expect(shown.stdout).toMatch(/^lo: /);
      const own = await makeTarget(['-n']);
      try {
        const addresses = nstool(['enter', String(own.pid), '--net', 'ip', '-j', 'addr']);
        expect(addresses).toEqual(run(['nsenter', '-t', String(own.pid), '--net', 'ip', '-j', 'addr']));
        expect(JSON.parse(addresses.stdout)).toHaveLength(1);
      } finally {
        await own.end();
      }
    } finally {
      run(['ip', 'netns', 'delete', name]);
      if (!mounted) run(['umount', '/run/netns']);
    }
  },
);
