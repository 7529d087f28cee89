// The counters of a cgroup: which files, converted how, and what two of them say.

import { describe, expect, it } from 'vitest';
import { ratesOf, sampleGroup, type Sample, type Topic } from '../../../src/cgroups/sample.ts';
import { walkGroups, type WalkedGroup } from '../../../src/cgroups/walk.ts';
import { GapTally } from '../../../src/kernel/gap-tally.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { cgroupHost, CONTAINER, kubernetesNode, POD } from '../../support/walked-hosts.ts';

const ALL: readonly Topic[] = [
  ...(['processes', 'tasks', 'tasks_limit', 'forks_refused', 'cpu', 'cpu_limit', 'throttling'] as const),
  ...(['memory', 'memory_limit', 'memory_peak', 'memory_stat', 'swap', 'oom_kills', 'limit_hits'] as const),
  ...(['io_bytes', 'io_requests', 'cpu_pressure', 'memory_pressure', 'io_pressure', 'frozen', 'dying'] as const),
];

function groupOf(host: Host, path: string): WalkedGroup {
  const group = walkGroups(host, new GapTally()).groups.get(path);
  if (group === undefined) throw new Error(`no cgroup ${path}`);
  return group;
}

function sampled(host: Host, path: string, topics: readonly Topic[] = ALL): Sample {
  return sampleGroup(groupOf(host, path), topics, { gaps: new GapTally(), now: () => 1000 });
}

const v1Files = {
  '/m/a/cgroup.procs': '',
  '/m/a/memory.usage_in_bytes': '20000\n',
  '/m/a/memory.limit_in_bytes': '9223372036854771712\n',
  '/m/a/memory.max_usage_in_bytes': '30000\n',
  '/m/a/memory.failcnt': '3\n',
  '/m/a/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
  '/m/a/memory.stat': 'cache 9\ntotal_cache 4000\ntotal_rss 6000\ntotal_inactive_file 30000\ntotal_swap 7\n',
  '/c/a/cgroup.procs': '41\n42\n',
  '/c/a/cpuacct.usage': '1234567890123456789\n',
  '/c/a/cpu.stat': 'nr_periods 21\nnr_throttled 20\nthrottled_time 1593152719\n',
  '/c/a/cpu.cfs_quota_us': '25000\n',
  '/c/a/cpu.cfs_period_us': '100000\n',
  '/c/a/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 1\n8:16 Read 4\nTotal 4101\n',
  '/c/a/blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\nTotal 3\n',
  '/c/a/freezer.state': 'FREEZING\n',
  '/c/a/pids.current': '3\n',
  '/c/a/pids.max': '8\n',
  '/c/a/pids.events': 'max 4\n',
};

function v1Host(files: Readonly<Record<string, string | null>> = v1Files): Host {
  return cgroupHost({
    mounts: [
      '0:31 / /m rw - cgroup cgroup rw,memory',
      '0:32 / /c rw - cgroup cgroup rw,cpu,cpuacct,blkio,freezer,pids',
    ],
    memberships: ['3:memory:/', '2:cpu,cpuacct,blkio,freezer,pids:/'],
    folders: { '/m': ['a'], '/c': ['a'] },
    files,
  });
}

