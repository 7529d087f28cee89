// Facts of a listing on hosts made of answers: what cannot be read is null and a gap, and nothing else is asked.

import { describe, expect, it } from 'vitest';
import { filterColumns } from '../../../src/cli/commands/ls-columns.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { discoverNamespaces } from '../../../src/namespaces/discover/discover.ts';
import { emptyScan, noteNamespace, type Scan } from '../../../src/namespaces/discover/scan.ts';
import { releasePlan } from '../../../src/namespaces/release.ts';
import { namespaceRows, processRows, type Fact, type NamespaceRow } from '../../../src/namespaces/rows.ts';
import { matches, parseFilter } from '../../../src/render/filter/filter.ts';
import { hostOf } from '../../support/recorded.ts';

const denied = { gap: { reason: 'denied', errno: 'EACCES' } };
const gone = { gap: { reason: 'gone', errno: 'ENOENT' } };

function stat(pid: number, { threads = 1, user = 0, system = 0, start = 0 } = {}): object {
  return { text: `${pid} (x) S 1 1 1 0 -1 0 0 0 0 0 ${user} ${system} 0 0 20 0 ${threads} 0 ${start} 0 0\n` };
}

function status(kib: number): object {
  const ids = 'Tgid:\t1\nPid:\t1\nPPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n';
  return { text: `Name:\tx\n${ids}VmRSS:\t${kib} kB\n` };
}

/** A scan of these namespaces, by link: pids, and what else is set. */
function scanOf(host: Host, namespaces: Readonly<Record<string, readonly number[]>>): Scan {
  const scan = emptyScan(host, new Set(['net', 'pid', 'user', 'uts']));
  for (const [text, pids] of Object.entries(namespaces)) noteNamespace(scan, text, text)?.pids.push(...pids);
  return scan;
}

function rowOf(scan: Scan, ...facts: readonly Fact[]): NamespaceRow {
  const [row] = namespaceRows(scan, new Set(facts));
  if (row === undefined) throw new Error('no row');
  return row;
}

describe('sums over processes', () => {
  const answers = {
    'file /proc/7/stat': stat(7, { threads: 3, user: 150, system: 25 }),
    'file /proc/8/stat': stat(8, { threads: 2, user: 1 }),
    'file /proc/7/status': status(100),
    'file /proc/8/status': status(28),
  };

  it('are of all processes, and of one in a row for it', () => {
    const scan = scanOf(hostOf(answers), { 'net:[5]': [7, 8] });
    const facts: readonly Fact[] = ['threads', 'cpu', 'rss'];
    expect(rowOf(scan, ...facts)).toMatchObject({ pids: [7, 8], threads: 5, cpu: 1.76, rss: 131_072 });
    const [namespace] = scan.namespaces.values();
    if (namespace === undefined) return expect.unreachable();
    expect(processRows(scan, namespace, new Set(facts))).toMatchObject([
      { pid: 7, nprocs: 2, threads: 3, cpu: 1.75, rss: 102_400 },
      { pid: 8, nprocs: 2, threads: 2, cpu: 0.01, rss: 28_672 },
    ]);
  });

  it('leave out what ended meanwhile, and are null where a process is closed to us', () => {
    const ended = scanOf(hostOf({ ...answers, 'file /proc/8/stat': gone, 'file /proc/8/status': gone }), {
      'net:[5]': [7, 8],
    });
    expect(rowOf(ended, 'threads', 'cpu', 'rss')).toMatchObject({ threads: 3, cpu: 1.75, rss: 102_400 });
    const closed = scanOf(hostOf({ ...answers, 'file /proc/8/stat': denied, 'file /proc/8/status': denied }), {
      'net:[5]': [7, 8],
    });
    expect(rowOf(closed, 'threads', 'cpu', 'rss')).toMatchObject({ threads: null, cpu: null, rss: null });
    expect(closed.gaps.list()).toMatchObject([{ subject: 'fact', reason: 'denied', count: 2 }]);
  });

  it('count a thread where it is', () => {
    const scan = scanOf(hostOf(answers), { 'net:[5]': [7], 'net:[6]': [8] });
    scan.namespaces
      .get('net:[6]')
      ?.holders.push({ type: 'thread', pid: 7, tid: 71 }, { type: 'thread', pid: 7, tid: 72 });
    expect(namespaceRows(scan, new Set(['threads'])).map(({ threads }) => threads)).toEqual([1, 4]);
  });

  it('are not read when nobody asks', () => {
    const scan = scanOf(hostOf({}), { 'net:[5]': [7], 'user:[6]': [7], 'uts:[7]': [7] });
    expect(
      namespaceRows(scan, new Set()).map(({ threads, cpu, rss, sockets }) => [threads, cpu, rss, sockets]),
    ).toEqual(Array.from({ length: 3 }, () => [null, null, null, null]));
    expect(scan.gaps.list()).toEqual([]);
  });
});

