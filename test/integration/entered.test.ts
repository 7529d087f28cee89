// What entered a container is marked, and what the container runs is not: with real processes, and a cgroup that is
// called as docker calls its own.

import { mkdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { lookAtAll } from '../../src/namespaces/crowd.ts';
import { enteredProcesses, type Entry } from '../../src/namespaces/entered.ts';
import { parentOf, until } from '../support/engines.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';
import { quote } from '../support/terminal.ts';

const ID = 'c0ffee'.repeat(11).slice(0, 64);
const NAME = `container:${ID.slice(0, 12)}`;
const READY = ['sh', '-c', 'echo ready; exec sleep 1000'];
const ALL = ['ipc', 'uts', 'net', 'pid', 'mnt'];

const folder = `nstool-entered-${process.pid}`;
const host = linuxHost();

/** Where a cgroup can be made: a hierarchy of its own kind, or the unified one. */
function hierarchy(): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const found = mounts.map((line) => line.split(' ')).find(([, , type]) => type === 'cgroup' || type === 'cgroup2');
  return found?.[1] ?? '';
}

function cgroups(): readonly string[] {
  const outer = join(hierarchy(), folder);
  return [outer, join(outer, 'docker'), join(outer, 'docker', ID)];
}

function entry(pid: number): Entry | undefined {
  return enteredProcesses(lookAtAll(host)).entries.get(pid);
}

describe.skipIf(lacks('root', 'namespaces', 'nsenter'))('a container', () => {
  let init: number;
  const started: Started[] = [];

  beforeAll(async () => {
    for (const path of cgroups()) mkdirSync(path);
    // As an engine does it: what stays outside, waiting, is in none of the namespaces itself.
    const inside = ['unshare', '--mount', '--net', '--ipc', '--uts', ...READY];
    const outside = await startReady(['unshare', '--pid', '--fork', ...inside]);
    started.push(outside);
    init = Number(childrenOf(outside.pid)[0]);
    moveIn(init);
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    const left = cgroups().toReversed();
    await until(() => readFileSync(join(left[0] ?? '', 'cgroup.procs'), 'utf8') === '');
    for (const path of left) rmdirSync(path);
  });

  function moveIn(pid: number): void {
    writeFileSync(join(cgroups()[2] ?? '', 'cgroup.procs'), String(pid));
  }

  async function nsenter(...words: readonly string[]): Promise<Started> {
    const one = await startReady(['nsenter', '--target', String(init), ...words, ...READY]);
    started.push(one);
    return one;
  }

  it('was not entered by its first process', () => {
    expect(entry(init)).toBe(undefined);
    expect(enteredProcesses(lookAtAll(host)).into(init)).toEqual([]);
  });

  it('was entered by nsenter -n, which a shell started', async () => {
    const script = `nsenter --target ${init} --net ${READY.map(quote).join(' ')}; :`;
    const shell = await startReady(['sh', '-c', script]);
    started.push(shell);
    const pid = Number(childrenOf(shell.pid)[0]);
    expect(entry(pid)).toMatchObject({
      container: NAME,
      shared: ['net'],
      missing: ALL.filter((kind) => kind !== 'net'),
      inCgroup: false,
      starter: { pid: shell.pid, comm: 'sh', uid: 0 },
    });
    const { stdout } = nstool(['show', String(pid), '-o', 'entered']);
    expect(stdout).toMatch(new RegExp(`^${NAME} \\(net, not .*; outside its cgroup\\), started by ${shell.pid} sh`));
    expect(nstool(['show', String(init), '-o', 'entered_by']).stdout).toContain(`${pid} s`);
    const net = readlinkSync(`/proc/${init}/ns/net`);
    const { stdout: rows } = nstool(['ls', net, '-n', '-r', '-o', 'PID,ENTERED']);
    expect(rows).toContain(`${pid} ${NAME}\n`);
    expect(rows).toContain(`${init} -\n`);
    const { stdout: row } = nstool(['ls', '-t', 'net,mnt', '-n', '-r', '-Q', `NS == ${inode(net)}`, '-o', 'ENTERED']);
    expect(row.trim().split(',')).toContain(String(pid));
  });

  it('was entered by nsenter -a, and by what waits for it', async () => {
    const waiting = await nsenter('--all');
    const pid = Number(childrenOf(waiting.pid)[0]);
    expect(entry(pid)).toMatchObject({ shared: ALL, missing: [], inCgroup: false, starter: { pid: process.pid } });
    expect(entry(waiting.pid)).toMatchObject({ missing: ['pid'], starter: { pid: process.pid } });
  });

  it('was entered by who was moved into its cgroup and its network', async () => {
    const { pid } = await nsenter('--net');
    moveIn(pid);
    expect(entry(pid)).toMatchObject({ shared: ['net'], inCgroup: true, starter: { pid: process.pid } });
  });

  it('was not entered by who is in its cgroup and all its namespaces, as docker exec leaves it', async () => {
    const waiting = await nsenter('--all');
    const pid = Number(childrenOf(waiting.pid)[0]);
    moveIn(pid);
    expect(entry(pid)).toBe(undefined);
  });

  it('was not entered by its own process in new namespaces', async () => {
    const waiting = await nsenter('--all', 'unshare', '--net', '--uts');
    const pid = Number(childrenOf(waiting.pid)[0]);
    moveIn(pid);
    expect(readlinkSync(`/proc/${pid}/ns/net`)).not.toBe(readlinkSync(`/proc/${init}/ns/net`));
    expect(entry(pid)).toBe(undefined);
  });

  it('was entered by one whose starter has ended', async () => {
    const script = `nsenter --target ${init} --net setsid sh -c 'echo $$; exec sleep 1000' &`;
    const { stdout } = run(['sh', '-c', `{ ${script} } 2>/dev/null | head -n 1`]);
    const pid = Number(stdout);
    try {
      await until(() => parentOf(pid) === 1);
      expect(entry(pid)).toMatchObject({ shared: ['net'], starter: null });
      expect(nstool(['show', String(pid), '-o', 'entered']).stdout).toContain('its starter has ended');
    } finally {
      process.kill(pid, 'SIGKILL');
      await until(() => parentOf(pid) === 0);
    }
  });

  it('is closed to a plain user, who is told so', () => {
    const { stdout, stderr } = nstool(['ls', '-n', '-r', '-o', 'PID,ENTERED'], { uid: PLAIN_UID });
    expect(stdout).not.toContain(NAME);
    expect(stderr).toContain('permission denied');
  });
});

function inode(link: string): string {
  return /[0-9]+/.exec(link)?.[0] ?? '';
}
