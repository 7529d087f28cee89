// All cgroups again and again, by descriptors that stay open: what comes, goes, and comes again under the same name.

import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Topic } from '../../src/cgroups/sample.ts';
import { KeptFiles } from '../../src/host/linux/kept-files.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { GroupLooks } from '../../src/inspect/cgroup/group-looks.ts';
import type { GroupRow } from '../../src/inspect/cgroup/group-rows.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const TOPICS: readonly Topic[] = ['tasks', 'cpu', 'throttling', 'memory', 'oom_kills'];

let times = 0;

describe.skipIf(lacks('root', 'cgroup1'))('looks at the cgroups of v1', () => {
  let cgroups: TestCgroups;
  let files: KeptFiles;

  afterEach(async () => {
    files.close();
    await cgroups.end();
  });

  /** `at` tells where it is in time: what is told of rates does not hang on how fast this machine is. */
  function begin(most?: number): { readonly name: string; readonly look: (path: string) => GroupRow | undefined } {
    cgroups = new TestCgroups();
    times += 1;
    let now = 0;
    files = new KeptFiles(() => looks.renewed(), most);
    const looks = new GroupLooks(linuxHost(), { topics: TOPICS, files, now: () => now });
    const look = (path: string): GroupRow | undefined => {
      now += 1;
      return looks.look().rows.find(({ group }) => group.path === path);
    };
    return { name: `/nstool-test-looks-${process.pid}-${times}`, look };
  }

  it.each([undefined, 2])('figures are those of the files, with %s descriptors kept', async (most) => {
    const { name, look } = begin(most);
    const memory = cgroups.make('memory', name);
    const cpuacct = cgroups.make('cpuacct', name);
    const pids = cgroups.make('pids', name);
    cgroups.start([memory, cpuacct, pids]);
    // It has slept since then, and counts no more.
    await sleep(200);
    for (let count = 0; count < 3; count += 1) {
      const row = look(name);
      expect(row?.sample).toMatchObject({
        tasks: Number(readFileSync(`${pids}/pids.current`, 'utf8')),
        cpu_usec: Number(readFileSync(`${cpuacct}/cpuacct.usage`, 'utf8')) / 1000,
        memory: Number(readFileSync(`${memory}/memory.usage_in_bytes`, 'utf8')),
      });
      expect(row?.rates === null).toBe(count === 0);
    }
  });

  it('a list that the kernel gives out in parts is read to its end', async () => {
    cgroups = new TestCgroups();
    const folder = cgroups.make('pids', `/nstool-test-looks-${process.pid}-long`);
    const start =
      'import threading as t; [t.Thread(target=t.Event().wait).start() for _ in range(1500)]; t.Event().wait()';
    cgroups.start([folder], ['python3', '-c', start]);
    files = new KeptFiles(() => {});
    const path = `${folder}/tasks`;
    await expect.poll(() => Number(readFileSync(`${folder}/pids.current`, 'utf8')), { timeout: 30_000 }).toBe(1501);
    for (let count = 0; count < 2; count += 1) {
      const read = files.read(path);
      expect(read.ok && Buffer.from(read.value).toString()).toBe(readFileSync(path, 'utf8'));
    }
  });

  it('what comes is there at the next look, what goes is not', () => {
    const { name, look } = begin();
    expect(look(name)).toBeUndefined();
    const folder = cgroups.make('pids', name);
    expect(look(name)).toMatchObject({ rates: null });
    const inner = cgroups.make('pids', `${name}/inner`);
    expect(look(`${name}/inner`)).toMatchObject({ rates: null, sample: { tasks: 0 } });
    rmdirSync(inner);
    expect(look(`${name}/inner`)).toBeUndefined();
    expect(look(name)?.rates).not.toBeNull();
    rmdirSync(folder);
    expect(look(name)).toBeUndefined();
  });

  it('one that was made anew meanwhile has no rates: it is another', () => {
    const { name, look } = begin();
    cgroups.make('pids', name);
    look(name);
    expect(look(name)?.rates).not.toBeNull();
    rmdirSync(`${cgroups.mounts.get('pids')}${name}`);
    cgroups.make('pids', name);
    expect(look(name)).toMatchObject({ rates: null, sample: { tasks: 0 } });
    expect(look(name)?.rates).not.toBeNull();
  });

  it('descriptors are closed when their cgroup is gone, and all of them in the end', () => {
    const ours = (name: string): number =>
      readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).includes(name)).length;
    const { name, look } = begin();
    cgroups.make('pids', name);
    look(name);
    expect(ours(name)).toBeGreaterThan(0);
    rmdirSync(`${cgroups.mounts.get('pids')}${name}`);
    look(name);
    look(name);
    expect(ours(name)).toBe(0);
    files.close();
    expect(ours('/cgroup/')).toBe(0);
  });
});

function linkOf(fd: string): string {
  const link = linuxHost().readLink(`/proc/self/fd/${fd}`);
  return link.ok ? link.value : '';
}
