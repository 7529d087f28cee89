// Whose a network is, who is in it and what others call it: against ip-netns(8).

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => `nst-id-${process.pid}-${letter}`) as [string, string, string];

const ip = (...args: readonly string[]): RunResult =>
  run(['ip', ...args], { env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });

interface Answer {
  /** Of `net id`. */
  readonly ids: readonly { readonly nsid: number; readonly ns: number | null; readonly names: readonly string[] }[];
}

function ask(command: string, ...words: readonly string[]): Answer {
  const { stdout } = nstool([...command.split(' '), ...words, '--json']);
  const answer = JSON.parse(stdout) as Answer;
  expect({ faults: faults(command, answer), passed: passed(command, answer) }).toEqual({ faults: [], passed: [] });
  return answer;
}

describe.skipIf(lacks('root', 'namespaces', 'ip'))('networks', () => {
  let target: TargetProcess;
  let inode: number;

  beforeAll(async () => {
    target = await makeTarget(['--net']);
    expect(ip('netns', 'attach', A, String(target.pid)).status).toBe(0);
    for (const name of [B, C]) expect(ip('netns', 'add', name).status).toBe(0);
    inode = Number(/[0-9]+/.exec(run(['readlink', `/proc/${target.pid}/ns/net`]).stdout)?.[0]);
    // One way knows the other by an id, and back.
    expect(ip('-n', A, 'link', 'add', 'v1', 'type', 'veth', 'peer', 'name', 'v2', 'netns', B).status).toBe(0);
  });
  afterAll(async () => {
    await target.end();
    for (const name of [A, B, C]) ip('netns', 'delete', name);
  });

  it('identify says what ip says, of each form of a target', () => {
    const pid = String(target.pid);
    expect(ip('netns', 'identify', pid).stdout).toBe(`${A}\n`);
    for (const word of [pid, A, `netns:${A}`, `net:${pid}`, `net:${inode}`, `/run/netns/${A}`]) {
      expect({ word, ...nstool(['net', 'identify', word]) }).toMatchObject({ word, status: 0, stdout: `${A}\n` });
    }
    expect(ask('net identify', pid)).toMatchObject({ ns: inode, names: [{ name: A, path: `/run/netns/${A}` }] });
    const inside = ['netns', 'exec', A, process.execPath, 'bin/nstool.cjs', 'net', 'identify'];
    expect(run(['ip', ...inside], { cwd: process.cwd() }).stdout).toBe(`${A}\n`);
  });

  it('identify names all names, and says when there is none', async () => {
    nstool(['net', 'attach', `${A}-too`, A]);
    try {
      expect(nstool(['net', 'identify', A]).stdout).toBe(`${A}\n${A}-too\n`);
    } finally {
      nstool(['net', 'rm', `${A}-too`]);
    }
    const nameless = await makeTarget(['--net']);
    try {
      const { status, stdout, stderr } = nstool(['net', 'identify', String(nameless.pid)]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain(`nstool net attach NAME ${nameless.pid}`);
      expect(ask('net identify', String(nameless.pid))).toMatchObject({ names: [] });
    } finally {
      await nameless.end();
    }
  });

  it('a namespace of another kind is refused', () => {
    expect(nstool(['net', 'identify', '/proc/self/ns/uts'])).toMatchObject({ status: 2, stdout: '' });
    expect(nstool(['net', 'pids', `${A}-none`])).toMatchObject({ status: 3, stdout: '' });
  });

  it('pids are those of ip', () => {
    expect(nstool(['net', 'pids', A])).toMatchObject({ status: 0, stdout: ip('netns', 'pids', A).stdout });
    expect(nstool(['net', 'pids', C])).toMatchObject({ status: 0, stdout: '' });
    expect(ask('net pids', A)).toMatchObject({ ns: inode, processes: [{ pid: target.pid, comm: 'sleep' }] });
  });

  it('a plain user is told how many are closed to him', () => {
    const { stderr } = nstool(['net', 'pids', A], { uid: PLAIN_UID });
    expect(stderr).toMatch(/processes: permission denied/);
  });

  it('ids are those of ip, in each namespace', () => {
    expect(ip('netns', 'set', C, '4711').status).toBe(0);
    const theirs = [...ip('netns', 'list-id').stdout.matchAll(/^nsid ([0-9]+)/gm)].map(([, id]) => Number(id));
    const { ids } = ask('net id');
    expect(ids.map(({ nsid }) => nsid)).toEqual(theirs.toSorted((a, b) => a - b));
    expect(ids.find(({ nsid }) => nsid === 4711)?.names).toEqual([C]);
    const [link] = JSON.parse(ip('-n', A, '-j', 'link', 'show', 'v1').stdout) as { link_netnsid: number }[];
    expect(ask('net id', B, '--in', A).ids).toMatchObject([{ nsid: link?.link_netnsid, names: [B] }]);
    expect(nstool(['net', 'id', C, '--in', A])).toMatchObject({ status: 1, stdout: '' });
    expect(nstool(['net', 'id', C, '-n']).stdout.trim().split(/ +/)).toEqual(['4711', expect.any(String), C]);
  });

  it('an id is given, once', () => {
    expect(nstool(['net', 'id', C, '--in', B, '--set', '33']).status).toBe(0);
    expect(ip('netns', 'exec', B, 'ip', 'netns', 'list-id').stdout).toContain(`nsid 33 (iproute2 netns name: ${C})`);
    const again = nstool(['net', 'id', C, '--in', B, '--set', '34']);
    expect(again).toMatchObject({ status: 2, stdout: '' });
    expect(again.stderr).toContain('EEXIST');
    expect(nstool(['net', 'id', B, '--in', C, '--set', 'auto']).status).toBe(0);
    expect(ask('net id', B, '--in', C).ids[0]?.nsid).toBeGreaterThanOrEqual(0);
    expect(nstool(['net', 'id', A, '--in', C, '--set', '1'], { uid: PLAIN_UID })).toMatchObject({
      status: 4,
      stdout: '',
    });
    expect(nstool(['net', 'id', A, '--in', C])).toMatchObject({ status: 1 });
    for (const words of [
      ['--set', '1'],
      [A, '--set', '-1'],
      [A, '--set', '2147483648'],
      [A, '--set', 'x'],
    ]) {
      expect(nstool(['net', 'id', ...words]).status).toBe(2);
    }
  });
});
