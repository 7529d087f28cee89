// What `ls` tells of cgroups, on a made-up host of v2: the smallest limit and who sets it, in text, JSON and filters; what
// is unknown, and that nothing is read where none of it was asked for.

import { describe, expect, it } from 'vitest';
import { ls } from '../../../src/cli/commands/ls.ts';
import { watch } from '../../../src/cli/commands/watch.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { runCommand } from '../../support/recorded.ts';
import { faults } from '../../support/schemas.ts';
import { ROOT, shopHost } from '../../support/shop-host.ts';

const COLUMNS = 'PID,CGROUP_MEM,MEM_LIMIT,MEM_LIMIT_BY,CPU_LIMIT,CPU_LIMIT_BY,CGROUP_TASKS,PIDS_LIMIT,PIDS_LIMIT_BY';
const ALL = `${COLUMNS},THROTTLED_USEC,OOM_KILLS,FROZEN`;

const text = async (host: Host, ...words: readonly string[]): Promise<string> =>
  (await runCommand(ls, ['-t', 'net', ...words], { host })).stdout;

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string }[];
  readonly namespaces: readonly Readonly<Record<string, unknown>>[];
}

async function json(host: Host, ...words: readonly string[]): Promise<Answer> {
  const answer = JSON.parse(await text(host, '--json', ...words)) as Answer;
  expect(faults('ls', answer)).toEqual([]);
  return answer;
}

describe('cgroup columns of ls', () => {
  it('tell the smallest limit up to the root, and who sets it', async () => {
    const { namespaces, complete } = await json(shopHost(), '-o', ALL, '-Q', 'PID >= 50');
    expect(complete).toBe(true);
    const of = { memory: '/shop', cpu_limit: 0.5, cpu_limit_by: '/shop', pids_limit: 64, pids_limit_by: '/shop' };
    const { memory, ...shop } = of;
    expect(namespaces).toEqual([
      {
        pid: 50,
        cgroup_mem: 12_582_912,
        mem_limit: 67_108_864,
        mem_limit_by: '/shop/web',
        ...shop,
        cgroup_tasks: 4,
        throttled_usec: 7_000_000,
        oom_kills: 2,
        frozen: 'no',
      },
      {
        pid: 51,
        cgroup_mem: 104_857_600,
        mem_limit: 268_435_456,
        mem_limit_by: memory,
        ...shop,
        cgroup_tasks: 9,
        throttled_usec: 7_000_000,
        oom_kills: 0,
        frozen: 'no',
      },
      {
        pid: 52,
        cgroup_mem: 0,
        mem_limit: 'max',
        mem_limit_by: null,
        cpu_limit: 'max',
        cpu_limit_by: null,
        cgroup_tasks: 1,
        pids_limit: 'max',
        pids_limit_by: null,
        throttled_usec: 0,
        oom_kills: 0,
        frozen: 'yes',
      },
    ]);
  });

  it('for eyes have units, and max for no limit', async () => {
    expect(await text(shopHost(), '-o', 'PID,CGROUP_MEM,MEM_LIMIT,CPU_LIMIT', '-Q', 'PID >= 50')).toBe(
      ['PID  CGROUP_MEM  MEM_LIMIT  CPU_LIMIT', ' 50       12.0M      64.0M        0.5'].join('\n') +
        '\n 51      100.0M     256.0M        0.5\n 52           0        max        max\n',
    );
    expect(await text(shopHost(), '-rn', '-o', 'PID,MEM_LIMIT', '-Q', 'PID == 52 || PID == 50')).toBe(
      '50 67108864\n52 max\n',
    );
  });

  it.each([
    ['MEM_LIMIT < 100M', [50]],
    // No limit is more than any; of a row without an answer nothing holds.
    ['MEM_LIMIT > 100M && PID >= 50', [51, 52]],
    ['MEM_LIMIT == "max" && PID >= 50', [52]],
    ['OOM_KILLS > 0', [50]],
    ['THROTTLED_USEC > 0', [50, 51]],
    ['FROZEN == "yes"', [52]],
    ['PIDS_LIMIT_BY =~ "shop"', [50, 51]],
  ])('-Q %s', async (filter, pids) => {
    const { namespaces } = await json(shopHost(), '-o', 'PID', '-Q', filter);
    expect(namespaces.map(({ pid }) => pid)).toEqual(pids);
  });

  it('--sort has those without a limit last', async () => {
    const { namespaces } = await json(shopHost(), '-o', 'PID', '--sort', 'MEM_LIMIT', '-Q', 'PID >= 50');
    expect(namespaces.map(({ pid }) => pid)).toEqual([50, 51, 52]);
  });

  it('of a limit that is closed to us tell nothing, and say so', async () => {
    const file = `${ROOT}/shop/memory.max`;
    const host = shopHost({ [`file ${file}`]: { gap: { reason: 'denied', what: file, errno: 'EACCES' } } });
    const { namespaces, gaps, complete } = await json(host, '-o', 'PID,MEM_LIMIT,MEM_LIMIT_BY', '-Q', 'PID == 50');
    expect(namespaces).toEqual([{ pid: 50, mem_limit: null, mem_limit_by: null }]);
    expect([complete, gaps]).toMatchObject([false, [{ subject: 'limit of a cgroup', reason: 'denied' }]]);
  });

  it('where the root of the hierarchy is beyond our view do not take none for unlimited', async () => {
    const host = shopHost({ [`file ${ROOT}/cgroup.type`]: { text: 'domain\n' } });
    const { namespaces, gaps } = await json(host, '-o', 'PID,MEM_LIMIT', '-Q', 'PID >= 50');
    expect(namespaces.map(({ mem_limit: limit }) => limit)).toEqual([67_108_864, 268_435_456, null]);
    expect(gaps).toMatchObject([{ subject: 'limit of a cgroup', reason: 'unsupported' }]);
  });

  it('where the hierarchy is not mounted are unknown', async () => {
    const host = shopHost({ 'file /proc/self/mountinfo': { text: '22 1 254:0 / / rw - ext4 /dev/vda rw\n' } });
    const { namespaces, complete } = await json(host, '-o', ALL, '-Q', 'PID == 52');
    expect(complete).toBe(false);
    const { pid, ...cells } = namespaces[0] ?? {};
    expect(pid).toBe(52);
    expect(new Set(Object.values(cells))).toEqual(new Set([null]));
  });

  it('are not read where nobody asks for them', async () => {
    const asked: string[] = [];
    const host = shopHost();
    const spy: Host = {
      ...host,
      readFile: (path) => {
        asked.push(path);
        return host.readFile(path);
      },
    };
    await text(spy, '-o', 'PID,NS,TYPE,COMMAND');
    expect(asked.filter((path) => path.startsWith(ROOT) || path.endsWith('/cgroup'))).toEqual([]);
    await text(spy, '-o', 'PID,PIDS_LIMIT');
    const files = asked.filter((path) => path.startsWith(ROOT)).map((path) => path.slice(path.lastIndexOf('/') + 1));
    expect([...new Set(files)].toSorted()).toEqual(
      ['cgroup.controllers', 'cgroup.type', 'pids.current', 'pids.max', 'pids.peak'].toSorted(),
    );
    // Each once, however many are below it.
    expect(asked.filter((path) => path === `${ROOT}/shop/pids.max`)).toHaveLength(1);
  });

  it('are refused by watch, which does not look at them', async () => {
    await expect(runCommand(watch, ['-Q', 'MEM_LIMIT < 100M'])).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });
});
