// What `show` and `diff` tell of real groups of v1: limits of the one above, a spinner held back, frozen; beside cat.

import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `/nstool-test-show-${process.pid}`;
const LEAF = `${NAME}/leaf`;

type Files = Readonly<Record<string, Readonly<Record<string, string>>>>;

describe.skipIf(lacks('root', 'cgroup1'))('cgroups of a process', () => {
  let cgroups: TestCgroups;

  beforeEach(() => {
    cgroups = new TestCgroups();
  });
  afterEach(() => cgroups.end());

  /** Below a cgroup with these files, in each hierarchy that they name. */
  function started(above: Files, own: Files = {}, before: readonly string[] = []): number {
    const folders = Object.keys(above).map((hierarchy) => {
      cgroups.make(hierarchy, NAME, above[hierarchy]);
      return cgroups.make(hierarchy, LEAF, own[hierarchy]);
    });
    return cgroups.start(folders, before);
  }

  interface Shown {
    readonly limits: readonly Readonly<Record<string, unknown>>[];
    readonly throttling: readonly { readonly path: string; readonly throttled: number }[];
    readonly oom_kills: number | null;
    readonly frozen: { readonly state: string; readonly by: string | null } | null;
  }

  function shown(pid: number): Shown {
    const { stdout, stderr, status } = nstool(['show', String(pid), '-J', '-o', 'limits,throttling,oom_kills,frozen']);
    if (status !== 0) throw new Error(stderr);
    return (JSON.parse(stdout) as { process: Shown }).process;
  }

  it('show: limits of the one above', () => {
    const pid = started({ memory: { 'memory.limit_in_bytes': '67108864' }, pids: { 'pids.max': '12' } });
    const { limits, oom_kills: kills } = shown(pid);
    const above = (hierarchy: string, file: string): number =>
      Number(readFileSync(`${cgroups.mounts.get(hierarchy)}${NAME}/${file}`, 'utf8'));
    expect(limits.filter(({ key }) => key === 'memory_max' || key === 'pids_max')).toEqual([
      {
        key: 'memory_max',
        unit: 'bytes',
        device: null,
        effective: above('memory', 'memory.limit_in_bytes'),
        by: NAME,
        usage: above('memory', 'memory.usage_in_bytes'),
      },
      { key: 'pids_max', unit: 'tasks', device: null, effective: 12, by: NAME, usage: above('pids', 'pids.current') },
    ]);
    expect(kills).toBe(0);
  });

  it('show: the processors that are left, and by whom', () => {
    const mems = readFileSync(`${cgroups.mounts.get('cpuset')}/cpuset.mems`, 'utf8').trim();
    const files = { 'cpuset.mems': mems, 'cpuset.cpus': '0' };
    const pid = started({ cpuset: files }, { cpuset: files });
    const all = readFileSync(`${cgroups.mounts.get('cpuset')}/cpuset.cpus`, 'utf8').trim();
    const cpus = shown(pid).limits.filter(({ key }) => key === 'cpus');
    // On a machine with one processor nothing is left out.
    expect(cpus).toEqual(all === '0' ? [] : [expect.objectContaining({ effective: 1, by: NAME })]);
  });

  it('show: a spinner held back by the quota of the one above', async () => {
    const pid = started({ cpu: { 'cpu.cfs_quota_us': '10000' } }, {}, ['sh', '-c', 'while :; do :; done']);
    const stat = `${cgroups.mounts.get('cpu')}${NAME}/cpu.stat`;
    const throttled = (): number => Number(/nr_throttled (\d+)/.exec(readFileSync(stat, 'utf8'))?.[1]);
    while (throttled() === 0) await sleep(20);
    const before = throttled();
    const { throttling } = shown(pid);
    expect(throttling.map(({ path }) => path)).toEqual([NAME]);
    expect(throttling[0]?.throttled).toBeGreaterThanOrEqual(before);
    expect(throttling[0]?.throttled).toBeLessThanOrEqual(throttled());
  });

  it.skipIf(!new TestCgroups().mounts.has('freezer'))('show: frozen from above', () => {
    const pid = started({ freezer: {} });
    const state = `${cgroups.mounts.get('freezer')}${NAME}/freezer.state`;
    writeFileSync(state, 'FROZEN');
    const frozen = shown(pid);
    writeFileSync(state, 'THAWED');
    expect([frozen.frozen, shown(pid).frozen]).toEqual([
      { state: 'frozen', by: NAME },
      { state: 'thawed', by: null },
    ]);
  });

  it('diff: what holds for one and not for the other', () => {
    const limited = started({
      memory: { 'memory.limit_in_bytes': '67108864' },
      cpu: { 'cpu.cfs_quota_us': '30000', 'cpu.shares': '2048' },
    });
    const free = ['memory', 'cpu'].map((hierarchy) => cgroups.make(hierarchy, `${NAME}-free`));
    const other = cgroups.start(free);
    const { stdout, status } = nstool(['diff', String(limited), String(other), '--json']);
    const { differences } = JSON.parse(stdout) as {
      differences: { what: string; name: string | null; a: unknown; b: unknown }[];
    };
    const told = differences.filter(({ what }) => what.startsWith('cgroup limit') || what === 'cpu weight');
    expect(status).toBe(1);
    // Its own weight is the default one: that of the one above is no matter between these two.
    expect(told.map(({ name, a, b }) => [name, a, b])).toEqual([
      ['cpu_max_cores', 0.3, null],
      ['memory_max_bytes', 67_108_864, null],
    ]);
  });
});