describe('CREATED', () => {
  const boot = { 'file /proc/stat': { text: 'cpu 1\nbtime 1000000000\n' } };
  const created = (text: string, pids: readonly number[], answers: object, mount?: string): string | null => {
    const scan = scanOf(hostOf({ ...boot, ...answers }), { [text]: pids });
    if (mount !== undefined) scan.namespaces.get(text)?.mounts.push(mount);
    return rowOf(scan, 'created').created;
  };
  const starts = {
    'file /proc/7/stat': stat(7, { start: 9_900 }),
    'file /proc/8/stat': stat(8, { start: 500 }),
  };
  const mounted = (seconds: string): object => ({
    'stat /run/netns/blue': {
      status: { dev: '4', ino: '5', mode: '0', uid: '0', gid: '0', changed: `${seconds}000000000` },
    },
  });

  it('is the boot for the initial ones', () => {
    expect(created('user:[4026531837]', [7], starts)).toBe('2001-09-09T01:46:40Z');
  });

  it('is the first start in a pid namespace, and about that in others', () => {
    expect(created('pid:[5]', [7, 8], starts)).toBe('2001-09-09T01:46:45Z');
    expect(created('uts:[5]', [7, 8], starts)).toBe('2001-09-09T01:46:45Z~');
  });

  it('is about when it was mounted, if that was before', () => {
    expect(created('net:[5]', [], mounted('1000000001'), '/run/netns/blue')).toBe('2001-09-09T01:46:41Z~');
    expect(created('net:[5]', [8], { ...starts, ...mounted('1000000001') }, '/run/netns/blue')).toBe(
      '2001-09-09T01:46:41Z~',
    );
    expect(created('net:[5]', [8], { ...starts, ...mounted('1000000009') }, '/run/netns/blue')).toBe(
      '2001-09-09T01:46:45Z~',
    );
  });

  it('is unknown where nothing tells, where the file is another one, and in older recordings', () => {
    expect(created('net:[5]', [], {})).toBeNull();
    expect(created('net:[6]', [], mounted('1000000001'), '/run/netns/blue')).toBeNull();
    const older = { 'stat /run/netns/blue': { status: { dev: '4', ino: '5', mode: '0', uid: '0', gid: '0' } } };
    expect(created('net:[5]', [], older, '/run/netns/blue')).toBeNull();
    expect(created('uts:[5]', [7], { ...starts, 'file /proc/stat': { text: 'btime 99999999999999\n' } })).toBeNull();
  });
});

