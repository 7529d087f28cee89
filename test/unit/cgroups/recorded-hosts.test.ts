// `cgroup show` on recorded hosts that were set up in guests: what the kernel said there of groups whose limits are known.

import { describe, expect, it } from 'vitest';
import { cgroupShow } from '../../../src/cli/commands/cgroup-show.ts';
import { fixtureHost, runCommand, type FixtureHost } from '../../support/recorded.ts';
import { faults } from '../../support/schemas.ts';

type Row = Readonly<Record<string, unknown>>;

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly Row[];
  readonly mode: string;
  readonly groups: readonly Row[];
  readonly limits: readonly Row[];
  readonly weight: Row | null;
  readonly settings: readonly Row[];
  readonly cpu: { readonly held_usec: number | null; readonly throttling: readonly Row[] };
  readonly memory: Row | null;
  readonly events: readonly { readonly file: string; readonly counts: Readonly<Record<string, number>> }[];
  readonly members: readonly Row[];
  readonly delegation: readonly Row[];
  readonly devices: Row;
}

async function shown(name: FixtureHost, target: string): Promise<Answer> {
  const { stdout } = await runCommand(cgroupShow, [target, '--json'], { host: fixtureHost(name) });
  const answer = JSON.parse(stdout) as Answer;
  expect(faults('cgroup show', answer)).toEqual([]);
  return answer;
}

const limit = (answer: Answer, key: string): Row | undefined => answer.limits.find((each) => each['key'] === key);
const event = (answer: Answer, file: string): Readonly<Record<string, number>> | undefined =>
  answer.events.find((each) => each.file === file)?.counts;

const MIB = 1_048_576;

describe('a Kubernetes node', () => {
  const burstable =
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podaa11bb22_cc33_4d44_8e55_ff6600778899.slice';
  const besteffort = '/kubepods.slice/kubepods-besteffort.slice';

  it('a guaranteed container has its limits itself', async () => {
    const answer = await shown('kubernetes-node', 'comm:web');
    expect({ mode: answer.mode, gaps: answer.gaps }).toEqual({ mode: 'v2', gaps: [] });
    const path = `/kubepods.slice/kubepods-pod5c1a7d3e_0f2b_4a6c_9d8e_102030405060.slice/cri-containerd-${'2'.repeat(64)}.scope`;
    expect(answer.groups).toMatchObject([{ path, whole: true, directory: `/sys/fs/cgroup${path}` }]);
    expect(limit(answer, 'cpu_max')).toMatchObject({ set: 0.5, effective: 0.5, by: path });
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 128 * MIB, effective: 128 * MIB, by: path });
    expect(limit(answer, 'pids_max')).toMatchObject({ set: 'max', effective: 100 });
    // Beside its pause container, which weighs 1.
    expect(answer.weight).toMatchObject({ set: 20, siblings: 2, share: 20 / 21 });
  });

  it('a burstable one is held back and was killed by its pod, where its own files look innocent', async () => {
    const answer = await shown('kubernetes-node', 'comm:worker');
    expect(limit(answer, 'cpu_max')).toMatchObject({ set: 0.8, effective: 0.1, by: burstable });
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 256 * MIB, effective: 128 * MIB, by: burstable });
    const [own, pod] = answer.cpu.throttling;
    expect(own).toMatchObject({ throttled: 0, throttled_usec: 0 });
    expect(pod).toMatchObject({ path: burstable });
    expect(Number(pod?.['throttled'])).toBeGreaterThan(50);
    // Since Linux 6.6 its own cpu.stat.local knows.
    expect(answer.cpu.held_usec).toBeGreaterThan(1_000_000);
    expect(event(answer, 'memory.events.local')).toMatchObject({ oom: 0, oom_kill: 1 });
  });

  it('its pod is shown by its path, where the limit broke', async () => {
    const answer = await shown('kubernetes-node', burstable);
    expect(event(answer, 'memory.events.local')).toMatchObject({ oom_kill: 0 });
    expect(event(answer, 'memory.events.local')?.['oom']).toBeGreaterThan(0);
    expect(limit(answer, 'memory_max')).toMatchObject({ peak: 128 * MIB, by: burstable });
    expect(answer.members).toMatchObject([{ processes: 0, populated: true, descendants: 2 }]);
  });

  it('a best-effort one weighs least, and its limit on processes is its own', async () => {
    const answer = await shown('kubernetes-node', 'comm:batch');
    expect(limit(answer, 'pids_max')).toMatchObject({ set: 3, effective: 3 });
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 'max', effective: 799_997_952, by: '/kubepods.slice' });
    expect((await shown('kubernetes-node', besteffort)).weight).toMatchObject({ set: 1 });
  });
});

