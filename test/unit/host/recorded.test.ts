// What is recorded is answered again, for every question of the port.

import { describe, expect, it } from 'vitest';
import { formatArchive } from '../../../src/host/recorded/archive.ts';
import { recordedHost } from '../../../src/host/recorded/recorded-host.ts';
import { recording } from '../../../src/host/recorded/recorder.ts';
import { gap, value, type Gap, type Host, type Tree, type TreeEntry } from '../../../src/kernel/host.ts';
import { encodeLinkDump } from '../../../src/kernel/netlink/links.ts';

function treeOf(path: string, base = ''): Tree {
  const entry: TreeEntry = {
    path: '',
    dev: 1n,
    ino: 2n,
    mode: 0o40755,
    uid: 3,
    gid: 4,
    links: 5,
    size: 1n << 62n,
    blocks: 7n,
    rdev: 8n,
    modified: -9n,
    attributes: { opaque: '79' },
  };
  const gaps = [gap({ reason: 'denied', what: base, errno: 'EACCES' })].flatMap((one) => (one.ok ? [] : [one.gap]));
  return { top: entry, entries: [{ ...entry, path: `${path}/\udcff`, attributes: {} }], cut: base !== '', gaps };
}

function gapsOf(what: string): readonly Gap[] {
  return [{ reason: 'denied', what, errno: 'EACCES' }];
}

const live: Host = {
  self: { pid: 7, uid: 0 },
  readFile: () => value(Uint8Array.of(0xff, 0)),
  readLink: () => value('net:[1]'),
  readDirectory: () => value(['a', 'b']),
  stat: () => value({ dev: 4n, ino: 1n << 40n, mode: 0o644, uid: 1, gid: 2 }),
  tree: ({ path, base }) => value(treeOf(path, base)),
  folders: ({ path, limit }) => value({ paths: ['a', 'a/\udcff'], cut: limit === 1, gaps: gapsOf(path) }),
  askNamespace: (door, questions) =>
    typeof door === 'string' ? value(1n << 60n) : gap({ reason: 'denied', what: questions.join(' '), errno: 'EPERM' }),
  netlink: ({ namespace }) => value([Uint8Array.of(namespace === undefined ? 1 : 2)]),
  readFileInside: ({ kind, door }) =>
    door === '/closed' ? gap({ reason: 'denied', what: kind, errno: 'EPERM' }) : value(Uint8Array.of(120, 10)),
  readFileInRoot: ({ root, path }) => value(new TextEncoder().encode(root + path)),
  findInRoot: ({ path }) =>
    value({
      status: { dev: 4n, ino: 9n, mode: 0o100755, uid: 1, gid: 2 },
      mount: { noSetuid: path === '/b', noExecute: false, readOnly: path === '/b' },
      head: path === '/b' ? null : Uint8Array.of(0x23, 0x21, 0xff),
    }),
  attribute: ({ path, follow }) => value(follow ? new TextEncoder().encode(path) : null),
  findAttributes: ({ path }) =>
    value({
      files: 3,
      found: [
        { path: `${path}/a\udcff`, bytes: value(Uint8Array.of(1, 2)), mount: 30 },
        {
          path: `${path}/b`,
          bytes: gap({ reason: 'unsupported', what: `${path}/b`, errno: 'EOVERFLOW' }),
          mount: null,
        },
      ],
      skipped: [{ path: `${path}/proc`, fileSystem: 'proc' }],
      gaps: [{ reason: 'denied', what: `${path}/c`, errno: 'EACCES' }],
    }),
  mountOf: ({ follow }) => value(follow ? 30 : 31),
  networkSettings: (of) => value({ values: { 'ipv4/ip_forward': of === null ? '0' : '1' }, gaps: [] }),
  legacyTable: ({ family, table, namespace }) =>
    value(Uint8Array.of(family.length, table.length, namespace === undefined ? 0 : 0xff)),
  messageQueues: (door) =>
    value([
      {
        name: door === undefined ? 'ours' : 'theirs',
        status: { dev: 4n, ino: 9n, mode: 0o100600, uid: 1, gid: 2 },
        bytes: Uint8Array.of(0x51),
      },
    ]),
  sharesFiles: (pid, tid) => value(pid === tid),
  processNumber: (pid) => value(BigInt(pid) + (1n << 40n)),
  securebits: () => value(0x2f),
  kernelLog: (topic) => value({ oldest: '6,1,0,-;', records: [topic, 'ü'] }),
  mountNamespaces: () => value([{ id: 1n << 40n, inode: 4026531832n, mounts: 21 }]),
  mounts: ({ magics }) => value([Uint8Array.from(magics)]),
  listNamespaces: () => value([1n, 1n << 63n]),
};