describe('what no path leads to', () => {
  it('is asked by the way it was found, and not asked again for what the deep look knows', () => {
    const scan = scanOf(
      hostOf({
        'link /proc/self/ns/net': { text: 'net:[1]' },
        'namespace SIOCGSKNS of 7/3=99 NS_GET_USERNS NS_GET_OWNER_UID': { number: '1000' },
        'file /etc/passwd': { text: 'alice:x:1000:1000::/:/bin/sh\n' },
      }),
      { 'net:[5]': [] },
    );
    const namespace = scan.namespaces.get('net:[5]');
    if (namespace === undefined) return expect.unreachable();
    namespace.door = { at: { pid: 7, fd: 3, ask: 'SIOCGSKNS', inode: 99n }, through: [] };
    Object.assign(namespace, { owner: 4026531837n, id: 812n });
    expect(rowOf(scan, 'ons', 'id', 'uid', 'user', 'owner')).toMatchObject({
      ons: 4026531837n,
      id: 812n,
      uid: 1000,
      user: 'alice',
      owner: 'alice',
    });
    expect(scan.gaps.list()).toEqual([]);
    Object.assign(namespace, { owner: 'outside' });
    expect(rowOf(scan, 'ons').ons).toBeNull();
  });
});

it('a macvtap descriptor is a gap, a file of that name is not', () => {
  const at = (mode: number): string => {
    const host = hostOf({
      'directory /proc': { names: ['7'] },
      'link /proc/7/ns/net': { text: 'net:[5]' },
      'link /proc/7/ns/mnt': { text: 'mnt:[6]' },
      'directory /proc/7/task': { names: ['7'] },
      'directory /proc/7/fd': { names: ['3'] },
      'link /proc/7/fd/3': { text: '/dev/tap12' },
      'stat /proc/7/fd/3': { status: { dev: '4', ino: '5', mode: String(mode), uid: '0', gid: '0' } },
    });
    const scan = discoverNamespaces(host, new Set(['net']), { deep: true });
    return JSON.stringify(scan.gaps.list().map(({ detail }) => detail));
  };
  expect(at(0o020600)).toContain('macvtap descriptor: /proc/7/fd/3');
  expect(at(0o100600)).not.toContain('macvtap');
});

it('in a filter a parent or owner that is not known is 0, and only there', () => {
  const row = rowOf(scanOf(hostOf({}), { 'net:[5]': [] }));
  const holds = (text: string): boolean => {
    const parsed = parseFilter(text, filterColumns);
    return parsed.ok && matches(parsed.filter, row);
  };
  expect(['ONS == 0', 'PNS < 1', '!ONS', 'UID == 0', 'UID'].map(holds)).toEqual([true, true, true, false, false]);
  expect([row.ons, row.pns]).toEqual([null, null]);
});

describe('a plan of release', () => {
  it('has our mounts, files once, then the mounts of others, and nothing that runs', () => {
    const scan = scanOf(hostOf({ 'link /run/netns/linked': { text: '/proc/9/ns/net' } }), { 'net:[5]': [9] });
    const namespace = scan.namespaces.get('net:[5]');
    if (namespace === undefined) return expect.unreachable();
    const mount = { type: 'mount', path: '/x', mountId: 1 } as const;
    namespace.holders.push(
      { ...mount, mountNamespace: 3n, pid: 8 },
      { ...mount, mountNamespace: 4n, pid: null },
      { ...mount, mountNamespace: 2n, pid: 7 },
      { type: 'name', name: 'blue', path: '/run/netns/blue', symlink: false },
      { type: 'name', name: 'blue', path: '/run/netns/blue', symlink: false },
      { type: 'name', name: 'linked', path: '/run/netns/linked', symlink: true },
      { type: 'descriptor', pid: 9, tid: 9, fd: 3 },
    );
    const { operations, namespace: named } = releasePlan(scan, namespace);
    expect(named).toEqual({ kind: 'net', inode: 5n, id: null });
    const within = { inode: 3n, door: '/proc/8/ns/mnt', root: '/proc/8/root' };
    // Into mount namespace 4 no way is known.
    expect(operations).toMatchObject([
      { op: 'unmount', path: '/run/netns/blue', within: null },
      { op: 'unmount', path: '/run/netns/blue', within: null },
      { op: 'unmount', path: '/x', within: null },
      { op: 'remove', path: '/run/netns/blue', link: null },
      { op: 'remove', path: '/run/netns/linked', link: '/proc/9/ns/net' },
      { op: 'unmount', path: '/x', within },
    ]);
    expect(operations).toHaveLength(6);
  });
});
