// What is told to those inside only, read from outside: as hostname(1), ipcs(1) and /dev/mqueue have it there.

import { mkdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { show } from '../../src/inspect/show/show.ts';
import type { EnterableKind, Reading } from '../../src/kernel/host.ts';
import { decodeText } from '../../src/kernel/text/text.ts';
import { pathDoor } from '../../src/namespaces/discover/door.ts';
import { run, PLAIN_UID } from '../support/program.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { lacks } from '../support/requires.ts';

const host = linuxHost();
const KINDS: readonly EnterableKind[] = ['cgroup', 'ipc', 'net', 'uts'];

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

function ourNamespaces(): readonly string[] {
  return KINDS.map((kind) => readlinkSync(`/proc/thread-self/ns/${kind}`));
}

describe
  .skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare', 'python'))
  .sequential('inside other namespaces', () => {
    let target: Started;
    let before: readonly string[];

    beforeAll(async () => {
      // Queues and other objects live as long as the namespace.
      const script = [
        'hostname inside.example',
        'echo nis.example > /proc/sys/kernel/domainname',
        'ip link set lo up',
        'ipcmk -Q -p 640 >&2; ipcmk -M 4096 >&2; ipcmk -S 3 >&2',
        `mount -t mqueue none /mnt; touch /mnt/plain; chown ${PLAIN_UID} /mnt/plain; umount /mnt`,
        'echo ready; exec sleep 1000',
      ].join('\n');
      target = await startReady(['unshare', '-m', '-u', '-i', '-n', '-C', 'sh', '-ec', script]);
    });
    afterAll(async () => {
      await target.end();
    });
    beforeEach(() => {
      before = ourNamespaces();
    });
    afterEach(() => {
      expect(ourNamespaces()).toEqual(before);
    });

    const read = (kind: EnterableKind, path: string): Reading<Uint8Array> =>
      host.readFileInside({ kind, door: `/proc/${target.pid}/ns/${kind}`, path });
    const inside = (...command: readonly string[]): string =>
      run(['nsenter', `--target=${target.pid}`, '-i', '-u', '-n', '-C', ...command]).stdout;

    /** A namespace's page, that has no gaps but those of the processes that are closed to us. */
    const page = (kind: EnterableKind): Readonly<Record<string, unknown>> => {
      const path = `/proc/${target.pid}/ns/${kind}`;
      const inode = BigInt(/[0-9]+/.exec(readlinkSync(path))?.[0] ?? 0);
      const { fields, gaps } = show(host, { type: 'namespace', kind, inode, path, door: pathDoor(path) });
      expect(gaps.filter(({ subject }) => subject !== 'process')).toEqual([]);
      return Object.fromEntries(fields.map(({ key, value }) => [key, value]));
    };

    test('the names of a uts namespace', () => {
      expect(decodeText(must(read('uts', '/proc/sys/kernel/hostname')))).toBe('inside.example\n');
      expect(decodeText(must(read('uts', '/proc/sys/kernel/domainname')))).toBe('nis.example\n');
      expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).toBe(`${run(['hostname']).stdout.trim()}\n`);
    });

    test.each(['msg', 'sem', 'shm'])('/proc/sysvipc/%s', (name) => {
      const text = decodeText(must(read('ipc', `/proc/sysvipc/${name}`)));
      expect(text).toBe(inside('cat', `/proc/sysvipc/${name}`));
      expect(text.trim().split('\n')).toHaveLength(2);
    });

    test('sockets of a network namespace', () => {
      expect(decodeText(must(read('net', '/proc/thread-self/net/dev')))).toBe(inside('cat', '/proc/self/net/dev'));
    });

    test('cgroups as they are named inside', () => {
      expect(decodeText(must(read('cgroup', `/proc/${target.pid}/cgroup`)))).toBe(
        inside('cat', `/proc/${target.pid}/cgroup`),
      );
    });

    test('message queues, and nothing of them is left mounted', () => {
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
      const queues = must(host.messageQueues(`/proc/${target.pid}/ns/ipc`));
      expect(queues.map(({ name, status }) => [name, status.uid])).toEqual([['plain', PLAIN_UID]]);
      expect(decodeText(queues[0]?.bytes ?? Uint8Array.of())).toMatch(/^QSIZE:0 +NOTIFY:0 +SIGNO:0 +NOTIFY_PID:0 *\n$/);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(mounts);
    });

    test('message queues of our own', () => {
      const names = must(host.messageQueues()).map(({ name }) => name);
      expect(names.toSorted()).toEqual(inMountedQueues().toSorted());
    });

    test('are shown as lsipc(1) has them', () => {
      const { sysv, mqueue } = page('ipc');
      for (const [type, option] of [
        ['msg', '-q'],
        ['shm', '-m'],
        ['sem', '-s'],
      ] as const) {
        const ours = (sysv as SysvRow[])
          .filter((object) => object.type === type)
          .map(({ key, id, mode, uid, creator_uid: creator }) => {
            expect(uid).toBe(0);
            return `0x${key.toString(16).padStart(8, '0')} ${id} ${rwx(mode)} root ${creator}`;
          });
        expect(ours).toEqual(lsipc(target.pid, option));
        expect(ours).toHaveLength(1);
      }
      expect(mqueue).toEqual([{ name: 'plain', uid: PLAIN_UID, gid: 0, mode: '644', bytes: 0, notifies: null }]);
      expect(page('uts')).toMatchObject({ hostname: 'inside.example', domainname: 'nis.example' });
    });

    test('what cannot be read there leaves us where we are', () => {
      expect(read('uts', '/proc/no such file')).toMatchObject({ ok: false, gap: { reason: 'gone', errno: 'ENOENT' } });
      expect(host.readFileInside({ kind: 'ipc', door: '/proc/self/ns/uts', path: '/proc/version' })).toMatchObject({
        ok: false,
        gap: { reason: 'unsupported', errno: 'EINVAL' },
      });
      expect(host.readFileInside({ kind: 'uts', door: '/run/netns/no-such', path: '/proc/version' })).toMatchObject({
        ok: false,
        gap: { reason: 'gone', what: '/proc/version in uts /run/netns/no-such' },
      });
      expect(host.messageQueues('/proc/self/ns/uts')).toMatchObject({ ok: false, gap: { errno: 'EINVAL' } });
    });
  });

