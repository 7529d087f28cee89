// A made-up host of v2 with a shop: a limit of each sort on /shop, a smaller one of memory on /shop/web below it, and /ice,
// which is frozen and has none.

import type { Host } from '../../src/kernel/host.ts';
import { cgroupAnswers } from './fake-cgroups.ts';
import { procOf } from './fake-proc.ts';
import { hostOf } from './recorded.ts';

export const ROOT = '/sys/fs/cgroup';
const INNER = { 'cgroup.type': 'domain\n', 'cgroup.controllers': 'cpu memory pids\n', 'cgroup.freeze': '0\n' };
const FREE = { 'memory.max': 'max\n', 'cpu.max': 'max 100000\n', 'pids.max': 'max\n' };
const QUIET = { 'cgroup.events': 'populated 1\nfrozen 0\n', 'memory.events': 'oom 0\noom_kill 0\n' };

/** Process 50 is in /shop/web, 51 in /shop, 52 in /ice; each in a network namespace of its own. */
export function shopHost(answers: Readonly<Record<string, object>> = {}): Host {
  const pid = (number: bigint): { readonly net: bigint } => ({ net: number });
  return hostOf({
    ...procOf([
      { pid: 1 },
      { pid: 7 },
      { pid: 50, cgroup: '/shop/web', ns: pid(101n) },
      { pid: 51, cgroup: '/shop', ns: pid(102n) },
      { pid: 52, cgroup: '/ice', ns: pid(103n) },
    ]),
    'file /proc/self/mountinfo': { text: `23 22 0:26 / ${ROOT} rw - cgroup2 cgroup2 rw\n` },
    ...cgroupAnswers({
      [ROOT]: { 'cgroup.controllers': 'cpu memory pids\n' },
      [`${ROOT}/shop`]: {
        ...INNER,
        ...QUIET,
        'memory.max': '268435456\n',
        'memory.current': '104857600\n',
        'cpu.max': '50000 100000\n',
        'cpu.stat': 'usage_usec 9\nnr_periods 100\nnr_throttled 90\nthrottled_usec 7000000\n',
        'pids.max': '64\n',
        'pids.current': '9\n',
      },
      [`${ROOT}/shop/web`]: {
        ...INNER,
        ...QUIET,
        ...FREE,
        'memory.max': '67108864\n',
        'memory.current': '12582912\n',
        'memory.events': 'oom 3\noom_kill 2\n',
        'cpu.stat': 'usage_usec 9\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n',
        'pids.current': '4\n',
      },
      [`${ROOT}/ice`]: {
        ...INNER,
        ...QUIET,
        ...FREE,
        'memory.current': '0\n',
        'pids.current': '1\n',
        'cpu.stat': 'usage_usec 0\n',
        'cgroup.freeze': '1\n',
        'cgroup.events': 'populated 1\nfrozen 1\n',
      },
    }),
    ...answers,
  });
}