describe('one moment', () => {
  it('of v1: nanoseconds become microseconds, the page-rounded maximum unlimited', () => {
    expect(sampled(v1Host(), '/a')).toEqual({
      at: 1000,
      processes: 2,
      tasks: 3,
      tasks_limit: 8,
      forks_refused: 4,
      cpu_usec: 1_234_567_890_123_456,
      cpu_limit: 0.25,
      periods: 21,
      throttled: 20,
      throttled_usec: 1_593_152,
      memory: 20_000,
      memory_limit: Infinity,
      memory_peak: 30_000,
      working_set: 0,
      anon: 6000,
      file: 4000,
      swap: 7,
      oom_kills: 2,
      limit_hits: 3,
      read_bytes: 4100,
      written_bytes: 1,
      reads: 1,
      writes: 2,
      cpu_stall: null,
      cpu_stall_usec: null,
      memory_stall: null,
      memory_stall_usec: null,
      io_stall: null,
      io_stall_usec: null,
      frozen: 1,
      dying: null,
    });
  });

  it('of v2', () => {
    expect(sampled(kubernetesNode(), `/kubepods.slice/${POD}/${CONTAINER}`)).toMatchObject({
      processes: 3,
      tasks: 5,
      tasks_limit: Infinity,
      forks_refused: null,
      cpu_usec: 7_500_000,
      cpu_limit: 0.5,
      periods: 200,
      throttled: 50,
      throttled_usec: 2_500_000,
      memory: 104_857_600,
      memory_limit: 134_217_728,
      working_set: 100_000_000,
      anon: 80_000_000,
      oom_kills: 1,
      limit_hits: 12,
      read_bytes: 4096,
      written_bytes: 8192,
      reads: 1,
      writes: 2,
      memory_stall: 1.5,
      memory_stall_usec: 900,
      cpu_stall: null,
      dying: 3,
    });
  });

  it('of v2 where a controller is not handed on: its figures are not known, and its files not asked for', () => {
    const host = kubernetesNode();
    const asked: string[] = [];
    const watched: Host = {
      ...host,
      readFile: (path) => {
        asked.push(path);
        return host.readFile(path);
      },
    };
    const group = groupOf(watched, '/system.slice/ssh.service');
    asked.length = 0;
    const sample = sampleGroup(group, ['cpu', 'throttling', 'io_bytes', 'memory'], {
      gaps: new GapTally(),
      now: () => 0,
    });
    expect(sample).toMatchObject({ cpu_usec: 1_500_000, periods: null, read_bytes: null, memory: 4_096_000 });
    const folder = '/sys/fs/cgroup/system.slice/ssh.service';
    expect(asked).toEqual([`${folder}/cpu.stat`, `${folder}/memory.current`]);
  });

  it('asks other hierarchies for processes only where there may be some', () => {
    const group = groupOf(v1Host(), '/a');
    const options = { gaps: new GapTally(), now: (): number => 0 };
    expect(sampleGroup(group, ['processes'], { ...options, mayHaveProcesses: () => false }).processes).toBe(0);
    expect(sampleGroup(group, ['processes'], { ...options, mayHaveProcesses: () => true }).processes).toBe(2);
  });

  it('a closed file is a gap and null, one that is not there is null only', () => {
    const gaps = new GapTally();
    const host = v1Host({ '/m/a/memory.usage_in_bytes': null, '/m/a/memory.failcnt': 'many\n' });
    const sample = sampleGroup(groupOf(host, '/a'), ['memory', 'memory_limit', 'limit_hits', 'cpu'], {
      gaps,
      now: () => 0,
    });
    expect(sample).toMatchObject({ memory: null, memory_limit: null, limit_hits: null, cpu_usec: null });
    expect(gaps.list()).toMatchObject([
      { subject: 'file of a cgroup', reason: 'denied', count: 1 },
      { subject: 'file of a cgroup', reason: 'malformed', count: 1 },
    ]);
  });

  it('a threaded cgroup does not tell its processes, which is no gap', () => {
    const host = kubernetesNode();
    const threaded: Host = {
      ...host,
      readFile: (path) =>
        path.endsWith('left.slice/cgroup.procs')
          ? { ok: false, gap: { reason: 'unsupported', what: path, errno: 'EOPNOTSUPP' } }
          : host.readFile(path),
    };
    const gaps = new GapTally();
    const sample = sampleGroup(groupOf(threaded, '/left.slice'), ['processes'], { gaps, now: () => 0 });
    expect(sample.processes).toBeNull();
    expect(gaps.list()).toEqual([]);
  });

  it('reads through another reader, by the same paths', () => {
    const host = v1Host();
    const read: string[] = [];
    const sample = sampleGroup(groupOf(host, '/a'), ['memory'], {
      gaps: new GapTally(),
      now: () => 0,
      readFile: (path) => {
        read.push(path);
        return { ok: true, value: new TextEncoder().encode('5\n') };
      },
    });
    expect(sample.memory).toBe(5);
    expect(read).toEqual(['/m/a/memory.usage_in_bytes']);
  });
});

describe('two moments', () => {
  const before = sampled(v1Host(), '/a');

  it('are rates', () => {
    const after: Sample = {
      ...before,
      at: before.at + 2000,
      cpu_usec: (before.cpu_usec ?? 0) + 3_000_000,
      periods: 41,
      throttled: 25,
      throttled_usec: (before.throttled_usec ?? 0) + 500_000,
      memory: 10_000,
      read_bytes: 4100 + 8192,
      oom_kills: 3,
    };
    expect(ratesOf(before, after)).toEqual({
      seconds: 2,
      cpu: 1.5,
      throttled_percent: 25,
      throttled: 0.25,
      memory: -5000,
      read_bytes: 4096,
      written_bytes: 0,
      reads: 0,
      writes: 0,
      cpu_stall: null,
      memory_stall: null,
      io_stall: null,
      oom_kills: 1,
      limit_hits: 0,
      forks_refused: 0,
    });
  });

  it('where a counter went back the cgroup was made anew, and nothing is known', () => {
    expect(ratesOf(before, { ...before, at: 2000, cpu_usec: 5 })).toMatchObject({ cpu: null, read_bytes: 0 });
  });

  it('without a period, or without time between them, there is no rate', () => {
    expect(ratesOf(before, { ...before, at: 3000 }).throttled_percent).toBeNull();
    expect(ratesOf(before, before)).toMatchObject({ seconds: 0, cpu: null });
  });

  it('a wait that was added late is no more than all of the time', () => {
    const waiting = { ...before, cpu_stall_usec: 0 };
    expect(ratesOf(waiting, { ...waiting, at: 2000, cpu_stall_usec: 1_500_000 }).cpu_stall).toBe(100);
    expect(ratesOf(waiting, { ...waiting, at: 3000, cpu_stall_usec: 500_000 }).cpu_stall).toBe(25);
  });
});
