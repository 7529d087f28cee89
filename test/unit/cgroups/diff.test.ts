// `cgroup diff`: what one changed file makes of two processes that are else the same, on v2, on v1 and between both.

import { describe, expect, it } from 'vitest';
import { cgroupDiff } from '../../../src/cli/commands/cgroup-diff.ts';
import { diffCgroups, type CgroupDiff } from '../../../src/inspect/cgroup/cgroup-diff.ts';
import { reportCgroups } from '../../../src/inspect/cgroup/cgroup-report.ts';
import { PID, processAnswers, type CgroupHost } from '../../support/process-in-cgroups.ts';
import type { Files } from '../../support/fake-cgroups.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';
import { faults, passed } from '../../support/schemas.ts';

const ROOT = '/sys/fs/cgroup';
const POD = `${ROOT}/pod`;
const LEAF = `${POD}/web`;
const CONTROLLERS = 'cpuset cpu io memory pids\n';

const inner: Files = {
  'cgroup.controllers': CONTROLLERS,
  'cgroup.type': 'domain\n',
  'cgroup.procs': '',
  'cgroup.threads': '',
  'cgroup.events': 'populated 1\nfrozen 0\n',
  'cpu.weight': '100\n',
  'cpu.max': 'max 100000\n',
  'memory.max': 'max\n',
  'memory.current': '1000\n',
  'pids.max': 'max\n',
  'pids.current': '9\n',
};

const v2: CgroupHost = {
  cgroup: '0::/pod/web\n',
  mounts: '30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n',
  folders: {
    [ROOT]: { 'cgroup.controllers': CONTROLLERS, 'cgroup.procs': '1\n', 'cgroup.threads': '1\n' },
    [POD]: { ...inner, 'memory.max': '8000\n' },
    [LEAF]: {
      ...inner,
      'cgroup.procs': `${PID}\n`,
      'cgroup.threads': `${PID}\n`,
      'cpu.stat': 'usage_usec 800\nuser_usec 500\nsystem_usec 300\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n',
      'memory.low': '0\n',
      'memory.events': 'low 0\nhigh 0\nmax 3\noom 0\noom_kill 2\noom_group_kill 0\n',
      'io.max': '259:0 rbps=1048576 wbps=max riops=max wiops=120\n',
      'cpuset.cpus': '\n',
      'cpuset.cpus.effective': '0-3\n',
      'cpuset.mems': '\n',
      'cpuset.mems.effective': '0\n',
    },
  },
};

const CPU = '/sys/fs/cgroup/cpu,cpuacct';

const v1: CgroupHost = {
  cgroup: '3:cpu,cpuacct:/web\n2:memory:/pod/web\n5:devices:/web\n',
  mounts: [
    `30 22 0:30 / ${ROOT}/memory rw - cgroup cgroup rw,memory`,
    `31 22 0:31 / ${CPU} rw - cgroup cgroup rw,cpu,cpuacct`,
    `32 22 0:32 / ${ROOT}/devices rw - cgroup cgroup rw,devices`,
    '',
  ].join('\n'),
  folders: {
    [`${ROOT}/memory`]: { 'cgroup.procs': '', 'cgroup.sane_behavior': '0\n' },
    [`${ROOT}/memory/pod`]: {
      'cgroup.procs': '',
      'memory.limit_in_bytes': '8000\n',
      'memory.usage_in_bytes': '1000\n',
    },
    [`${ROOT}/memory/pod/web`]: {
      'cgroup.procs': `${PID}\n`,
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.usage_in_bytes': '1000\n',
      'memory.swappiness': '60\n',
    },
    [CPU]: { 'cgroup.procs': '', 'cgroup.sane_behavior': '0\n', 'cpu.shares': '1024\n' },
    [`${CPU}/web`]: {
      'cgroup.procs': `${PID}\n`,
      'cpu.shares': '1024\n',
      'cpu.cfs_quota_us': '-1\n',
      'cpu.cfs_period_us': '100000\n',
    },
    [`${ROOT}/devices`]: { 'cgroup.procs': '', 'cgroup.sane_behavior': '0\n' },
    [`${ROOT}/devices/web`]: { 'cgroup.procs': `${PID}\n`, 'devices.list': 'c 1:3 rwm\nc 1:5 rwm\n' },
  },
};

function withFiles(host: CgroupHost, folder: string, files: Files): CgroupHost {
  return { ...host, folders: { ...host.folders, [folder]: { ...host.folders[folder], ...files } } };
}

function diffOf(a: CgroupHost, b: CgroupHost): CgroupDiff {
  const [left, right] = [a, b].map((host) => reportCgroups(hostOf(processAnswers(host)), String(PID)));
  if (left === undefined || right === undefined) throw new Error('two hosts');
  return diffCgroups(left, right);
}

/** `memory_max: max 4000`. */
function lines({ differences }: CgroupDiff): readonly string[] {
  return differences.map(({ what, name, a, b }) => [what, ...(name === null ? [] : [name]), a, '|', b].join(' '));
}

type Case = readonly [string, CgroupHost, string, Files, readonly string[]];

