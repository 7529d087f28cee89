// Every cgroup of this machine: the same as find(1) finds, and the numbers that cat(1) gives.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listedProcesses, readProcessTable } from '../../src/cgroups/processes.ts';
import { sampleGroup, type Topic } from '../../src/cgroups/sample.ts';
import { walkGroups, type Walk } from '../../src/cgroups/walk.ts';
import { folders } from '../../src/host/linux/folders.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { GapTally } from '../../src/kernel/gap-tally.ts';
import { decodePath, encodePath } from '../../src/kernel/text/file-name.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `nstool-test-walk-${process.pid}`;
const host = linuxHost();

function found(mount: string): readonly string[] {
  const { stdout } = spawnSync('find', [`${mount}/${NAME}`, '-type', 'd', '-print0']);
  const names: string[] = [];
  for (let start = 0; start < stdout.length;) {
    const end = stdout.indexOf(0, start);
    names.push(decodePath(stdout.subarray(start, end)));
    start = end + 1;
  }
  return names.toSorted();
}

function below(walk: Walk, mount: string): readonly string[] {
  const all = [...walk.groups.values()].flatMap(({ places }) => places.map(({ folder }) => folder));
  return all.filter((folder) => folder.startsWith(`${mount}/${NAME}`)).toSorted();
}

