// What the kernel's log says of cgroups. The lines are those of Linux 6.18; the old forms, of 4.19 and of Red Hat's 3.10,
// are written by hand after how mm/oom_kill.c prints them.

import { describe, expect, it } from 'vitest';
import { parseCgroupLog, timeOfRecord } from '../../../src/kernel/text/kernel-log.ts';

const invoked = 'python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0';
const usage = 'memory: usage 30720kB, limit 30720kB, failcnt 342';
const reason = (rest: string): string =>
  `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,${rest}`;
const killed = (pid: number, comm = 'python3'): string =>
  `Memory cgroup out of memory: Killed process ${pid} (${comm}) total-vm:82120kB, anon-rss:30464kB, file-rss:5844kB, shmem-rss:4kB, UID:0 pgtables:120kB oom_score_adj:0`;

function log(...texts: readonly string[]): ReturnType<typeof parseCgroupLog> {
  return parseCgroupLog(texts.map((text, index) => `6,${2298 + index},${35020435414 + index},-;${text}`));
}

const kill = {
  usec: 35020435416n,
  pid: 2157,
  comm: 'python3',
  uid: 0,
  cause: 'memory cgroup',
  limitOf: '/lab',
  victimIn: '/lab/child',
  byGroup: false,
  ambiguous: false,
  usage: 31457280n,
  limit: 31457280n,
  anon: 31195136n,
  file: 5984256n,
  shmem: 4096n,
};

describe('killed for want of memory', () => {
  it('names the victim, its cgroup, and the cgroup whose limit broke', () => {
    const lines = [
      invoked,
      usage,
      reason('oom_memcg=/lab,task_memcg=/lab/child,task=python3,pid=2157,uid=0'),
      killed(2157),
    ];
    expect(log(...lines)).toEqual({ kills: [kill], refusals: [], dropped: 0 });
  });

  it('tells a host that ran out of memory from a limit', () => {
    const { kills } = log(
      'oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=b,pid=9,uid=7',
      'Out of memory: Killed process 9 (b) total-vm:10kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:7 pgtables:1kB oom_score_adj:0',
    );
    expect(kills).toMatchObject([{ cause: 'host', limitOf: null, victimIn: '/a', pid: 9, uid: 7, anon: 8192n }]);
  });

  it.each([
    ['Killed process 9 (b) total-vm:10kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB'],
    ['Killed process 9 (b), UID 1000, total-vm:10kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB'],
    ['Killed process 9 (b) total-vm:10kB, anon-rss:8kB, file-rss:0kB'],
  ])('reads the old form: %s', (last) => {
    const { kills } = log(
      invoked,
      'Task in /lab/child killed as a result of limit of /lab',
      'memory: usage 5120kB, limit 5120kB, failcnt 25',
      'Memory cgroup out of memory: Kill process 9 (b) score 1000 or sacrifice child',
      last,
    );
    const known = { pid: 9, comm: 'b', uid: null, limitOf: '/lab', victimIn: '/lab/child', limit: 5242880n };
    expect(kills).toMatchObject([{ ...known, anon: 8192n }]);
  });

  it('says who was killed with the first one of a group', () => {
    const { kills } = log(
      invoked,
      usage,
      reason('oom_memcg=/lab,task_memcg=/lab/child,task=a,pid=1,uid=0'),
      killed(1, 'a'),
      'Tasks in /lab/child are going to be killed due to memory.oom.group set',
      killed(2, 'b'),
      killed(3, 'c'),
    );
    expect(kills.map(({ pid, byGroup, limitOf, victimIn }) => ({ pid, byGroup, limitOf, victimIn }))).toEqual([
      { pid: 1, byGroup: false, limitOf: '/lab', victimIn: '/lab/child' },
      { pid: 2, byGroup: true, limitOf: '/lab', victimIn: '/lab/child' },
      { pid: 3, byGroup: true, limitOf: '/lab', victimIn: '/lab/child' },
    ]);
  });

  it('keeps what one line alone says', () => {
    expect(log(reason('oom_memcg=/l,task_memcg=/l,task=a,pid=1,uid=0')).kills).toMatchObject([
      { pid: 1, limitOf: '/l', anon: null, limit: null },
    ]);
    expect(log(killed(5)).kills).toMatchObject([
      { pid: 5, cause: 'memory cgroup', limitOf: null, victimIn: null, byGroup: false },
    ]);
    // Of another process: neither belongs to the other.
    expect(
      log(reason('oom_memcg=/l,task_memcg=/l,task=a,pid=1,uid=0'), killed(5)).kills.map(({ pid }) => pid),
    ).toContain(5);
  });

  it('does not take one kill for another', () => {
    const { kills } = log(
      invoked,
      usage,
      reason('oom_memcg=/l,task_memcg=/l,task=a,pid=1,uid=0'),
      killed(1, 'a'),
      invoked,
      reason('oom_memcg=/m,task_memcg=/m/n,task=a,pid=2,uid=0'),
      killed(2, 'a'),
    );
    expect(kills).toMatchObject([
      { limitOf: '/l', limit: 31457280n },
      { limitOf: '/m', limit: null },
    ]);
  });
});

