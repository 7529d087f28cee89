// From a wish to writes, on v1 and v2, and back.

import { describe, expect, it } from 'vitest';
import { freshPlace, type FindPlace, type LimitPlace } from '../../../src/cgroups/limit-place.ts';
import { limitResults } from '../../../src/cgroups/limit-outcome.ts';
import { planLimits, type LimitPlan } from '../../../src/cgroups/limit-plan.ts';
import { undoSteps, type UndoneFile } from '../../../src/cgroups/undo-plan.ts';
import { parseWish } from '../../../src/cgroups/wish.ts';
import type { CgroupWriteOutcome } from '../../../src/kernel/cgroup-plan.ts';
import { gap, value } from '../../../src/kernel/host.ts';
import { hostOf } from '../../support/recorded.ts';

type Files = Readonly<Record<string, string>>;

const disks = {
  'link /sys/dev/block/8:0': { text: '../../devices/pci/block/sda' },
  'link /sys/dev/block/8:1': { text: '../../devices/pci/block/sda/sda1' },
  'file /sys/dev/block/8:1/partition': { text: '1\n' },
  'file /sys/dev/block/8:1/../dev': { text: '8:0\n' },
  'stat /dev/sda1': { status: { dev: '6', ino: '1', mode: '25008', uid: '0', gid: '6', rdev: '2049' } },
  'stat /srv/data': { status: { dev: '2049', ino: '2', mode: '33188', uid: '0', gid: '0' } },
  'stat /tmp/x': { status: { dev: '28', ino: '2', mode: '33188', uid: '0', gid: '0' } },
  'file /sys/dev/block/8:0/partition': { gap: { reason: 'gone', what: '' } },
};
const host = hostOf(disks);

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function place(version: 1 | 2, files: Files, above: Files = {}): LimitPlace {
  const reader = (known: Files) => (file: string) => {
    const text = known[file];
    return text === undefined ? gap({ reason: 'gone', what: file }) : value(encode(`${text}\n`));
  };
  return {
    version,
    path: '/a/b',
    at: { mount: '/m', below: 'a/b', inode: 5n },
    isRoot: false,
    read: reader(files),
    readAbove: reader(above),
  };
}

const root: LimitPlace = { ...place(1, {}), path: '/', at: { mount: '/m', below: '', inode: 1n }, isRoot: true };
const fresh =
  (version: 1 | 2): FindPlace =>
  () =>
    freshPlace({ ...root, version, isRoot: true, readAbove: place(version, {}).read }, 'new');

function plan(words: Readonly<Record<string, string>>, find: FindPlace): LimitPlan {
  return planLimits(host, parseWish(new Map(Object.entries(words).map(([name, word]) => [name, [word]]))), find);
}

/** `FILE: OLD -> NEW`. */
function lines({ writes }: LimitPlan): readonly string[] {
  return writes.map(({ file, previous, text }) => `${file}: ${previous} -> ${text}`);
}

const UNLIMITED = '9223372036854771712';

