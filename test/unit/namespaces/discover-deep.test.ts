// Deep discovery on hosts made of answers: other kernels, refusals, inodes that are used again.

import { describe, expect, it } from 'vitest';
import { questions, toHex } from '../../../src/host/recorded/archive.ts';
import { AF_INET, INET_DIAG_MSG_LENGTH, SOCK_DIAG_BY_FAMILY } from '../../../src/kernel/abi/sock-diag.ts';
import { isComplete } from '../../../src/kernel/gap-tally.ts';
import { encodeMessage, view } from '../../../src/kernel/netlink/message.ts';
import { encodeSocketDump } from '../../../src/kernel/netlink/sock-diag.ts';
import { STATMOUNT_MASK } from '../../../src/kernel/statmount.ts';
import { deepSources, discoverNamespaces, plainSources } from '../../../src/namespaces/discover/discover.ts';
import type { Scan } from '../../../src/namespaces/discover/scan.ts';
import { holdersOf, isUnused, releaseCommand } from '../../../src/namespaces/holders.ts';
import type { NamespaceKind } from '../../../src/kernel/abi/namespace-kinds.ts';
import { hostOf } from '../../support/recorded.ts';

type Answers = Readonly<Record<string, object>>;

const gone = { gap: { reason: 'gone', errno: 'ENOENT' } };
const denied = { gap: { reason: 'denied', errno: 'EPERM' } };
const unsupported = { gap: { reason: 'unsupported', errno: 'ENOSYS' } };

/** One process (7) on a kernel that has nothing new. */
const old: Answers = {
  'directory /proc': { names: ['7'] },
  'link /proc/self/ns/mnt': { text: 'mnt:[1]' },
  'link /proc/self/ns/net': { text: 'net:[10]' },
  'link /proc/7/ns/mnt': { text: 'mnt:[1]' },
  'link /proc/7/ns/net': { text: 'net:[10]' },
  'link /proc/7/root': { text: '/' },
  'file /proc/self/mountinfo': { text: '' },
  'file /proc/7/mountinfo': { text: '' },
  'directory /proc/7/task': { names: ['7'] },
  'directory /proc/7/fd': { names: [] },
  'mount-namespaces': unsupported,
  'namespace /proc/7/ns/net NS_GET_ID': unsupported,
  'namespace /proc/7/ns/net NS_GET_USERNS': { number: '4026531837' },
  'list-namespaces 0x40000000 0': unsupported,
};

function look(answers: Answers, kinds: readonly NamespaceKind[] = ['net']): Scan {
  return discoverNamespaces(hostOf({ ...old, ...answers }), new Set(kinds), { deep: true });
}

/** What sock_diag tells of a socket. */
function inetSocket(family: number, inode: number): Uint8Array {
  const body = new Uint8Array(INET_DIAG_MSG_LENGTH);
  body[0] = family;
  view(body).setUint32(68, inode, true);
  return encodeMessage(SOCK_DIAG_BY_FAMILY, 0, [body]);
}

function details(scan: Scan): string {
  return JSON.stringify(scan.gaps.list().map(({ subject, reason, detail }) => [subject, reason, detail]));
}