describe('a log that others write into', () => {
  it('takes names as they are, escapes read', () => {
    const [found] = log(
      reason(String.raw`oom_memcg=/a\x5cx2db,task_memcg=/a\x5cx2db/\xc3\xa9,task=e\x0al,(x),pid=1,pid=2157,uid=0`),
      killed(2157, String.raw`e\x0al,(x),pid=1`),
    ).kills;
    expect(found).toMatchObject({
      comm: 'e\nl,(x),pid=1',
      pid: 2157,
      limitOf: String.raw`/a\x2db`,
      victimIn: String.raw`/a\x2db/é`,
      anon: 31195136n,
      ambiguous: false,
    });
  });

  it('says so where names of cgroups can be read in two ways', () => {
    const [found] = log(reason('oom_memcg=/a,task_memcg=/a/b,task_memcg=/a,task_memcg=/a/b,task=t,pid=4,uid=0')).kills;
    expect(found).toMatchObject({ pid: 4, ambiguous: true });
  });

  it('is not led astray by a cpuset with such a name, nor by a task', () => {
    const lines = [
      'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=0-1,3,cpuset=x,oom_memcg=,task_memcg=y,mems_allowed=0-1,oom_memcg=/a,task_memcg=/a/b,task=,task=t,pid=4,uid=0',
    ];
    // The comm is `,task=t`, or `t` with a cgroup `/a/b,task=`.
    expect(log(...lines).kills).toMatchObject([{ limitOf: '/a', ambiguous: true }]);
    expect(log(reason('oom_memcg=/a,task_memcg=/b,task=t,pid=4,uid=0')).kills).toEqual([]);
  });

  it('believes the kernel only', () => {
    const forged = `12,7,8,-;${killed(1)}`;
    expect(parseCgroupLog([forged, `13,1,1,-;cgroup: fork rejected by pids controller in /a`])).toEqual({
      kills: [],
      refusals: [],
      dropped: 0,
    });
  });

  it.each(['', ';', '6,1', '6,1,2;', '6,1,2,-;', 'x,1,2,-;oom-kill:constraint=', '6,1,99999999999999999999999,-;a'])(
    'passes %j over',
    (line) => {
      expect(parseCgroupLog([line])).toEqual({ kills: [], refusals: [], dropped: 0 });
    },
  );

  it('keeps the last thousand', () => {
    const many = Array.from({ length: 1100 }, (_, index) => killed(index + 1));
    const { kills, dropped } = log(...many);
    expect([kills.length, dropped, kills.at(-1)?.pid]).toEqual([1000, 100, 1100]);
  });
});

it('says where a fork was refused', () => {
  expect(log(String.raw`cgroup: fork rejected by pids controller in /lab/a b\x5cx2d`).refusals).toEqual([
    { usec: 35020435414n, path: String.raw`/lab/a b\x2d` },
  ]);
});

it('tells when a line was written', () => {
  expect(timeOfRecord('6,257,369119,-;')).toBe(369119n);
  expect(timeOfRecord('nonsense')).toBeUndefined();
});
