// `cgroup show` on hosts that are not here: a Kubernetes node on v2, what a container sees of itself, a user's delegated
// slice, and files that are closed, missing or forged.

import { describe, expect, it } from 'vitest';
import { cgroupShow } from '../../../src/cli/commands/cgroup-show.ts';
import { PID, processAnswers, type CgroupHost } from '../../support/process-in-cgroups.ts';
import type { Files } from '../../support/fake-cgroups.ts';
import { hostOf, runCommand } from '../../support/recorded.ts';
import { faults } from '../../support/schemas.ts';

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string }[];
  readonly mode: string;
  readonly groups: readonly Readonly<Record<string, unknown>>[];
  readonly limits: readonly Readonly<Record<string, unknown>>[];
  readonly memory: Readonly<Record<string, unknown>> | null;
  readonly weight: Readonly<Record<string, unknown>> | null;
  readonly cpu: { readonly throttling: readonly unknown[] };
  readonly delegation: readonly Readonly<Record<string, unknown>>[];
  readonly pressure: Readonly<Record<string, unknown>> | null;
  readonly [key: string]: unknown;
}

async function shown(of: CgroupHost): Promise<{ readonly json: Answer; readonly text: string }> {
  const host = hostOf(processAnswers(of));
  const { stdout } = await runCommand(cgroupShow, [String(PID), '--json'], { host });
  const json = JSON.parse(stdout) as Answer;
  expect(faults('cgroup show', json)).toEqual([]);
  return { json, text: (await runCommand(cgroupShow, [String(PID)], { host })).stdout };
}

const limit = (json: Answer, key: string) => json.limits.find((each) => each['key'] === key);

const UNIFIED = '30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n';
const ROOT = '/sys/fs/cgroup';
const SLICE = `${ROOT}/kubepods.slice`;
const POD = `${SLICE}/kubepods-pod1.slice`;
const LEAF = `${POD}/cri-containerd-${'a'.repeat(64)}.scope`;
const CONTROLLERS = 'cpuset cpu io memory pids\n';

const inner: Files = {
  'cgroup.controllers': CONTROLLERS,
  'cgroup.type': 'domain\n',
  'cgroup.procs': '',
  'cgroup.threads': '',
  'cgroup.events': 'populated 1\nfrozen 0\n',
  'cpu.weight': '39\n',
  'cpu.max': 'max 100000\n',
  'memory.max': 'max\n',
  'memory.current': '600000000\n',
  'pids.max': 'max\n',
  'pids.current': '9\n',
};

const node: CgroupHost = {
  cgroup: `0::${LEAF.slice(ROOT.length)}\n`,
  mounts: UNIFIED,
  folders: {
    [ROOT]: { 'cgroup.controllers': CONTROLLERS, 'cgroup.procs': '1\n', 'cgroup.threads': '1\n' },
    [SLICE]: { ...inner, 'memory.max': '8000000000\n', 'pids.max': '1000\n', 'pids.current': '990\n' },
    [POD]: {
      ...inner,
      'memory.max': '524288000\n',
      'memory.current': '520093696\n',
      'cpu.max': '20000 100000\n',
      'cpu.stat': 'usage_usec 900\nnr_periods 21\nnr_throttled 20\nthrottled_usec 1593152\n',
    },
    [LEAF]: {
      ...inner,
      'cgroup.procs': `${PID}\n`,
      'cgroup.threads': `${PID}\n51\n`,
      'cpu.max': '50000 100000\n',
      'cpu.stat': 'usage_usec 800\nuser_usec 500\nsystem_usec 300\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n',
      'cpu.pressure':
        'some avg10=12.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      'memory.max': '1073741824\n',
      'memory.current': '314572800\n',
      'memory.peak': '400000000\n',
      'memory.stat':
        'anon 200000000\nfile 100000000\nkernel 4000000\nslab 3000000\nshmem 1000\ninactive_file 14572800\n',
      'memory.events': 'low 0\nhigh 0\nmax 3\noom 0\noom_kill 2\noom_group_kill 0\n',
      'memory.low': '0\n',
      'io.max': '259:0 rbps=1048576 wbps=max riops=max wiops=120\n',
      'io.stat': '259:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n',
      'cpuset.cpus': '\n',
      'cpuset.cpus.effective': '0-3\n',
      'cpuset.mems': '\n',
      'cpuset.mems.effective': '0\n',
    },
    [`${POD}/cri-containerd-other.scope`]: { ...inner, 'cpu.weight': '117\n' },
  },
};

