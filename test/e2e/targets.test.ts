// The words that a person has at hand: who is meant, and what came close when nobody is.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { startPin, type Pin } from '../support/pins.ts';
import { identities, nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

function json(...args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = nstool([...args, '--json']);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.each(identities)('host, as $name', ({ uid }) => {
  test('its namespaces are those of the kernel threads', () => {
    const { status, stdout, stderr } = nstool(['ls', '-p', 'host', '-n', '-o', 'NS,TYPE'], { uid });
    // Who sees nobody in one of them cannot tell which it is.
    if (status === 4) expect(stderr).toMatch(/^nstool: cannot tell the namespaces of the host/);
    if (status === 4) return;
    const shown = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/).toReversed().join(':'));
    const links = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'].map((kind) =>
      readlinkSync(`/proc/2/ns/${kind}`).replace(/[[\]]/g, ''),
    );
    expect(shown.toSorted()).toEqual(links.toSorted());
  });

  test('it has every capability and the root cgroups', () => {
    const { stdout } = nstool(['show', 'host', '-o', 'capabilities,cgroup', '--json'], { uid });
    const { process } = JSON.parse(stdout) as { process: { capabilities: { effective: string }; cgroup: unknown[] } };
    const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    expect(BigInt(process.capabilities.effective)).toBe((1n << BigInt(last + 1)) - 1n);
    expect(process.cgroup.length).toBeGreaterThan(0);
    for (const each of process.cgroup) expect(each).toMatchObject({ path: '/' });
  });

  test('its ids are ours', () => {
    const { status, stdout } = nstool(['ids', 'host', 'uid:1000'], { uid });
    expect(status).toBe(0);
    expect(stdout).toMatch(/uid +1000 +inside +1000/);
  });
});

test('a process has eight namespaces, the host too', () => {
  expect(nstool(['holders', 'host']).stderr).toMatch(/'host' is the host, which has eight namespaces/);
});

describe.skipIf(lacks('root', 'namespaces', 'ip', 'cc')).sequential('names', () => {
  let pins: readonly Pin[];

  beforeAll(async () => {
    pins = [await startPin('fd'), await startPin('socket')];
    spawnSync('ip', ['netns', 'add', 'nstool-blue']);
  });

  afterAll(async () => {
    spawnSync('ip', ['netns', 'del', 'nstool-blue']);
    for (const pin of pins) await pin.end();
  });

  test('a namespace that only a descriptor or a socket holds is found by its number', () => {
    for (const { inode } of pins) {
      const { namespace } = json('show', `net:${inode}`, '-o', 'ns,links') as { namespace: { links: unknown[] } };
      expect(namespace.links).toHaveLength(1);
      expect(json('show', String(inode), '-o', 'ns')).toHaveProperty('namespace.ns', Number(inode));
    }
  });

  test.each([
    [['show', 'netns:nstool-blu'], 'netns:nstool-blue'],
    [['show', 'nstool-blue'], 'netns:nstool-blue'],
    [['ids', 'comm:kthreaddd'], 'comm:kthreadd'],
    [['ls', '-p', 'netns:nstoolblue'], 'netns:nstool-blue'],
  ])('%j came close to %s', (args, meant) => {
    const { status, stdout, stderr } = nstool(args);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain(`\n  why: did you mean ${meant}?\n`);
  });

  test('what is like nothing gets no proposal', () => {
    const { status, stderr } = nstool(['show', 'unit:xyzzyqwertyuiop']);
    expect(status).toBe(3);
    expect(stderr).not.toContain('did you mean');
  });
});
