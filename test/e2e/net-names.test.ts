// Names of network namespaces, given and taken away: against ip-netns(8), refused, failed and killed at every step.

import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { commandLine, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

const NAME = `nst-${process.pid}`;
const OTHER = `${NAME}-other`;
const file = (name: string): string => `/run/netns/${name}`;

function ip(...args: readonly string[]): RunResult {
  return run(['ip', ...args], { env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
}

function listed(): readonly string[] {
  const { stdout } = ip('netns', 'list');
  return stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
}

function mounts(name: string): number {
  return readFileSync('/proc/self/mountinfo', 'utf8').split(` ${file(name)} `).length - 1;
}

function linkOf(pid: number): string {
  return run(['readlink', `/proc/${pid}/ns/net`]).stdout.trim();
}

describe.skipIf(lacks('root', 'namespaces', 'ip'))('names of network namespaces', () => {
  afterEach(() => {
    for (const name of [NAME, OTHER]) {
      if (mounts(name) > 0) run(['umount', '-l', file(name)]);
      rmSync(file(name), { force: true });
    }
  });

  it('are the same to ip, whoever gave them', () => {
    expect(nstool(['net', 'add', NAME])).toMatchObject({ status: 0, stdout: '' });
    expect(ip('netns', 'add', OTHER).status).toBe(0);
    expect(listed()).toEqual(expect.arrayContaining([NAME, OTHER]));
    expect(mounts(NAME)).toBe(1);
    expect(nstool(['net', 'rm', OTHER])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(ip('netns', 'delete', NAME).status).toBe(0);
    expect(listed()).not.toEqual(expect.arrayContaining([NAME]));
    expect([NAME, OTHER].map((name) => existsSync(file(name)))).toEqual([false, false]);
  });

  it('a new one has nothing but a loopback, which is up and answers', () => {
    nstool(['net', 'add', NAME]);
    const links = JSON.parse(ip('-n', NAME, '-j', 'link').stdout) as { ifname: string; flags: string[] }[];
    expect(links.map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(links[0]?.flags).toContain('UP');
    expect(ip('-n', NAME, '-br', 'addr').stdout).toContain('127.0.0.1/8');
  });

  it('the folder is made, shared and open to all, once for two at a time', () => {
    const [node = '', bin = ''] = commandLine([]);
    const script = `umask 077; umount -l /run/netns; mount -t tmpfs -o mode=755 t /run
      "$0" "$1" net add a & "$0" "$1" net add b & wait
      stat -c %a /run/netns; cat /proc/self/mountinfo`;
    const { stdout } = run(['unshare', '--mount', 'sh', '-c', script, node, bin]);
    const [mode, ...lines] = stdout.split('\n');
    expect(mode).toBe('755');
    const below = lines.map((line) => line.split(' ')).filter(([, , , , path = '']) => path.startsWith('/run/netns'));
    expect(below.map((words) => words[4] ?? '').toSorted()).toEqual(['/run/netns', '/run/netns/a', '/run/netns/b']);
    expect(below.every((words) => words[6]?.startsWith('shared:'))).toBe(true);
  });

  it('a process or namespace gets one, which keeps it', async () => {
    const target = await makeTarget(['--net']);
    const link = linkOf(target.pid);
    try {
      expect(nstool(['net', 'attach', NAME, String(target.pid)]).status).toBe(0);
      expect(nstool(['net', 'attach', OTHER, `netns:${NAME}`]).status).toBe(0);
      // ip ends at the first that fits.
      expect([NAME, OTHER]).toContain(ip('netns', 'identify', String(target.pid)).stdout.trim());
      const first = nstool(['net', 'rm', NAME]);
      expect(first).toMatchObject({ status: 0, stdout: '' });
      expect(first.stderr).toContain(`${link} lives on without the name ${NAME}: process ${target.pid} (sleep) in it`);
      expect(first.stderr).toContain(`the name ${file(OTHER)}`);
    } finally {
      await target.end();
    }
    expect(run(['nsenter', `--net=${file(OTHER)}`, 'readlink', '/proc/self/ns/net']).stdout.trim()).toBe(link);
    expect(nstool(['net', 'rm', OTHER])).toMatchObject({ status: 0, stderr: '' });
  });

  it('a stale name is told, and removed', () => {
    writeFileSync(file(NAME), '');
    const added = nstool(['net', 'add', OTHER]);
    expect(added.stderr).toContain(`without a namespace: ${NAME}; they go by: nstool net rm ${NAME}`);
    expect(nstool(['net', 'add', NAME])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('stale') as string,
    });
    expect(nstool(['net', 'attach', `${NAME}-3`, NAME])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining(`nstool net rm ${NAME}`) as string,
    });
    expect(nstool(['net', 'rm', NAME, OTHER])).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`${NAME} was stale`) as string,
    });
    expect([NAME, OTHER].map((name) => existsSync(file(name)))).toEqual([false, false]);
  });

  it('a link is removed, and not what it leads to', async () => {
    const target = await makeTarget(['--net']);
    try {
      symlinkSync(`/proc/${target.pid}/ns/net`, file(NAME));
      expect(nstool(['net', 'rm', NAME]).stderr).toContain('lives on without the name');
      expect(existsSync(file(NAME))).toBe(false);
      expect(existsSync(`/proc/${target.pid}`)).toBe(true);
    } finally {
      await target.end();
    }
  });

  it('what is no name is refused', () => {
    nstool(['net', 'add', NAME]);
    for (const name of ['', '.', '..', '../x', 'a/b', 'a\nb', '\u001b[31m', 'x'.repeat(256)]) {
      const { status, stdout, stderr } = nstool(['net', 'add', '--', name]);
      expect({ name, status, stdout }).toEqual({ name, status: 2, stdout: '' });
      expect(stderr.trimEnd()).not.toContain('\u001b');
    }
    for (const name of ['', '.', '..', '../netns', 'x'.repeat(256)]) {
      expect(nstool(['net', 'rm', NAME, name]).status).toBe(2);
      expect(nstool(['net', 'attach', name, 'self']).status).toBe(2);
    }
    expect(nstool(['net', 'add', NAME]).status).toBe(2);
    expect(nstool(['net', 'rm', NAME, `${NAME}-none`])).toMatchObject({ status: 3, stdout: '' });
    expect(nstool(['net', 'rm', `${NAME}x`]).stderr).toContain(`did you mean ${NAME}?`);
    expect(mounts(NAME)).toBe(1);
  });

  it('a name that ip took, newline and all, goes', () => {
    const odd = `${NAME}\n\u001b[31m`;
    expect(ip('netns', 'add', odd).status).toBe(0);
    expect(nstool(['net', 'rm', odd]).status).toBe(0);
    expect(existsSync(file(odd))).toBe(false);
  });

  it('a file that is something else stays', () => {
    writeFileSync(file(NAME), 'text');
    expect(nstool(['net', 'rm', NAME]).status).not.toBe(0);
    expect(readFileSync(file(NAME), 'utf8')).toBe('text');
  });

  it('a plain user is refused, and nothing is changed', () => {
    const added = nstool(['net', 'add', NAME], { uid: PLAIN_UID });
    expect(added).toMatchObject({ status: 4, stdout: '' });
    expect(added.stderr).toMatch(/^nstool: .*\n {2}why: .*CAP_SYS_ADMIN.*\n {2}try: as root\n$/);
    expect(existsSync(file(NAME))).toBe(false);
    nstool(['net', 'add', NAME]);
    expect(nstool(['net', 'rm', NAME], { uid: PLAIN_UID })).toMatchObject({ status: 4, stdout: '' });
    expect(mounts(NAME)).toBe(1);
  });

  describe.skipIf(lacks('strace'))('at every system call', () => {
    const calls = ['flock', 'unshare', 'sendto', 'mount:when=1', 'mount:when=2', 'setns:when=1', 'setns:when=2'];
    const traced = (call: string, what: string): RunResult => {
      const name = call.split(':')[0] ?? '';
      const inject = call.replace(':', `:${what}:`);
      const expression = call.includes(':') ? inject : `${call}:${what}`;
      const strace = ['strace', '-f', '-o', '/dev/null', '-e', `trace=${name}`, '-e', `inject=${expression}`];
      return run([...strace, ...commandLine(['net', 'add', NAME])]);
    };

    it.each(calls)('killed at %s it leaves a stale name or nothing', (call) => {
      expect(traced(call, 'signal=SIGKILL').signal).toBe('SIGKILL');
      const status = existsSync(file(NAME)) ? lstatSync(file(NAME)) : undefined;
      expect([undefined, 0]).toContain(status?.size);
      expect(mounts(NAME)).toBe(0);
      if (status !== undefined) expect(nstool(['net', 'rm', NAME]).status).toBe(0);
      expect(nstool(['net', 'add', NAME]).status).toBe(0);
    });

    // Back is the one way that cannot fail: then the process aborts.
    it.each(calls.slice(0, 5))('failing at %s it leaves nothing', (call) => {
      const { status, stderr } = traced(call, 'error=EPERM');
      expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining('EPERM') as string });
      expect(existsSync(file(NAME))).toBe(false);
    });
  });
});