describe('a container on a Kubernetes node', () => {
  it('is limited by its pod, and the fullest ancestor is the one that has the least room', async () => {
    const { json, text } = await shown(node);
    expect({ complete: json.complete, gaps: json.gaps, mode: json.mode }).toEqual({
      complete: true,
      gaps: [],
      mode: 'v2',
    });
    const pod = POD.slice(ROOT.length);
    expect(limit(json, 'memory_max')).toMatchObject({ set: 1_073_741_824, effective: 524_288_000, by: pod });
    expect(limit(json, 'memory_max')).toMatchObject({ room: { left: 4_194_304, path: pod }, peak: 400_000_000 });
    expect(limit(json, 'pids_max')).toMatchObject({
      effective: 1000,
      room: { left: 10, path: SLICE.slice(ROOT.length) },
    });
    expect(limit(json, 'cpu_max')).toMatchObject({ set: 0.5, effective: 0.2, by: pod });
    expect(text).toContain(
      `memory_max: 1.0GiB set, effective 500.0MiB by ${pod}, used 300.0MiB, peak 381.5MiB, room 4.0MiB`,
    );
    expect(text).toContain(`held back in 20 of 21 periods, for 1.593s, by the quota of ${pod}`);
  });

  it('has memory as each tool counts it, its devices by name, and no device policy that a file would tell', async () => {
    const { json, text } = await shown(node);
    expect(json.memory).toMatchObject({
      usage: 314_572_800,
      working_set: 300_000_000,
      docker: 300_000_000,
      sock: null,
    });
    expect(limit(json, 'io_rbps')).toMatchObject({ device: '259:0', device_name: 'nvme0n1', effective: 1_048_576 });
    expect(limit(json, 'io_wbps')).toBeUndefined();
    expect(text).toContain('io_wiops nvme0n1: 120/s set');
    expect(json['devices']).toEqual({ allows: 'unknown', file: null, rules: null });
    expect(json.pressure).toMatchObject({ cpu: { some: { avg10: 12 } }, memory: null });
  });

  it('weighs a quarter of its pod, whichever shares that came from', async () => {
    const { json } = await shown(node);
    expect(json.weight).toMatchObject({ set: 39, siblings: 2, share: 0.25, unit: 'weight' });
    const linear = { conversion: 'linear', unit: 'shares', from: 999, to: 1024 };
    expect(json.weight?.['converted']).toContainEqual(linear);
  });
});

describe('what cannot be known', () => {
  it('an ancestor that is closed to us leaves the effective limit unknown', async () => {
    const path = `${POD}/memory.max`;
    const answers = { [`file ${path}`]: { gap: { reason: 'denied', what: path, errno: 'EACCES' } } };
    const { json, text } = await shown({ ...node, answers });
    expect(limit(json, 'memory_max')).toMatchObject({ set: 1_073_741_824, effective: null, by: null, room: null });
    expect(json.gaps).toMatchObject([{ subject: 'file of a cgroup', reason: 'denied' }]);
    expect(json.complete).toBe(false);
    expect(text).toContain('memory_max: 1.0GiB set, effective -, used');
  });

  it('a forged or broken file is named, and the rest is shown', async () => {
    const folders = { ...node.folders, [LEAF]: { ...node.folders[LEAF], 'memory.max': '\u001b[2J\n' } };
    const { json, text } = await shown({ ...node, folders });
    expect(json.gaps).toMatchObject([{ reason: 'malformed' }]);
    expect(limit(json, 'pids_max')).toMatchObject({ effective: 1000 });
    expect(text).not.toContain('\u001b');
  });

  it('pressure that is switched off is a gap', async () => {
    const path = `${LEAF}/memory.pressure`;
    const answers = { [`file ${path}`]: { gap: { reason: 'unsupported', what: path, errno: 'EOPNOTSUPP' } } };
    const { json } = await shown({ ...node, answers });
    expect(json.pressure).toMatchObject({ memory: null });
    expect(json.gaps).toMatchObject([{ reason: 'unsupported' }]);
  });

  it('from inside a container what is above is beyond our view', async () => {
    const own = { ...node.folders[LEAF] };
    const { json, text } = await shown({ cgroup: '0::/\n', mounts: UNIFIED, folders: { [ROOT]: own } });
    expect(json.groups).toMatchObject([{ path: '/', directory: ROOT, whole: false }]);
    expect(limit(json, 'memory_max')).toMatchObject({ effective: 1_073_741_824, by: '/' });
    expect(json.gaps).toMatchObject([{ subject: 'cgroup above', reason: 'unsupported' }]);
    // Who else is there is not to be seen.
    expect(json.weight).toMatchObject({ set: 39, siblings: null, share: null });
    expect(text).toContain('- of its parent');
  });

  it('a removed cgroup has nothing but that', async () => {
    const { json } = await shown({ ...node, cgroup: '0::/kubepods.slice/x (deleted)\n' });
    expect(json.groups).toMatchObject([{ path: '/kubepods.slice/x', directory: null, why: 'it was removed' }]);
    expect([json.limits, json.memory, json.pressure]).toEqual([[], null, null]);
  });

  it('a path that leads elsewhere leads nowhere', async () => {
    const { json } = await shown({ ...node, cgroup: '0::/../../etc\n' });
    expect(json.groups).toMatchObject([{ directory: null }]);
    expect(json.complete).toBe(false);
  });
});