describe('a systemd desktop', () => {
  const manager = '/user.slice/user-1000.slice/user@1000.service';

  it("a user's service has what his manager handed on, in cgroups that were handed to him", async () => {
    const path = `${manager}/app.slice/app-org.example.Editor-1.service`;
    const answer = await shown('systemd-desktop', path);
    expect({ mode: answer.mode, gaps: answer.gaps }).toEqual({ mode: 'v2', gaps: [] });
    expect(limit(answer, 'memory_high')).toMatchObject({ set: 300 * MIB, by: path });
    expect(limit(answer, 'pids_max')).toMatchObject({ set: 50, effective: 50 });
    expect(answer.delegation).toMatchObject([{ folder: 1000, delegated_to: 1000 }]);
    expect((await shown('systemd-desktop', `${manager}/app.slice`)).delegation).toMatchObject([{ delegated_to: 1000 }]);
    expect((await shown('systemd-desktop', manager)).delegation).toMatchObject([{ delegated_to: 1000 }]);
    expect((await shown('systemd-desktop', '/user.slice')).delegation).toMatchObject([{ delegated_to: null }]);
  });

  it('the weight of a unit is that among its siblings, none where its manager has no cpu controller', async () => {
    const answer = await shown('systemd-desktop', `${manager}/app.slice/indexer.service`);
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 64 * MIB });
    expect(answer.weight?.['set'] ?? null).toBe(answer.weight === null ? null : 20);
  });

  it('a service of the system', async () => {
    const answer = await shown('systemd-desktop', 'unit:web.service');
    expect(limit(answer, 'cpu_max')).toMatchObject({ set: 0.1, by: '/system.slice/web.service' });
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 128 * MIB });
    expect(answer.delegation).toMatchObject([{ folder: 0, delegated_to: null }]);
  });

  it('a session', async () => {
    const answer = await shown('systemd-desktop', '/user.slice/user-1000.slice/session-2.scope');
    expect(answer.members).toMatchObject([{ processes: 1, populated: true, type: 'domain' }]);
  });
});

describe('a host with v1 alone', () => {
  it('a container with limits: held back, killed, its swap limited with the memory', async () => {
    const answer = await shown('v1-only', 'comm:web');
    const path = `/docker/${'a'.repeat(64)}`;
    expect({ mode: answer.mode, gaps: answer.gaps }).toEqual({ mode: 'v1', gaps: [] });
    expect(answer.groups.length).toBeGreaterThan(10);
    expect(answer.groups.every((each) => each['path'] === path && each['version'] === 1)).toBe(true);
    expect(limit(answer, 'cpu_max')).toMatchObject({ set: 0.1, effective: 0.1, by: path, file: 'cpu.cfs_quota_us' });
    expect(limit(answer, 'memory_max')).toMatchObject({ set: 128 * MIB, by: path });
    expect(limit(answer, 'memsw_max')).toMatchObject({ set: 128 * MIB, by: path });
    expect(answer.weight).toMatchObject({ set: 512, unit: 'shares', share: 1 / 3 });
    expect(Number(answer.cpu.throttling[0]?.['throttled'])).toBeGreaterThan(10);
    expect(event(answer, 'memory.oom_control')).toMatchObject({ oom_kill: 1 });
    // Both limits are the same: that of memory and swap is met first.
    expect(event(answer, 'memory.memsw.failcnt')?.['count']).toBeGreaterThan(0);
    expect(answer.memory).toMatchObject({ peak: 128 * MIB, slab: null });
    expect(answer.devices).toMatchObject({ allows: 'open' });
    // From Linux 5.0 on the kernel has pressure, but v1 does not tell it by cgroup.
    expect((answer as unknown as Row)['pressure']).toBeNull();
  });

  it('one without', async () => {
    const answer = await shown('v1-only', 'comm:cron');
    for (const key of ['cpu_max', 'memory_max', 'memsw_max', 'pids_max'])
      expect(limit(answer, key), key).toMatchObject({ set: 'max', effective: 'max', by: null });
    expect(answer.weight).toMatchObject({ set: 1024, share: 2 / 3 });
  });
});