const questions: Readonly<Record<string, (host: Host) => unknown>> = {
  'a file': (host) => host.readFile('/a'),
  'a link': (host) => host.readLink('/a'),
  'a directory': (host) => host.readDirectory('/a'),
  'a status': (host) => host.stat('/a'),
  'a tree': (host) => host.tree({ root: '/a', path: 'b', deep: true, limit: 5 }),
  'a tree in the root of another': (host) =>
    host.tree({ base: '/proc/7/root', root: '/a', path: 'b', deep: true, limit: 5 }),
  folders: (host) => host.folders({ path: '/a', limit: 1 }),
  'folders without a limit': (host) => host.folders({ path: '/a', limit: 100 }),
  'a namespace by path': (host) => host.askNamespace('/run/netns/blue', ['NS_GET_ID']),
  'a namespace by a descriptor': (host) => host.askNamespace({ pid: 7, fd: 3, ask: 'SIOCGSKNS', inode: 12n }, []),
  'a namespace by its id': (host) => host.askNamespace({ id: 3n, type: 0, inode: 0n }, ['NS_GET_NSTYPE']),
  netlink: (host) => host.netlink(encodeLinkDump()),
  'netlink in another namespace': (host) => host.netlink(encodeLinkDump('/run/netns/blue')),
  'a file inside': (host) => host.readFileInside({ kind: 'uts', door: '/ns', path: '/a' }),
  'a file inside of another kind': (host) => host.readFileInside({ kind: 'ipc', door: '/ns', path: '/a' }),
  'a file inside that is closed': (host) => host.readFileInside({ kind: 'uts', door: '/closed', path: '/a' }),
  'a file in a root': (host) => host.readFileInRoot({ root: '/r', path: '/a' }),
  'a file found in a root': (host) => host.findInRoot({ root: '/r', path: '/a' }),
  'a file found in a root and closed to us': (host) => host.findInRoot({ root: '/r', path: '/b' }),
  'an attribute': (host) => host.attribute({ name: 'security.capability', path: '/a', follow: true }),
  'no attribute': (host) => host.attribute({ name: 'security.capability', path: '/a', follow: false }),
  'an attribute in a root': (host) => host.attribute({ name: 'user.x', root: '/r', path: '/b', follow: true }),
  'a search for attributes': (host) => host.findAttributes({ name: 'security.capability', path: '/a' }),
  'a search in a root': (host) => host.findAttributes({ name: 'security.capability', root: '/r', path: '/a' }),
  'the mount of a file': (host) => host.mountOf({ path: '/a', follow: true }),
  'the mount of a link': (host) => host.mountOf({ path: '/a', follow: false }),
  'settings of a new network': (host) => host.networkSettings(null),
  'settings of a network': (host) => host.networkSettings('/ns'),
  'a table of iptables-legacy': (host) => host.legacyTable({ family: 'ip', table: 'filter' }),
  'a table of iptables-legacy elsewhere': (host) => host.legacyTable({ family: 'ip6', table: 'nat', namespace: '/ns' }),
  'message queues': (host) => host.messageQueues(),
  'message queues inside': (host) => host.messageQueues('/ns'),
  'a shared table': (host) => host.sharesFiles(7, 7),
  'a table of its own': (host) => host.sharesFiles(7, 8),
  'the number of a process': (host) => host.processNumber(7),
  securebits: (host) => host.securebits(),
  "the kernel's log": (host) => host.kernelLog('cgroups'),
  'mount namespaces': (host) => host.mountNamespaces(),
  mounts: (host) => host.mounts({ namespace: 3n, mask: 0x3bn, magics: [1, 2], count: 2 }),
  namespaces: (host) => host.listNamespaces({ types: 0x40000000, owner: 0n }),
};

