// The verdicts of `cgroup why` on hosts that are not here: v2 at two moments, made up from what the kernel writes.

import { describe, expect, it } from 'vitest';
import { cgroupWhy } from '../../../src/cli/commands/cgroup-why.ts';
import { beginWhy, endWhy, type WhyReport } from '../../../src/inspect/cgroup-why/report.ts';
import { resolveCgroupTarget, resolveLivingCgroup } from '../../../src/inspect/cgroup/cgroup-target.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { procOf } from '../../support/fake-proc.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';
import { faults } from '../../support/schemas.ts';

type Files = Readonly<Record<string, string>>;
type Tree = Readonly<Record<string, Files>>;

const ROOT = '/sys/fs/cgroup';
const PID = 50;
const CONTROLLERS = 'cpuset cpu io memory pids hugetlb\n';

/** What each cgroup of v2 has that nothing happened to. */
const calm: Files = {
  'cgroup.controllers': CONTROLLERS,
  'cgroup.type': 'domain\n',
  'cgroup.procs': '',
  'cgroup.threads': '',
  'cgroup.events': 'populated 1\nfrozen 0\n',
  'cgroup.freeze': '0\n',
  'cgroup.stat': 'nr_descendants 0\nnr_dying_descendants 0\n',
  'cpu.weight': '100\n',
  'cpu.idle': '0\n',
  'cpu.max': 'max 100000\n',
  'cpu.stat': 'usage_usec 1000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n',
  'cpuset.cpus': '\n',
  'cpuset.cpus.effective': '0-3\n',
  'memory.max': 'max\n',
  'memory.high': 'max\n',
  'memory.current': '1000000\n',
  'memory.peak': '2000000\n',
  'memory.swap.max': 'max\n',
  'memory.swap.current': '0\n',
  'memory.events': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n',
  'memory.events.local': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n',
  'memory.oom.group': '0\n',
  'memory.stat': 'anon 900000\nfile 50000\ninactive_file 10000\nshmem 0\n',
  'pids.max': 'max\n',
  'pids.current': '3\n',
  'pids.peak': '4\n',
  'pids.events': 'max 0\n',
};

const top: Files = {
  'cgroup.controllers': CONTROLLERS,
  'cgroup.procs': '1\n',
  'cgroup.threads': '1\n',
  'cpu.stat': 'usage_usec 5000\n',
  'cpuset.cpus.effective': '0-3\n',
};

const DENIED = { gap: { reason: 'denied', errno: 'EACCES' } } as const;

interface Made {
  /** Below the root: what is unlike `calm`. */
  readonly groups: Tree;
  readonly log?: readonly string[] | 'denied';
  readonly more?: Readonly<Record<string, object>>;
}

function madeUp({ groups, log = [], more = {} }: Made): Host {
  const folders: Tree = {
    [ROOT]: top,
    ...Object.fromEntries(Object.entries(groups).map(([path, files]) => [`${ROOT}${path}`, { ...calm, ...files }])),
  };
  const status = (isFolder: boolean): object => {
    return { status: { dev: '1', ino: '1', mode: String(isFolder ? 0o040_755 : 0o100_644), uid: '0', gid: '0' } };
  };
  const answers = Object.entries(folders).flatMap(([folder, files]): [string, object][] => {
    const below = Object.keys(folders).filter((other) => other.slice(0, other.lastIndexOf('/')) === folder);
    return [
      [
        `directory ${folder}`,
        { names: [...Object.keys(files), ...below.map((each) => each.slice(folder.length + 1))] },
      ],
      [`stat ${folder}`, status(true)],
      ...Object.entries(files).flatMap(([name, text]): [string, object][] => [
        [`file ${folder}/${name}`, { text }],
        [`stat ${folder}/${name}`, status(false)],
      ]),
    ];
  });
  const leaf = Object.keys(groups).at(-1) ?? '/';
  const records = log === 'denied' ? [] : log.map((text, index) => `6,${index},${(index + 1) * 1_000_000},-;${text}`);
  return hostOf({
    ...procOf([{ pid: 1 }, { pid: 2 }, { pid: 7 }, { pid: PID, cgroup: leaf }]),
    'file /proc/self/mountinfo': { text: `30 22 0:26 / ${ROOT} rw - cgroup2 cgroup2 rw\n` },
    'file /proc/uptime': { text: '100.00 1.00\n' },
    'kernel-log cgroups':
      log === 'denied'
        ? { gap: { reason: 'denied', errno: 'EPERM', what: '/dev/kmsg' } }
        : { log: { oldest: '6,0,0,-;', records } },
    'directory /sys/dev/block': { names: ['8:0'] },
    'link /sys/dev/block/8:0': { text: '../../devices/sda' },
    ...Object.fromEntries(answers),
    ...more,
  });
}