describe.each([
  ['cpus', { cpus: '0.1' }, ['cpu.cfs_quota_us: -1 -> 10000'], ['cpu.max: max 100000 -> 10000 100000']],
  [
    'cpus below the least quota',
    { cpus: '0.005' },
    ['cpu.cfs_period_us: 100000 -> 1000000', 'cpu.cfs_quota_us: -1 -> 5000'],
    ['cpu.max: max 100000 -> 5000 1000000'],
  ],
  ['no quota', { cpus: 'max' }, ['cpu.cfs_quota_us: -1 -> -1'], ['cpu.max: max 100000 -> max 100000']],
  ['weight', { 'cpu-weight': '200' }, ['cpu.shares: 1024 -> 2048'], ['cpu.weight: 100 -> 200']],
  ['the least weight', { 'cpu-weight': '1' }, ['cpu.shares: 1024 -> 11'], ['cpu.weight: 100 -> 1']],
  [
    'memory, which forbids swap',
    { memory: '5M' },
    ['memory.limit_in_bytes: -1 -> 5242880', 'memory.memsw.limit_in_bytes: -1 -> 5242880'],
    ['memory.swap.max: max -> 0', 'memory.max: max -> 5242880'],
  ],
  [
    'memory and swap',
    { memory: '5M', swap: '128M' },
    ['memory.limit_in_bytes: -1 -> 5242880', 'memory.memsw.limit_in_bytes: -1 -> 139460608'],
    ['memory.swap.max: max -> 134217728', 'memory.max: max -> 5242880'],
  ],
  [
    'memory and any swap',
    { memory: '5M', swap: 'max' },
    ['memory.limit_in_bytes: -1 -> 5242880', 'memory.memsw.limit_in_bytes: -1 -> -1'],
    ['memory.swap.max: max -> max', 'memory.max: max -> 5242880'],
  ],
  [
    'no limit on memory',
    { memory: 'max' },
    ['memory.limit_in_bytes: -1 -> -1', 'memory.memsw.limit_in_bytes: -1 -> -1'],
    ['memory.swap.max: max -> max', 'memory.max: max -> max'],
  ],
  ['pids', { pids: '8' }, ['pids.max: max -> 8'], ['pids.max: max -> 8']],
  [
    'io of a device',
    { io: '8:0:rbps=1M,wiops=100' },
    ['blkio.throttle.read_bps_device: 8:0 0 -> 8:0 1048576', 'blkio.throttle.write_iops_device: 8:0 0 -> 8:0 100'],
    ['io.max: 8:0 rbps=max wbps=max riops=max wiops=max -> 8:0 rbps=1048576 wiops=100'],
  ],
  [
    'io of a partition is of its disk',
    { io: '/dev/sda1:riops=max' },
    ['blkio.throttle.read_iops_device: 8:0 0 -> 8:0 0'],
    ['io.max: 8:0 rbps=max wbps=max riops=max wiops=max -> 8:0 riops=max'],
  ],
  [
    'io of a file',
    { io: '/srv/data:wbps=5' },
    ['blkio.throttle.write_bps_device: 8:0 0 -> 8:0 5'],
    ['io.max: 8:0 rbps=max wbps=max riops=max wiops=max -> 8:0 wbps=5'],
  ],
  ['freeze', { freeze: '' }, ['freezer.state: THAWED -> FROZEN'], ['cgroup.freeze: 0 -> 1']],
] as const)('%s', (_, words, v1, v2) => {
  it('on v1', () => expect(lines(plan(words, fresh(1)))).toEqual(v1));
  it('on v2', () => expect(lines(plan(words, fresh(2)))).toEqual(v2));
});

