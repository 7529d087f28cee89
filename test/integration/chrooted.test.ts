// A mount namespace of which all processes, or that with the lowest pid, have another root: what it holds is told as the
// namespace has it, compared with who enters it by nsenter(1).

import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { diffTargets } from '../../src/inspect/diff/diff.ts';
import { sideOf } from '../../src/inspect/diff/side.ts';
import { readMountTable } from '../../src/inspect/mount-table.ts';
import { gap, type Host } from '../../src/kernel/host.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { holdersOf, releaseCommand } from '../../src/namespaces/holders.ts';
import { releasePlan } from '../../src/namespaces/release.ts';
import { applyRelease } from '../../src/host/linux/release.ts';
import { parseMountinfo, type Mount } from '../../src/kernel/text/mountinfo.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

const host = linuxHost();
const listsMounts = host.mountNamespaces().ok ? [] : ['NS_MNT_GET_NEXT'];
/** A host whose kernel does not list mounts. */
const older: Host = { ...host, mountNamespaces: () => gap({ reason: 'unsupported', what: 'NS_MNT_GET_NEXT' }) };

const CHROOTED = `exec chroot /mnt sh -c 'echo ready; exec sleep 1000'`;

function mountNamespace({ pid }: Started): bigint {
  return statSync(`/proc/${pid}/ns/mnt`, { bigint: true }).ino;
}

/** The mount table as who enters the namespace reads it. */
function oracle({ pid }: Started): readonly Mount[] {
  const { stdout } = run(['nsenter', `--mount=/proc/${pid}/ns/mnt`, 'cat', '/proc/self/mountinfo']);
  const mounts = parseMountinfo(Buffer.from(stdout), 'mountinfo');
  if (!mounts.ok) throw new Error(JSON.stringify(mounts.gap));
  return mounts.value;
}

function points(mounts: readonly Mount[]): readonly string[] {
  return mounts.map(({ id, mountPoint }) => `${id} ${mountPoint}`).toSorted();
}

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'nsenter'))('of a mount namespace', () => {
  let target: Started;
  let later: Started;

  beforeAll(async () => {
    target = await startReady(['unshare', '--mount', 'sh', '-ec', `mount --bind / /mnt; ${CHROOTED}`]);
    later = await startReady([
      'nsenter',
      `--mount=/proc/${target.pid}/ns/mnt`,
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
  });
  afterAll(async () => {
    await Promise.all([target?.end(), later?.end()]);
  });

  test('the mounts are those of a process at its root, also where a chrooted one comes first', () => {
    const mounts = readMountTable(older, mountNamespace(target), [target.pid, later.pid]);
    expect(mounts.ok && points(mounts.value)).toEqual(points(oracle(target)));
  });

  test.skipIf(listsMounts.length > 0)('with chrooted processes only the mounts are those that the kernel lists', () => {
    const mounts = readMountTable(host, mountNamespace(target), [target.pid]);
    expect(mounts.ok && points(mounts.value)).toEqual(points(oracle(target)));
    const { differences } = diffTargets(sideOf(host, String(target.pid)), sideOf(host, 'self'));
    const mountsGone = differences.filter(({ what }) => what === 'mount').map(({ name }) => name);
    expect(mountsGone).toEqual(['/mnt']);
  });

  test('where the kernel does not list them they are unknown, not none', () => {
    expect(readMountTable(older, mountNamespace(target), [target.pid])).toEqual({
      ok: false,
      gap: { reason: 'unsupported', what: expect.stringContaining('chrooted processes only') },
    });
  });
});

/** A network namespace that only a mount keeps, in a mount namespace whose only process has another root. */
const BOUND = [
  'mount -t tmpfs t /mnt; touch /mnt/ns; unshare --net=/mnt/ns true; mkdir /mnt/root; mount --bind / /mnt/root',
  `exec chroot /mnt/root sh -c 'echo ready; exec sleep 1000'`,
].join('\n');

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'nsenter'))(
  'a mount that a chrooted process does not see',
  () => {
    let target: Started;
    let inode: bigint;
    const enter = (): readonly string[] => ['nsenter', `--mount=/proc/${target.pid}/ns/mnt`];

    beforeAll(async () => {
      target = await startReady(['unshare', '--mount', 'sh', '-ec', BOUND]);
      inode = BigInt(run([...enter(), 'stat', '-c', '%i', '/mnt/ns']).stdout.trim());
    });
    afterAll(() => target?.end());

    test('is a gap of a plain look where the kernel does not list mounts', () => {
      const scan = discoverNamespaces(older, new Set(['net']));
      expect(scan.namespaces.has(`net:[${inode}]`)).toBe(false);
      expect(scan.gaps.list()).toContainEqual(
        expect.objectContaining({
          subject: 'mount namespace in which all are chrooted',
          reason: 'unsupported',
          examples: expect.arrayContaining([`mnt:[${mountNamespace(target)}]`]),
        }),
      );
    });

    test.skipIf(listsMounts.length > 0)('is found by a plain look, without a path that would not lead there', () => {
      const found = discoverNamespaces(host, new Set(['net'])).namespaces.get(`net:[${inode}]`);
      expect(found).toMatchObject({ pids: [], mounts: [], foreignMounts: [] });
      expect(found?.holders).toEqual([
        {
          type: 'mount',
          path: '/mnt/ns',
          mountId: expect.any(Number),
          mountNamespace: mountNamespace(target),
          pid: null,
        },
      ]);
    });

    test.skipIf(listsMounts.length > 0)('is released, with the command that does the same', () => {
      const scan = discoverNamespaces(host, new Set(['net', 'mnt']), { deep: true });
      const namespace = scan.namespaces.get(`net:[${inode}]`);
      if (namespace === undefined) throw new Error('not found');
      const [holder] = holdersOf(scan, namespace);
      expect(holder === undefined ? [] : releaseCommand(scan, holder)).toEqual([...enter(), 'umount', '/mnt/ns']);
      expect(applyRelease(releasePlan(scan, namespace))).toEqual([{ type: 'released' }]);
      expect(run([...enter(), 'stat', '-f', '-c', '%T', '/mnt/ns']).stdout).toBe('tmpfs\n');
    });
  },
);