/** Two seconds lie between the two. */
function report(after: Made, before: Made = after, word = String(PID)): WhyReport {
  let now = madeUp(before);
  const host = new Proxy(now, { get: (_, key: keyof Host) => now[key] });
  const begun = beginWhy(host, word, 1000);
  // The cgroups that were found read by the host that they were found on.
  now = madeUp(after);
  return endWhy(host, begun, 3000);
}

const found = ({ verdicts }: WhyReport, level: 'finding' | 'note' = 'finding') =>
  verdicts.filter((each) => each.level === level);
const one = (of: WhyReport, code: string) => of.verdicts.find((each) => each.code === code);

describe('nothing is wrong', () => {
  it('in a calm cgroup', () => {
    const { verdicts, gaps } = report({ groups: { '/pod': {}, '/pod/web': {} } });
    expect([verdicts, gaps]).toEqual([[], []]);
  });

  it.each([
    ['nothing wrong (one look)', {}],
    ['nothing wrong in what could be seen (one look)', { [`file ${ROOT}/pod/pids.max`]: DENIED }],
    ["nothing wrong in what could be seen (one look, without the kernel's log)", { 'kernel-log cgroups': DENIED }],
  ])('and says %s', async (text, more) => {
    const host = madeUp({ groups: { '/pod': {} }, more });
    const { stdout, status } = await runCommand(cgroupWhy, [String(PID), '--for', '0'], { host });
    expect([stdout.split('\n')[0], status]).toEqual([text, 0]);
  });

  it('with limits that were never reached, and it says so', () => {
    const limits = {
      'memory.max': '5242880\n',
      'memory.peak': '1258291\n',
      'pids.max': '64\n',
      'cpu.max': '50000 100000\n',
    };
    const answer = report({ groups: { '/pod': { 'memory.high': '4194304\n' }, '/pod/web': limits } });
    expect(found(answer)).toEqual([]);
    expect(found(answer, 'note').map(({ what }) => what)).toEqual([
      'limit 5.0MiB, peak 1.2MiB: never reached',
      'memory.high 4.0MiB of /pod, above it, peak 1.9MiB: never reached',
      'its own quota of 0.5 cores: never reached',
      'limit 64 tasks, peak 4: never reached',
    ]);
  });

  it('with what happened before, and not now', () => {
    const held = {
      'cpu.max': '50000 100000\n',
      'cpu.stat': 'usage_usec 1000\nnr_periods 90\nnr_throttled 9\nthrottled_usec 9000\n',
      'memory.high': '900000\n',
      'memory.events.local': 'high 7\nmax 0\noom 0\noom_kill 0\n',
    };
    const answer = report({ groups: { '/web': held } });
    expect(found(answer)).toEqual([]);
    expect(found(answer, 'note').map(({ code, since }) => [code, since])).toEqual([
      ['W9', 'made'],
      ['W1', 'made'],
    ]);
  });
});