describe('v1: which is written first', () => {
  const memory =
    (limit: string, both: string): FindPlace =>
    () =>
      place(1, { 'memory.limit_in_bytes': limit, 'memory.memsw.limit_in_bytes': both });

  it.each([
    // memory, memory and swap, wished, whose file comes first
    [UNLIMITED, UNLIMITED, '5M', 'memory.limit_in_bytes'],
    ['5242880', '5242880', '64M', 'memory.memsw.limit_in_bytes'],
    ['5242880', '134217728', '64M', 'memory.limit_in_bytes'],
    ['5242880', '134217728', '1M', 'memory.limit_in_bytes'],
    ['5242880', '5242880', 'max', 'memory.memsw.limit_in_bytes'],
  ])('memory %s, with swap %s, to %s: %s', (limit, both, wished, first) => {
    const { writes } = plan({ memory: wished }, memory(limit, both));
    expect(writes.map(({ file }) => file)[0]).toBe(first);
    // At no moment is the one on memory above that on both, also backwards.
    const amount = (text: string): bigint => (text === '-1' || text === UNLIMITED ? 1n << 63n : BigInt(text));
    const now = new Map([
      ['memory.limit_in_bytes', amount(limit)],
      ['memory.memsw.limit_in_bytes', amount(both)],
    ]);
    const steps = [
      ...writes.map(({ file, text }) => [file, text]),
      ...writes.toReversed().map(({ file, previous }) => [file, previous]),
    ];
    for (const [file = '', text = ''] of steps) {
      now.set(file, amount(text));
      expect(now.get('memory.limit_in_bytes')).toBeLessThanOrEqual(now.get('memory.memsw.limit_in_bytes') ?? 0n);
    }
    expect(now.get('memory.limit_in_bytes')).toBe(amount(limit));
  });

  it('swap alone goes on top of the limit that there is', () => {
    expect(lines(plan({ swap: '1M' }, memory('5242880', '5242880')))).toEqual([
      'memory.memsw.limit_in_bytes: 5242880 -> 6291456',
    ]);
  });

  it('swap alone without a limit on memory says nothing on v1', () => {
    const { limits, writes } = plan({ swap: '1M' }, memory(UNLIMITED, UNLIMITED));
    expect(writes).toEqual([]);
    expect(limits[0]?.problem).toMatchObject({ state: 'refused', tryThis: '--memory too' });
  });

  it('a quota that needs another period goes through none', () => {
    const found = place(1, { 'cpu.cfs_quota_us': '50000', 'cpu.cfs_period_us': '100000' });
    expect(lines(plan({ cpus: '0.002' }, () => found))).toEqual([
      'cpu.cfs_quota_us: 50000 -> -1',
      'cpu.cfs_period_us: 100000 -> 1000000',
      'cpu.cfs_quota_us: -1 -> 2000',
    ]);
  });

  it('a period of its own is kept', () => {
    const found = place(1, { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '20000' });
    expect(lines(plan({ cpus: '0.5' }, () => found))).toEqual(['cpu.cfs_quota_us: -1 -> 10000']);
    const v2 = place(2, { 'cpu.max': 'max 20000' });
    expect(lines(plan({ cpus: '0.5' }, () => v2))).toEqual(['cpu.max: max 20000 -> 10000 20000']);
  });

  it('a new cpuset gets both lists, as it takes no process with one', () => {
    const empty = place(1, { 'cpuset.cpus': '', 'cpuset.mems': '' }, { 'cpuset.cpus': '0-3', 'cpuset.mems': '0-1' });
    expect(lines(plan({ 'cpuset-cpus': '1' }, () => empty))).toEqual(['cpuset.mems:  -> 0-1', 'cpuset.cpus:  -> 1']);
    expect(lines(plan({ 'cpuset-mems': '1' }, () => empty))).toEqual(['cpuset.mems:  -> 1', 'cpuset.cpus:  -> 0-3']);
    const { limits } = plan({ 'cpuset-cpus': '1' }, () => empty);
    expect(limits.map(({ name, implied }) => [name, implied])).toEqual([
      ['cpuset_mems', true],
      ['cpuset_cpus', false],
    ]);
    const v2 = place(2, { 'cpuset.cpus': '', 'cpuset.mems': '' });
    expect(lines(plan({ 'cpuset-cpus': '1' }, () => v2))).toEqual(['cpuset.cpus:  -> 1']);
  });
});

it('more in use than is allowed from now on is said', () => {
  const v2 = place(2, {
    'memory.max': 'max',
    'memory.swap.max': 'max',
    'memory.current': '5000',
    'pids.max': 'max',
    'pids.current': '3',
  });
  const reasons = (words: Readonly<Record<string, string>>): string =>
    plan(words, () => v2)
      .writes.map(({ reason }) => reason)
      .join();
  expect(reasons({ memory: '4096' })).toContain('5000 are in use already');
  expect(reasons({ memory: '8192', pids: '3' })).not.toContain('already');
  expect(reasons({ pids: '2' })).toContain('3 are in use already');
});

