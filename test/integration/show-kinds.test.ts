// What is in mount, pid and user namespaces, compared with the kernel's own look-ups, mountinfo and NSpid.

import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { diffTargets } from '../../src/inspect/diff/diff.ts';
import { sideOf } from '../../src/inspect/diff/side.ts';
import { mountinfoOf, readMountTable } from '../../src/inspect/mount-table.ts';
import type { NamespaceTarget } from '../../src/inspect/resolve-target.ts';
import { hiddenMounts } from '../../src/inspect/show/hidden-mounts.ts';
import type { Field } from '../../src/inspect/show/report.ts';
import { show } from '../../src/inspect/show/show.ts';
import type { NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import type { Reading } from '../../src/kernel/host.ts';
import { pathDoor } from '../../src/namespaces/discover/door.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

function inodeOf(path: string): bigint {
  return statSync(path, { bigint: true }).ino;
}

function namespaceAt(path: string, kind: NamespaceKind): NamespaceTarget {
  return { type: 'namespace', kind, inode: inodeOf(path), path, door: pathDoor(path) };
}

function fieldOf(pid: number, kind: NamespaceKind, key: string): Field {
  const [field] = show(host, namespaceAt(`/proc/${pid}/ns/${kind}`, kind), [key]).fields;
  if (field === undefined) throw new Error(key);
  return field;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 10));
}

