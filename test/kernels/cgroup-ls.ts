// `cgroup ls`, `tree`, `top` and `diff` on this kernel's cgroups, v1 or v2, beside what was made.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { nstool } from '../support/program.ts';
import { faults } from '../support/schemas.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import { answer } from './answers.ts';
import { handOn, isV2, PAYLOAD, startCommand } from './cgroup-places.ts';
import { test } from './test.ts';

type Row = Readonly<Record<string, unknown>>;

const TOP = '/nstool-test-list';

interface Made {
  /** In `busy`, below a quota of a fifth of a processor. */
  readonly spinning: number;
  readonly resting: number;
}

/** `busy`, `rest`, `left` without processes, and `small`, where something was killed. */
async function withGroups(act: (made: Made) => void | Promise<void>): Promise<void> {
  const cgroups = new TestCgroups();
  handOn('/sys/fs/cgroup', ['cpu', 'memory']);
  const make = (
    path: string,
    cpu: Record<string, string> = {},
    memory: Record<string, string> = {},
  ): readonly string[] => {
    if (isV2) return [cgroups.make('cgroup2', `${TOP}${path}`, { ...cpu, ...memory })];
    // Where cpu is alone the time is counted elsewhere.
    const files = { cpu, cpuacct: {}, memory };
    return Object.entries(files).map(([hierarchy, each]) => cgroups.make(hierarchy, `${TOP}${path}`, each));
  };
  const [top = ''] = make('');
  handOn(top, ['cpu', 'memory']);
  const busy = make('/busy', isV2 ? { 'cpu.max': '20000 100000' } : { 'cpu.cfs_quota_us': '20000' });
  const rest = make('/rest');
  make('/left');
  const bytes = String(8 << 20);
  const small = make('/small', {}, isV2 ? { 'memory.max': bytes } : { 'memory.limit_in_bytes': bytes });
  const spin = startCommand([PAYLOAD, 'use', '1', '600']);
  try {
    for (const folder of busy) writeFileSync(`${folder}/cgroup.procs`, String(spin.pid));
    const resting = cgroups.start(rest);
    const enter = small.map((folder) => `echo $$ >${folder}/cgroup.procs;`).join(' ');
    await startCommand(['sh', '-c', `${enter} exec ${PAYLOAD} memory 64`]).ended;
    await act({ spinning: spin.pid, resting });
  } finally {
    await spin.end();
    await cgroups.end();
  }
}

function rows(words: readonly string[]): readonly Row[] {
  const { cgroups } = answer(['cgroup ls', ...words]) as { readonly cgroups: readonly Row[] };
  return cgroups.filter(({ path }) => String(path).startsWith(TOP));
}

test('cgroup ls, tree, top and diff: what was made, chosen and compared', () =>
  withGroups(({ spinning, resting }) => {
    const all = rows(['-o', 'PATH,PROCS,PROCS_BELOW,MEM_LIMIT,CPU_LIMIT']);
    deepEqual(
      all.map(({ path }) => path),
      ['', '/busy', '/left', '/rest', '/small'].map((path) => `${TOP}${path}`),
    );
    const of = (path: string): Row | undefined => all.find((row) => row['path'] === `${TOP}${path}`);
    deepEqual([of('')?.['procs'], of('')?.['procs_below'], of('/rest')?.['procs']], [0, 2, 1]);
    deepEqual([of('/busy')?.['cpu_limit'], of('/small')?.['mem_limit']], [0.2, 8 << 20]);
    const paths = (words: readonly string[]): readonly unknown[] =>
      rows([...words, '-o', 'PATH']).map(({ path }) => path);
    deepEqual(paths(['--oom']), [`${TOP}/small`]);
    deepEqual(paths(['--empty']), [`${TOP}/left`, `${TOP}/small`]);
    const [busy, ...others] = rows(['--throttled', '--for', '3', '-o', 'PATH,CPU_NOW,THROTTLED_NOW']);
    deepEqual([busy?.['path'], others], [`${TOP}/busy`, []]);
    const now = Number(busy?.['cpu_now']);
    ok(now > 0.1 && now < 0.3 && Number(busy?.['throttled_now']) > 50, JSON.stringify(busy));

    const tree = nstool(['cgroup', 'tree', TOP]);
    equal(tree.status, 0, tree.stderr);
    for (const name of ['busy', 'left', 'rest', 'small']) match(tree.stdout, new RegExp(`─ ?${name}\\b`));

    const looks = nstool(['cgroup', 'top', '--ndjson', '-d', '2', '-n', '2', '-Q', `PATH == "${TOP}/busy"`]);
    equal(looks.status, 0, looks.stderr);
    const lines = looks.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    for (const line of lines) deepEqual(faults('cgroup top', line), []);
    const seen = lines.filter(({ event }) => event === 'cgroup');
    equal(seen.length, 2);
    ok(Number(seen.at(-1)?.['cpu_now']) > 0.1, JSON.stringify(seen));

    const { process } = answer(['show', String(spinning), '-o', 'limits,throttling,frozen']) as { process: Row };
    const { limits, throttling } = process as { limits: readonly Row[]; throttling: readonly Row[] };
    const quota = limits.find(({ key }) => key === 'cpu_max');
    deepEqual([quota?.['effective'], throttling.map(({ path }) => path)], [0.2, [`${TOP}/busy`]]);

    const differ = nstool(['cgroup', 'diff', String(spinning), String(resting)]);
    equal(differ.status, 1, differ.stderr);
    match(differ.stdout, /^effective cpu_max +0\.2 cores +max$/m);
    equal(nstool(['cgroup', 'diff', String(resting), String(resting)]).status, 0);
  }));
