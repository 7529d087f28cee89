// The cgroup columns of `ls` on real groups of v1, beside what cat says of their files.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `/nstool-test-ls-${process.pid}`;
const LEAF = `${NAME}/a b:c`;
const COLUMNS =
  'PID,CGROUP,CGROUP_MEM,MEM_LIMIT,MEM_LIMIT_BY,CPU_LIMIT,CPU_LIMIT_BY,CGROUP_TASKS,PIDS_LIMIT,PIDS_LIMIT_BY,THROTTLED_USEC,OOM_KILLS,FROZEN';
const HIERARCHIES = ['memory', 'cpu', 'pids', 'freezer'];

type Row = Readonly<Record<string, unknown>>;

function cat(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

/** Of the process, by the pid namespace that it has for itself. */
function rowOf(pid: number, ...words: readonly string[]): Row | undefined {
  const { status, stdout, stderr } = nstool(['ls', '--json', '-t', 'uts', '-o', COLUMNS, ...words]);
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { namespaces: Row[] }).namespaces.find((row) => row['pid'] === pid);
}

describe.skipIf(lacks('root', 'cgroup1', 'unshare'))('cgroup columns', () => {
  let cgroups: TestCgroups;

  beforeEach(() => {
    cgroups = new TestCgroups();
  });
  afterEach(() => cgroups.end());

  function make(above: Readonly<Record<string, Readonly<Record<string, string>>>>): Readonly<Record<string, string>> {
    const folders = HIERARCHIES.filter((hierarchy) => cgroups.mounts.has(hierarchy)).map((hierarchy) => {
      cgroups.make(hierarchy, NAME, above[hierarchy]);
      return [hierarchy, cgroups.make(hierarchy, LEAF)];
    });
    return Object.fromEntries(folders) as Readonly<Record<string, string>>;
  }

  it('limits of the one above alone, and what is used', async () => {
    const folders = make({
      memory: { 'memory.limit_in_bytes': '67108864' },
      cpu: { 'cpu.cfs_quota_us': '25000' },
      pids: { 'pids.max': '33' },
    });
    const pid = cgroups.start(Object.values(folders), ['unshare', '--uts']);
    await named(pid);
    const row = rowOf(pid);
    expect(row).toMatchObject({
      cgroup: LEAF,
      mem_limit: 67_108_864,
      mem_limit_by: NAME,
      cpu_limit: 0.25,
      cpu_limit_by: NAME,
      pids_limit: 33,
      pids_limit_by: NAME,
      cgroup_tasks: Number(cat(`${folders['pids']}/pids.current`)),
      oom_kills: 0,
      frozen: 'no',
    });
    const usage = Number(cat(`${folders['memory']}/memory.usage_in_bytes`));
    expect(row?.['cgroup_mem']).toBe(usage);
    expect(rowOf(pid, '-Q', 'MEM_LIMIT < 100M && CPU_LIMIT < 1')).toBeDefined();
    expect(rowOf(pid, '-Q', 'MEM_LIMIT > 100M')).toBeUndefined();
  });

  it('no limits', async () => {
    const pid = cgroups.start(Object.values(make({})), ['unshare', '--uts']);
    await named(pid);
    expect(rowOf(pid)).toMatchObject({ mem_limit: 'max', cpu_limit: 'max', pids_limit: 'max', mem_limit_by: null });
  });

  it('how long the quota of the one above held a spinner back', async () => {
    const folders = make({ cpu: { 'cpu.cfs_quota_us': '10000' } });
    const pid = cgroups.start(Object.values(folders), ['unshare', '--uts', 'sh', '-c', 'while :; do :; done']);
    const above = `${cgroups.mounts.get('cpu')}${NAME}/cpu.stat`;
    const nanoseconds = (): number => Number(/throttled_time (\d+)/.exec(cat(above))?.[1]);
    while (nanoseconds() === 0) await sleep(20);
    const before = Math.floor(nanoseconds() / 1000);
    const told = Number(rowOf(pid)?.['throttled_usec']);
    expect(told).toBeGreaterThanOrEqual(before);
    expect(told).toBeLessThanOrEqual(nanoseconds() / 1000);
  });

  it('who was killed for want of memory', async () => {
    const folders = make({ memory: { 'memory.limit_in_bytes': '16777216' } });
    const pid = cgroups.start(Object.values(folders), ['unshare', '--uts']);
    await named(pid);
    // It takes more than the one above allows; the kernel ends the largest.
    const eater = 'echo $$ > "$0/cgroup.procs"; exec tail /dev/zero';
    spawnSync('sh', ['-c', eater, folders['memory'] ?? '']);
    const told = Number(/oom_kill (\d+)/.exec(cat(`${folders['memory']}/memory.oom_control`))?.[1]);
    expect(told).toBeGreaterThan(0);
    expect(rowOf(pid, '-Q', 'OOM_KILLS > 0')).toMatchObject({ oom_kills: told });
  });

  it.skipIf(!new TestCgroups().mounts.has('freezer'))('frozen from above', async () => {
    const folders = make({});
    const pid = cgroups.start(Object.values(folders), ['unshare', '--uts']);
    await named(pid);
    const above = `${cgroups.mounts.get('freezer')}${NAME}`;
    writeFileSync(`${above}/freezer.state`, 'FROZEN');
    const frozen = rowOf(pid);
    writeFileSync(`${above}/freezer.state`, 'THAWED');
    expect([frozen?.['frozen'], rowOf(pid)?.['frozen']]).toEqual(['yes', 'no']);
  });
});

/** Its program is the last of those it started with, and so it is in its namespace. */
async function named(pid: number): Promise<void> {
  while (cat(`/proc/${pid}/comm`) !== 'sleep') await sleep(5);
}
