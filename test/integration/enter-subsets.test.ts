// Every subset of the eight kinds, for a target that has all of them for itself: what is entered, or refused, is what
// nsenter(1) of the newest util-linux enters or refuses. The plan is made here, and carried out by nsexec as it is after
// nstool has become it, because starting Node a thousand times would take minutes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds, type NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import { encodeProgram } from '../../src/kernel/program.ts';
import { planEnter } from '../../src/launch/enter.ts';
import { startDocker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { linkOf, look, staying } from '../support/entered.ts';
import { newestUtilLinux, readableCopy } from '../support/newest-util-linux.ts';
import { startRootlessPodman } from '../support/podmans.ts';
import { asUser, identities, installation, run, type Identity } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

const subsets: readonly (readonly NamespaceKind[])[] = Array.from({ length: 255 }, (_, index) =>
  namespaceKinds.filter((_kind, bit) => (((index + 1) >> bit) & 1) === 1).map(({ kind }) => kind),
);

const newest = newestUtilLinux();
/** What the command itself tells: its ids and capabilities, and where it is. */
const report = "busybox grep -E '^(Uid|Gid|Groups|Cap)' /proc/thread-self/status; pwd; busybox ls -di /";

interface Target {
  readonly pid: number;
  readonly end: () => Promise<void>;
}

/** Whom it is compared for, and what the kernel must allow and refuse: else two that do nothing would be alike. */
interface Scene {
  readonly title: string;
  readonly uid: number;
  readonly lacks: boolean;
  readonly make: () => Promise<Target>;
  readonly isAllowed: (kinds: readonly NamespaceKind[]) => boolean;
}

/** Without its user namespace all belongs to somebody else for a plain user. */
const scenes: readonly Scene[] = [
  ...identities.map(({ name, uid }: Identity): Scene => ({
    title: `made by unshare, by ${name}`,
    uid,
    lacks: lacks('userns', 'namespaces', 'unshare', 'busybox'),
    // A plain user becomes root in there; root stays what it is.
    make: () => makeTarget(['-U', '-r', '-muinCT', '-p', '--fork', '--mount-proc'], uid),
    isAllowed: (kinds) => uid === 0 || kinds.includes('user'),
  })),
  {
    title: 'a container of docker, by root',
    uid: 0,
    lacks: lacks('root', 'busybox', 'docker'),
    make: makeDocker,
    isAllowed: () => true,
  },
  ...identities.map(({ name, uid }: Identity): Scene => ({
    title: `a container of rootless podman, by ${uid === 0 ? name : 'the user who owns it'}`,
    uid,
    lacks: lacks('root', 'busybox', 'podman', 'newuidmap', 'runc'),
    make: makeRootless,
    // Its time and cgroup namespaces are those of the host.
    isAllowed: (kinds) =>
      uid === 0 || kinds.includes('user') || kinds.every((kind) => kind === 'time' || kind === 'cgroup'),
  })),
];

async function makeDocker(): Promise<Target> {
  const yard = new Yard();
  const docker = await startDocker(yard);
  const options = ['--network=none', '--cgroupns=private'];
  const id = docker.run('run', '-d', ...options, 'tiny:1', 'sleep', '100000');
  return { pid: Number(docker.run('inspect', '-f', '{{.State.Pid}}', id)), end: () => yard.close() };
}

async function makeRootless(): Promise<Target> {
  const yard = new Yard();
  const podman = startRootlessPodman(yard);
  const end = async (): Promise<void> => {
    await podman.close();
    await yard.close();
  };
  return Promise.resolve({ pid: podman.start('web'), end });
}

const open = newest === undefined ? [] : scenes.filter((scene) => !scene.lacks);

describe.skipIf(open.length === 0).each(open)('$title', ({ uid, make, isAllowed }) => {
  let folder: string;
  let target: Target | undefined;
  let oracle: readonly string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-subsets-'));
    oracle = readableCopy(newest?.('nsenter') ?? [], folder);
    target = await make();
  });
  afterAll(async () => {
    await target?.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The links and the report of what was entered, or that it was refused. */
  async function outcome(command: readonly string[]): Promise<unknown> {
    try {
      const { links, report: told } = await look(asUser(command, uid), report);
      return { links, told };
    } catch {
      const { status, stdout } = run(asUser([...command, 'true'], uid));
      expect(status).not.toBe(0);
      expect(stdout).toBe('');
      return 'refused';
    }
  }

  /**
   * A namespace that we are in already nsenter may be refused, though nothing would change: our own user namespace
   * (EINVAL), or one that the host owns (EPERM). For nstool we are in it, and that is all that was asked for.
   */
  async function expectedOf(kinds: readonly NamespaceKind[]): Promise<unknown> {
    const expected = await theirs(kinds);
    const others = kinds.filter((kind) => linkOf(target?.pid ?? 0, kind) !== linkOf('self', kind));
    return expected !== 'refused' || others.length === kinds.length
      ? expected
      : others.length === 0
        ? outcome([])
        : theirs(others);
  }

  const known = new Map<string, Promise<unknown>>();

  function theirs(kinds: readonly NamespaceKind[]): Promise<unknown> {
    const key = kinds.join();
    const found = known.get(key) ?? askNsenter(kinds);
    known.set(key, found);
    return found;
  }

  function askNsenter(kinds: readonly NamespaceKind[]): Promise<unknown> {
    const letters = namespaceKinds.filter(({ kind }) => kinds.includes(kind)).map(({ letter }) => `-${letter}`);
    // Groups cannot be dropped where a plain user wrote the maps: for nsenter that is an error, for nstool it is not.
    const keep = uid === 0 ? [] : ['--preserve-credentials'];
    return outcome([...oracle, '-t', String(target?.pid), ...letters, ...keep]);
  }

  function ours(kinds: readonly NamespaceKind[]): Promise<unknown> {
    const env = [new TextEncoder().encode(`PATH=${process.env['PATH'] ?? ''}`)];
    const { program } = planEnter(
      linuxHost(),
      {
        pid: target?.pid,
        kinds,
        given: [],
        preserveCredentials: false,
        resolver: false,
        fork: true,
        command: staying(report),
        trace: false,
      },
      { env },
    );
    const file = join(folder, `program-${kinds.join('-')}`);
    writeFileSync(file, encodeProgram(program), { mode: 0o644 });
    const nsexec = join(installation(), 'native/nsexec');
    return outcome(['sh', '-c', 'exec "$0" 3 3<"$1"', nsexec, file]);
  }

  test.each(Array.from({ length: 16 }, (_, part) => part))(
    'the subsets of part %i',
    { timeout: 60_000 },
    async (part) => {
      for (const kinds of subsets.filter((_, index) => index % 16 === part)) {
        const [is, expected] = await Promise.all([ours(kinds), expectedOf(kinds)]);
        expect({ kinds, is }).toEqual({ kinds, is: expected });
        expect({ kinds, entered: is !== 'refused' }).toEqual({ kinds, entered: isAllowed(kinds) });
      }
    },
  );
});
