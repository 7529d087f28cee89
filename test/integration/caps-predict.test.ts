// What was foreseen of an execve, compared with what it did: every rule by name, and many states at random.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { predict, type ExecStep } from '../../src/inspect/exec/predict.ts';
import { encodeFileCapabilities } from '../../src/capabilities/file-capabilities.ts';
import type { ExecReasonCode } from '../../src/capabilities/exec.ts';
import { ExecStates, type After, type State, type TestFile } from '../support/exec-state.ts';
import { lacks } from '../support/requires.ts';

const host = linuxHost();
const [KILL, NET_ADMIN, NET_RAW, SYS_RESOURCE] = [0x20n, 0x1000n, 0x2000n, 0x1000000n];
const FULL = (1n << 41n) - 1n;
const NOROOT = 1;

function capabilities(permitted: bigint, inheritable: bigint, effective: boolean, rootid?: number): string {
  const revision = rootid === undefined ? 2 : 3;
  const bytes = encodeFileCapabilities({ revision, permitted, inheritable, effective, rootid: rootid ?? 0 });
  return Buffer.from(bytes).toString('hex');
}

/** What was foreseen, in the form of what is measured. */
function asAfter({ prediction, failure }: ExecStep): unknown {
  if (prediction === null) return { errno: failure?.errno === 'EACCES' ? 13 : 0 };
  if (prediction.after === null) return { errno: 1 };
  const { secure, securebits, sets, uids, gids } = prediction.after;
  return { secure, securebits, ...sets, uids, gids };
}

interface Outcome {
  readonly foreseen: unknown;
  readonly after: After;
  readonly codes: readonly ExecReasonCode[];
}

async function tryOut(states: ExecStates, state: State, file: TestFile): Promise<Outcome> {
  const sharesFs = state.sharesFs === true ? { sharesFs: true } : {};
  const { seen, after } = await states.execute(state, file, (pid, securebits, path) => {
    const predicted = predict(host, pid, [path], { securebits }, sharesFs);
    if ('reason' in predicted) throw new Error(JSON.stringify(predicted));
    expect(predicted.gaps).toEqual([]);
    return predicted.steps[0];
  });
  if (seen === undefined) throw new Error('nothing foreseen');
  return { foreseen: asAfter(seen), after, codes: seen.prediction?.reasons.map(({ code }) => code) ?? [] };
}

const fP: TestFile = { attribute: capabilities(KILL | NET_RAW, 0n, false) };
const fPe: TestFile = { attribute: capabilities(KILL | NET_RAW, 0n, true) };
const fI: TestFile = { attribute: capabilities(0n, KILL | NET_RAW, false) };
const fIe: TestFile = { attribute: capabilities(0n, KILL | NET_RAW, true) };
const empty: TestFile = { attribute: capabilities(0n, 0n, false) };
const setuid: TestFile = { mode: 0o4755 };
const plain: TestFile = {};

const user: State = { uids: [1000, 1000, 1000], gids: [1000, 1000, 1000] };
const root: State = { uids: [0, 0, 0], gids: [0, 0, 0], permitted: FULL, effective: FULL };
const ambient: State = { ...user, inheritable: NET_ADMIN | NET_RAW, ambient: NET_RAW, permitted: NET_RAW };

/** The result where it does not depend on the machine's bounding set: permitted, effective, ambient; or EPERM. */
type Row = readonly [string, State, TestFile, readonly [bigint, bigint, bigint] | 'EPERM' | 'full', ExecReasonCode?];

