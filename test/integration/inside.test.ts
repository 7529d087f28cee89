// What is told to those inside only, read from outside: as hostname(1), ipcs(1) and /dev/mqueue have it there.

import { readFileSync, readlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import type { EnterableKind, Reading } from '../../src/kernel/host.ts';
import { decodeText } from '../../src/kernel/text/text.ts';
import { run, PLAIN_UID } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

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
    let target: TargetProcess;
    let before: readonly string[];

    beforeAll(async () => {
      // Queues and other objects live as long as the namespace.
      const script = [
        'hostname inside.example',
        'echo nis.example > /proc/sys/kernel/domainname',
        'ip link set lo up',
        'ipcmk -Q -p 640 >&2; ipcmk -M 4096 >&2; ipcmk -S 3 >&2',
        `mount -t mqueue none /mnt; touch /mnt/plain; chown ${PLAIN_UID} /mnt/plain; umount /mnt`,
        'exec sleep 1000',
      ].join('\n');
      target = await makeTarget(['-m', '-u', '-i', '-n', '-C'], undefined, ['sh', '-c', script]);
      while (!readFileSync(`/proc/${target.pid}/cmdline`, 'utf8').startsWith('sleep')) {
        await new Promise((done) => setTimeout(done, 10));
      }
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

/** As a mount of our own shows them. */
function inMountedQueues(): readonly string[] {
  const script = 'mount -t mqueue none /mnt && ls -1 /mnt';
  return run(['unshare', '-m', 'sh', '-c', script]).stdout.split('\n').filter(Boolean);
}