const header = {
  nstool_recording: 1,
  date: '',
  kernel: '',
  distribution: '',
  made_by: '',
  anonymised: false,
  self: live.self,
} as const;

/** A gap is about the same thing, in the archive's words. */
function withoutWhat(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, part: unknown) => {
      if (key === 'what') return undefined;
      return typeof part === 'bigint' ? String(part) : part instanceof Uint8Array ? [...part] : part;
    }),
  );
}

describe('a recorded host', () => {
  const recorder = recording(live);
  for (const ask of Object.values(questions)) ask(recorder.host);
  const replayed = recordedHost(formatArchive(header, recorder.entries()), 'test');
  if (!replayed.ok) throw new Error(JSON.stringify(replayed.gap));
  const host = replayed.value;

  it.each(Object.entries(questions))('answers again what was asked: %s', (_, ask) => {
    expect(withoutWhat(ask(host))).toEqual(withoutWhat(ask(live)));
  });

  it('tells questions apart', () => {
    expect(recorder.entries()).toHaveLength(Object.keys(questions).length);
    expect(host.mounts({ namespace: 4n, mask: 0x3bn, magics: [1, 2], count: 2 })).toMatchObject({
      gap: { reason: 'unrecorded' },
    });
    expect(host.netlink(encodeLinkDump('/run/netns/red'))).toMatchObject({ gap: { reason: 'unrecorded' } });
  });

  it.each([
    ['mount-namespaces', { mount_namespaces: [['1', '2']] }],
    ['mount-namespaces', { mount_namespaces: ['1'] }],
    ['shares-files 7 8', { shared: 'yes' }],
    ['securebits', { number: '4294967296' }],
    ['kernel-log cgroups', { log: { oldest: 6, records: [] } }],
    ['kernel-log cgroups', { log: { oldest: null, records: [1] } }],
    ['kernel-log cgroups', { log: null }],
    ['list-namespaces 0x0 0', { numbers: ['x'] }],
    ['tree ["","/a",""] flat 1', { tree: { entries: [['', '1 2', {}]], cut: false, gaps: [] } }],
    ['tree ["","/a",""] flat 1', { tree: { entries: [], cut: false, gaps: [] } }],
    ['tree ["","/a",""] flat 1', { tree: { entries: {}, cut: false, gaps: [] } }],
    ['folders "/a" 1', { folders: { paths: [7], cut: false, gaps: [] } }],
    ['folders "/a" 1', { folders: { paths: [], gaps: [] } }],
  ])('says that %s with %j is malformed', (q, answer) => {
    const text = [JSON.stringify(header), JSON.stringify({ q, ...answer })].join('\n');
    const hostile = recordedHost(text, 'test');
    if (!hostile.ok) throw new Error('not a recording');
    const asked = [
      hostile.value.mountNamespaces(),
      hostile.value.sharesFiles(7, 8),
      hostile.value.securebits(),
      hostile.value.kernelLog('cgroups'),
      hostile.value.listNamespaces({ types: 0, owner: 0n }),
      hostile.value.tree({ root: '/a', path: '', deep: false, limit: 1 }),
      hostile.value.folders({ path: '/a', limit: 1 }),
    ];
    expect(asked.map((reading) => (reading.ok ? 'ok' : reading.gap.reason))).toContain('malformed');
    expect(asked.map((reading) => reading.ok)).not.toContain(true);
  });
});
