// What changes in the cgroups of a process, on made-up hosts: each answer is another one at the next look.

import { describe, expect, it } from 'vitest';
import { CgroupWatch, type CgroupChange } from '../../../src/inspect/cgroup/cgroup-watch.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { ROOT, shopHost } from '../../support/shop-host.ts';

type Answers = Readonly<Record<string, object>>;

/** What the looks tell: before each the host has these answers. */
function looks(pid: number, ...changes: readonly Answers[]): readonly (readonly Partial<CgroupChange>[])[] {
  let now = shopHost();
  const host: Host = { ...now, readFile: (path) => now.readFile(path), stat: (path) => now.stat(path) };
  const watch = new CgroupWatch(host, [pid]);
  let all: Answers = {};
  return changes.map((answers) => {
    all = { ...all, ...answers };
    now = shopHost(all);
    return watch.look().map(({ type, name, from, to, by }) => {
      return Object.fromEntries(Object.entries({ type, name, from, to, by }).filter(([, value]) => value !== null));
    });
  });
}

const file = (path: string, text: string): Answers => ({ [`file ${ROOT}${path}`]: { text } });
const denied = (what: string): Answers => ({ [`file ${what}`]: { gap: { reason: 'denied', what, errno: 'EACCES' } } });
const gone = (what: string): Answers => ({ [`file ${what}`]: { gap: { reason: 'gone', what, errno: 'ENOENT' } } });

describe('what changes in cgroups', () => {
  it('is nothing where nothing does, and what is used is no change', () => {
    expect(looks(50, {}, file('/shop/web/memory.current', '99\n'), file('/shop/pids.current', '11\n'))).toEqual([
      [],
      [],
      [],
    ]);
  });

  it('limits, also those above, and once each', () => {
    const told = looks(
      50,
      file('/shop/memory.max', '1048576\n'),
      {},
      file('/shop/cpu.max', 'max 100000\n'),
      file('/shop/web/cpu.max', '200000 100000\n'),
    );
    expect(told).toEqual([
      [{ type: 'limit', name: 'mem_limit', from: 67_108_864, to: 1_048_576, by: '/shop' }],
      [],
      [{ type: 'limit', name: 'cpu_limit', from: 0.5, to: Infinity }],
      [{ type: 'limit', name: 'cpu_limit', from: Infinity, to: 2, by: '/shop/web' }],
    ]);
  });

  it('kills for want of memory, by what was added', () => {
    const events = (kills: number): Answers => file('/shop/web/memory.events', `oom 9\noom_kill ${kills}\n`);
    expect(looks(50, events(5), events(5), events(0), events(1))).toEqual([
      [{ type: 'killed', from: 2, to: 5 }],
      [],
      // It was made anew.
      [],
      [{ type: 'killed', from: 0, to: 1 }],
    ]);
  });

  it('a move, with the limits that then hold, and no kills of the other cgroup', () => {
    expect(looks(51, { 'file /proc/51/cgroup': { text: '0::/shop/web\n' } })).toEqual([
      [
        { type: 'moved', name: 'cgroup2', from: '/shop', to: '/shop/web' },
        { type: 'limit', name: 'mem_limit', from: 268_435_456, to: 67_108_864, by: '/shop/web' },
      ],
    ]);
  });

  it('frozen, and thawed', () => {
    const freeze = (flag: number): Answers => ({
      ...file('/shop/cgroup.freeze', `${flag}\n`),
      ...file('/shop/web/cgroup.events', `populated 1\nfrozen ${flag}\n`),
    });
    expect(looks(50, freeze(1), freeze(1), freeze(0))).toEqual([[{ type: 'frozen' }], [], [{ type: 'thawed' }]]);
  });

  it('of what is closed for a while tells the difference when it is open again', () => {
    const closed = `${ROOT}/shop/pids.max`;
    expect(looks(50, denied(closed), file('/shop/pids.max', '64\n'), file('/shop/pids.max', '65\n'))).toEqual([
      [],
      [],
      [{ type: 'limit', name: 'pids_limit', from: 64, to: 65, by: '/shop' }],
    ]);
  });

  it('its end, once, also when another process has its number', () => {
    expect(looks(50, gone('/proc/50/cgroup'), {})).toEqual([[{ type: 'ended' }], []]);
    const again = { 'file /proc/50/stat': { text: `50 (other) S 1 ${'0 '.repeat(17)}99 0 0\n` } };
    expect(looks(50, again, {})).toEqual([[{ type: 'ended' }], []]);
  });
});