describe('deep discovery', () => {
  it('has sources that each say when they apply, what they cost and what they cannot see', () => {
    for (const source of [...plainSources, ...deepSources]) {
      expect([source.name, source.when, source.cost, source.blind]).not.toContain('');
    }
  });

  it('asks nothing but files, links and directories when it is plain', () => {
    const host = hostOf(old);
    const never = (): never => {
      throw new Error('a question that costs');
    };
    const costly = { askNamespace: never, netlink: never, sharesFiles: never, mountNamespaces: never };
    const asked: string[] = [];
    const noting = {
      ...host,
      ...costly,
      mounts: never,
      readFileInside: never,
      networkSettings: never,
      legacyTable: never,
      messageQueues: never,
      readFileInRoot: never,
      listNamespaces: never,
      readLink: (path: string) => {
        asked.push(path);
        return host.readLink(path);
      },
    };
    discoverNamespaces(noting, new Set<NamespaceKind>(['net']));
    expect(asked).toEqual(['/proc/7/ns/net', '/proc/7/ns/mnt', '/proc/7/root', '/proc/self/ns/mnt']);
  });

  it('says what an old kernel hides', () => {
    const scan = look({});
    expect([...scan.namespaces.keys()]).toEqual(['net:[10]']);
    expect(scan.namespaces.get('net:[10]')).toMatchObject({ pids: [7], owner: 4026531837n });
    expect(details(scan)).toContain('those without a process');
    expect(details(scan)).toContain('kernel mount (sysfs)');
    expect(isComplete(scan.gaps.list())).toBe(false);
  });

  it('says what a refusal hides', () => {
    const scan = look({
      'mount-namespaces': denied,
      'directory /proc/7/fd': { names: ['3', '4'] },
      'link /proc/7/fd/3': { text: 'socket:[99]' },
      'link /proc/7/fd/4': { text: '/dev/net/tun' },
      'namespace SIOCGSKNS of 7/3=99 ': denied,
      'namespace SIOCGSKNS of 7/4 ': denied,
    });
    const refused = scan.gaps.list().filter(({ reason }) => reason === 'denied');
    expect(refused.map(({ subject, count }) => [subject, count])).toEqual([
      ['socket', 1],
      ['tun device', 1],
      ['mount namespace', null],
    ]);
  });

  it('takes a file that is only called tun for none', () => {
    const scan = look({
      'directory /proc/7/fd': { names: ['3'] },
      'link /proc/7/fd/3': { text: '/home/tun' },
      'namespace SIOCGSKNS of 7/3 ': { gap: { reason: 'unsupported', errno: 'ENOTTY' } },
    });
    expect(details(scan)).not.toContain('tun');
  });

  it('reads the table of a thread where the kernel cannot tell whose it is', () => {
    const scan = look({
      'directory /proc/7/task': { names: ['7', '8', '9'] },
      'link /proc/7/task/8/ns/net': { text: 'net:[11]' },
      'link /proc/7/task/9/ns/net': gone,
      'shares-files 7 8': unsupported,
      'shares-files 7 9': { gap: { reason: 'gone', errno: 'ESRCH' } },
      'directory /proc/7/task/8/fd': { names: ['5'] },
      'link /proc/7/task/8/fd/5': { text: 'net:[12]' },
    });
    expect(scan.namespaces.get('net:[11]')?.holders).toEqual([{ type: 'thread', pid: 7, tid: 8 }]);
    expect(scan.namespaces.get('net:[12]')?.holders).toEqual([{ type: 'descriptor', pid: 7, tid: 8, fd: 5 }]);
    expect(details(scan)).not.toContain('thread');
  });

  it('drops what is no longer what it was: its inode is used again', () => {
    const host = hostOf(old);
    let looks = 0;
    const changing = {
      ...host,
      readLink: (path: string) => {
        if (path !== '/proc/7/ns/net') return host.readLink(path);
        looks += 1;
        return { ok: true as const, value: looks === 1 ? 'net:[10]' : 'net:[20]' };
      },
    };
    const scan = discoverNamespaces(changing, new Set<NamespaceKind>(['net']), { deep: true });
    expect([...scan.namespaces.keys()]).toEqual([]);
    expect(scan.gaps.list()).toContainEqual(
      expect.objectContaining({ subject: 'namespace', reason: 'gone', count: 1 }),
    );
  });

  it('keeps of several processes those that are still in it', () => {
    const scan = look({
      'directory /proc': { names: ['5', '7'] },
      'link /proc/5/ns/net': { text: 'net:[10]' },
      'link /proc/5/ns/mnt': { text: 'mnt:[1]' },
    });
    expect(scan.namespaces.get('net:[10]')?.pids).toEqual([5, 7]);
  });

  it('climbs to user namespaces that nothing else shows, and says where the view ends', () => {
    const answers: Answers = {
      'link /proc/7/ns/user': { text: 'user:[30]' },
      'link /proc/7/ns/pid': { text: 'pid:[40]' },
      'link /proc/7/ns/pid_for_children': { text: 'pid:[41]' },
      'list-namespaces 0x30000000 0': unsupported,
      'namespace /proc/7/ns/user NS_GET_ID': { number: '5' },
      'namespace /proc/7/ns/user NS_GET_USERNS': { number: '31' },
      'namespace /proc/7/ns/user NS_GET_USERNS NS_GET_ID': { number: '4' },
      'namespace /proc/7/ns/user NS_GET_USERNS NS_GET_USERNS': denied,
      'namespace /proc/7/ns/pid NS_GET_ID': { number: '6' },
      'namespace /proc/7/ns/pid NS_GET_USERNS': { number: '31' },
      'namespace /proc/7/ns/pid NS_GET_PARENT': denied,
      'namespace /proc/7/ns/pid_for_children NS_GET_ID': { number: '7' },
      'namespace /proc/7/ns/pid_for_children NS_GET_USERNS': { number: '30' },
      'namespace /proc/7/ns/pid_for_children NS_GET_PARENT': { number: '40' },
    };
    const scan = look(answers, ['user', 'pid']);
    const of = (text: string): unknown => scan.namespaces.get(text);
    expect(of('user:[30]')).toMatchObject({ id: 5n, parent: 31n, owner: 31n });
    expect(of('user:[31]')).toMatchObject({ id: 4n, parent: 'outside', pids: [] });
    expect(of('pid:[40]')).toMatchObject({ parent: 'outside' });
    expect(of('pid:[41]')).toMatchObject({ parent: 40n, holders: [{ type: 'for_children', pid: 7, tid: 7 }] });
    const hidden = scan.namespaces.get('user:[31]');
    expect(hidden === undefined ? [] : holdersOf(scan, hidden)).toEqual([
      { type: 'child', relation: 'parent', kind: 'user', inode: 30n },
      { type: 'child', relation: 'owner', kind: 'pid', inode: 40n },
    ]);
  });

  it('names what lies in /run/netns, by mount and by link, and how it is released', () => {
    const scan = look({
      'file /proc/self/mountinfo': {
        text:
          '30 20 0:4 net:[50] /run/netns/blue rw shared:1 - nsfs nsfs rw\n' +
          '31 20 0:4 net:[51] /run/docker/netns/1a rw - nsfs nsfs rw\n' +
          '32 20 0:4 net:[52] /srv/net rw - nsfs nsfs rw\n',
      },
      'directory /run/netns': { names: ['blue', 'linked', 'stale'] },
      'directory /run/docker/netns': gone,
      'link /run/netns/blue': { gap: { reason: 'unsupported', errno: 'EINVAL' } },
      'link /run/netns/stale': { gap: { reason: 'unsupported', errno: 'EINVAL' } },
      'link /run/netns/linked': { text: '/proc/7/ns/net' },
    });
    const holders = ['net:[50]', 'net:[51]', 'net:[52]', 'net:[10]'].map((text) => {
      const [holder] = scan.namespaces.get(text)?.holders ?? [];
      return [holder, holder === undefined ? undefined : releaseCommand(scan, holder)?.join(' ')];
    });
    expect(holders).toEqual([
      [{ type: 'name', name: 'blue', path: '/run/netns/blue', symlink: false }, 'nstool net rm blue'],
      [{ type: 'name', name: '1a', path: '/run/docker/netns/1a', symlink: false }, 'umount /run/docker/netns/1a'],
      [{ type: 'mount', path: '/srv/net', mountId: 32, mountNamespace: 1n, pid: 7 }, 'umount /srv/net'],
      [{ type: 'name', name: 'linked', path: '/run/netns/linked', symlink: true }, 'nstool net rm linked'],
    ]);
    const unused = [...scan.namespaces.values()].filter((namespace) => isUnused(scan, namespace));
    expect(unused.map(({ inode }) => inode)).toEqual([50n, 51n, 52n]);
  });

  it('tells descriptors in flight from none', () => {
    const socket = (fdinfo: string): Answers => ({
      'directory /proc/7/fd': { names: ['3'] },
      'link /proc/7/fd/3': { text: 'socket:[99]' },
      'namespace SIOCGSKNS of 7/3=99 ': { number: '10' },
      'file /proc/7/fdinfo/3': { text: fdinfo },
    });
    expect(details(look(socket('pos:\t0\nscm_fds: 0\n')))).not.toContain('in flight');
    expect(details(look(socket('pos:\t0\nscm_fds: 2\n')))).toContain('in flight: 2 in /proc/7/fd/3');
    expect(details(look(socket('pos:\t0\n')))).toContain('in flight, before Linux 6.19');
  });

  it('looks for descriptors in flight only in what may be a unix socket', () => {
    const fds = Array.from({ length: 40 }, (_, index) => index + 3);
    const udp = fds.slice(1).map((fd) => inetSocket(AF_INET, 100 + fd));
    const host = hostOf({
      ...old,
      ...Object.fromEntries(fds.map((fd) => [`link /proc/7/fd/${fd}`, { text: `socket:[${100 + fd}]` }])),
      'directory /proc/7/fd': { names: fds.map(String) },
      [questions.netlink(encodeSocketDump('udp'))]: { datagrams: udp.map(toHex) },
      'namespace SIOCGSKNS of 7/3=103 ': { number: '10' },
      'file /proc/7/fdinfo/3': { text: 'pos:\t0\nscm_fds: 2\n' },
    });
    const read: string[] = [];
    const readFile = (path: string): ReturnType<typeof host.readFile> => {
      read.push(path);
      return host.readFile(path);
    };
    const scan = discoverNamespaces({ ...host, readFile }, new Set<NamespaceKind>(['net']), { deep: true });
    expect(scan.namespaces.get('net:[10]')?.holders).toHaveLength(40);
    expect(details(scan)).toContain('in flight: 2 in /proc/7/fd/3');
    expect(read.filter((path) => path.includes('fdinfo'))).toEqual(['/proc/7/fdinfo/3']);
  });

  it('adds what the kernel lists beyond, and then leaves nothing in flight unsaid', () => {
    const scan = look({
      'list-namespaces 0x40000000 0': { numbers: ['3', '77', '78'] },
      'namespace /proc/7/ns/net NS_GET_ID': { number: '3' },
      'namespace id 77 (0x0, inode 0) NS_GET_NSTYPE': { number: String(0x40000000) },
      'namespace id 77 (0x0, inode 0) ': { number: '60' },
      'namespace id 77 (0x0, inode 0) NS_GET_USERNS': { number: '4026531837' },
      'namespace id 78 (0x0, inode 0) NS_GET_NSTYPE': { gap: { reason: 'gone', errno: 'ESTALE' } },
    });
    expect(scan.namespaces.get('net:[60]')).toMatchObject({
      id: 77n,
      holders: [{ type: 'unseen' }],
      owner: 4026531837n,
    });
    expect(details(scan)).not.toContain('flight');
  });

  it('finds a mount in a mount namespace without a process', () => {
    const mounts = `mounts 1099 0x${STATMOUNT_MASK.toString(16)} 0x6e736673 0x62656572`;
    const scan = look({
      'mount-namespaces': { mount_namespaces: [['1099', '2', '4']] },
      [mounts]: { structs: [statmount('net:[70]', '/x')] },
    });
    const found = scan.namespaces.get('net:[70]');
    expect(found?.holders).toEqual([{ type: 'mount', path: '/x', mountId: 5, mountNamespace: 2n, pid: null }]);
    expect(details(scan)).toContain('namespace without a way to it');
  });
});

/** A struct statmount of an nsfs mount, in hex. */
function statmount(root: string, point: string): string {
  const strings = Buffer.from(`nsfs\0${root}\0${point}\0`);
  const fixed = Buffer.alloc(512);
  fixed.writeUInt32LE(512 + strings.length, 0);
  fixed.writeBigUInt64LE(STATMOUNT_MASK, 8);
  fixed.writeUInt32LE(0x6e736673, 24);
  fixed.writeUInt32LE(5, 56);
  fixed.writeUInt32LE('nsfs'.length + 1, 104);
  fixed.writeUInt32LE('nsfs'.length + 1 + root.length + 1, 108);
  return Buffer.concat([fixed, strings]).toString('hex');
}