describe('files of newer kernels, and of hardware that few have', () => {
  const controllers = 'cpuset cpu io memory pids rdma misc dmem\n';
  const service = `${ROOT}/system.slice/web.service`;
  const host: CgroupHost = {
    cgroup: '0::/system.slice/web.service\n',
    mounts: UNIFIED,
    folders: {
      [ROOT]: { 'cgroup.controllers': controllers, 'cgroup.procs': '' },
      [`${ROOT}/system.slice`]: {
        ...inner,
        'cgroup.controllers': controllers,
        'dmem.max': 'drm/0000:03:00.0/vram0 1073741824\ndrm/0000:03:00.0/stolen max\n',
        'dmem.current': 'drm/0000:03:00.0/vram0 1000000\ndrm/0000:03:00.0/stolen 0\n',
        'misc.max': 'sev 10\nsev_es max\n',
        'misc.current': 'sev 10\nsev_es 0\n',
        'rdma.max': 'mlx5_0 hca_handle=2 hca_object=max\n',
        'rdma.current': 'mlx5_0 hca_handle=1 hca_object=7\n',
      },
      [service]: {
        ...inner,
        'cgroup.controllers': controllers,
        'cgroup.stat': 'nr_descendants 2\nnr_subsys_memory 3\nnr_dying_descendants 1\nnr_dying_subsys_memory 4\n',
        'cgroup.stat.local': 'frozen_usec 250000\n',
        'cpu.stat': 'usage_usec 9\nuser_usec 5\nsystem_usec 4\nnice_usec 2\n',
        'cpu.stat.local': 'throttled_usec 77\n',
        'dmem.max': 'drm/0000:03:00.0/vram0 2147483648\ndrm/0000:03:00.0/stolen max\n',
        'dmem.current': 'drm/0000:03:00.0/vram0 900000\ndrm/0000:03:00.0/stolen 0\n',
        'dmem.low': 'drm/0000:03:00.0/vram0 0\ndrm/0000:03:00.0/stolen 0\n',
        'memory.events': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\nsock_throttled 6\n',
        'memory.swap.high': '4096\n',
        'memory.swap.current': '1024\n',
        'memory.zswap.max': '8192\n',
        'memory.zswap.current': '2048\n',
        'memory.zswap.writeback': '0\n',
        'misc.max': 'sev 4\nsev_es max\n',
        'misc.current': 'sev 3\nsev_es 0\n',
        'misc.peak': 'sev 4\nsev_es 0\n',
        'misc.events': 'sev.max 8\nsev_es.max 0\n',
        'rdma.max': 'mlx5_0 hca_handle=max hca_object=2000\n',
        'rdma.current': 'mlx5_0 hca_handle=1 hca_object=5\n',
        'io.latency': '259:0 target=5000\n',
        'io.prio.class': 'restrict-to-be\n',
        'cpuset.cpus.partition': 'root invalid (Parent is not a partition root)\n',
      },
    },
  };

  it('are limits by device, region or kind, settings, and events', async () => {
    const { json, text } = await shown(host);
    expect({ complete: json.complete, gaps: json.gaps }).toEqual({ complete: true, gaps: [] });
    const slice = '/system.slice';
    const limits = [
      ['dmem_max', { device: 'drm/0000:03:00.0/vram0', effective: 1_073_741_824, by: slice, usage: 900_000 }],
      ['misc_max', { device: 'sev', set: 4, effective: 4, usage: 3, peak: 4, room: { left: 0, path: slice } }],
      ['rdma_hca_handle', { device: 'mlx5_0', set: 'max', effective: 2, by: slice, usage: 1 }],
      ['rdma_hca_object', { device: 'mlx5_0', effective: 2000, usage: 5 }],
      ['swap_high', { set: 4096, usage: 1024 }],
      ['zswap_max', { set: 8192, usage: 2048 }],
    ] as const;
    for (const [key, expected] of limits) expect(limit(json, key), key).toMatchObject(expected);
    // Of the other region and kind nothing is limited.
    expect(json.limits.filter(({ key }) => key === 'dmem_max' || key === 'misc_max')).toHaveLength(2);
    const settings = json['settings'] as readonly Readonly<Record<string, unknown>>[];
    const value = (file: string) => settings.find((each) => each['file'] === file)?.['value'];
    expect(value('io.latency')).toBe('259:0 target=5000');
    expect(value('cpuset.cpus.partition')).toBe('root invalid (Parent is not a partition root)');
    expect([value('io.prio.class'), value('memory.zswap.writeback')]).toEqual(['restrict-to-be', 0]);
    const events = json['events'] as readonly { readonly file: string; readonly counts: object }[];
    expect(events.find(({ file }) => file === 'memory.events')?.counts).toMatchObject({ sock_throttled: 6 });
    expect(events.find(({ file }) => file === 'misc.events')?.counts).toEqual({ 'sev.max': 8, 'sev_es.max': 0 });
    expect(text).toContain('held back for 0.000s in all');
  });

  it('count by controller, and tell how long it was frozen and held back', async () => {
    const { json, text } = await shown(host);
    expect(json.cpu).toMatchObject({ nice_usec: 2, held_usec: 77 });
    expect(json['members']).toMatchObject([
      {
        descendants: 2,
        dying: 1,
        frozen_usec: 250_000,
        by_controller: [{ controller: 'memory', cgroups: 3, dying: 4 }],
      },
    ]);
    expect(text).toContain('frozen for 0.250s in all');
  });
});

