// Deep discovery finds what keeps a namespace alive, whichever way it does, and says what it cannot see.

import { readFileSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { formatArchive } from '../../src/host/recorded/archive.ts';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { recording } from '../../src/host/recorded/recorder.ts';
import { namespaceKinds, type NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import type { Namespace, Scan } from '../../src/namespaces/discover/scan.ts';
import { holdersOf, isUnused, releaseCommand } from '../../src/namespaces/holders.ts';
import { discoverAs, type Discovered } from '../support/discover-as.ts';
import { startPin, type Pin, type PinWay } from '../support/pins.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { asUser, identities, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { descendants } from '../support/stage.ts';
import { linkOf } from '../support/entered.ts';

const ALL: ReadonlySet<NamespaceKind> = new Set(namespaceKinds.map(({ kind }) => kind));

function look(kinds = ALL): Scan {
  return discoverNamespaces(linuxHost(), kinds, { deep: true });
}

function kernelSince(major: number, minor: number): boolean {
  const [first = 0, second = 0] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
  return first > major || (first === major && second >= minor);
}

/** A file handle opens what a descriptor keeps; of what only sysfs keeps nothing but memory is left. */
function expectKept(way: 'flight' | 'sysfs', { id, inode }: Pin): void {
  if (id === 0n) return;
  const answer = linuxHost().askNamespace({ id, type: 0x40000000, inode }, []);
  if (way === 'flight') expect(answer).toEqual({ ok: true, value: inode });
  else expect(answer).toMatchObject({ ok: false, gap: { reason: 'gone', errno: 'ESTALE' } });
}

const ready = lacks('root', 'cc', 'namespaces', 'nsenter');

describe.skipIf(ready)('a network namespace that only', () => {
  const pins = new Map<PinWay, Pin>();

  async function pin(way: PinWay): Promise<{ pin: Pin; scan: Scan; found: Namespace | undefined }> {
    const started = await startPin(way);
    pins.set(way, started);
    const scan = look();
    return { pin: started, scan, found: scan.namespaces.get(`net:[${started.inode}]`) };
  }

  afterAll(async () => void (await Promise.all([...pins.values()].map((one) => one.end()))));

  /** The one holder, and what would release it. */
  function only(scan: Scan, found: Namespace | undefined): readonly [unknown, readonly string[] | undefined] {
    expect(found).toBeDefined();
    const holders = found === undefined ? [] : holdersOf(scan, found);
    expect(holders).toHaveLength(1);
    return [holders[0], holders[0] === undefined ? undefined : releaseCommand(scan, holders[0])];
  }

  it('a thread is in has this holder', async () => {
    const {
      pin: { pid, id },
      scan,
      found,
    } = await pin('thread');
    const [holder, release] = only(scan, found);
    expect(holder).toEqual({ type: 'thread', pid, tid: expect.any(Number) });
    expect(holder).not.toMatchObject({ tid: pid });
    expect(release).toEqual(['kill', String(pid)]);
    expect(found?.id ?? 0n).toBe(id);
  });

  it('a socket keeps, that no list of the kernel has', async () => {
    const {
      pin: { pid, id },
      scan,
      found,
    } = await pin('socket');
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'socket', pid, tid: pid, fd: expect.any(Number), inode: expect.any(BigInt) });
    expect(found?.id ?? 0n).toBe(id);
    expect(found?.owner).toBe(scan.namespaces.get(linkOf('self', 'user'))?.inode);
  });

  it('a descriptor keeps', async () => {
    const {
      pin: { pid, id },
      scan,
      found,
    } = await pin('fd');
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'descriptor', pid, tid: pid, fd: expect.any(Number) });
    expect(found?.id ?? 0n).toBe(id);
  });

  it('a descriptor in the table of a single thread keeps', async () => {
    const {
      pin: { pid },
      scan,
      found,
    } = await pin('table');
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'descriptor', pid, tid: expect.any(Number), fd: expect.any(Number) });
    expect(holder).not.toMatchObject({ tid: pid });
  });

  it.skipIf(!kernelSince(6, 12))('a mount in a mount namespace without a process keeps', async () => {
    const {
      pin: { pid },
      scan,
      found,
    } = await pin('mount');
    const [holder, release] = only(scan, found);
    expect(holder).toMatchObject({ type: 'mount', path: '/mnt/pinned', pid: null });
    const { mountNamespace } = holder as { mountNamespace: bigint };
    const above = scan.namespaces.get(`mnt:[${mountNamespace}]`);
    expect(above?.holders).toEqual([{ type: 'descriptor', pid, tid: pid, fd: expect.any(Number) }]);
    expect(release).toEqual([
      'nsenter',
      expect.stringMatching(`^--mount=/proc/${pid}/fd/[0-9]+$`),
      'umount',
      '/mnt/pinned',
    ]);
    expect(found !== undefined && isUnused(scan, found)).toBe(true);
    // The command does what it says.
    expect(run(release ?? []).status).toBe(0);
    expect(look().namespaces.has(`net:[${found?.inode}]`)).toBe(false);
  });

  it('a tun device keeps', async () => {
    const {
      pin: { pid },
      scan,
      found,
    } = await pin('tun');
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'tun', pid, tid: pid, fd: expect.any(Number), interface: 'pin0' });
  });

  it('a tun device by another name keeps, whose file is gone', async () => {
    const {
      pin: { pid },
      scan,
      found,
    } = await pin('named');
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'tun', pid, tid: pid, fd: expect.any(Number), interface: 'pin1' });
  });

  it('a copy of its mount keeps, which open_tree(2) made', async () => {
    const {
      pin: { pid, inode, id },
      scan,
      found,
    } = await pin('tree');
    const [holder] = only(scan, found);
    const { fd } = holder as { fd: number };
    expect(holder).toEqual({ type: 'descriptor', pid, tid: pid, fd });
    expect(statSync(`/proc/${pid}/fd/${fd}`, { bigint: true }).ino).toBe(inode);
    expect(found?.id ?? 0n).toBe(id);
  });

  it('a watch of inotify keeps', async () => {
    const {
      pin: { pid, id },
      scan,
      found,
    } = await pin('watch');
    if (found === undefined) {
      expect(kernelSince(6, 18)).toBe(false);
      expect(scan.gaps.list().map(({ detail }) => detail)).toContainEqual(
        expect.stringContaining('kept only by a watch of inotify or fanotify'),
      );
      return;
    }
    const [holder] = only(scan, found);
    expect(holder).toEqual({ type: 'inotify', pid, tid: pid, fd: expect.any(Number) });
    expect(found.id ?? 0n).toBe(id);
  });

  it.each([
    ['proc', 'kept only by an open file of /proc/PID/net'],
    ['detached', 'kept only by a tree of mounts that is mounted nowhere'],
  ] as const)('%s keeps is a gap with its descriptor', async (way, words) => {
    const { pin: started, scan, found } = await pin(way);
    expect(found === undefined || scan.deep.isListed).toBe(true);
    // A file handle opens it: it is there.
    if (started.id !== 0n) {
      const answer = linuxHost().askNamespace({ id: started.id, type: 0x40000000, inode: started.inode }, []);
      expect(answer).toEqual({ ok: true, value: started.inode });
    }
    const told = scan.gaps.list().filter(({ detail }) => detail?.startsWith(words));
    expect(told.flatMap(({ examples }) => examples)).toContainEqual(
      expect.stringMatching(`^/proc/${started.pid}/fd/[0-9]+$`),
    );
  });

  it.each([
    ['flight', 'kept only by a descriptor in flight'],
    ['sysfs', 'kept in memory only by a kernel mount (sysfs)'],
  ] as const)('%s keeps is not found, and that there can be such a one is said', async (way, words) => {
    const { pin: started, scan, found } = await pin(way);
    expect(found === undefined || scan.deep.isListed).toBe(true);
    expectKept(way, started);
    if (way === 'flight' && scan.deep.isListed) return expect(found?.holders).toEqual([{ type: 'unseen' }]);
    const details = scan.gaps.list().map(({ detail }) => detail);
    expect(details).toContainEqual(expect.stringContaining(words));
  });

  it('all of these at once are found in one look', () => {
    const scan = look(new Set(['net']));
    for (const [way, { inode }] of pins) {
      if (['mount', 'flight', 'sysfs', 'proc', 'detached'].includes(way)) continue;
      expect(scan.namespaces.has(`net:[${inode}]`), way).toBe(true);
    }
  });
});