function runs(pid: number, file: string): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${file}\0`);
}

const listsMounts = host.mountNamespaces().ok ? [] : ['NS_MNT_GET_NEXT'];

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('a mount namespace', () => {
  let target: TargetProcess;

  beforeAll(async () => {
    const script = [
      'mount -t tmpfs first /mnt',
      'mkdir /mnt/below',
      'mount -t tmpfs -o noatime,nosuid,size=64k below /mnt/below',
      'mount --make-shared /mnt/below',
      'mount -t tmpfs -o ro second /mnt',
      'mount -t tmpfs shared /tmp',
      'mount --make-shared /tmp',
      'unshare -m --propagation unchanged sleep 1000 &',
      'unshare -m --propagation slave sleep 1000 &',
      'wait',
    ].join('\n');
    target = await makeTarget(['-m', '-p', '--fork', '--kill-child', '--mount-proc'], undefined, ['sh', '-c', script]);
    const own = readlinkSync(`/proc/self/ns/mnt`);
    await until(() => childrenOf(target.pid).length === 2);
    await until(() => childrenOf(target.pid).every((pid) => runs(Number(pid), 'sleep')));
    expect(readlinkSync(`/proc/${target.pid}/ns/mnt`)).not.toBe(own);
  });
  afterAll(() => target.end());

  test('what is not hidden is what a look at its place finds, and the rest is not', () => {
    const mounts = must(mountinfoOf(host, target.pid));
    const hidden = hiddenMounts(mounts);
    for (const { id, mountPoint, major, minor } of mounts) {
      const { dev } = statSync(`/proc/${target.pid}/root${mountPoint}`, { throwIfNoEntry: false }) ?? { dev: -1 };
      const found = dev === major * 256 + minor;
      if (!hidden.has(id)) expect({ mountPoint, found }).toEqual({ mountPoint, found: true });
    }
    const sources = mounts.filter(({ id }) => hidden.has(id)).map(({ source }) => source);
    expect(sources).toEqual(expect.arrayContaining(['first', 'below']));
    for (const source of ['second', 'shared']) expect(sources).not.toContain(source);
    const lines = fieldOf(target.pid, 'mnt', 'mounts').lines.filter((line) => line.includes('hidden by tmpfs second'));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['/mnt', '/mnt/below']);
  });

  test('peers are the mounts of the same group elsewhere, slaves those that follow it', () => {
    const [peer, slave] = childrenOf(target.pid).map((pid) => inodeOf(`/proc/${pid}/ns/mnt`));
    const ofTmp = (pid: number): readonly unknown[] =>
      (fieldOf(pid, 'mnt', 'peers').value as { target: string; role: string; ns: bigint; target_there: string }[])
        .filter((row) => row.target === '/tmp')
        .map(({ role, ns, target_there: there }) => `${role} ${ns} ${there}`)
        .toSorted();
    const own = inodeOf(`/proc/${target.pid}/ns/mnt`);
    expect(ofTmp(target.pid)).toEqual([`peer ${peer} /tmp`, `slave ${slave} /tmp`]);
    expect(ofTmp(Number(childrenOf(target.pid)[0]))).toEqual([`peer ${own} /tmp`, `slave ${slave} /tmp`]);
    expect(ofTmp(Number(childrenOf(target.pid)[1]))).toEqual([own, peer].map((ns) => `master ${ns} /tmp`).toSorted());
  });

  test.skipIf(listsMounts.length > 0)('the kernel lists it as mountinfo does', () => {
    const inode = inodeOf(`/proc/${target.pid}/ns/mnt`);
    const byId = (table: Reading<readonly { readonly id: number }[]>): readonly unknown[] =>
      must(table).toSorted((a, b) => a.id - b.id);
    expect(byId(readMountTable(host, inode, []))).toEqual(byId(mountinfoOf(host, target.pid)));
  });

  test('the process tree has both pids', () => {
    const { lines, value } = fieldOf(target.pid, 'pid', 'processes');
    const [first, second] = childrenOf(target.pid);
    expect(lines).toEqual([
      `${target.pid} sh (inside 1)`,
      `  ${first} sleep (inside ${insideOf(first)})`,
      `  ${second} sleep (inside ${insideOf(second)})`,
    ]);
    expect(value).toContainEqual({ pid: Number(first), inside: insideOf(first), ppid: target.pid, comm: 'sleep' });
  });
});

/** As the kernel has it. */
function insideOf(pid: string | undefined): number {
  return Number(/^NSpid:.*\t([0-9]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'nsenter') || listsMounts.length > 0)(
  'a mount namespace without a process',
  () => {
    let holder: Started;

    beforeAll(async () => {
      const script =
        'mount -t tmpfs inner /mnt; exec 3</proc/self/ns/mnt; echo ready; exec nsenter --mount=/proc/$PPID/ns/mnt sleep 1000';
      holder = await startReady(['unshare', '-m', 'sh', '-ec', script]);
      await until(() => runs(holder.pid, 'sleep'));
    });
    afterAll(() => holder.end());

    test('has mounts, and differences', () => {
      const path = `/proc/${holder.pid}/fd/3`;
      const { fields, gaps } = show(host, namespaceAt(path, 'mnt'), ['mounts', 'processes']);
      expect(fields[0]?.lines).toContain('/mnt ← tmpfs inner rw private');
      expect(fields[1]?.lines).toEqual(['none that we see']);
      expect(gaps.filter(({ subject }) => subject !== 'process')).toEqual([]);
      const { differences, unknowns } = diffTargets(sideOf(host, path), sideOf(host, 'self'));
      const mounts = differences.filter(({ what }) => what === 'mount').map(({ name, change }) => [name, change]);
      expect(mounts).toEqual([['/mnt', 'only_a']]);
      expect(unknowns).toEqual([]);
    });
  },
);

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('user namespaces in each other', () => {
  let target: TargetProcess;
  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', 'unshare', '-U', '-r', '-u']);
  });
  afterAll(() => target.end());

  test('have a level, an owner, and what they own', () => {
    expect(fieldOf(target.pid, 'user', 'level').value).toBe(2);
    const [own] = show(host, namespaceAt('/proc/self/ns/user', 'user'), ['level']).fields;
    expect(own?.value).toBe(0);
    expect(fieldOf(target.pid, 'user', 'owner_user').value).toBe('root');
    expect(fieldOf(target.pid, 'user', 'owns').lines).toEqual([`uts ${inodeOf(`/proc/${target.pid}/ns/uts`)}`]);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('the resolv.conf of a network namespace', () => {
  const start = (...commands: readonly string[]): Promise<Started> => {
    const script = ['mount -t tmpfs t /mnt; mkdir /mnt/etc /mnt/proc', ...commands, 'echo ready; exec sleep 1000'];
    return startReady(['unshare', '-m', '-n', 'sh', '-ec', script.join('\n')]);
  };

  /** What is told of a namespace whose process has /etc as it is in `commands`, its root in /mnt. */
  async function told(...commands: readonly string[]): Promise<{ readonly value: unknown; readonly gaps: unknown }> {
    const target = await start(...commands, 'mount --bind /mnt/etc /etc');
    try {
      const { fields, gaps } = show(host, namespaceAt(`/proc/${target.pid}/ns/net`, 'net'), ['resolv_conf']);
      const file = `/proc/${target.pid}/root/etc/resolv.conf`;
      const shown = JSON.parse(JSON.stringify(fields[0]?.value).replace(file, 'FILE')) as unknown;
      return { value: shown, gaps: gaps.filter(({ subject }) => subject !== 'process') };
    } finally {
      await target.end();
    }
  }

  test('is that of a process in it', async () => {
    const { value } = await told('printf "nameserver 192.0.2.53\\nsearch a b\\n" > /mnt/etc/resolv.conf');
    expect(value).toEqual({ file: 'FILE', nameservers: ['192.0.2.53'], search: ['a', 'b'], options: [] });
  });

  test('is never a file outside of its root, a device or a FIFO', async () => {
    for (const lure of ['ln -s /proc/self/root/etc/passwd', 'mkfifo', 'mkdir']) {
      const { value, gaps } = await told(`${lure} /mnt/etc/resolv.conf`);
      expect(value).toBeNull();
      expect(gaps).toMatchObject([{ subject: 'resolv.conf' }]);
    }
    const { value } = await told('ln -s ../../../mnt/inner /mnt/etc/resolv.conf', 'echo "nameserver ::1" > /mnt/inner');
    expect(value).toMatchObject({ nameservers: ['::1'] });
  });
});
