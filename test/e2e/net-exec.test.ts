// A program in a network by `net exec`, beside `ip netns exec`.

import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

const NAME = `nst-exec-${process.pid}`;
const FILES = `/etc/netns/${NAME}`;
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const ip = (...args: readonly string[]): RunResult => run(['ip', ...args], { env: { PATH } });

/** What is mounted in /sys and below, `/sys/fs/bpf bpf`, as /proc/self/mountinfo has it. */
function mounted(mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , path = '']) => path === '/sys' || path.startsWith('/sys/'))
    .map((words) => `${words[4] ?? ''} ${words[words.indexOf('-') + 1] ?? ''}`)
    .toSorted();
}

describe.skipIf(lacks('root', 'namespaces', 'ip'))('net exec', () => {
  let made: string | undefined;

  beforeAll(() => {
    expect(nstool(['net', 'add', NAME]).status).toBe(0);
    made = mkdirSync(FILES, { recursive: true });
    writeFileSync(`${FILES}/resolv.conf`, 'nameserver 192.0.2.53\n');
    expect(ip('-n', NAME, 'link', 'add', 'nst0', 'type', 'bridge').status).toBe(0);
  });
  afterAll(() => {
    rmSync(FILES, { recursive: true });
    if (made === '/etc/netns') rmdirSync(made);
    nstool(['net', 'rm', NAME]);
  });

  it.each([
    ['readlink', '/proc/self/ns/net'],
    ['ls', '/sys/class/net'],
    ['cat', '/etc/resolv.conf'],
    ['ip', '-br', 'link'],
    ['cat', '/proc/net/dev'],
  ])('%s %s says what it says with ip', (...command) => {
    const theirs = ip('netns', 'exec', NAME, ...command);
    expect(theirs.status).toBe(0);
    expect(nstool(['net', 'exec', NAME, ...command], { env: { PATH } })).toEqual(theirs);
  });

  it('status, words and signals are those of the command', () => {
    expect(nstool(['net', 'exec', NAME, 'sh', '-c', 'echo "$@"; exit 7', 'sh', '--net', 'a  b'])).toMatchObject({
      status: 7,
      stdout: '--net a  b\n',
      stderr: '',
    });
    expect(nstool(['net', 'exec', NAME, '--', 'sh', '-c', 'kill -TERM $$'])).toMatchObject({ signal: 'SIGTERM' });
    expect(nstool(['net', 'exec', NAME, 'nst-no-such-program']).status).toBe(127);
    expect(nstool(['net', 'exec', NAME, '/etc']).status).toBe(126);
    expect(nstool(['net', 'exec', `${NAME}x`, 'true'])).toMatchObject({ status: 125, stdout: '' });
  });

  it('what is mounted below /sys stays, which ip loses', () => {
    const exec = [...commandLine(['net', 'exec', NAME, 'cat', '/proc/self/mountinfo'])];
    const script = `mount -t tracefs t /sys/kernel/tracing; mount -t bpf b /sys/fs/bpf; mount -t debugfs d /sys/kernel/debug
      cat /proc/self/mountinfo; echo =; "$@"; echo =; ip netns exec ${NAME} cat /proc/self/mountinfo`;
    const { stdout } = run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...exec], { env: { PATH } });
    const [before = [], ours, theirs] = stdout.split('=\n').map(mounted);
    expect(before).toEqual(expect.arrayContaining(['/sys/fs/bpf bpf', '/sys/kernel/tracing tracefs']));
    expect(before.some((mount) => mount.endsWith(' cgroup2') || mount.endsWith(' cgroup'))).toBe(true);
    expect(ours).toEqual(before);
    expect(theirs).toEqual(['/sys sysfs']);
  });

  it('a read-only /sys stays so', () => {
    const exec = [...commandLine(['net', 'exec', NAME, 'grep', ' /sys ', '/proc/self/mountinfo'])];
    const script = 'mount -o remount,bind,ro,nosuid /sys; "$@"';
    const { stdout } = run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...exec]);
    expect(stdout).toMatch(/^\S+ \S+ \S+ \/ \/sys ro,nosuid\S* .* sysfs sysfs .*\n$/);
  });

  /** With an /etc that has nothing but a link to a resolv.conf elsewhere. */
  function withLink(...files: readonly string[]): RunResult {
    const exec = commandLine(['net', 'exec', NAME, 'cat', ...files]);
    const script = `mount -t tmpfs t /mnt; mkdir -p /mnt/netns; cp -r /etc/netns/. /mnt/netns
      mount -t tmpfs t /media; echo ours > /media/r; ln -s /media/r /mnt/resolv.conf
      mount --move /mnt /etc; "$@"; cat /etc/resolv.conf /media/r; ls /etc`;
    // Node may be told of certificates that are not in this /etc.
    return run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...exec], { env: { NODE_EXTRA_CA_CERTS: '' } });
  }
  const wanted = 'nameserver 192.0.2.53\n';
  const after = 'ours\nours\nnetns\nresolv.conf\n';

  it('a file of /etc/netns is mounted where the link leads', () => {
    const { stdout, stderr } = withLink('/etc/resolv.conf', '/media/r');
    expect({ stdout, stderr }).toEqual({ stdout: `${wanted}${wanted}${after}`, stderr: '' });
  });

  it('a file of /etc/netns is found that /etc has none of', () => {
    writeFileSync(`${FILES}/nst-only-here`, 'here\n');
    try {
      const { stdout, stderr } = withLink('/etc/resolv.conf', '/etc/nst-only-here');
      expect({ stdout, stderr }).toEqual({ stdout: `${wanted}here\n${after}`, stderr: '' });
    } finally {
      rmSync(`${FILES}/nst-only-here`);
    }
  });

  it('directories of /etc/netns are shown too, a link in it shows a file of ours, and what does not fit is told', () => {
    const script = `set -e; mount -t tmpfs t /mnt; mkdir -p /mnt/netns/${NAME}/there /mnt/netns/${NAME}/new /mnt/there
      cd /mnt/netns/${NAME}; echo d >there/d; echo n >new/n; echo theirs >zhosts; ln -s /etc/zhosts alias; ln -s /nowhere dead
      mkdir plain; echo theirs >resolv.conf; cd /mnt; echo ours >zhosts; echo plain >plain; echo a >alias
      mount -t tmpfs t /media; echo ours >/media/r; ln -s /media/r resolv.conf; cd /; mount --move /mnt /etc; exec "$@"`;
    const files = ['there/d', 'new/n', 'zhosts', 'alias', 'plain', 'resolv.conf', '../media/r'].map(
      (one) => `/etc/${one}`,
    );
    const command = [
      'unshare',
      '--mount',
      'sh',
      '-c',
      script,
      'sh',
      ...commandLine(['net', 'exec', NAME, 'cat', ...files]),
    ];
    const { status, stdout, stderr } = run(command, { env: { NODE_EXTRA_CA_CERTS: '' } });
    expect(stdout).toBe('d\nn\ntheirs\nours\nplain\ntheirs\ntheirs\n');
    expect(stderr).toContain(`/etc/netns/${NAME}/dead`);
    expect(stderr).toContain(`/etc/netns/${NAME}/plain`);
    expect(status).toBe(0);
  });

  it('any target will do', async () => {
    const target = await makeTarget(['--net']);
    try {
      const theirs = run(['readlink', `/proc/${target.pid}/ns/net`]).stdout;
      const { stdout } = nstool([
        'net',
        'exec',
        String(target.pid),
        'sh',
        '-c',
        'readlink /proc/self/ns/net; ls /sys/class/net',
      ]);
      expect(stdout).toBe(`${theirs}lo\n`);
    } finally {
      await target.end();
    }
  });

  it('nothing of it is seen outside, nor done by --dry-run', () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    expect(nstool(['net', 'exec', NAME, 'true']).status).toBe(0);
    const { status, stdout } = nstool(['net', 'exec', '--dry-run', NAME, 'touch', '/nst-made']);
    expect(status).toBe(0);
    expect(stdout).toContain('make a sysfs');
    expect(stdout).toContain('mount it over /etc/resolv.conf');
    expect(() => readFileSync('/nst-made')).toThrow('ENOENT');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });

  it('a plain user is refused, with the rule', () => {
    const { status, stdout, stderr } = nstool(['net', 'exec', NAME, 'true'], { uid: PLAIN_UID });
    expect({ status, stdout }).toEqual({ status: 125, stdout: '' });
    expect(stderr).toContain('CAP_SYS_ADMIN');
    expect(nstool(['net', 'exec', '--dry-run', NAME, 'true'], { uid: PLAIN_UID }).status).toBe(4);
  });
});
