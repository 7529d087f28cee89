// `watch --cgroups` on real groups of v1: each change that is made is told once, with what it was and what it is.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import { startWatching, type Said } from '../support/watching.ts';

const NAME = `/nstool-test-watch-${process.pid}`;
const LEAF = `${NAME}/leaf`;

describe.skipIf(lacks('root', 'cgroup1'))('watch --cgroups', () => {
  let cgroups: TestCgroups;

  beforeEach(() => {
    cgroups = new TestCgroups();
  });
  afterEach(() => cgroups.end());

  it('tells of limits, moves, kills, freezes and the end', async () => {
    const hierarchies = ['memory', 'pids', 'freezer'].filter((name) => cgroups.mounts.has(name));
    const folder = (hierarchy: string, path: string): string => `${cgroups.mounts.get(hierarchy)}${path}`;
    const leaves = hierarchies.map((hierarchy) => {
      cgroups.make(hierarchy, NAME);
      return cgroups.make(hierarchy, LEAF);
    });
    const pid = cgroups.start(leaves);
    const watching = await startWatching(['--cgroups', '-p', String(pid), '--interval', '0.1']);
    const next = async (event: string, act: () => void): Promise<Said | undefined> => {
      const before = watching.said.length;
      act();
      await watching.until((said) => said.slice(before).some((each) => each.event === event));
      return watching.said.slice(before).find((each) => each.event === event);
    };

    const write = (hierarchy: string, path: string, file: string, text: string) => (): void =>
      writeFileSync(`${folder(hierarchy, path)}/${file}`, text);
    expect(await next('limit', write('memory', NAME, 'memory.limit_in_bytes', '33554432'))).toMatchObject({
      pid,
      name: 'mem_limit',
      from: 'max',
      to: 33_554_432,
      by: NAME,
    });
    expect(await next('limit', write('pids', LEAF, 'pids.max', '77'))).toMatchObject({ to: 77, by: LEAF });
    expect(await next('moved', write('pids', NAME, 'cgroup.procs', String(pid)))).toMatchObject({
      pid,
      name: 'pids',
      from: LEAF,
      to: NAME,
    });
    const eater = 'echo $$ > "$0/cgroup.procs"; exec tail /dev/zero';
    const killed = await next('killed', () => spawnSync('sh', ['-c', eater, folder('memory', LEAF)]));
    const kills = /oom_kill (\d+)/.exec(readFileSync(`${folder('memory', LEAF)}/memory.oom_control`, 'utf8'))?.[1];
    expect(killed).toMatchObject({ pid, from: 0, to: Number(kills) });
    if (hierarchies.includes('freezer')) {
      expect(await next('frozen', write('freezer', NAME, 'freezer.state', 'FROZEN'))).toMatchObject({ pid });
      expect(await next('thawed', write('freezer', NAME, 'freezer.state', 'THAWED'))).toMatchObject({ pid });
    }
    expect(await next('ended', () => process.kill(pid, 'SIGKILL'))).toMatchObject({ pid, to: null });
    const said = await watching.end();
    const times = (event: string): number => said.filter((each) => each.event === event).length;
    // The move takes the limit of the cgroup that was left with it.
    expect([times('limit'), times('moved'), times('killed'), times('ended')]).toEqual([3, 1, 1, 1]);
  });

  it('refuses what is no process', () => {
    expect(nstool(['watch', '--cgroups', '-p', 'net:self'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is no process') as string,
    });
  });
});