const rows: readonly Row[] = [
  ['plain', user, plain, [0n, 0n, 0n]],
  ['fP', user, fP, [KILL | NET_RAW, 0n, 0n], 'file_permitted'],
  ['fP+e', user, fPe, [KILL | NET_RAW, KILL | NET_RAW, 0n], 'effective_flag'],
  ['fI', user, fI, [0n, 0n, 0n]],
  ['fI+e', user, fIe, [0n, 0n, 0n]],
  ['setuid root', user, setuid, 'full', 'setuid'],
  [
    'setuid root with net_raw',
    user,
    { mode: 0o4755, attribute: capabilities(NET_RAW, 0n, true) },
    [NET_RAW, NET_RAW, 0n],
    'root_file_capabilities',
  ],
  ['empty attribute', user, empty, [0n, 0n, 0n]],
  [
    'fP+e, not in X',
    { ...user, bounding: FULL & ~SYS_RESOURCE },
    { attribute: capabilities(SYS_RESOURCE, 0n, true) },
    'EPERM',
    'forced_missing',
  ],
  ['ambient, plain', ambient, plain, [NET_RAW, NET_RAW, NET_RAW], 'ambient_kept'],
  ['ambient, fP', ambient, fP, [KILL | NET_RAW, 0n, 0n], 'ambient_file_capabilities'],
  ['ambient, fI', ambient, fI, [NET_RAW, 0n, 0n], 'file_inheritable'],
  ['ambient, fI+e', ambient, fIe, [NET_RAW, NET_RAW, 0n]],
  ['ambient, setuid root', ambient, setuid, 'full', 'ambient_ids'],
  ['ambient, empty attribute', ambient, empty, [0n, 0n, 0n], 'ambient_file_capabilities'],
  ['ambient, setgid', ambient, { mode: 0o2755, gid: 7 }, [0n, 0n, 0n], 'setgid'],
  ['inheritable, plain', { ...ambient, ambient: 0n }, plain, [0n, 0n, 0n], 'permitted_lost'],
  ['inheritable, fI+e', { ...ambient, ambient: 0n }, fIe, [NET_RAW, NET_RAW, 0n]],
  ...([fP, fPe, setuid, { ...fP, mode: 0o4755 }] as const).map((file, index): Row => [
    `no_new_privs, file ${index}`,
    { ...user, noNewPrivileges: true },
    file,
    [0n, 0n, 0n],
    index === 2 ? 'set_ids_no_new_privileges' : 'limited_no_new_privileges',
  ]),
  ['no_new_privs, ambient, plain', { ...ambient, noNewPrivileges: true }, plain, [NET_RAW, NET_RAW, NET_RAW]],
  ['no_new_privs, ambient, fP', { ...ambient, noNewPrivileges: true }, fP, [NET_RAW, 0n, 0n]],
  ['no_new_privs, ambient, fP+e', { ...ambient, noNewPrivileges: true }, fPe, [NET_RAW, NET_RAW, 0n]],
  ['no_new_privs, ambient, setuid', { ...ambient, noNewPrivileges: true }, setuid, [NET_RAW, NET_RAW, NET_RAW]],
  ['root, bounded', { ...root, bounding: KILL | NET_ADMIN }, plain, [KILL | NET_ADMIN, KILL | NET_ADMIN, 0n], 'root'],
  ['root, bounded, fP+e', { ...root, bounding: KILL | NET_ADMIN }, fPe, 'EPERM', 'forced_missing'],
  ['noroot, plain', { ...root, securebits: NOROOT }, plain, [0n, 0n, 0n], 'root_noroot'],
  ['noroot, fP+e', { ...root, securebits: NOROOT }, fPe, [KILL | NET_RAW, KILL | NET_RAW, 0n]],
  ['noroot, fP', { ...root, securebits: NOROOT }, fP, [KILL | NET_RAW, 0n, 0n]],
  ['noroot, setuid', { ...root, securebits: NOROOT }, setuid, [0n, 0n, 0n]],
  [
    'noroot, ambient, plain',
    { ...root, securebits: NOROOT, inheritable: NET_RAW, ambient: NET_RAW },
    plain,
    [NET_RAW, NET_RAW, NET_RAW],
  ],
  [
    'noroot, ambient, fP+e',
    { ...root, securebits: NOROOT, inheritable: NET_RAW, ambient: NET_RAW },
    fPe,
    [KILL | NET_RAW, KILL | NET_RAW, 0n],
  ],
  ['X=kill, fP', { ...user, bounding: KILL }, fP, [KILL, 0n, 0n], 'bounded'],
  ['X=kill, fP+e', { ...user, bounding: KILL }, fPe, 'EPERM'],
  ['I not in X, fI', { ...user, inheritable: NET_RAW, bounding: KILL }, fI, [NET_RAW, 0n, 0n]],
  ['A not in X, plain', { ...ambient, bounding: KILL }, plain, [NET_RAW, NET_RAW, NET_RAW]],
  ['ruid 0, euid 1000', { ...user, uids: [0, 1000, 1000] }, plain, 'full'],
  ['ruid 1000, euid 0', { ...user, uids: [1000, 0, 0] }, plain, 'full', 'effective_root'],
  ['ruid 1000, euid 0, fP', { ...user, uids: [1000, 0, 0] }, fP, [KILL | NET_RAW, 0n, 0n]],
  ['unmapped, plain', { ...root, userNamespace: 'none' }, plain, [0n, 0n, 0n]],
  ['unmapped, fP+e', { ...root, userNamespace: 'none' }, fPe, [KILL | NET_RAW, KILL | NET_RAW, 0n]],
  ['user namespace root, plain', { ...root, userNamespace: '0:1000:1' }, plain, [FULL, FULL, 0n], 'root'],
  [
    'user namespace root, setuid of the host',
    { ...root, userNamespace: '0:1000:1' },
    setuid,
    [FULL, FULL, 0n],
    'set_ids_unmapped',
  ],
  [
    'user namespace, own id',
    { ...user, userNamespace: '1000:1000:1', permitted: FULL, effective: FULL },
    plain,
    [0n, 0n, 0n],
  ],
  ['nosuid, fP+e', user, { ...fPe, nosuid: true }, [0n, 0n, 0n], 'file_capabilities_nosuid'],
  ['nosuid, setuid', user, { ...setuid, nosuid: true }, [0n, 0n, 0n], 'set_ids_nosuid'],
  ['traced, fP+e', { ...user, traced: true }, fPe, [0n, 0n, 0n], 'limited_traced'],
  ['traced, setuid', { ...user, traced: true }, setuid, [0n, 0n, 0n], 'ids_reverted'],
  ['shared fs, setuid', { ...user, sharesFs: true }, setuid, [0n, 0n, 0n], 'limited_shared_fs'],
  [
    'rootid of its user namespace',
    { ...user, uids: [5, 5, 5], gids: [5, 5, 5], userNamespace: '0:100000:1000' },
    { attribute: capabilities(NET_RAW, 0n, true, 100_000) },
    [NET_RAW, NET_RAW, 0n],
  ],
  [
    'rootid of another',
    user,
    { attribute: capabilities(NET_RAW, 0n, true, 100_000) },
    [0n, 0n, 0n],
    'file_capabilities_root',
  ],
];

