// What `show` and `diff` tell of cgroups, on a made-up host of v2: what binds and who sets it, what differs, what is unknown.

import { describe, expect, it } from 'vitest';
import { diff } from '../../../src/cli/commands/diff.ts';
import { show } from '../../../src/cli/commands/show.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { runCommand } from '../../support/recorded.ts';
import { faults } from '../../support/schemas.ts';
import { ROOT, shopHost } from '../../support/shop-host.ts';

const NO_MOUNT = { 'file /proc/self/mountinfo': { text: '22 1 254:0 / / rw - ext4 /dev/vda rw\n' } };
const KEYS = 'limits,throttling,oom_kills,frozen';

const denied = (what: string): Readonly<Record<string, object>> => ({
  [`file ${what}`]: { gap: { reason: 'denied', what, errno: 'EACCES' } },
});

describe('cgroup fields of show', () => {
  async function shown(pid: number, host = shopHost()): Promise<readonly string[]> {
    return (await runCommand(show, [String(pid), '-o', KEYS], { host })).stdout.trimEnd().split('\n');
  }

  interface Answer {
    readonly process: Readonly<Record<string, unknown>>;
    readonly complete: boolean;
  }

  async function json(pid: number, host = shopHost()): Promise<Answer> {
    const answer = JSON.parse((await runCommand(show, [String(pid), '-J', '-o', KEYS], { host })).stdout) as Answer;
    expect(faults('show', answer)).toEqual([]);
    return answer;
  }

  it('tell what binds, by which cgroup, and how much of that is used', async () => {
    expect(await shown(50)).toEqual([
      'cpu_max 0.5 cores by /shop',
      'memory_max 64.0MiB by /shop/web, used 12.0MiB',
      'pids_max 64 tasks by /shop, used 9 tasks',
      'by /shop in 90 of 100 periods, for 7.000s',
      '2',
      'no',
    ]);
    const { process, complete } = await json(50);
    expect(complete).toBe(true);
    expect(process).toEqual({
      limits: [
        { key: 'cpu_max', unit: 'cores', device: null, effective: 0.5, by: '/shop', usage: null },
        {
          key: 'memory_max',
          unit: 'bytes',
          device: null,
          effective: 67_108_864,
          by: '/shop/web',
          usage: 12_582_912,
        },
        { key: 'pids_max', unit: 'tasks', device: null, effective: 64, by: '/shop', usage: 9 },
      ],
      throttling: [{ path: '/shop', periods: 100, throttled: 90, throttled_usec: 7_000_000 }],
      oom_kills: 2,
      frozen: { state: 'thawed', by: null },
    });
  });

  it('tell who froze it, and that nothing limits', async () => {
    expect(await shown(52)).toEqual(['0', 'frozen by /ice']);
    const page = (await runCommand(show, ['52'], { host: shopHost() })).stdout;
    expect(page).toMatch(/^limits +none\nthrottling +none\noom_kills +0\nfrozen +frozen by \/ice$/m);
  });

  it('are unknown where no cgroup is reached: nothing is not said', async () => {
    const { process, complete } = await json(50, shopHost(NO_MOUNT));
    expect([complete, process]).toEqual([false, { limits: null, throttling: null, oom_kills: null, frozen: null }]);
  });

  it('a limit of which one level is closed to us is there, and unknown', async () => {
    const { process, complete } = await json(50, shopHost(denied(`${ROOT}/shop/memory.max`)));
    expect(complete).toBe(false);
    expect(process['limits']).toContainEqual(expect.objectContaining({ key: 'memory_max', effective: null, by: null }));
  });
});

describe('cgroups in diff', () => {
  interface Answer {
    readonly same: boolean | null;
    readonly complete: boolean;
    readonly differences: readonly { readonly what: string; readonly name: string; readonly a: unknown; b: unknown }[];
    readonly gaps: readonly { readonly subject: string }[];
  }

  async function apart(a: number, b: number, host: Host = shopHost()): Promise<Answer> {
    const words = [String(a), String(b), '--json'];
    const answer = JSON.parse((await runCommand(diff, words, { host })).stdout) as Answer;
    expect(faults('diff', answer)).toEqual([]);
    return answer;
  }

  const SORTS = new Set(['cgroup limit', 'cpuset', 'cpu weight', 'frozen']);
  const rows = ({ differences }: Answer): readonly unknown[] =>
    differences.filter(({ what }) => SORTS.has(what)).map(({ what, name, a, b }) => [what, name, a, b]);

  it('limits that hold differ, and not what is used', async () => {
    expect(rows(await apart(50, 51))).toEqual([['cgroup limit', 'memory_max_bytes', 67_108_864, 268_435_456]]);
    expect(rows(await apart(51, 52))).toEqual([
      ['cgroup limit', 'cpu_max_cores', 0.5, null],
      ['cgroup limit', 'memory_max_bytes', 268_435_456, null],
      ['cgroup limit', 'pids_max_tasks', 64, null],
      ['frozen', null, null, 'yes'],
    ]);
  });

  it('weight and processors differ from the default alone', async () => {
    const answers = {
      [`file ${ROOT}/shop/web/cpu.weight`]: { text: '50\n' },
      [`file ${ROOT}/shop/cpu.weight`]: { text: '100\n' },
      [`file ${ROOT}/shop/web/cgroup.controllers`]: { text: 'cpu cpuset memory pids\n' },
      [`file ${ROOT}/shop/cgroup.controllers`]: { text: 'cpu cpuset memory pids\n' },
      [`file ${ROOT}/cgroup.controllers`]: { text: 'cpu cpuset memory pids\n' },
      [`file ${ROOT}/cpuset.cpus.effective`]: { text: '0-3\n' },
      [`file ${ROOT}/shop/cpuset.cpus.effective`]: { text: '0-3\n' },
      [`file ${ROOT}/shop/web/cpuset.cpus.effective`]: { text: '1\n' },
    };
    expect(rows(await apart(50, 51, shopHost(answers)))).toEqual([
      ['cgroup limit', 'memory_max_bytes', 67_108_864, 268_435_456],
      ['cpuset', 'cpus', '1', null],
      ['cpu weight', null, 50, null],
    ]);
  });

  it('the same cgroups are the same, however little of them is seen', async () => {
    const answers = { ...NO_MOUNT, 'file /proc/51/cgroup': { text: '0::/shop/web\n' } };
    const { gaps } = await apart(50, 51, shopHost(answers));
    expect(gaps.filter(({ subject }) => /cgroup limit|cpuset|weight|frozen/.test(subject))).toEqual([]);
  });

  it('what is unknown of one is no difference', async () => {
    const answer = await apart(50, 51, shopHost(denied(`${ROOT}/shop/pids.max`)));
    expect(rows(answer)).toEqual([['cgroup limit', 'memory_max_bytes', 67_108_864, 268_435_456]]);
    expect(answer.gaps.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(['cgroup limit of A', 'cgroup limit of B']),
    );
  });
});
