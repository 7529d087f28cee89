// `cgroup ls` and `cgroup tree` on real cgroups, compared with the kernel's own files and with what it enforces.

import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identities, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `nstool-test-ls-${process.pid}`;

type Row = Readonly<Record<string, unknown>>;

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string }[];
  readonly cgroups: readonly Row[];
  readonly rows: readonly Row[];
  readonly hierarchy: Row;
}

function answer(command: 'ls' | 'tree', words: readonly string[], uid?: number): Answer {
  const { stdout, stderr, status } = nstool(['cgroup', command, '--json', ...words], uid === undefined ? {} : { uid });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  const parsed: unknown = JSON.parse(stdout);
  expect(faults(`cgroup ${command}`, parsed)).toEqual([]);
  return parsed as Answer;
}

/** Ours only: others make theirs at the same time. */
function ours(words: readonly string[], uid?: number): readonly Row[] {
  return answer('ls', words, uid).cgroups.filter(({ path }) => String(path).startsWith(`/${NAME}`));
}

function text(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

describe.skipIf(lacks('root', 'cgroup1', 'unshare', 'python'))('cgroups of v1', () => {
  const cgroups = new TestCgroups();
  const at = (hierarchy: string, path: string): string => `${cgroups.mounts.get(hierarchy) ?? ''}/${NAME}${path}`;
  const both = (path: string): readonly string[] =>
    ['memory', 'cpu', 'cpuacct', 'cgroup2'].map((name) => at(name, path));
  let sleeping = 0;
  let alone = 0;

  beforeAll(() => {
    for (const path of ['', '/busy', '/idle', '/idle/inner', '/left', '/alone']) {
      for (const hierarchy of ['memory', 'cpu', 'cpuacct', 'cgroup2']) cgroups.make(hierarchy, `/${NAME}${path}`);
    }
    cgroups.make('memory', `/${NAME}/small`, { 'memory.limit_in_bytes': '8388608' });
    run(['sh', '-c', `echo 10000 > '${at('cpu', '/busy')}/cpu.cfs_quota_us'`]);
    sleeping = cgroups.start(both('/idle/inner'));
    // It goes there itself, so that its memory is counted there.
    const enter = 'while [ "$1" != sleep ]; do echo $$ > "$1/cgroup.procs"; shift; done; exec unshare -n "$@"';
    alone = cgroups.start([], ['sh', '-c', enter, 'sh', ...both('/alone')]);
    const spin = ['sh', '-c', 'while :; do :; done'];
    cgroups.start(both('/busy'), spin);
    // The kernel kills it in there; memory that could be swapped out would only be slower.
    const eater = `import os, mmap
open('${at('memory', '/small')}/cgroup.procs', 'w').write(str(os.getpid()))
m = mmap.mmap(-1, 64 << 20)
for i in range(0, 64 << 20, 4096): m[i] = 1`;
    run(['sh', '-c', `echo 8388608 > '${at('memory', '/small')}/memory.memsw.limit_in_bytes' || :`]);
    expect(run(['python3', '-c', eater]).signal).toBe('SIGKILL');
  });

  afterAll(async () => {
    await cgroups.end();
  });

  it.each(identities)('are listed, with the numbers that their files have, as $name', ({ uid }) => {
    const rows = ours(['-o', 'PATH,PROCS,PROCS_BELOW,MEM_LIMIT,CPU_LIMIT,OOM_KILLS,HIERARCHIES'], uid);
    expect(rows.map(({ path }) => path)).toEqual(
      ['', '/alone', '/busy', '/idle', '/idle/inner', '/left', '/small'].map((path) => `/${NAME}${path}`),
    );
    const of = (path: string): Row | undefined => rows.find((row) => row['path'] === `/${NAME}${path}`);
    expect(of('')).toMatchObject({ procs: 0, procs_below: 3 });
    expect(of('/idle')).toMatchObject({ procs: 0, procs_below: 1, cpu_limit: 'max' });
    expect(of('/idle/inner')).toMatchObject({ procs: 1, procs_below: 1, mem_limit: 'max' });
    expect(of('/busy')).toMatchObject({ cpu_limit: 0.1, hierarchies: ['memory', 'cpu', 'cpuacct', 'cgroup2'] });
    expect(of('/small')).toMatchObject({ mem_limit: 8_388_608, cpu_limit: null, hierarchies: ['memory'] });
    const kills = Number(/oom_kill (\d+)/.exec(text(`${at('memory', '/small')}/memory.oom_control`))?.[1]);
    expect(of('/small')).toMatchObject({ oom_kills: kills });
    expect(kills).toBeGreaterThan(0);
  });

  it('--oom, --empty and --throttled choose', () => {
    const paths = (words: readonly string[]): readonly unknown[] =>
      ours([...words, '-o', 'PATH']).map(({ path }) => path);
    expect(paths(['--oom'])).toEqual([`/${NAME}/small`]);
    expect(paths(['--empty'])).toEqual([`/${NAME}/left`, `/${NAME}/small`]);
    expect(paths(['--throttled'])).toEqual([`/${NAME}/busy`]);
  });

  it('tells of two looks who is held back', () => {
    const [busy, ...others] = ours(['--throttled', '--for', '1', '-o', 'PATH,CPU_NOW,THROTTLED_NOW,OOM_KILLS_NOW']);
    expect(others).toEqual([]);
    expect(busy).toMatchObject({ path: `/${NAME}/busy` });
    expect(busy?.['throttled_now']).toBeGreaterThan(50);
    expect(busy?.['cpu_now']).toBeGreaterThan(0.02);
    expect(busy?.['cpu_now']).toBeLessThan(0.3);
    expect(ours(['--oom', '--for', '0.05', '-o', 'PATH'])).toEqual([]);
  });

  it('sums by network namespace, with the memory of cgroups that are of it alone', () => {
    const ns = statSync(`/proc/${alone}/ns/net`).ino;
    const { rows } = answer('ls', ['--by', 'net', '-o', 'NS,PROCS,PIDS,CPU,MEM,SHARED,RX,TX']);
    const memory = Number(text(`${at('memory', '/alone')}/memory.usage_in_bytes`));
    const found = rows.find((row) => row['ns'] === ns);
    expect(found).toMatchObject({ procs: 1, pids: [alone], shared: 0, rx: 0, tx: 0 });
    // sleep(1) sleeps; what the kernel frees late may go meanwhile.
    expect(Math.abs(Number(found?.['mem']) - memory)).toBeLessThan(1 << 20);
    expect(found?.['mem']).toBeGreaterThan(0);
    expect(readlinkSync(`/proc/${alone}/ns/net`)).toBe(`net:[${ns}]`);
    expect(rows.length).toBeGreaterThan(1);
  });

  it.skipIf(lacks('cgtop'))('counts the memory that systemd-cgtop counts', () => {
    const { stdout } = run(['systemd-cgtop', '--batch', '--raw', '--iterations=1', '--depth=3']);
    const theirs = new Map(stdout.split('\n').map((line) => [line.split(' ')[0], line.trim().split(/ +/)[3]]));
    for (const row of ours(['-o', 'PATH,MEM'])) {
      const counted = theirs.get(String(row['path']));
      // It leaves out what it cannot name, and those without memory.
      if (counted === undefined || counted === '-') continue;
      expect(Math.abs(Number(row['mem']) - Number(counted))).toBeLessThan(1 << 20);
    }
    expect(theirs.has(`/${NAME}/alone`)).toBe(true);
  });

  it('says which processes a plain user cannot be told of', () => {
    const { complete, gaps, rows } = answer('ls', ['--by', 'pid', '-o', 'PROCS,READ'], PLAIN_UID);
    expect(complete).toBe(false);
    expect(gaps).toContainEqual(expect.objectContaining({ subject: 'process', reason: 'denied' }));
    expect(rows.every(({ procs }) => Number(procs) < 10)).toBe(true);
  });

  it('draws a tree of one hierarchy, from a path, a directory or a process down', () => {
    const { stdout } = nstool(['cgroup', 'tree', '-p', '-n', '-o', 'PROCS', '--controller', 'cpu', `/${NAME}/idle`]);
    expect(stdout.split('\n').map((line) => line.trimStart())).toEqual([
      `0  /${NAME}/idle`,
      '1  └─inner',
      `└─${sleeping} sleep 600`,
      '',
    ]);
    const byFolder = answer('tree', ['-o', 'PROCS', at('cpuacct', '/idle')]);
    expect(byFolder.hierarchy).toMatchObject({ name: 'cpuacct', version: 1 });
    expect(byFolder.cgroups).toEqual([
      { path: `/${NAME}/idle`, procs: 0 },
      { path: `/${NAME}/idle/inner`, procs: 1 },
    ]);
    const byProcess = answer('tree', ['-o', 'PROCS', '--controller', 'memory', String(sleeping)]);
    expect(byProcess.cgroups).toEqual([{ path: `/${NAME}/idle/inner`, procs: 1 }]);
    const elsewhere = nstool(['cgroup', 'tree', '--controller', 'cpu', `/${NAME}/small`]);
    expect(elsewhere).toMatchObject({ status: 3, stdout: '' });
    expect(elsewhere.stderr).toContain('it is one of memory');
  });

  it('counts in a tree the processes of its hierarchy, in a list those of the first that has some', () => {
    const split = cgroups.start([at('cpu', '/left')]);
    const count = (controller: string): unknown =>
      answer('tree', ['-p', '-o', 'PROCS', '--controller', controller, `/${NAME}/left`]).cgroups[0];
    expect(count('memory')).toMatchObject({ procs: 0, processes: [] });
    expect(count('cpu')).toMatchObject({ procs: 1, processes: [{ pid: split, command: 'sleep 600' }] });
    expect(ours(['-o', 'PATH,PROCS', '-Q', `PATH == "/${NAME}/left"`])).toEqual([{ path: `/${NAME}/left`, procs: 1 }]);
    expect(ours(['--empty', '-o', 'PATH'])).toEqual([{ path: `/${NAME}/small` }]);
  });

  it('says the same of a recorded host', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-test-'));
    const file = join(folder, 'host.ndjson');
    try {
      expect(nstool(['capture', '-o', file]).status).toBe(0);
      const settled = ['-o', 'PATH,PROCS,PROCS_BELOW,MEM_LIMIT,CPU_LIMIT,OOM_KILLS,HIERARCHIES'];
      expect(ours(['--from', file, ...settled])).toEqual(ours(settled));
      expect(ours(['--from', file, '-o', 'PATH,CPU_NOW'])[0]).toEqual({ path: `/${NAME}`, cpu_now: null });
      const tree = answer('tree', ['-p', `${file}::/${NAME}/idle`, '--controller', 'memory']);
      expect(tree.cgroups).toMatchObject([{ processes: [] }, { processes: [{ pid: sleeping }] }]);
      expect(answer('ls', ['--by', 'net', '--from', file, '-o', 'PIDS,MEM']).rows).toContainEqual(
        expect.objectContaining({ pids: [alone] }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