describe.skipIf(lacks('root', 'cc', 'namespaces'))('execve', () => {
  let states: ExecStates;
  beforeAll(() => {
    states = new ExecStates();
  });
  afterAll(() => states.end());

  test.each(rows.map((row) => [row[0], row] as const))('%s', async (_, [, state, file, expected, code]) => {
    const { foreseen, after, codes } = await tryOut(states, state, file);
    expect(foreseen).toEqual(after);
    if (expected === 'EPERM') expect(after).toEqual({ errno: 1 });
    else if ('errno' in after) throw new Error(`errno ${after.errno}`);
    else if (expected === 'full') expect(after.permitted).toBe(after.bounding);
    else expect([after.permitted, after.effective, after.ambient]).toEqual(expected);
    if (code !== undefined) expect(codes).toContain(code);
  });

  test('500 states at random', async () => {
    const random = randomFrom(6);
    const codes = new Set<ExecReasonCode>();
    let refused = 0;
    for (let count = 0; count < 500; count += 1) {
      const state = randomState(random);
      const file = randomFile(random);
      const outcome = await tryOut(states, state, file);
      const told = JSON.stringify({ count, state, file }, (_, each: unknown) =>
        typeof each === 'bigint' ? `0x${each.toString(16)}` : each,
      );
      expect(outcome.foreseen, told).toEqual(outcome.after);
      for (const code of outcome.codes) codes.add(code);
      if ('errno' in outcome.after) refused += 1;
    }
    // They reach what the rules have.
    expect(refused).toBeGreaterThan(5);
    expect(codes.size).toBeGreaterThan(25);
  }, 60_000);
});

/** Numbers below `limit`, the same ones each time (mulberry32). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

type Random = ReturnType<typeof randomFrom>;

function pick<T>(random: Random, all: readonly [T, ...T[]]): T {
  return all[random(all.length)] ?? all[0];
}

/** None, all, or about half of a few. */
function someOf(random: Random): bigint {
  const few = [KILL, NET_ADMIN, NET_RAW, SYS_RESOURCE, 0x80n, 0x200000n, 1n << 40n];
  const half = few.reduce((mask, bit) => (random(2) === 0 ? mask | bit : mask), 0n);
  return pick(random, [0n, FULL, half, half, half]);
}

function randomState(random: Random): State {
  const id = (): number => pick(random, [0, 1000, 1000, 1001]);
  const same = random(2) === 0;
  const [uid, gid] = [id(), id()];
  const isRoot = random(4) === 0;
  const permitted = someOf(random);
  const userNamespace = pick(random, ['-', '-', '-', '-', '0:0:4000', '0:1000:2000', 'none']);
  const special = random(8);
  return {
    userNamespace,
    uids: isRoot ? [0, 0, 0] : same ? [uid, uid, uid] : [uid, id(), id()],
    gids: same ? [gid, gid, gid] : [gid, id(), id()],
    groups: random(2) === 0 ? [] : [7, 1001],
    inheritable: someOf(random),
    ambient: someOf(random),
    permitted,
    effective: permitted & someOf(random),
    bounding: pick(random, [FULL, FULL, someOf(random)]),
    securebits: pick(random, [0, 0, 0, 1, 4, 5, 0x10, 0x40, 0x41]),
    noNewPrivileges: random(4) === 0,
    traced: special === 0 && userNamespace === '-',
    sharesFs: special === 1 && userNamespace === '-',
  };
}

function randomFile(random: Random): TestFile {
  const bits = pick(random, [0, 0, 0, 0o4000, 0o2000, 0o6000]);
  const rootid = pick(random, [undefined, undefined, undefined, 1000, 0]);
  const attribute = random(3) === 0 ? undefined : capabilities(someOf(random), someOf(random), random(2) === 0, rootid);
  return {
    mode: bits | pick(random, [0o755, 0o755, 0o745]),
    uid: pick(random, [0, 0, 1000, 5000]),
    gid: pick(random, [0, 7, 1001]),
    ...(attribute === undefined ? {} : { attribute }),
    nosuid: random(8) === 0,
  };
}
