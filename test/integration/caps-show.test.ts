// `caps show`, compared with getpcaps(8) and with the kernel's own lines, on processes of random sets.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capsShow } from '../../src/cli/commands/caps-show.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { run } from '../support/program.ts';
import { runCommand } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';

const COUNT = 200;
const SEED = 20_260_831;
const SETS = { effective: 'CapEff', permitted: 'CapPrm', inheritable: 'CapInh', bounding: 'CapBnd', ambient: 'CapAmb' };

interface Shown {
  readonly pid: number;
  readonly text: string;
  readonly iab: string;
  readonly no_new_privs: boolean;
  readonly seccomp: unknown;
  readonly groups: readonly number[];
  readonly uid: Readonly<Record<string, { readonly here: number }>>;
  readonly gid: Readonly<Record<string, { readonly here: number }>>;
  readonly threads: { readonly count: number; readonly unlike: readonly ShownThread[] };
  readonly verdict: { readonly code: string };
}

interface ShownThread {
  readonly tid: number;
  readonly text: string;
  readonly iab: string;
}

/** The lines of a status file that do not differ between the threads of a process unless somebody made them. */
const CREDENTIALS = /^(?:Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp|Seccomp_filters):\t.*$/gm;

function status(file: string): ReadonlyMap<string, string> {
  const lines = readFileSync(file, 'utf8').match(CREDENTIALS) ?? [];
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf('\t') + 1).trim()]));
}

function numbers(text: string | undefined): readonly number[] {
  return (text ?? '').split(/\s+/).filter(Boolean).map(Number);
}

async function shown(pids: readonly number[]): Promise<readonly Shown[]> {
  const { stdout } = await runCommand(capsShow, [...pids.map(String), '--json'], { host: linuxHost() });
  const answer: unknown = JSON.parse(stdout);
  expect(faults('caps show', answer)).toEqual([]);
  const { processes } = answer as { readonly processes: readonly Shown[] };
  return processes;
}

describe.skipIf(lacks('root', 'cc', 'capsh'))('processes of random sets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'random-caps-'));
  let started: Started | undefined;
  let pids: readonly number[] = [];
  let all: readonly Shown[] = [];

  beforeAll(async () => {
    const file = join(folder, 'random-caps');
    const source = fileURLToPath(new URL('../support/random-caps.c', import.meta.url));
    const compiler = spawnSync('cc', ['-pthread', '-o', file, source], { encoding: 'utf8' });
    if (compiler.status !== 0) throw new Error(`cc: ${compiler.stderr}`);
    started = await startReady([file, String(COUNT), String(SEED)]);
    pids = numbers(readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8'));
    all = await shown(pids);
  });

  afterAll(async () => {
    await started?.end();
    rmSync(folder, { recursive: true });
  });

  test('are as many as were asked for, with and without threads of their own', () => {
    expect(pids).toHaveLength(COUNT);
    expect(all.filter(({ threads }) => threads.unlike.length > 0).length).toBeGreaterThan(COUNT / 4);
    expect(new Set(all.map(({ verdict }) => verdict.code))).toEqual(new Set(['host_root', 'host_part', 'none']));
  });

  test('have the masks, ids and flags of /proc/PID/status', () => {
    for (const process of all) {
      const lines = status(`/proc/${process.pid}/status`);
      const masks = Object.fromEntries(
        Object.keys(SETS).map((set) => [set, (process as unknown as Record<string, { mask: string }>)[set]?.mask]),
      );
      expect(masks).toEqual(
        Object.fromEntries(Object.entries(SETS).map(([set, line]) => [set, `0x${lines.get(line)}`])),
      );
      expect(Object.values(process.uid).map(({ here }) => here)).toEqual(numbers(lines.get('Uid')));
      expect(Object.values(process.gid).map(({ here }) => here)).toEqual(numbers(lines.get('Gid')));
      expect(process.groups).toEqual(numbers(lines.get('Groups')));
      expect(process.no_new_privs).toBe(lines.get('NoNewPrivs') === '1');
    }
  });

  test('and those threads, and no others, that are unlike the first', () => {
    for (const { pid, threads } of all) {
      const text = (tid: string): string => JSON.stringify([...status(`/proc/${pid}/task/${tid}/status`)]);
      const tids = readdirSync(`/proc/${pid}/task`);
      const unlike = tids.filter((tid) => text(tid) !== text(String(pid))).map(Number);
      expect(threads.count).toBe(tids.length);
      expect(threads.unlike.map(({ tid }) => tid)).toEqual(unlike.toSorted((a, b) => a - b));
    }
  });

  test('have the texts that getpcaps prints, their threads too', () => {
    const ours = all.flatMap(({ pid, text, iab, threads }) => [
      { tid: pid, text, iab },
      ...threads.unlike.map((thread) => ({ tid: thread.tid, text: thread.text, iab: thread.iab })),
    ]);
    const { status: ended, stdout } = run(['getpcaps', ...ours.map(({ tid }) => String(tid))]);
    expect(ended).toBe(0);
    expect(ours.map(({ tid, text }) => `${tid}: ${text}\n`).join('')).toBe(stdout);
    // It leaves out what is empty.
    const { stdout: iabs } = run(['getpcaps', '--iab', ...ours.map(({ tid }) => String(tid))]);
    const expected = ours.map(({ tid, text, iab }) => {
      const quoted = text === '=' ? '' : ` "${text}"`;
      return `${tid}:${quoted}${/[!^]/.test(iab) ? ` [${iab}]` : ''}`;
    });
    expect(expected).toEqual(iabs.split('\n').slice(0, -1));
  });
});