describe('processors', () => {
  const quota = { 'cpu.max': '20000 100000\n' };
  const stat = (periods: number, throttled: number, usage: number) =>
    `usage_usec ${usage}\nnr_periods ${periods}\nnr_throttled ${throttled}\nthrottled_usec ${throttled * 80_000}\n`;
  const leafStat = (usage: number) => ({ 'cpu.stat': stat(0, 0, usage) });

  it('names the cgroup above whose quota it is', () => {
    const made = (periods: number, throttled: number, usage: number): Made => ({
      groups: { '/pod': { ...quota, 'cpu.stat': stat(periods, throttled, usage) }, '/pod/web': leafStat(usage) },
    });
    const answer = report(made(121, 119, 900_000), made(101, 100, 500_000));
    expect(one(answer, 'W1')).toMatchObject({
      level: 'finding',
      path: '/pod',
      own: false,
      directory: `${ROOT}/pod`,
      certainty: 'certain',
      since: 'interval',
      evidence: {
        periods: 20n,
        throttled: 19n,
        throttled_usec: 1_520_000n,
        average_msec: 80,
        quota_cores: 0.2,
        used_cores: 0.2,
        wanted_cores: 0.96,
        total_throttled: 119n,
      },
      advice: [{ set: ['--cpus', '1'], file: 'cpu.max', value: '100000 100000' }],
    });
  });

  it('does not say of a quota that it is over where no period of it began meanwhile', () => {
    const made = (period: number): Made => ({
      groups: { '/web': { 'cpu.max': `20000 ${period}\n`, 'cpu.stat': stat(100, 90, 900) } },
    });
    expect(one(report(made(5_000_000)), 'W1')?.what).toMatch(/90 of 100 periods, and between the two looks none began/);
    expect(one(report(made(100_000)), 'W1')?.what).toMatch(/90 of 100 periods, and not now/);
  });

  it('says that many threads use it up early', () => {
    const more = Object.fromEntries(
      [51, 52, 53].flatMap((tid): [string, object][] => [
        [`file /proc/${PID}/task/${tid}/stat`, { text: `${tid} (x) R ${'1 '.repeat(20)}0 0\n` }],
        [`file /proc/${PID}/task/${tid}/schedstat`, { text: '10 10 1\n' }],
      ]),
    );
    const made = (throttled: number): Made => ({
      groups: { '/web': { ...quota, 'cgroup.procs': `${PID}\n`, 'cpu.stat': stat(throttled, throttled, 5) } },
      more: { ...more, [`directory /proc/${PID}/task`]: { names: ['51', '52', '53'] } },
    });
    expect(one(report(made(9), made(1)), 'W1')?.what).toMatch(/3 threads want to run, and use it up early/);
  });

  it('on a recorded host tells the sums', () => {
    const host = madeUp({ groups: { '/web': { ...quota, 'cpu.stat': stat(20, 19, 5) } } });
    const answer = endWhy(host, beginWhy(host, String(PID), null), 0);
    expect(one(answer, 'W1')).toMatchObject({ level: 'finding', since: 'made', evidence: { throttled: 19n } });
    expect(answer.seconds).toBeNull();
  });

  const pressure = (total: number) => ({
    'cpu.pressure': `some avg10=70.00 avg60=9.00 avg300=1.00 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
  });

  it('tells contention from a quota by the pressure, and says who has them', () => {
    const made = (own: number, pod: number, stall: number): Made => ({
      groups: {
        '/pod': { 'cpu.stat': stat(0, 0, pod) },
        '/pod/big': { 'cpu.weight': '9900\n' },
        '/pod/web': { ...leafStat(own), ...pressure(stall) },
      },
    });
    const answer = report(made(100_000, 3_900_000, 1_500_000), made(0, 0, 0));
    expect(found(answer).map(({ code }) => code)).toEqual(['W2']);
    expect(one(answer, 'W2')).toMatchObject({
      path: '/pod/web',
      evidence: { waiting_threads: 0.75, others_cores: 1.9, share: 0.01, weight: 100, pressure_avg10: 70 },
      advice: [{ set: ['--cpu-weight', '200'], file: 'cpu.weight', value: '200' }],
    });
    expect(found(report(made(100_000, 3_900_000, 100_000), made(0, 0, 0)))).toEqual([]);
  });

  it('tells an idle one', () => {
    const made = (stall: number): Made => ({ groups: { '/pod': { 'cpu.idle': '1\n' }, '/pod/web': pressure(stall) } });
    expect(one(report(made(1_000_000), made(0)), 'W3')).toMatchObject({ path: '/pod', own: false });
    expect(found(report(made(0), made(0)))).toEqual([]);
  });

  it('tells a cpuset that is smaller than the quota', () => {
    const groups = {
      '/pod': { 'cpuset.cpus.effective': '1\n' },
      '/pod/web': { 'cpuset.cpus.effective': '1\n', 'cpu.max': '200000 100000\n' },
    };
    expect(one(report({ groups }), 'W4')).toMatchObject({
      path: '/pod',
      directory: `${ROOT}/pod`,
      evidence: { processors: 1, quota_cores: 2 },
      advice: [{ set: ['--cpuset-cpus', '0-3'], value: '0-3' }],
    });
    expect(
      found(
        report({ groups: { ...groups, '/pod/web': { 'cpuset.cpus.effective': '1\n', 'cpu.max': '100000 100000\n' } } }),
      ),
    ).toEqual([]);
  });
});

describe('memory', () => {
  const limited = { 'memory.max': '31457280\n' };
  const events = (text: string) => `low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n${text}`;
  const killed = {
    'memory.events': events('oom_kill 1\n'),
    'memory.events.local': events('oom_kill 1\n'),
  };
  const lines = [
    'tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
    'memory: usage 30720kB, limit 30720kB, failcnt 342',
    'oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/pod,task_memcg=/pod/web,task=tail,pid=99,uid=0',
    'Memory cgroup out of memory: Killed process 99 (tail) total-vm:82120kB, anon-rss:30464kB, file-rss:5844kB, shmem-rss:0kB, UID:0 pgtables:120kB oom_score_adj:0',
  ];
  const broken = { ...limited, 'memory.events.local': events('max 20\noom 1\n') };

  it('names the victim and the cgroup above whose limit broke', () => {
    const answer = report({ groups: { '/pod': broken, '/pod/web': killed }, log: lines });
    expect(found(answer).map(({ code }) => code)).toEqual(['W6']);
    expect(one(answer, 'W6')).toMatchObject({
      path: '/pod',
      since: 'log',
      what: 'tail (99) killed 97s ago: /pod, above it, reached its limit of 30.0MiB',
      evidence: { pid: 99, comm: 'tail', limit_bytes: 31_457_280n, counted_kills: 1n, earlier: false },
    });
  });

  it('says the same by the counters where there is no log, and that there is none', () => {
    const answer = report({ groups: { '/pod': broken, '/pod/web': killed }, log: 'denied' });
    expect(one(answer, 'W6')).toMatchObject({ path: '/pod', since: 'made', certainty: 'certain' });
    expect(answer.gaps).toMatchObject([{ subject: 'log of the kernel', reason: 'denied' }]);
    expect(answer.log).toBeNull();
  });

  it('does not compare paths of the log with those from below another root', () => {
    const more = { 'link /proc/self/ns/cgroup': { text: 'cgroup:[4026532555]' } };
    const answer = report({ groups: { '/pod': broken, '/pod/web': killed }, log: lines, more });
    expect(one(answer, 'W6')?.since).toBe('made');
    expect(answer.gaps).toMatchObject([{ subject: 'log of the kernel', reason: 'unsupported' }]);
  });

  it('guesses where no limit was met', () => {
    const answer = report({ groups: { '/pod': limited, '/pod/web': killed } });
    expect(one(answer, 'W7')).toMatchObject({ path: null, certainty: 'guess' });
  });

  it('finds the limit that was met and taken away since', () => {
    const raised = { 'memory.events.local': events('max 20\noom 1\n') };
    const answer = report({ groups: { '/pod': raised, '/pod/web': killed } });
    expect(one(answer, 'W6')).toMatchObject({
      path: '/pod',
      what: '1 process killed since it was made, which the log does not have: /pod, above it, reached its limit, which was taken away since',
      advice: [],
    });
    // One that is still set is more likely.
    const both = report({ groups: { '/pod': broken, '/pod/web': { ...killed, ...raised } } });
    expect(one(both, 'W6')).toMatchObject({ path: '/pod', certainty: 'guess' });
  });

  it('takes kills of an earlier cgroup of the same path for what they are', () => {
    const answer = report({ groups: { '/pod': limited, '/pod/web': {} }, log: lines });
    expect(one(answer, 'W6')).toMatchObject({ evidence: { earlier: true } });
    const removed = report({ groups: { '/pod': limited }, log: lines }, undefined, '/pod/web');
    expect([removed.type, one(removed, 'W6')?.evidence['earlier']]).toEqual(['removed', true]);
  });

  it('does not take what happened beside it for its own', () => {
    const answer = report({ groups: { '/pod': broken, '/pod/db': {} }, log: lines });
    expect(found(answer)).toEqual([]);
    expect(one(answer, 'W6')).toMatchObject({ level: 'note', path: '/pod' });
    // A path that begins alike is another's.
    expect(report({ groups: { '/pod/we': {} }, log: lines }).verdicts.map(({ level }) => level)).toEqual(['note']);
    expect(report({ groups: { '/other': {} }, log: lines }).verdicts).toEqual([]);
  });

  it('on the host tells all, with the names that paths have', () => {
    const id = '4c01db0b339c'.padEnd(64, '0');
    const log = [
      ...lines,
      ...lines.map((line) =>
        line
          .replace('task_memcg=/pod/web', `task_memcg=/docker/${id}`)
          .replace('oom_memcg=/pod', `oom_memcg=/docker/${id}`),
      ),
    ];
    const answer = report({ groups: { '/pod': {} }, log }, undefined, 'host');
    expect(found(answer).map(({ code, what }) => [code, what])).toEqual([
      [
        'W5',
        `tail (99) killed in /docker/${id} (container:4c01db0b339c) 93s ago: that cgroup reached its own limit of 30.0MiB`,
      ],
      ['W6', 'tail (99) killed in /pod/web 97s ago: /pod reached its limit of 30.0MiB'],
    ]);
  });

  it('tells who was killed with its group', () => {
    const files = {
      ...limited,
      'memory.oom.group': '1\n',
      'memory.events': events('oom_kill 3\noom_group_kill 1\n'),
      'memory.events.local': events('max 9\noom 1\noom_kill 3\n'),
    };
    const answer = report({ groups: { '/web': files } });
    expect(found(answer).map(({ code, path }) => [code, path])).toEqual([
      ['W5', '/web'],
      ['W8', '/web'],
    ]);
  });

  it('tells memory.high of one above that slows it down', () => {
    const made = (high: number): Made => ({
      groups: {
        '/pod': { 'memory.high': '900000\n', 'memory.events.local': events(`high ${high}\n`) },
        '/pod/web': {},
      },
    });
    expect(one(report(made(90), made(10)), 'W9')).toMatchObject({
      level: 'finding',
      path: '/pod',
      evidence: { hits_in_interval: 80n },
    });
  });

  it('says that swap evades a limit', () => {
    const files = {
      ...limited,
      'memory.peak': '31457280\n',
      'memory.swap.current': '67108864\n',
      'memory.events.local': events('max 99\n'),
    };
    expect(one(report({ groups: { '/web': files } }), 'W10')).toMatchObject({
      level: 'finding',
      what: 'limit 30.0MiB, peak 30.0MiB, met 99 times: 64.0MiB went to swap, so that it kills nobody, and is slow',
      advice: [{ set: ['--swap', '0'], file: 'memory.swap.max', value: '0' }],
    });
    // What the host swapped out of one that is far from its limit.
    const other = { ...limited, 'memory.swap.current': '4096\n' };
    expect(found(report({ groups: { '/web': other } }))).toEqual([]);
  });

  it('takes what is given back for a limit for trouble only where somebody waits', () => {
    const made = (max: number, stall: number): Made => ({
      groups: {
        '/web': {
          ...limited,
          'memory.events.local': events(`max ${max}\n`),
          'memory.pressure': `some avg10=0.00 avg60=0.00 avg300=0.00 total=${stall}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
        },
      },
    });
    expect(one(report(made(9, 0), made(1, 0)), 'W12')?.level).toBe('note');
    expect(one(report(made(9, 900_000), made(1, 0)), 'W12')?.level).toBe('finding');
  });

  it('tells huge pages that were refused', () => {
    const answer = report({ groups: { '/web': { 'hugetlb.2MB.max': '0\n', 'hugetlb.2MB.events': 'max 3\n' } } });
    expect(one(answer, 'W18')).toMatchObject({ level: 'finding', evidence: { refused: 3n } });
  });
});

