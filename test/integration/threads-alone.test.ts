// Threads that are in namespaces without their process: because that has ended but for them, or because they left it. What
// is told of them is what their own links say.

import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { show } from '../../src/inspect/show/show.ts';
import { resolveTarget } from '../../src/inspect/resolve-target.ts';
import type { NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { matrixRows } from '../../src/namespaces/matrix.ts';
import { startOddProcess, type Started } from '../support/odd-process.ts';
import { commandLine, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

/** CLONE_NEWNS, NEWUTS, NEWIPC and NEWNET. */
const FLAGS = (0x20000 | 0x4000000 | 0x8000000 | 0x40000000).toString(16);
const KINDS: readonly NamespaceKind[] = ['mnt', 'uts', 'ipc', 'net'];

const host = linuxHost();

function threadOf({ pid }: Started): number {
  return Number(readdirSync(`/proc/${pid}/task`).find((tid) => tid !== String(pid)));
}

function inodes(tid: number): readonly string[] {
  return KINDS.map((kind) => /[0-9]+/.exec(readlinkSync(`/proc/${tid}/ns/${kind}`))?.[0] ?? '');
}

function listed(...words: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  return run(commandLine(['ls', '-n', '-r', '-o', 'NS', ...words]));
}

describe.skipIf(lacks('root', 'namespaces', 'cc'))('a process without its first thread', () => {
  let target: Started;
  let tid: number;

  beforeAll(async () => {
    target = await startOddProcess([], ['leaderless', FLAGS]);
    tid = threadOf(target);
  });
  afterAll(() => target?.end());

  test('is in the namespaces of the next, in a plain look and in the matrix', () => {
    const scan = discoverNamespaces(host, new Set(KINDS));
    for (const kind of KINDS) {
      expect(scan.namespaces.get(readlinkSync(`/proc/${tid}/ns/${kind}`))?.holders, kind).toEqual([
        { type: 'thread', pid: target.pid, tid },
      ]);
    }
    const row = matrixRows(scan).find(({ pids }) => pids.includes(target.pid));
    const cells = KINDS.map((kind) => row?.cells.get(kind));
    expect(cells).toEqual(inodes(tid).map((ns) => ({ ns: BigInt(ns), initial: false, group: null })));
  });

  test('is found so once in a deep look', () => {
    const scan = discoverNamespaces(host, new Set(['net']), { deep: true });
    expect(scan.namespaces.get(readlinkSync(`/proc/${tid}/ns/net`))?.holders).toEqual([
      { type: 'thread', pid: target.pid, tid },
    ]);
  });

  test('is shown with these, and ls -p lists them', () => {
    const { fields, gaps } = show(host, resolveTarget(host, String(target.pid)), ['namespaces']);
    const shown = ((fields[0]?.value ?? []) as { type: string; ns: bigint }[]).filter(({ type }) =>
      KINDS.includes(type as never),
    );
    expect(shown.map(({ ns }) => String(ns)).toSorted()).toEqual(inodes(tid).toSorted());
    expect(gaps.filter(({ subject }) => subject === 'namespace link')).toEqual([]);
    const rows = listed('-p', String(target.pid)).stdout.trim().split('\n');
    expect(rows).toEqual(expect.arrayContaining([...inodes(tid)]));
  });
});

describe.skipIf(lacks('root', 'namespaces', 'cc'))('threads that left their process', () => {
  let target: Started;
  let tid: number;

  beforeAll(async () => {
    target = await startOddProcess([], ['threads', FLAGS]);
    tid = threadOf(target);
  });
  afterAll(() => target?.end());

  test('ls -p TID lists the namespaces of that thread', () => {
    const rows = listed('-p', String(tid)).stdout.trim().split('\n');
    const all = readdirSync(`/proc/${tid}/ns`).filter((name) => !name.endsWith('_for_children'));
    const expected = all.map((kind) => /[0-9]+/.exec(readlinkSync(`/proc/${tid}/ns/${kind}`))?.[0] ?? '');
    expect(rows.toSorted()).toEqual([...expected].toSorted());
  });

  test('show says of one that it is a thread, and names it in its namespace', () => {
    const { fields } = show(host, resolveTarget(host, String(tid)), ['thread_of']);
    expect(fields[0]?.value).toBe(target.pid);
    const [net] = inodes(tid).slice(-1);
    const namespace = show(host, resolveTarget(host, `net:${net}`), ['threads']);
    expect(namespace.fields[0]?.value).toEqual([{ pid: target.pid, tid, comm: expect.any(String) }]);
    expect(show(host, resolveTarget(host, String(target.pid))).fields.map(({ key }) => key)).not.toContain('thread_of');
  });
});

test.skipIf(lacks('cc'))('a zombie is in two namespaces, and that is no gap', async () => {
  const parent = await startOddProcess([], ['zombie']);
  const zombie = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim();
  const { fields, gaps } = show(host, resolveTarget(host, zombie), ['namespaces']);
  expect(((fields[0]?.value ?? []) as { type: string }[]).map(({ type }) => type)).toEqual(['user', 'pid']);
  expect(gaps.filter(({ subject }) => subject === 'namespace link')).toEqual([]);
  await parent.end();
});