describe('controllers that are not handed on to the leaf', () => {
  it('act by the nearest ancestor that has them', async () => {
    const app = `${ROOT}/user.slice/app`;
    const { json } = await shown({
      cgroup: '0::/user.slice/app\n',
      mounts: UNIFIED,
      folders: {
        [ROOT]: { 'cgroup.controllers': CONTROLLERS, 'cgroup.procs': '' },
        [`${ROOT}/user.slice`]: { ...inner, 'memory.max': '1000000000\n' },
        [app]: {
          'cgroup.controllers': '\n',
          'cgroup.type': 'domain\n',
          'cgroup.procs': `${PID}\n`,
          'cgroup.subtree_control': '',
        },
      },
      uids: { [app]: 1000, [`${app}/cgroup.procs`]: 1000, [`${app}/cgroup.subtree_control`]: 1000 },
    });
    expect(limit(json, 'memory_max')).toMatchObject({ set: null, effective: 1_000_000_000, by: '/user.slice' });
    expect(json.memory).toMatchObject({ path: '/user.slice', usage: 600_000_000 });
    expect(json.delegation).toMatchObject([{ folder: 1000, delegated_to: 1000 }]);
  });
});

describe('a host with v1 alone', () => {
  it('reads co-mounted controllers, and a limit that only the kernel sees from above', async () => {
    const memory = '/sys/fs/cgroup/memory';
    const cpu = '/sys/fs/cgroup/cpu,cpuacct';
    const { json } = await shown({
      cgroup: '4:memory:/docker/ab\n3:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab\n',
      mounts: [
        `30 22 0:30 /docker/ab ${memory} ro - cgroup cgroup rw,memory`,
        `31 22 0:31 / ${cpu} rw - cgroup cgroup rw,cpu,cpuacct`,
        '',
      ].join('\n'),
      folders: {
        [memory]: {
          'cgroup.procs': `${PID}\n`,
          'memory.limit_in_bytes': '9223372036854771712\n',
          'memory.usage_in_bytes': '5000\n',
          'memory.stat':
            'hierarchical_memory_limit 104857600\ntotal_rss 4096\ntotal_cache 0\ntotal_inactive_file 9000\n',
        },
        [cpu]: { 'cgroup.procs': '', 'cgroup.sane_behavior': '0\n', 'cpu.shares': '1024\n' },
        [`${cpu}/docker`]: { 'cgroup.procs': '', 'cpu.shares': '1024\n' },
        [`${cpu}/docker/ab`]: {
          'cgroup.procs': `${PID}\n`,
          'cpu.shares': '1024\n',
          'cpu.cfs_quota_us': '-1\n',
          'cpu.cfs_period_us': '100000\n',
          'cpuacct.usage': '1593152719\n',
          'cpuacct.stat': 'user 150\nsystem 9\n',
          'cpu.stat': 'nr_periods 4\nnr_throttled 1\nthrottled_time 1593152719\n',
        },
      },
    });
    expect(json.mode).toBe('v1');
    expect(limit(json, 'memory_max')).toMatchObject({ set: 'max', effective: 104_857_600, by: null });
    // docker shows all of it where less than nothing would be left.
    expect(json.memory).toMatchObject({ working_set: 0, docker: 5000, slab: null });
    expect(limit(json, 'cpu_max')).toMatchObject({ set: 'max', effective: 'max', by: null });
    expect(json.cpu).toMatchObject({ usage_usec: 1_593_152, user_usec: 1_500_000 });
    expect(json.cpu.throttling).toMatchObject([{ throttled_usec: 1_593_152 }]);
    expect(json.weight?.['converted']).toMatchObject([{ from: 100 }, { from: 39 }, { from: 100 }]);
    // name=systemd is mounted nowhere.
    expect(json.groups).toContainEqual(expect.objectContaining({ controllers: ['name=systemd'], directory: null }));
    expect(json.gaps.map(({ subject }) => subject)).toContain('cgroup above');
  });
});