describe('processes, disks and the rest', () => {
  it('names the limit of processes above it, certain where it is full', () => {
    const groups = {
      '/pod': { 'pids.max': '8\n', 'pids.current': '8\n', 'pids.peak': '8\n', 'pids.events': 'max 2\n' },
      '/pod/web': {},
    };
    expect(one(report({ groups }), 'W13')).toMatchObject({
      path: '/pod',
      own: false,
      certainty: 'certain',
      since: 'now',
    });
    const met = { 'pids.max': '8\n', 'pids.peak': '8\n', 'pids.events': 'max 2\n', 'pids.events.local': 'max 2\n' };
    expect(one(report({ groups: { '/pod': met, '/pod/web': {} } }), 'W13')).toMatchObject({
      path: '/pod',
      certainty: 'certain',
      since: 'made',
    });
    const guess = { '/pod': { 'pids.max': '800\n' }, '/pod/web': { 'pids.events': 'max 2\n' } };
    expect(one(report({ groups: guess }), 'W13')).toMatchObject({ path: '/pod', certainty: 'guess' });
  });

  it('does not say of forks that were refused before that none is possible now', () => {
    const refused = { 'pids.events': 'max 2\n' };
    const was = report({ groups: { '/web': { ...refused, 'pids.max': '8\n', 'pids.peak': '8\n' } } });
    expect(one(was, 'W13')?.what).toBe(
      'could not fork: its own limit of 8 tasks was met, peak 8; fork(2) was refused 2 times since it was made',
    );
    expect(one(report({ groups: { '/pod': { 'pids.max': '800\n' }, '/pod/web': refused } }), 'W13')?.what).toBe(
      'fork(2) was refused 2 times since it was made: the limit of /pod, above it, of 800 tasks has a peak of 4, so that a limit was changed since, or is above what we see',
    );
    expect(one(report({ groups: { '/web': refused } }), 'W13')).toMatchObject({
      what: 'fork(2) was refused 2 times since it was made: no limit from here up is set, so that the one that was met was taken away since, or is above what we see',
      certainty: 'guess',
      advice: [],
    });
  });

  it('finds refused forks of one that is no more in the log', () => {
    const log = ['cgroup: fork rejected by pids controller in /pod/web'];
    expect(one(report({ groups: {}, log }, undefined, '/pod/web'), 'W13')).toMatchObject({
      since: 'log',
      path: '/pod/web',
    });
    expect(one(report({ groups: { '/pod/web': {} }, log }), 'W13')?.what).toMatch(/an earlier cgroup of this path/);
    expect(report({ groups: { '/pod/w': {} }, log }).verdicts).toEqual([]);
  });

  it('names the cgroup above that is frozen', () => {
    const frozen = { 'cgroup.events': 'populated 1\nfrozen 1\n' };
    const groups = { '/pod': { ...frozen, 'cgroup.freeze': '1\n' }, '/pod/web': frozen };
    expect(one(report({ groups }), 'W16')).toMatchObject({ path: '/pod', own: false, advice: [{ set: ['--thaw'] }] });
  });

  const io = (written: number): Files => ({ 'io.stat': `8:0 rbytes=0 wbytes=${written} rios=0 wios=9\n` });
  const waits = (total: number): Files => ({
    'io.pressure': `some avg10=50.00 avg60=0.00 avg300=0.00 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`,
  });

  it('tells a rate that a limit above holds, by its own counters', () => {
    const made = (written: number): Made => ({
      groups: {
        '/pod': { 'io.max': '8:0 rbps=max wbps=1048576 riops=max wiops=max\n', ...io(written) },
        '/pod/web': { ...io(1), ...waits(written) },
      },
    });
    const answer = report(made(2_097_152), made(0));
    expect(found(answer).map(({ code }) => code)).toEqual(['W14']);
    expect(one(answer, 'W14')).toMatchObject({
      path: '/pod',
      what: 'writes 1.0MiB/s of sda: the limit of /pod, above it, of 1.0MiB/s holds it',
      advice: [{ set: ['--io', '/dev/sda:wbps=2097152'], value: '8:0 wbps=2097152' }],
    });
    expect(found(report(made(100_000), made(0)))).toEqual([]);
  });

  it('tells waiting for disks without a limit', () => {
    const made = (total: number): Made => ({ groups: { '/web': waits(total) } });
    expect(one(report(made(1_000_000), made(0)), 'W15')).toMatchObject({ path: null, evidence: { stalled: 0.5 } });
    expect(found(report(made(100_000), made(0)))).toEqual([]);
  });

  it('tells removed cgroups that are held, by how many they are', () => {
    const made = (dying: number): Made => ({
      groups: { '/web': { 'cgroup.stat': `nr_descendants 4\nnr_dying_descendants ${dying}\n` } },
    });
    expect([10, 60, 900].map((dying) => one(report(made(dying)), 'W17')?.level)).toEqual([
      undefined,
      'note',
      'finding',
    ]);
  });
});