const cases: readonly Case[] = [
  [
    'the leaf',
    v2,
    LEAF,
    { 'memory.max': '4000\n' },
    ['set memory_max max | 4000', 'effective memory_max 8000 | 4000', 'set by memory_max /pod | itself'],
  ],
  ['the parent alone', v2, POD, { 'memory.max': '7000\n' }, ['effective memory_max 8000 | 7000']],
  [
    'a quota',
    v2,
    LEAF,
    { 'cpu.max': '10000 100000\n' },
    ['set cpu_max max | 0.1', 'effective cpu_max max | 0.1', 'set by cpu_max  | itself'],
  ],
  [
    'a limit of a device that the other has none of',
    v2,
    LEAF,
    { 'io.max': '259:0 rbps=1048576 wbps=max riops=max wiops=max\n' },
    ['set io_wiops nvme0n1 120 | max', 'effective io_wiops nvme0n1 120 | max', 'set by io_wiops nvme0n1 itself | '],
  ],
  ['weight', v2, LEAF, { 'cpu.weight': '39\n' }, ['weight cpu.weight 100 | 39']],
  ['a protection', v2, LEAF, { 'memory.low': '512\n' }, ['setting memory.low 0 | 512']],
  [
    'processors',
    v2,
    LEAF,
    { 'cpuset.cpus': '1\n', 'cpuset.cpus.effective': '1\n' },
    ['set cpus  | 1', 'effective cpus 0-3 | 1'],
  ],
  ['a freeze', v2, LEAF, { 'cgroup.events': 'populated 1\nfrozen 1\n' }, ['frozen cgroup2  | yes']],
  ['usage', v2, LEAF, { 'memory.current': '3000\n', 'pids.current': '10\n', 'memory.events': 'max 9\n' }, []],
  [
    'memory of v1',
    v1,
    `${ROOT}/memory/pod/web`,
    { 'memory.limit_in_bytes': '4096\n' },
    ['set memory_max max | 4096', 'effective memory_max 8000 | 4096', 'set by memory_max /pod | itself'],
  ],
  ['shares', v1, `${CPU}/web`, { 'cpu.shares': '512\n' }, ['weight cpu.shares 1024 | 512']],
  [
    'devices',
    v1,
    `${ROOT}/devices/web`,
    { 'devices.list': 'c 1:3 rwm\nc 10:200 rw\n' },
    ['devices c 1:5 rwm | c 10:200 rw'],
  ],
];

describe('of two that are the same but for one file', () => {
  it.each(cases)('%s', (_, host, folder, files, expected) => {
    const found = diffOf(host, withFiles(host, folder, files));
    expect(lines(found)).toEqual(expected);
    expect({ unknowns: found.unknowns, gaps: found.gaps }).toEqual({ unknowns: [], gaps: [] });
    expect(found.same).toBe(expected.length === 0);
    const mirrored = diffOf(withFiles(host, folder, files), host);
    expect(mirrored.differences.map(({ a, b }) => [b, a])).toEqual(found.differences.map(({ a, b }) => [a, b]));
  });

  it('and for none: the same', () => {
    expect(diffOf(v2, v2)).toMatchObject({ differences: [], same: true });
    expect(diffOf(v1, v1)).toMatchObject({ differences: [], same: true });
  });
});

describe('between v1 and v2', () => {
  it('a limit that means the same is compared, and where each controller is', () => {
    const found = lines(diffOf(v1, v2));
    expect(found).toContain('version memory 1 | 2');
    expect(found).toContain('cgroup cpu /web | /pod/web');
    // 8000 bytes by /pod on both, by files of other names.
    expect(found.filter((line) => line.includes('memory_max'))).toEqual([]);
    expect(found).toContain('weight cpu.shares 1024 | ');
    expect(found).toContain('weight cpu.weight  | 100');
  });

  it('devices are unknown of v2, and no difference', () => {
    const found = diffOf(v1, v2);
    expect(found.unknowns).toEqual([{ side: 'b', what: 'devices', name: null }]);
    expect(lines(found).some((line) => line.startsWith('devices'))).toBe(false);
  });
});

describe('what is unknown', () => {
  const path = `${POD}/memory.max`;
  const closed = { ...v2, answers: { [`file ${path}`]: { gap: { reason: 'denied', what: path, errno: 'EACCES' } } } };

  it('is neither the same nor a difference', () => {
    const found = diffOf(v2, closed);
    expect(found).toMatchObject({ differences: [], same: null });
    expect(found.unknowns).toEqual([
      { side: 'b', what: 'effective', name: 'memory_max' },
      { side: 'b', what: 'set by', name: 'memory_max' },
    ]);
    expect(found.gaps).toMatchObject([{ subject: 'file of a cgroup of B', reason: 'denied' }]);
  });

  it('hides no difference beside it', () => {
    const found = diffOf(closed, withFiles(v2, LEAF, { 'pids.max': '5\n' }));
    expect(lines(found)).toContain('set pids_max max | 5');
    expect(found.same).toBe(false);
  });
});

describe('the command', () => {
  const host = hostOf(processAnswers(v2));

  it('answers as its schema says, and the schema takes nothing else', async () => {
    const { stdout, status } = await runCommand(cgroupDiff, [String(PID), String(PID), '--json'], { host });
    const answer: unknown = JSON.parse(stdout);
    expect(faults('cgroup diff', answer)).toEqual([]);
    expect(passed('cgroup diff', answer)).toEqual([]);
    expect(answer).toMatchObject({ same: true, same_host: true, differences: [] });
    expect(status).toBe(0);
  });

  it('says nothing of two that are the same, but what they use where that is asked for', async () => {
    expect((await runCommand(cgroupDiff, [String(PID), String(PID)], { host })).stdout).toBe('');
    const { stdout, status } = await runCommand(cgroupDiff, [String(PID), String(PID), '--usage', '-n'], { host });
    expect(stdout).toMatch(/^memory usage +1000B +1000B$/m);
    expect(stdout).toMatch(/^memory\.events oom_kill +2 +2$/m);
    expect(status).toBe(0);
  });
});
