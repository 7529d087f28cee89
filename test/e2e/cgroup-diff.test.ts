// `cgroup diff` on real cgroups of v1: what was set is what differs, with the kernel's own numbers; and what changed since
// a recording.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nstool, PLAIN_UID } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

interface Answer {
  readonly same: boolean | null;
  readonly differences: readonly {
    readonly what: string;
    readonly name: string | null;
    readonly a: unknown;
    readonly b: unknown;
  }[];
  readonly usage: readonly { readonly what: string; readonly a: number | null }[];
}

const NAME = `nstool-test-diff-${process.pid}`;

function compared(a: number | string, b: number | string): Answer {
  const { stdout, stderr } = nstool(['cgroup', 'diff', String(a), String(b), '--json']);
  if (stdout === '') throw new Error(stderr);
  const answer: unknown = JSON.parse(stdout);
  expect(faults('cgroup diff', answer)).toEqual([]);
  expect(passed('cgroup diff', answer)).toEqual([]);
  return answer as Answer;
}

describe.skipIf(lacks('root', 'cgroup1'))('two groups below one', () => {
  const cgroups = new TestCgroups();
  const folder = mkdtempSync(join(tmpdir(), 'nstool-test-diff-'));
  let [bound, free, memory] = [0, 0, ''];

  beforeAll(() => {
    const top = cgroups.make('memory', `/${NAME}`, { 'memory.limit_in_bytes': '50000000' });
    memory = cgroups.make('memory', `/${NAME}/bound`, { 'memory.limit_in_bytes': '20000000' });
    const other = cgroups.make('memory', `/${NAME}/free`);
    const cpu = cgroups.make('cpu', `/${NAME}`, { 'cpu.cfs_quota_us': '25000', 'cpu.shares': '512' });
    bound = cgroups.start([top, memory, cpu]);
    free = cgroups.start([top, other]);
  });
  afterAll(async () => {
    await cgroups.end();
    rmSync(folder, { recursive: true });
  });

  it('differ in what was set, and in who sets it', () => {
    const { differences, same } = compared(bound, free);
    const limit = Number(readFileSync(`${memory}/memory.limit_in_bytes`, 'utf8'));
    const above = Number(readFileSync(`${memory}/../memory.limit_in_bytes`, 'utf8'));
    expect(same).toBe(false);
    expect(differences).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'cgroup', name: 'memory', a: `/${NAME}/bound`, b: `/${NAME}/free` }),
        expect.objectContaining({ what: 'set', name: 'memory_max', unit: 'bytes', a: limit, b: 'max' }),
        expect.objectContaining({ what: 'effective', name: 'memory_max', a: limit, b: above }),
        expect.objectContaining({ what: 'set by', name: 'memory_max', a: 'itself', b: `/${NAME}` }),
        expect.objectContaining({ what: 'effective', name: 'cpu_max', unit: 'cores', a: 0.25, b: 'max' }),
      ]),
    );
    expect(differences.some(({ name }) => name === 'pids_max')).toBe(false);
  });

  it('in text with units, status 1; a process and itself: nothing, status 0', () => {
    const { stdout, status } = nstool(['cgroup', 'diff', String(bound), String(free)]);
    expect(stdout).toMatch(/^set memory_max +19\.1MiB +max$/m);
    expect(stdout).toMatch(/^effective cpu_max +0\.25 cores +max$/m);
    expect(status).toBe(1);
    const itself = nstool(['cgroup', 'diff', String(bound), String(bound)]);
    expect(itself).toMatchObject({ stdout: '', stderr: '', status: 0 });
  });

  it('usage is shown when it is asked for', () => {
    const { stdout } = nstool(['cgroup', 'diff', String(bound), String(bound), '--usage', '-n']);
    expect(stdout).toMatch(/^memory usage +\S+ +\S+$/m);
    expect(compared(bound, free).usage.find(({ what }) => what === 'memory.failcnt')?.a).toBe(0);
  });

  it('a plain user sees the same', () => {
    const words = ['cgroup', 'diff', String(bound), String(free), '--json'];
    const his: Answer = JSON.parse(nstool(words, { uid: PLAIN_UID }).stdout) as Answer;
    expect(his.differences).toEqual(compared(bound, free).differences);
  });

  it('what was changed since a recording', () => {
    const recording = join(folder, 'before.ndjson');
    expect(nstool(['capture', '-o', recording])).toMatchObject({ status: 0 });
    expect(compared(`${recording}::${bound}`, bound).differences).toEqual([]);
    writeFileSync(`${memory}/memory.limit_in_bytes`, '30000000');
    const changed = compared(`${recording}::${bound}`, bound).differences;
    writeFileSync(`${memory}/memory.limit_in_bytes`, '20000000');
    expect(changed.map(({ what, name }) => `${what} ${name ?? ''}`)).toEqual([
      'set memory_max',
      'effective memory_max',
    ]);
  });
});

it.each([
  [['cgroup', 'diff', 'self', 'net:self'], 2],
  [['cgroup', 'diff', 'self'], 2],
  [['cgroup', 'diff', 'self', '4194304'], 3],
])('%j is refused with %i', (words, status) => {
  expect(nstool(words)).toMatchObject({ status, stdout: '' });
});