describe.skipIf(ready)('what was recorded of a look', () => {
  it('gives the same answer again', async () => {
    const pin = await startPin('socket');
    try {
      const recorder = recording(linuxHost());
      const scan = discoverNamespaces(recorder.host, ALL, { deep: true });
      const header = { date: '', kernel: '', distribution: '', made_by: '', anonymised: false };
      const text = formatArchive({ nstool_recording: 1, self: recorder.host.self, ...header }, recorder.entries());
      const replayed = recordedHost(text, 'test');
      if (!replayed.ok) throw new Error(JSON.stringify(replayed.gap));
      const again = discoverNamespaces(replayed.value, ALL, { deep: true });
      // What changed between two questions about it has only its last answer in the archive.
      const after = look();
      const isStable = (key: string): boolean => isDeepStrictEqual(scan.namespaces.get(key), after.namespaces.get(key));
      const stable = [...scan.namespaces.keys()].filter(isStable);
      expect(stable).toContain(`net:[${pin.inode}]`);
      for (const key of stable) expect(again.namespaces.get(key)).toEqual(scan.namespaces.get(key));
      expect(again.gaps.list().filter(({ reason }) => reason === 'unrecorded')).toEqual([]);
    } finally {
      await pin.end();
    }
  });
});

/** Five user namespaces inside each other, each with a process of its own and a uts namespace. */
const NEST = ['unshare', '--user', '--map-root-user', '--uts', '--fork', '--kill-child'];
const FIVE = [...NEST, ...NEST, ...NEST, ...NEST, ...NEST];
const WAIT = ['sh', '-c', 'echo ready; exec sleep 1000'];