/** Where cgroups of the test's own can be made: a v1 hierarchy without effect, or the unified one. */
const HIERARCHY = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((path) =>
  readFileSync('/proc/self/mounts', 'utf8').match(new RegExp(` ${path} cgroup2? `)),
);

describe.skipIf(lacks('root', 'unshare') || HIERARCHY === undefined)('the root of a cgroup namespace', () => {
  const name = `nstool-inside-${process.pid}`;
  const top = `${HIERARCHY}/${name}`;
  let target: Started;

  beforeAll(async () => {
    mkdirSync(`${top}/root/below`, { recursive: true });
    const script = [
      `echo $$ > ${top}/root/cgroup.procs`,
      `exec unshare -C sh -c 'echo $$ > ${top}/root/below/cgroup.procs; echo ready; exec sleep 1000'`,
    ].join('\n');
    target = await startReady(['sh', '-ec', script]);
  });
  afterAll(async () => {
    await target.end();
    for (const folder of ['/root/below', '/root', '']) rmdirSync(`${top}${folder}`);
  });

  test('is a path here, though its processes lie below', () => {
    const path = `/proc/${target.pid}/ns/cgroup`;
    const inode = BigInt(/[0-9]+/.exec(readlinkSync(path))?.[0] ?? 0);
    const { fields } = show(host, { type: 'namespace', kind: 'cgroup', inode, path, door: pathDoor(path) }, [
      'cgroup_root',
    ]);
    const roots = fields[0]?.value as readonly { readonly path: string }[];
    expect(roots.map((root) => root.path)).toContain(`/${name}/root`);
    const hierarchies = readFileSync(`/proc/${target.pid}/cgroup`, 'utf8').trim().split('\n');
    expect(roots).toHaveLength(hierarchies.length);
  });
});

interface SysvRow {
  readonly type: string;
  readonly key: number;
  readonly id: number;
  readonly mode: string;
  readonly uid: number;
  readonly creator_uid: number;
}

/** `Key=0x… ID=0 …` of lsipc(1), a record a line. */
function lsipc(pid: number, option: string): readonly string[] {
  const { stdout } = run([
    'nsenter',
    `--target=${pid}`,
    '-i',
    'lsipc',
    option,
    '-r',
    '--noheadings',
    '-o',
    'KEY,ID,PERMS,OWNER,CUID',
  ]);
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/).join(' '));
}

/** As a mount of our own shows them. */
function inMountedQueues(): readonly string[] {
  const script = 'mount -t mqueue none /mnt && ls -1 /mnt';
  return run(['unshare', '-m', 'sh', '-c', script]).stdout.split('\n').filter(Boolean);
}

/** 640 as `rw-r-----`. */
function rwx(mode: string): string {
  const bits = Number.parseInt(mode, 8).toString(2).padStart(9, '0');
  return bits
    .split('')
    .map((bit, index) => (bit === '1' ? 'rwx'.charAt(index % 3) : '-'))
    .join('');
}