describe('what cannot be had', () => {
  it('memory.high of v1', () => {
    const { limits, writes } = plan({ 'memory-high': '1M', pids: '1' }, fresh(1));
    expect(limits[0]?.problem?.state).toBe('unknown');
    expect(writes.map(({ file }) => file)).toEqual(['pids.max']);
  });

  it('a limit of the root', () => {
    expect(plan({ pids: '1' }, () => root).limits[0]?.problem).toMatchObject({ state: 'refused' });
  });

  it('no such controller, and why', () => {
    const { limits } = plan({ pids: '1' }, () => ({ why: 'nobody hands it on', tryThis: 'echo +pids' }));
    expect(limits[0]?.problem).toEqual({ state: 'unknown', why: 'nobody hands it on', tryThis: 'echo +pids' });
  });

  it('swap that is not counted: nobody asked for it', () => {
    const { limits, writes } = plan({ memory: '5M' }, () => place(1, { 'memory.limit_in_bytes': UNLIMITED }));
    expect(writes.map(({ file }) => file)).toEqual(['memory.limit_in_bytes']);
    expect(limits.map(({ name, implied, problem }) => [name, implied, problem?.state])).toEqual([
      ['memory', false, undefined],
      ['swap', true, 'unknown'],
    ]);
  });

  it.each([
    ['/tmp/x:rbps=1', 'lies on no block device'],
    ['9:9:rbps=1', 'no block device has this number'],
    ['/nowhere:rbps=1', 'cannot tell its device'],
  ])('--io %s', (word, what) => {
    expect(() => plan({ io: word }, fresh(2))).toThrow(what);
  });
});

describe('what became of it', () => {
  const written: CgroupWriteOutcome = { type: 'written' };
  const states = (made: LimitPlan, outcomes: readonly CgroupWriteOutcome[]): readonly unknown[] =>
    limitResults(made, outcomes).map(({ state, given, owner }) => [state, given, owner]);

  it('is told by what reads back', () => {
    const found = place(2, { 'memory.max': '4997120', 'memory.swap.max': '0', 'pids.max': '8' });
    const made = plan({ memory: '5000000', pids: '8' }, () => found);
    expect(states(made, [written, written, written])).toEqual([
      ['applied', '0', null],
      ['rounded', '4997120', null],
      ['applied', '8', null],
    ]);
  });

  it('v2 takes processors that there are not, and gives others', () => {
    const found = place(2, { 'cpuset.cpus': '0-7', 'cpuset.cpus.effective': '0-3' });
    expect(
      states(
        plan({ 'cpuset-cpus': '0-7' }, () => found),
        [written],
      ),
    ).toEqual([['rounded', '0-3', null]]);
  });

  it('a file that is another user’s is not delegated', () => {
    const made = plan({ pids: '8' }, fresh(2));
    const closed = { reason: 'denied', what: '/m/new/pids.max', errno: 'EACCES' } as const;
    expect(states(made, [{ type: 'failed', step: 'open', gap: closed, owner: 0 }])).toEqual([
      ['not_delegated', null, 0],
    ]);
  });

  it.each([
    ['cpu.cfs_quota_us', { cpus: '1' }, 'EINVAL', 'no quota may be larger than that above'],
    ['memory.limit_in_bytes', { memory: '1M' }, 'EBUSY', 'cannot be reclaimed'],
    ['cpuset.cpus', { 'cpuset-cpus': '9' }, 'EACCES', 'what is above it has only 0-3'],
    ['cpuset.cpus', { 'cpuset-cpus': '9' }, 'ENOSPC', 'none left'],
    ['cpuset.cpus', { 'cpuset-cpus': '9' }, 'EBUSY', 'a cgroup below it has others'],
  ])('%s %j: %s', (file, words, errno, why) => {
    const found = place(
      1,
      {
        'cpu.cfs_quota_us': '-1',
        'cpu.cfs_period_us': '100000',
        'memory.limit_in_bytes': UNLIMITED,
        'cpuset.cpus': '0',
        'cpuset.mems': '0',
      },
      { 'cpuset.cpus': '0-3' },
    );
    const made = plan(words, () => found);
    expect(made.writes[0]?.file).toBe(file);
    const refused = {
      type: 'failed',
      step: 'write',
      gap: { reason: 'unsupported', what: file, errno },
      owner: 0,
    } as const;
    const [result] = limitResults(made, [refused]);
    expect(result?.state).toBe('refused');
    expect(result?.why).toContain(why);
  });

  it('what was put back, or not tried, is left', () => {
    const made = plan({ memory: '5M', pids: '8' }, fresh(2));
    const failed = {
      type: 'failed',
      step: 'write',
      gap: { reason: 'unsupported', what: 'm', errno: 'EBUSY' },
      owner: 0,
    } as const;
    const left = { type: 'left', back: true } as const;
    expect(limitResults(made, [left, failed, { type: 'left', back: false }]).map(({ state }) => state)).toEqual([
      'left',
      'refused',
      'left',
    ]);
  });
});