function inodeOf(link: string): string {
  return /[0-9]+/.exec(link)?.[0] ?? '';
}

function find(discovered: Discovered, text: string): Discovered['namespaces'][number] | undefined {
  return discovered.namespaces.find((namespace) => namespace.text === text);
}

describe.each(identities)('five nested user namespaces, made and looked at as $name', ({ uid }) => {
  let nested: Started;
  /** A process in each, from the outermost. */
  let levels: readonly number[];

  beforeAll(async () => {
    if (lacks('userns', 'unshare')) return;
    nested = await startReady(asUser([...FIVE, ...WAIT], uid));
    const all = [nested.pid, ...descendants(nested.pid)];
    const distinct = new Map(all.map((pid) => [linkOf(pid, 'user'), pid]));
    distinct.delete(linkOf('self', 'user'));
    levels = [...distinct.values()];
  });

  afterAll(async () => {
    await nested?.end();
  });

  it.skipIf(lacks('userns', 'unshare'))('have the right parents and owners', () => {
    expect(levels).toHaveLength(5);
    const discovered = discoverAs(['user', 'uts'], uid);
    let above = linkOf('self', 'user');
    for (const pid of levels) {
      const user = linkOf(pid, 'user');
      expect(find(discovered, user)).toMatchObject({ parent: inodeOf(above), owner: inodeOf(above) });
      expect(find(discovered, linkOf(pid, 'uts'))).toMatchObject({ owner: inodeOf(user) });
      above = user;
    }
    expect(find(discovered, linkOf('self', 'user'))).toMatchObject({ parent: 'top' });
  });

  it.skipIf(lacks('userns', 'unshare', 'nsenter'))('end outside our view, looked at from the second', () => {
    const [, second = 0, third = 0] = levels;
    const within = [...asUser(['nsenter', `--target=${second}`, '--user', '--preserve-credentials'], uid)];
    const discovered = discoverAs(['user', 'uts'], undefined, within);
    expect(find(discovered, linkOf(second, 'user'))).toMatchObject({ parent: 'outside', owner: 'outside' });
    expect(find(discovered, linkOf(third, 'user'))).toMatchObject({ parent: inodeOf(linkOf(second, 'user')) });
  });
});

describe.skipIf(lacks('userns', 'unshare')).each(identities)(
  'user namespaces without a process, as $name',
  ({ uid }) => {
    it('are found by what lies below them', async () => {
      const chain = ['unshare', '--user', '--map-root-user'];
      const nested = await startReady(asUser([...chain, ...chain, ...chain, ...chain, ...chain, ...WAIT], uid));
      try {
        const discovered = discoverAs(['user'], uid);
        const seen: string[] = [];
        for (let text = linkOf(nested.pid, 'user'); text !== linkOf('self', 'user');) {
          seen.push(text);
          text = `user:[${find(discovered, text)?.parent}]`;
          expect(seen.length).toBeLessThanOrEqual(5);
        }
        expect(seen).toHaveLength(5);
        expect(seen.slice(1).map((text) => find(discovered, text)?.pids)).toEqual([[], [], [], []]);
      } finally {
        await nested.end();
      }
    });
  },
);
