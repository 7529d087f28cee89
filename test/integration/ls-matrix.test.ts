// `nstool ls --matrix` says equal where the links are equal, and different where they are not.

import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReady } from '../support/odd-process.ts';
import { asUser, identities, nstool, PLAIN_UID } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const OPTIONS = ['mount', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'];
const KINDS = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'];
const TARGETS = 12;

interface Cell {
  readonly ns: number;
  readonly initial: boolean | null;
  readonly group: number | null;
}

interface Row {
  readonly name: string;
  readonly pids: readonly number[];
  readonly namespaces: Readonly<Record<string, Cell | null>>;
}

function matrix(uid: number): { readonly rows: readonly Row[]; readonly complete: boolean } {
  const { status, stdout, stderr } = nstool(['ls', '--matrix', '-J'], { uid });
  if (status !== 0) throw new Error(stderr);
  const answer = JSON.parse(stdout) as { readonly matrix: readonly Row[]; readonly complete: boolean };
  return { rows: answer.matrix, complete: answer.complete };
}

/** undefined: closed to us, or gone. */
function link(pid: number, kind: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** The kernel's word for "these are equal": `host` is a group like any other, what is alone equals only itself. */
function sameCell(one: Cell, other: Cell): boolean {
  if (one.initial === true || other.initial === true) return one.initial === other.initial;
  return one.group !== null && one.group === other.group;
}

/** Subsets of the kinds, the same ones in every run: each kind is in some and not in others. */
function subset(index: number): readonly string[] {
  const mask = ((index + 1) * 0x9d) & 0xff;
  return OPTIONS.filter((_, bit) => ((mask >> bit) & 1) === 1);
}

describe.skipIf(lacks('root', 'namespaces', 'userns')).each(identities)('ls --matrix as $name', ({ uid }) => {
  const targets: TargetProcess[] = [];

  beforeAll(async () => {
    for (let index = 0; index < TARGETS; index += 1) {
      const kinds = subset(index);
      const options = kinds.map((kind) => `--${kind}`);
      const owner = uid === PLAIN_UID && !kinds.includes('user') ? ['--user'] : [];
      const rights = [...kinds, ...owner].some((kind) => kind.endsWith('user')) ? ['--map-root-user'] : [];
      const fork = kinds.includes('pid') ? ['--fork'] : [];
      targets.push(await makeTarget([...options, ...owner, ...rights, ...fork], uid));
    }
    // One that shares what another one has.
    const nsenter = ['nsenter', '--target', String(targets[0]?.pid), '--user', '--ipc', '--preserve-credentials'];
    const wait = ['sh', '-c', 'echo ready; exec sleep 1000'];
    targets.push(await startReady(asUser([...nsenter, ...wait], uid)));
  });

  afterAll(async () => void (await Promise.all(targets.map((target) => target.end()))));

  it('has every process once, and cells of all pairs are equal as their links are', () => {
    const { rows } = matrix(uid);
    const rowOf = new Map<number, Row>();
    for (const row of rows) {
      for (const pid of row.pids) {
        expect(rowOf.has(pid)).toBe(false);
        rowOf.set(pid, row);
      }
    }
    const pids = [...targets.map(({ pid }) => pid), process.pid];
    let compared = 0;
    for (const one of pids) {
      for (const other of pids) {
        for (const kind of KINDS) {
          const a = rowOf.get(one)?.namespaces[kind];
          const b = rowOf.get(other)?.namespaces[kind];
          if (a === undefined || b === undefined) throw new Error(`no row of ${one} or ${other}`);
          // As a plain user we are closed to ourselves: the runner is root's.
          if (a === null || b === null) continue;
          compared += 1;
          expect(rowOf.get(one) === rowOf.get(other) || sameCell(a, b), `${kind} of ${one} and ${other}`).toBe(
            link(one, kind) === link(other, kind),
          );
        }
      }
    }
    expect(compared).toBeGreaterThanOrEqual(TARGETS * TARGETS * KINDS.length);
  });

  it('has no row whose processes are in different namespaces', () => {
    for (const { pids, namespaces } of matrix(uid).rows) {
      for (const kind of KINDS) {
        const cell = namespaces[kind] ?? null;
        // What ended meanwhile has no link any more.
        const links = new Set(pids.flatMap((pid) => (cell === null ? [] : (link(pid, kind) ?? []))));
        expect([...links].every((text) => text === `${kind}:[${cell?.ns}]`)).toBe(true);
      }
    }
  });

  it('shows equal words where the links are equal', () => {
    const { stdout } = nstool(['ls', '--matrix', '-n', '-r', ...targets.flatMap(({ pid }) => ['-p', String(pid)])], {
      uid,
    });
    const cells = new Map(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([, pid, , ...words]) => [Number(pid), words]),
    );
    const own = link(process.pid, 'net') === 'net:[4026531833]';
    for (const { pid } of targets) {
      const words = cells.get(pid);
      // It may be in the row of another one.
      for (const [index, kind] of words === undefined ? [] : KINDS.entries()) {
        const word = words?.[index];
        if (own && link(pid, kind) === link(process.pid, kind)) expect(word).toBe('host');
        if (word === 'own') {
          const sharers = targets.filter((other) => link(other.pid, kind) === link(pid, kind));
          expect(sharers).toHaveLength(1);
        }
      }
    }
    expect(cells.size).toBeGreaterThanOrEqual(TARGETS / 2);
  });
});

describe.skipIf(process.geteuid?.() !== 0 || lacks('root'))('ls --matrix of what is closed', () => {
  it('says so in the row, the JSON and on standard error', async () => {
    const target = await makeTarget(['--net'], 0);
    try {
      const { rows, complete } = matrix(PLAIN_UID);
      const row = rows.find(({ pids }) => pids.includes(target.pid));
      expect(complete).toBe(false);
      expect(Object.values(row?.namespaces ?? {})).toEqual(KINDS.map(() => null));
      const { stdout, stderr } = nstool(['ls', '--matrix', '-r', '-n', '-p', String(target.pid)], { uid: PLAIN_UID });
      expect(stdout).toMatch(/^comm:sleep [0-9]+ [0-9]+( \?){8}\n$/);
      expect(stderr).toMatch(/processes: permission denied/);
    } finally {
      await target.end();
    }
  });
});
