// Cgroups whose names and mounts are made to lead elsewhere: `cgroup show` finds the directory in which the kernel lists
// the process, or says that it does not, and never leaves the hierarchy.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import {
  parsedCgroups as parsed,
  shownCgroups as shown,
  type ShownCgroups as Shown,
} from '../support/shown-cgroups.ts';

type Group = Shown['groups'][number];
function of(all: Shown, controller: string): Group | undefined {
  return all.groups.find(({ controllers, hierarchy }) =>
    controller === 'cgroup2' ? hierarchy === 0 : controllers.includes(controller),
  );
}

function limit(all: Shown, key: string): Shown['limits'][number] | undefined {
  return all.limits.find((each) => each.key === key);
}

const NAME = `nstool-test-paths-${process.pid}`;

describe.skipIf(lacks('root', 'cgroup1', 'unshare'))('names that lead elsewhere', () => {
  const cgroups = new TestCgroups();
  const memory = cgroups.mounts.get('memory') ?? '';
  let folder: string;

  beforeAll(() => {
    cgroups.make('memory', `/${NAME}`, { 'memory.limit_in_bytes': '20000000' });
    cgroups.make('cgroup2', `/${NAME}`);
    folder = mkdtempSync(join(tmpdir(), 'nstool-paths-'));
  });
  afterAll(async () => {
    await cgroups.end();
    rmSync(folder, { recursive: true });
  });

  it.each([
    'a:b:c',
    'two  words ',
    '\\040',
    '\\x2d\\134',
    'tab\there',
    'x (deleted)',
    '...',
    '..x',
    '.hidden',
    '-rf',
    '"\'`$(id)',
    'é\u202Eü',
    '\u001B[31mred',
    'memory.limit_in_bytes.not',
  ])('%j is found, in v1 and in v2', (name) => {
    const path = `/${NAME}/${name}`;
    const own = cgroups.make('memory', path, { 'memory.limit_in_bytes': '10000000' });
    const unified = cgroups.make('cgroup2', path);
    const all = shown(cgroups.start([own, unified]));
    expect(of(all, 'memory')).toMatchObject({ path, directory: own, why: null });
    expect(of(all, 'cgroup2')).toMatchObject({ path, directory: unified, why: null });
    expect(limit(all, 'memory_max')).toMatchObject({ set: 9_998_336, by: path });
    // By their path too, and by their directory.
    expect(of(shown(path), 'memory')).toMatchObject({ path, directory: own });
    expect(shown(own).groups).toMatchObject([{ path, directory: own }]);
    const text = nstool(['cgroup', 'show', own]);
    expect(text.stdout).not.toContain('\u001B');
    expect(text.stdout).not.toContain('\u202E');
  });

  it('a newline is refused by the kernel, which writes a line a hierarchy', () => {
    expect(() => mkdirSync(`${memory}/${NAME}/a\nb`)).toThrow('EINVAL');
  });

  it('a path of 4,000 bytes is followed to its end, with the limit of every level', () => {
    const names = Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(250 - NAME.length / 16, 'n'));
    let path = `/${NAME}`;
    let own = '';
    for (const name of names) {
      path += `/${name.slice(0, Math.min(name.length, 4000 - path.length - 1))}`;
      own = cgroups.make('memory', path);
      if (path.length >= 4000) break;
    }
    expect(path.length).toBeGreaterThan(3900);
    const all = shown(cgroups.start([own]));
    expect(of(all, 'memory')).toMatchObject({ path, directory: own });
    expect(limit(all, 'memory_max')).toMatchObject({ set: 'max', effective: 19_996_672, by: `/${NAME}` });
    expect(all.complete).toBe(true);
  });

  it('a path that is longer than any file name may be is a gap', async () => {
    const mount = cgroups.mounts.get('pids') ?? '';
    const top = cgroups.make('pids', `/${NAME}`);
    // The kernel prints up to 4,095 bytes of it; with the mount in front no path reaches it.
    const rest = 4080 - NAME.length - 15 * 256;
    const script = `const { mkdirSync, rmdirSync, writeFileSync } = require('node:fs');
      const names = [...Array(15).fill('l'.repeat(255)), 'm'.repeat(${rest})];
      process.chdir(process.argv[1]);
      for (const name of names) { mkdirSync(name); process.chdir(name); }
      writeFileSync('cgroup.procs', String(process.pid));
      console.log('ready');
      process.stdin.resume().on('end', () => {
        writeFileSync(process.argv[2] + '/cgroup.procs', String(process.pid));
        for (const name of names.reverse()) { process.chdir('..'); rmdirSync(name); }
      });`;
    const child = spawn(process.execPath, ['-e', script, top, mount], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    try {
      const all = shown(child.pid ?? 0);
      expect(of(all, 'pids')?.path.length).toBeGreaterThan(4000);
      expect(of(all, 'pids')).toMatchObject({ directory: null });
      expect(of(all, 'pids')?.why).toMatch(/cannot be looked at$/);
      expect(all.complete).toBe(false);
    } finally {
      child.stdin.end();
      await once(child, 'exit');
    }
  });

  it.each([
    [`/${NAME}/../..`, 2],
    [`${memory}/../../../etc`, 2],
    ['/../etc', 2],
    ['/etc', 2],
    ['/etc/passwd', 2],
    [`/${NAME}/no-such-cgroup`, 3],
    [`/${'x/'.repeat(2000)}y`, 3],
  ])('as TARGET %s is refused', (target, status) => {
    const result = nstool(['cgroup', 'show', target]);
    expect([result.stdout, result.status]).toEqual(['', status]);
  });

  it('a link leads to a cgroup, and out of the hierarchy nowhere', () => {
    symlinkSync(`${memory}/${NAME}`, join(folder, 'in'));
    symlinkSync('/etc', join(folder, 'out'));
    symlinkSync('loop', join(folder, 'loop'));
    expect(shown(join(folder, 'in')).groups).toMatchObject([{ path: `/${NAME}` }]);
    for (const name of ['out', 'loop']) expect(nstool(['cgroup', 'show', join(folder, name)]).status, name).not.toBe(0);
  });

  /** nstool in a mount namespace of its own, after a script. `enter`: words before it. */
  function seen(script: string, target: number | string, enter: readonly string[] = []): Shown {
    const command = commandLine(['cgroup', 'show', String(target), '--json']).map((word) => `'${word}'`);
    return parsed(run([...enter, 'unshare', '-m', 'sh', '-c', `${script}; exec ${command.join(' ')}`]));
  }

  it('a mount of the part below it, at a place with a space and a backslash, shows no more than that part', () => {
    const path = `/${NAME}/part`;
    const own = cgroups.make('memory', path);
    const pid = cgroups.start([cgroups.make('memory', `${path}/leaf`)]);
    const place = join(folder, 'a b\\c');
    mkdirSync(place, { recursive: true });
    const all = seen(`mount --bind '${own}' '${place}'; umount -l '${memory}'`, pid);
    expect(of(all, 'memory')).toMatchObject({ directory: `${place}/leaf`, through: null });
    // The limit of what is above is told by memory.stat, but not who sets it.
    expect(limit(all, 'memory_max')).toMatchObject({ effective: 19_996_672, by: null });
    expect(all.gaps).toContainEqual(expect.objectContaining({ subject: 'cgroup above' }));
    // Outside of it the process's own mounts help, where it has them.
    const other = cgroups.start([cgroups.make('memory', `/${NAME}/other`)]);
    const outside = seen(`mount --bind '${own}' '${place}'; umount -l '${memory}'`, other);
    expect(of(outside, 'memory')).toMatchObject({ directory: `${memory}/${NAME}/other`, through: other });
  });

  it('another file system over the hierarchy is not taken for it', () => {
    const path = `/${NAME}/covered`;
    const pid = cgroups.start([cgroups.make('memory', path)]);
    const forged = `mount -t tmpfs tmpfs '${memory}'; mkdir -p '${memory}${path}'; echo ${pid} > '${memory}${path}/cgroup.procs'; echo 5 > '${memory}${path}/memory.limit_in_bytes'`;
    const all = seen(forged, pid);
    expect(limit(all, 'memory_max')?.set).not.toBe(5);
    expect(of(all, 'memory')).toMatchObject({ through: pid, directory: `${memory}${path}` });
  });

  it('where the process has another file system there, it is not believed either', () => {
    const path = `/${NAME}/forger`;
    const own = cgroups.make('memory', path);
    const script = `mount -t tmpfs tmpfs '${memory}'; mkdir -p '${memory}${path}'; echo 1 > '${memory}${path}/cgroup.procs'; exec sleep 600`;
    const pid = cgroups.start([own], ['unshare', '-m', 'sh', '-c', script, 'sh']);
    for (const end = Date.now() + 10_000; Date.now() < end;)
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep')) break;
    const all = seen(`umount -l '${memory}'`, pid);
    expect(of(all, 'memory')).toMatchObject({ directory: null });
    expect(all.complete).toBe(false);
  });

  it('from beside it, in a cgroup namespace, it is found by the mounts that were there before, and not by new ones', () => {
    const here = cgroups.make('memory', `/${NAME}/here`);
    const there = cgroups.make('memory', `/${NAME}/there`, { 'memory.limit_in_bytes': '15000000' });
    const pid = cgroups.start([there]);
    writeFileSync(`${memory}/${NAME}/memory.limit_in_bytes`, '1000000000');
    const join_ = ['sh', '-c', `echo $$ > '${here}/cgroup.procs'; exec "$@"`, 'sh', 'unshare', '-C'];
    const all = seen('true', pid, join_);
    expect(of(all, 'memory')).toMatchObject({ path: '/../there', directory: there });
    expect(limit(all, 'memory_max')).toMatchObject({ set: 14_999_552, by: '/../there' });
    const fresh = seen(`umount '${memory}'; mount -t cgroup -o memory none '${memory}'`, pid, join_);
    // By its own mounts, which are the host's.
    expect(of(fresh, 'memory')).toMatchObject({ path: '/../there', through: pid });
    writeFileSync(`${memory}/${NAME}/memory.limit_in_bytes`, '20000000');
  });

  it('a process in a cgroup namespace within another one is found from outside of both', () => {
    const outer = cgroups.make('memory', `/${NAME}/outer`);
    const inner = cgroups.make('memory', `/${NAME}/outer/inner`);
    const script = `echo $$ > '${inner}/cgroup.procs'; exec unshare -C sleep 600`;
    const pid = cgroups.start([outer], ['unshare', '-C', 'sh', '-c', script, 'sh']);
    for (const end = Date.now() + 10_000; Date.now() < end;)
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep')) break;
    expect(of(shown(pid), 'memory')).toMatchObject({ path: `/${NAME}/outer/inner`, directory: inner });
  });

  it('of a removed one the name is told, also where it is called so', async () => {
    const mount = cgroups.mounts.get('cgroup2') ?? '';
    const gone = `${mount}/${NAME}/x (deleted)y (deleted)`;
    mkdirSync(gone);
    const zombie = await cgroups.startZombie(gone);
    rmdirSync(gone);
    const all = shown(zombie);
    expect(of(all, 'cgroup2')).toMatchObject({
      path: `/${NAME}/x (deleted)y (deleted)`,
      directory: null,
      why: 'it was removed',
    });
  });
});
