// `cgroup show` on real cgroups of v1, compared with the kernel's own files and with what it enforces.

import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { passed } from '../support/schemas.ts';
import { startReady, type Started } from '../support/start-ready.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import {
  parsedCgroups as parsed,
  shownCgroups as shown,
  type ShownCgroups as Shown,
} from '../support/shown-cgroups.ts';

function limit(of: Shown, key: string): Shown['limits'][number] {
  const found = of.limits.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no limit ${key}`);
  return found;
}

function directory(of: Shown, controller: string): string | null | undefined {
  return of.groups.find(({ controllers }) => controllers.includes(controller))?.directory;
}

const NAME = `nstool-test-${process.pid}`;

describe.skipIf(lacks('root', 'cgroup1', 'unshare'))('cgroups of v1', () => {
  const cgroups = new TestCgroups();
  /** With what no parser may stumble over. */
  const leaf = `/${NAME}/a:b c\\x2d é`;
  let pid = 0;
  let all: Shown;

  beforeAll(() => {
    const memory = [
      cgroups.make('memory', `/${NAME}`, { 'memory.limit_in_bytes': '20000000' }),
      cgroups.make('memory', leaf, { 'memory.limit_in_bytes': '100000000' }),
    ];
    const cpu = [
      cgroups.make('cpu', `/${NAME}`, { 'cpu.cfs_quota_us': '25000', 'cpu.shares': '2048' }),
      cgroups.make('cpu', leaf, { 'cpu.shares': '512' }),
      cgroups.make('cpu', `/${NAME}/other`, { 'cpu.shares': '1536' }),
    ];
    const pids = [
      cgroups.make('pids', `/${NAME}`, { 'pids.max': '4' }),
      cgroups.make('pids', leaf, { 'pids.max': '90' }),
    ];
    const cpuset = [
      cgroups.make('cpuset', `/${NAME}`, { 'cpuset.cpus': '0', 'cpuset.mems': '0' }),
      cgroups.make('cpuset', leaf, { 'cpuset.cpus': '0', 'cpuset.mems': '0' }),
    ];
    const devices = cgroups.make('devices', `/${NAME}`, { 'devices.deny': 'a' });
    writeFileSync(`${devices}/devices.allow`, 'c 1:3 rwm');
    // Where v1 is not alone.
    const unified = cgroups.mounts.has('cgroup2') ? [cgroups.make('cgroup2', `/${NAME}`)] : [];
    pid = cgroups.start([memory[1], cpu[1], pids[1], cpuset[1], devices, ...unified].map((each) => each ?? ''));
    all = shown(pid);
  });
  afterAll(() => cgroups.end());

  it('are found in every hierarchy, by the directory in which the kernel lists the process', () => {
    expect(all.groups.map(({ why }) => why).filter((why) => why !== null)).toEqual([]);
    for (const group of all.groups) {
      expect(group.whole).toBe(true);
      // In the roots processes come and go, and a list of v1 may miss one that was there all the time.
      if (group.path === '/') continue;
      const procs = readFileSync(`${group.directory}/cgroup.procs`, 'utf8').split('\n');
      expect(procs, group.controllers.join()).toContain(String(pid));
    }
    expect(directory(all, 'memory')).toBe(`${cgroups.mounts.get('memory')}${leaf}`);
    expect({ complete: all.complete, gaps: all.gaps }).toEqual({ complete: true, gaps: [] });
    expect(passed('cgroup show', all)).toEqual([]);
  });

  it('memory: the ancestor binds, as the kernel says, and the limit is as it was rounded', () => {
    const { set, effective, by, room, usage } = limit(all, 'memory_max');
    const folder = `${cgroups.mounts.get('memory')}${leaf}`;
    const stat = readFileSync(`${folder}/memory.stat`, 'utf8');
    expect(effective).toBe(Number(/^hierarchical_memory_limit (\d+)$/m.exec(stat)?.[1]));
    expect([set, effective, by]).toEqual([99_999_744, 19_996_672, `/${NAME}`]);
    expect(room?.path).toBe(`/${NAME}`);
    expect(usage).toBeGreaterThanOrEqual(0);
  });

  it('memory: a process that takes more than the ancestor allows is killed, below its own limit', () => {
    const own = `${cgroups.mounts.get('memory')}${leaf}`;
    const script = `echo $$ > '${own}/cgroup.procs'; exec node -e 'Buffer.alloc(64 << 20, 1)'`;
    expect(run(['sh', '-c', script]).status).not.toBe(0);
    expect(limit(shown(pid), 'memory_max').effective).toBe(19_996_672);
    expect(readFileSync(`${own}/memory.oom_control`, 'utf8')).toMatch(/^oom_kill [1-9]/m);
  });

  it('cpu: the quota of the ancestor, as v1 takes none that is larger below it, and the weight among two siblings', () => {
    expect(limit(all, 'cpu_max')).toMatchObject({ set: 'max', effective: 0.25, by: `/${NAME}` });
    expect(all.weight).toMatchObject({ set: 512, siblings: 2, share: 0.25 });
  });

  it('pids: the limit of the ancestor is the one at which fork fails', () => {
    expect(limit(all, 'pids_max')).toMatchObject({
      set: 90,
      effective: 4,
      by: `/${NAME}`,
      room: { left: 3, path: `/${NAME}` },
    });
    const own = `${cgroups.mounts.get('pids')}${leaf}`;
    const script = (count: number): string =>
      `echo $$ > '${own}/cgroup.procs'; i=0; while [ $i -lt ${count} ]; do sleep 0.2 & i=$((i+1)); done; wait`;
    // The shell itself is one of the three.
    expect(run(['sh', '-c', script(2)]).stderr).toBe('');
    expect(run(['sh', '-c', script(3)]).stderr).toMatch(/fork/i);
  });

  it('cpuset and devices', () => {
    // Of a single processor it takes nothing away.
    const by = cpus().length > 1 ? `/${NAME}` : null;
    expect(all.cpuset.find(({ key }) => key === 'cpus')).toMatchObject({ set: '0', effective: '0', by });
    expect(all.devices).toMatchObject({ allows: 'limited', rules: ['c 1:3 rwm'] });
  });

  it('as text it has units, max, and the ancestor', () => {
    const { stdout } = nstool(['cgroup', 'show', String(pid)]);
    expect(stdout).toContain(`memory_max: 95.4MiB set, effective 19.1MiB by /${NAME}, used `);
    expect(stdout).toContain(`cpu_max: max set, effective 0.25 cores by /${NAME} (cpu.cfs_quota_us`);
    expect(stdout).toContain(`pids_max: 90 tasks set, effective 4 tasks by /${NAME}`);
    expect(stdout).toContain('memory.soft_limit_in_bytes max (OCI memory.reservation)');
  });

  it('a target in a cgroup namespace of its own is seen as from here', () => {
    const folder = `${cgroups.mounts.get('memory')}${leaf}`;
    const inside = cgroups.start([folder], ['unshare', '-C']);
    expect(directory(shown(inside), 'memory')).toBe(folder);
  });

  /** From below `leaf` in the memory hierarchy, at the root of a cgroup namespace. */
  function fromBelow(script: string): Shown {
    const folder = `${cgroups.mounts.get('memory')}${leaf}`;
    const command = commandLine(['cgroup', 'show', String(pid), '--json']).map((word) => `'${word}'`);
    // The limits of those cgroups would be too small for node.
    writeFileSync(`${cgroups.mounts.get('memory')}/${NAME}/memory.limit_in_bytes`, '1000000000');
    writeFileSync(`${folder}/memory.limit_in_bytes`, '900000000');
    try {
      const moved = `echo $$ > '${folder}/cgroup.procs'; exec unshare -C -m sh -c "$0"`;
      const { stdout, stderr } = run(['sh', '-c', moved, `${script} exec ${command.join(' ')}`]);
      return parsed({ stdout, stderr });
    } finally {
      writeFileSync(`${folder}/memory.limit_in_bytes`, '100000000');
      writeFileSync(`${cgroups.mounts.get('memory')}/${NAME}/memory.limit_in_bytes`, '20000000');
    }
  }

  it('from a cgroup namespace below, by the mounts that were there before: names that nobody tells are found', () => {
    const seen = fromBelow('');
    expect(directory(seen, 'memory')).toBe(`${cgroups.mounts.get('memory')}${leaf}`);
    expect(limit(seen, 'memory_max')).toMatchObject({ set: 899_997_696, effective: 899_997_696 });
    expect(limit(seen, 'memory_max').levels.length).toBeGreaterThanOrEqual(2);
  });

  it('from there, with a mount of its own: what is above is told by the kernel, and said to be beyond our view', () => {
    const memory = cgroups.mounts.get('memory');
    const seen = fromBelow(`umount '${memory}'; mount -t cgroup -o memory none '${memory}';`);
    expect(directory(seen, 'memory')).toBe(memory);
    const group = seen.groups.find(({ controllers }) => controllers.includes('memory'));
    expect(group).toMatchObject({ path: '/', whole: false });
    expect(seen.complete).toBe(false);
    expect(seen.gaps).toContainEqual(expect.objectContaining({ subject: 'cgroup above' }));
  });

  it("where no mount of ours shows it, by the process's own", () => {
    const memory = cgroups.mounts.get('memory') ?? '';
    const command = commandLine(['cgroup', 'show', String(pid), '--json']).map((word) => `'${word}'`);
    const script = `umount -l '${memory}'; exec ${command.join(' ')}`;
    const { stdout, stderr } = run(['unshare', '-m', 'sh', '-c', script]);
    const seen = parsed({ stdout, stderr });
    const group = seen.groups.find(({ controllers }) => controllers.includes('memory'));
    expect(group).toMatchObject({ directory: `${memory}${leaf}`, through: pid });
    expect(limit(seen, 'memory_max')).toMatchObject({ effective: 19_996_672, by: `/${NAME}` });
    // Where it is mounted nowhere, that is a gap.
    const self = commandLine(['cgroup', 'show', 'self', '--json']).map((word) => `'${word}'`);
    const nowhere = run(['unshare', '-m', 'sh', '-c', `umount -l '${memory}'; exec ${self.join(' ')}`]);
    const lost = parsed(nowhere);
    expect(directory(lost, 'memory')).toBeNull();
    expect(lost.complete).toBe(false);
    expect(lost.gaps).toContainEqual(expect.objectContaining({ subject: 'cgroup' }));
  });

  it.skipIf(!cgroups.mounts.has('cgroup2'))(
    'a cgroup of v2 that was removed is said to be, and one that is only called so is found',
    async () => {
      const mount = cgroups.mounts.get('cgroup2');
      const folder = cgroups.make('cgroup2', `/${NAME}/x (deleted)`);
      const living = cgroups.start([folder]);
      expect(directory(shown(living), 'hugetlb')).toBe(`${mount}/${NAME}/x (deleted)`);
      // A zombie stays where it was.
      mkdirSync(`${mount}/${NAME}/gone`);
      const zombie = await cgroups.startZombie(`${mount}/${NAME}/gone`);
      rmdirSync(`${mount}/${NAME}/gone`);
      const seen = shown(zombie);
      expect(seen.groups.at(-1)).toMatchObject({ directory: null, why: 'it was removed' });
    },
  );

  it('a namespace is refused, as is a process that does not exist', () => {
    expect(nstool(['cgroup', 'show', 'net:self']).status).toBe(2);
    expect(nstool(['cgroup', 'show', '4194304']).status).toBe(3);
  });

  it('a plain user sees it as well', () => {
    const { stdout, stderr } = nstool(['cgroup', 'show', String(pid), '--json'], { uid: 65_534 });
    const seen = parsed({ stdout, stderr });
    expect(limit(seen, 'memory_max')).toMatchObject({ effective: 19_996_672, by: `/${NAME}` });
  });
});

describe.skipIf(lacks('root', 'cgroup1', 'python'))('a process whose threads are in several cgroups', () => {
  const cgroups = new TestCgroups();
  const path = `/${NAME}-threads`;
  let started: Started | undefined;

  afterAll(async () => {
    await started?.end();
    await cgroups.end();
  });

  it('show and why tell of those that are not where the first one is', async () => {
    const script = 'import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()';
    started = await startReady(['python3', '-c', `${script}\nprint("ready", flush=True)\ntime.sleep(1000)`]);
    const { pid } = started;
    expect(shown(pid).gaps).toEqual([]);
    const folder = cgroups.make('pids', path);
    const other = readdirSync(`/proc/${pid}/task`).find((tid) => tid !== String(pid)) ?? '';
    writeFileSync(`${folder}/tasks`, other);
    const gap = { subject: 'thread of another cgroup', count: 1, examples: [`pids ${path}`] };
    expect(shown(pid)).toMatchObject({ complete: false, gaps: [gap] });
    const why = nstool(['cgroup', 'why', String(pid), '--for', '0', '--json']);
    expect(JSON.parse(why.stdout)).toMatchObject({
      complete: false,
      gaps: expect.arrayContaining([expect.objectContaining(gap)]),
    });
    expect(shown(path).members).toMatchObject([{ path, threads: 1 }]);
  });
});