function text(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

describe.skipIf(lacks('root', 'cgroup1'))('cgroups of this machine', () => {
  const cgroups = new TestCgroups();
  const memory = cgroups.mounts.get('memory') ?? '';
  const unified = cgroups.mounts.get('cgroup2') ?? '';
  const odd = Buffer.concat([Buffer.from(`${memory}/${NAME}/`), Buffer.from([0x61, 0xff, 0x1b, 0x5b])]);
  /** As deep as a path may be long. */
  const deep = Array.from({ length: 15 }, (_, index) => `${index}-${'d'.repeat(240)}`);

  beforeAll(() => {
    for (const hierarchy of ['memory', 'cpu', 'cpuacct', 'pids', 'cgroup2']) cgroups.make(hierarchy, `/${NAME}`);
    for (const name of ['a:b c', '\\x2d\\040é', '...', 'a\u202e\u001b[31m', ' (deleted)']) {
      cgroups.make('memory', `/${NAME}/${name}`);
    }
    cgroups.make('memory', `/${NAME}/a:b c/inner`);
    mkdirSync(odd);
    let path = '';
    for (const name of deep) cgroups.make('pids', `/${NAME}${(path += `/${name}`)}`);
  });

  afterAll(async () => {
    rmdirSync(odd);
    await cgroups.end();
  });

  it('are those that find finds, whatever their names', () => {
    const gaps = new GapTally();
    const walk = walkGroups(host, gaps);
    for (const hierarchy of ['memory', 'cpu', 'cpuacct', 'pids', 'cgroup2']) {
      const mount = cgroups.mounts.get(hierarchy) ?? '';
      const oracle = found(mount);
      expect(oracle.length).toBeGreaterThan(0);
      expect(below(walk, mount)).toEqual(oracle);
    }
    expect(gaps.list().filter(({ reason }) => reason !== 'gone')).toEqual([]);
    expect(walk.groups.get(`/${NAME}`)?.places.map(({ hierarchy }) => hierarchy.name)).toEqual([
      'memory',
      'pids',
      'cpu',
      'cpuacct',
      'cgroup2',
    ]);
    expect(walk.groups.has(`/${NAME}/a:b c/inner`)).toBe(true);
  });

  it('can be read whatever their names', () => {
    const isOurs = (path: string): boolean => path.startsWith(`/${NAME}/`) && /[\udc80-\udcff]/.test(path);
    const name = [...walkGroups(host, new GapTally()).groups.keys()].find(isOurs);
    expect(encodePath(`${memory}${name ?? ''}`)).toEqual(new Uint8Array(odd));
    const group = walkGroups(host, new GapTally()).groups.get(name ?? '');
    if (group === undefined) throw new Error('not found');
    const gaps = new GapTally();
    const sample = sampleGroup(group, ['memory_limit', 'processes'], { gaps, now: () => 0 });
    expect(sample).toMatchObject({ memory_limit: Infinity, processes: 0 });
    expect(gaps.list()).toEqual([]);
  });

  it('count what their files count', () => {
    const own = cgroups.make('memory', `/${NAME}/own`, { 'memory.limit_in_bytes': '20000000' });
    cgroups.make('cpu', `/${NAME}/own`, { 'cpu.cfs_quota_us': '30000' });
    cgroups.make('cpuacct', `/${NAME}/own`);
    cgroups.make('pids', `/${NAME}/own`, { 'pids.max': '7' });
    cgroups.make('cgroup2', `/${NAME}/own`);
    const at = (hierarchy: string): string => `${cgroups.mounts.get(hierarchy)}/${NAME}/own`;
    cgroups.start(['memory', 'cpu', 'cpuacct', 'pids', 'cgroup2'].map(at));
    cgroups.start([at('memory')]);
    const group = walkGroups(host, new GapTally()).groups.get(`/${NAME}/own`);
    if (group === undefined) throw new Error('not found');
    const topics: readonly Topic[] = [
      ...(['processes', 'tasks', 'tasks_limit', 'memory_limit', 'memory_peak', 'limit_hits', 'cpu_limit'] as const),
      ...(['cpu', 'oom_kills', 'throttling', 'cpu_pressure', 'dying'] as const),
    ];
    const gaps = new GapTally();
    const earlier = Number(text(`${at('cpuacct')}/cpuacct.usage`));
    const sample = sampleGroup(group, topics, { gaps, now: () => 0 });
    expect(gaps.list()).toEqual([]);
    expect(sample).toMatchObject({
      processes: text(`${own}/cgroup.procs`).split('\n').length,
      tasks: Number(text(`${at('pids')}/pids.current`)),
      tasks_limit: 7,
      memory_limit: Number(text(`${own}/memory.limit_in_bytes`)),
      memory_peak: Number(text(`${own}/memory.max_usage_in_bytes`)),
      limit_hits: Number(text(`${own}/memory.failcnt`)),
      cpu_limit: 0.3,
      oom_kills: 0,
      dying: Number(/nr_dying_descendants (\d+)/.exec(text(`${unified}/${NAME}/own/cgroup.stat`))?.[1]),
    });
    expect(sample.cpu_usec).toBeGreaterThanOrEqual(Math.floor(earlier / 1000));
    expect((sample.cpu_usec ?? 0) * 1000).toBeLessThanOrEqual(Number(text(`${at('cpuacct')}/cpuacct.usage`)));
    expect(sample.periods).toBeLessThanOrEqual(Number(/nr_periods (\d+)/.exec(text(`${at('cpu')}/cpu.stat`))?.[1]));
    expect(sample.cpu_stall_usec).not.toBeNull();
  });

  it('may lose processes to others meanwhile', async () => {
    const here = cgroups.make('pids', `/${NAME}/here`);
    const there = cgroups.make('pids', `/${NAME}/there`);
    const moved = cgroups.start([here]);
    const script = `while :; do echo ${moved} > '${there}/cgroup.procs'; echo ${moved} > '${here}/cgroup.procs'; done`;
    const mover = spawn('sh', ['-c', script], { stdio: 'ignore' });
    try {
      const seen = new Set<number | null>();
      const { groups } = walkGroups(host, new GapTally());
      for (let look = 0; look < 500; look += 1) {
        const gaps = new GapTally();
        const table = readProcessTable(host, gaps);
        for (const name of ['here', 'there']) {
          const group = groups.get(`/${NAME}/${name}`);
          if (group === undefined) throw new Error('not found');
          seen.add(sampleGroup(group, ['processes'], { gaps, now: () => 0 }).processes);
          for (const pid of table.in(group.places[0])) expect(pid).toBe(moved);
          for (const pid of listedProcesses(group.places[0], gaps)) expect(pid).toBe(moved);
        }
        expect(gaps.list().filter(({ reason }) => reason !== 'gone')).toEqual([]);
      }
      expect(seen).toEqual(new Set([0, 1]));
    } finally {
      mover.kill('SIGKILL');
      await new Promise((resolve) => {
        mover.once('exit', resolve);
      });
    }
  });

  it('have no process that has ended, as the kernel lists them', async () => {
    const folder = cgroups.make('cgroup2', `/${NAME}/zombie`);
    await cgroups.startZombie(folder);
    const group = walkGroups(host, new GapTally()).groups.get(`/${NAME}/zombie`);
    if (group === undefined) throw new Error('not found');
    const gaps = new GapTally();
    expect(sampleGroup(group, ['processes'], { gaps, now: () => 0 }).processes).toBe(0);
    expect(listedProcesses(group.places[0], gaps)).toEqual([]);
    expect(gaps.list()).toEqual([]);
  });

  it('may come and go meanwhile', async () => {
    const script = `cd "$0" && for i in $(seq 40); do mkdir -p a$i/b a$i/c; done; while :; do
      for i in $(seq 40); do rmdir a$i/b a$i/c a$i; mkdir -p a$i/b a$i/c; done; done`;
    const churn = cgroups.make('memory', `/${NAME}/churn`);
    const child = spawn('sh', ['-c', script, churn], { stdio: 'ignore' });
    try {
      for (let look = 0; look < 20; look += 1) {
        const gaps = new GapTally();
        const { groups } = walkGroups(host, gaps);
        expect(groups.has(`/${NAME}/churn`)).toBe(true);
        const now = (): number => 0;
        for (const group of groups.values()) {
          if (group.path.startsWith(`/${NAME}/churn/`)) sampleGroup(group, ['memory', 'processes'], { gaps, now });
        }
        expect(gaps.list().filter(({ reason }) => reason !== 'gone')).toEqual([]);
      }
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => {
        child.once('exit', resolve);
      });
      spawnSync('find', [churn, '-mindepth', '1', '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
    }
  });
});

describe('the list of folders', () => {
  it('is a gap where there is none, or a file', () => {
    expect(folders({ path: '/proc/nothing', limit: 5 })).toMatchObject({ gap: { reason: 'gone' } });
    expect(folders({ path: '/proc/self/stat', limit: 5 })).toMatchObject({ gap: { reason: 'gone' } });
  });

  it.skipIf(lacks('cgroup1'))('is cut where there are more', () => {
    const mount = new TestCgroups().mounts.get('memory') ?? '';
    expect(folders({ path: mount, limit: 0 })).toMatchObject({ value: { paths: [], cut: true } });
  });
});