describe('the command', () => {
  const host = madeUp({
    groups: {
      '/pod': { 'memory.max': '31457280\n', 'pids.max': '4\n', 'pids.current': '4\n', 'pids.peak': '4\n' },
      '/pod/web\u001B[2J': {},
    },
  });

  it('says it in text and in JSON', async () => {
    const { stdout, status } = await runCommand(cgroupWhy, [String(PID), '--for', '0'], { host });
    expect(status).toBe(1);
    expect(stdout).toBe(
      [
        '1 finding (one look)',
        'W13 pids    cannot fork: the limit of /pod, above it, of 4 tasks is met, 4 are there: the next fork fails',
        `            change: nstool cgroup set ${ROOT}/pod --pids 8 (more processes and threads)`,
        `            or: echo 8 > ${ROOT}/pod/pids.max`,
        '            or: OCI pids.limit; docker --pids-limit 8; Kubernetes podPidsLimit of the kubelet',
        'worth knowing:',
        'W19 memory  limit 30.0MiB of /pod, above it, peak 1.9MiB: never reached',
        '',
      ].join('\n'),
    );
    const json: unknown = JSON.parse((await runCommand(cgroupWhy, [String(PID), '--for', '0', '-J'], { host })).stdout);
    expect(faults('cgroup why', json)).toEqual([]);
    expect(json).toMatchObject({ interval_sec: null, findings: [{ code: 'W13', path: '/pod' }] });
  });

  it.each(['', 'x', '-1', '5d', '1e3', '99999999'])('refuses --for %j', async (word) => {
    await expect(runCommand(cgroupWhy, [String(PID), '--for', word], { host })).rejects.toMatchObject({
      code: 'BAD_VALUE',
    });
  });

  it('knows of no cgroup that never was', async () => {
    await expect(runCommand(cgroupWhy, ['/never', '--for', '0'], { host })).rejects.toMatchObject({ code: 'NO_FILE' });
    await expect(runCommand(cgroupWhy, [`net:self`, '--for', '0'], { host })).rejects.toMatchObject({
      code: 'BAD_VALUE',
    });
  });
});