describe('undo', () => {
  const at = { mount: '/m', below: 'a', inode: 5n };
  const file = (name: string, text: string, previous: string): UndoneFile => {
    return { op: 'cgroup file', place: at, file: name, text, previous };
  };
  const now = (files: Files, inode = '5'): ReturnType<typeof hostOf> => {
    const status = { dev: '1', ino: inode, mode: '16749', uid: '0', gid: '0' };
    const answers = Object.entries(files).map(([name, text]) => [`file /m/a/${name}`, { text: `${text}\n` }] as const);
    return hostOf({ 'stat /m/cgroup.procs': { status }, 'stat /m/a': { status }, ...Object.fromEntries(answers) });
  };
  const states = (...of: Parameters<typeof undoSteps>): readonly string[] =>
    undoSteps(...of).map(({ undo, state }) => `${undo.file} ${state} ${undo.previous}`);

  it('is backwards', () => {
    const done = [file('pids.max', '8', 'max'), file('memory.max', '5000000', 'max')];
    expect(states(now({ 'pids.max': '8', 'memory.max': '4997120' }), done)).toEqual([
      'memory.max back max',
      'pids.max back max',
    ]);
  });

  it('leaves what another wrote, and knows what was not done', () => {
    const done = [file('pids.max', '8', 'max'), file('memory.max', '4096', 'max')];
    expect(states(now({ 'pids.max': '9', 'memory.max': 'max' }), done)).toEqual([
      'memory.max already max',
      'pids.max changed max',
    ]);
  });

  const quota = [
    file('cpu.cfs_quota_us', '-1', '50000'),
    file('cpu.cfs_period_us', '1000000', '100000'),
    file('cpu.cfs_quota_us', '2000', '-1'),
  ];
  it.each([
    ['2000', '1000000', ['back', 'back', 'back']],
    ['-1', '1000000', ['already', 'back', 'back']],
    ['-1', '100000', ['already', 'already', 'back']],
    ['70000', '100000', ['changed', 'already', 'changed']],
    ['50000', '100000', ['already', 'already', 'already']],
  ])('of a file that is written twice, stopped at quota %s and period %s', (cfs_quota, period, expected) => {
    const host = now({ 'cpu.cfs_quota_us': cfs_quota, 'cpu.cfs_period_us': period });
    const steps = undoSteps(host, quota);
    expect(steps.map(({ state }) => state)).toEqual(expected);
  });

  it('of a cgroup with the name of the one that was meant does nothing', () => {
    expect(states(now({ 'pids.max': '8' }, '6'), [file('pids.max', '8', 'max')])).toEqual(['pids.max gone max']);
  });

  it('where nothing is mounted nothing is known', () => {
    expect(states(hostOf({}), [file('pids.max', '8', 'max')])).toEqual(['pids.max unknown max']);
  });
});