describe('cgroups by their path', () => {
  const host = madeUp({
    groups: { '/pod': {}, '/pod/a:b c\\x2d': {} },
    more: { 'link /cg': { text: 'sys/fs/cgroup' } },
  });

  it.each([
    [`${ROOT}/pod`, '/pod'],
    [`${ROOT}//pod/./`, '/pod'],
    ['/cg/pod', '/pod'],
    ['/pod', '/pod'],
    ['/pod/a:b c\\x2d', '/pod/a:b c\\x2d'],
    [ROOT, '/'],
  ])('%s is %s', (word, path) => {
    const target = resolveCgroupTarget(host, word);
    expect(target).toMatchObject({ type: 'cgroups', path, groups: { reached: [{ path, version: 2 }], unreached: [] } });
  });

  it('one that is not there', () => {
    expect(resolveCgroupTarget(host, '/gone/x')).toEqual({ type: 'removed', path: '/gone/x' });
    expect(resolveCgroupTarget(host, `${ROOT}/gone`)).toEqual({ type: 'removed', path: '/gone' });
    expect(() => resolveLivingCgroup(host, '/gone')).toThrow(/no cgroup \/gone/);
    const long = `/${'x'.repeat(4000)}`;
    expect(resolveCgroupTarget(host, long)).toEqual({ type: 'removed', path: long });
  });

  it('one of which a recording has only what the file says that makes it a cgroup', () => {
    const recorded = hostOf({
      ...procOf([{ pid: 1 }, { pid: 7, cgroup: '/' }]),
      'file /proc/self/mountinfo': { text: `30 22 0:26 / ${ROOT} rw - cgroup2 cgroup2 rw\n` },
      [`file ${ROOT}/pod/cgroup.procs`]: { text: '' },
    });
    expect(resolveCgroupTarget(recorded, '/pod')).toMatchObject({ type: 'cgroups', path: '/pod' });
    expect(resolveCgroupTarget(recorded, '/other')).toMatchObject({ type: 'removed' });
  });

  it('one that is removed between the two looks is not said to be fine', () => {
    const answer = report({ groups: {} }, { groups: { '/pod': {} } }, '/pod');
    expect(answer.gaps).toMatchObject([{ subject: 'cgroup', reason: 'gone', examples: [`${ROOT}/pod`] }]);
    expect(report({ groups: { '/pod': {} } }, undefined, '/pod').gaps).toEqual([]);
  });

  it('the log is not said to know nothing of one where it cannot be read', async () => {
    const gone = async (log: readonly string[] | 'denied') =>
      runCommand(cgroupWhy, ['/gone', '--for', '0'], { host: madeUp({ groups: {}, log }) });
    await expect(gone('denied')).rejects.toThrow(/no cgroup \/gone, and the log of the kernel cannot be read: it may/);
    await expect(gone([])).rejects.toThrow(/no cgroup \/gone, and the log of the kernel knows of none/);
  });

  it('none that leads out', () => {
    for (const word of [`${ROOT}/pod/../../../etc`, '/pod/..', '/..']) {
      expect(() => resolveCgroupTarget(host, word)).toThrow(/\.\. in it/);
    }
  });

  it('a process by its folder, and no namespace', () => {
    expect(resolveCgroupTarget(host, `/proc/${PID}`)).toMatchObject({ type: 'process', pid: PID });
    expect(() => resolveCgroupTarget(host, `net:${PID}`)).toThrow(/only processes are in cgroups/);
  });
});
