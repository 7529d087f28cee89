// Discovery, rows and trees on recorded hosts. What to expect is read from the archive's lines, not from our readers.

import { describe, expect, it } from 'vitest';
import { namespaceKinds } from '../../../src/kernel/abi/namespace-kinds.ts';
import { isComplete } from '../../../src/kernel/gap-tally.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { discoverNamespaces } from '../../../src/namespaces/discover/discover.ts';
import { requireOwnProc } from '../../../src/namespaces/discover/own-proc.ts';
import type { Scan } from '../../../src/namespaces/discover/scan.ts';
import { namespaceTree, processTree, type RowNode } from '../../../src/namespaces/row-tree.ts';
import { namespaceRows, processRows, type Fact, type NamespaceRow } from '../../../src/namespaces/rows.ts';
import { archiveLines, fixtureHost, fixtureHosts, hostOf } from '../../support/recorded.ts';

const KINDS = new Set(namespaceKinds.map(({ kind }) => kind));
const FACTS: ReadonlySet<Fact> = new Set(['ppid', 'command', 'uid', 'user', 'netnsid', 'pns', 'ons']);

function look(host: Host, kinds = KINDS): { scan: Scan; rows: readonly NamespaceRow[] } {
  const scan = discoverNamespaces(host, kinds);
  return { scan, rows: namespaceRows(scan, FACTS) };
}

/** By the text of a link, the pids whose link it is. */
function linksInArchive(lines: readonly Record<string, unknown>[]): ReadonlyMap<string, readonly number[]> {
  const names = lines.find(({ q }) => q === 'directory /proc')?.['names'];
  const listed = new Set(Array.isArray(names) ? names.map(Number) : []);
  const members = new Map<string, number[]>();
  for (const { q, text } of lines) {
    const [, pid, kind] = /^link \/proc\/([0-9]+)\/ns\/([a-z]+)$/.exec(String(q)) ?? [];
    if (typeof text !== 'string' || kind === undefined || !listed.has(Number(pid))) continue;
    members.set(text, [...(members.get(text) ?? []), Number(pid)]);
  }
  return members;
}

/** The pids of a tree's rows, sorted; 0 where there is none. */
function pidsIn(nodes: readonly RowNode[]): readonly number[] {
  const pids = nodes.flatMap(({ row, children }) => [('pid' in row ? row.pid : null) ?? 0, ...pidsIn(children)]);
  return pids.toSorted((one, other) => one - other);
}

function pidsOf(rows: readonly NamespaceRow[]): readonly number[] {
  return rows.map(({ pid }) => pid ?? 0).toSorted((one, other) => one - other);
}

describe.each(fixtureHosts.filter((name) => name !== 'hostile'))('the recorded host %s', (name) => {
  const lines = archiveLines(name);
  const { scan, rows } = look(fixtureHost(name));

  it('says where it comes from', () => {
    expect(lines[0]).toMatchObject({
      nstool_recording: 1,
      date: expect.stringMatching(/^20[0-9]{2}-[0-9]{2}-[0-9]{2}$/),
      kernel: expect.stringMatching(/^[0-9.]+$/),
      distribution: expect.any(String),
      made_by: expect.stringContaining('scripts/capture-host.ts --anonymise'),
      anonymised: true,
      self: { pid: expect.any(Number), uid: expect.any(Number) },
    });
  });

  it('was captured through the proc file system of its own pid namespace', () => {
    expect(() => requireOwnProc(fixtureHost(name))).not.toThrow();
  });

  it('has a row for each distinct link, with its members counted and the lowest pid in front', () => {
    const members = linksInArchive(lines);
    const withProcess = rows.filter(({ pid }) => pid !== null);
    expect(withProcess.map(({ type, ns }) => `${type}:[${ns}]`).toSorted()).toEqual([...members.keys()].toSorted());
    for (const row of withProcess) {
      const pids = members.get(`${row.type}:[${row.ns}]`) ?? [];
      expect(row).toMatchObject({ nprocs: pids.length, pid: Math.min(...pids) });
      expect(row.path).toBe(`/proc/${row.pid}/ns/${row.type}`);
    }
  });

  it('is in the order of inodes', () => {
    const inodes = rows.map(({ ns }) => ns);
    expect(inodes).toEqual(inodes.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
  });

  it('has an owner for every namespace that is not the top, and no fact that could not be read', () => {
    const top = rows.filter(({ type, ons }) => type !== 'user' && ons === null);
    expect(top.map(({ ns }) => ns)).toEqual([]);
    expect(scan.gaps.list().filter(({ subject }) => subject === 'fact')).toEqual([]);
  });

  it('draws every row once, in the tree of namespaces and in that of processes', () => {
    expect(pidsIn(namespaceTree(rows))).toEqual(pidsOf(rows));
    for (const namespace of scan.namespaces.values()) {
      const processes = processRows(scan, namespace, FACTS);
      expect(processes.map(({ pid }) => pid)).toEqual(namespace.pids.toSorted((a, b) => a - b));
      expect(pidsIn(processTree(processes))).toEqual(pidsOf(processes));
    }
  });

  it('lists the kinds that were asked for, and no other', () => {
    for (const { kind } of namespaceKinds) {
      const only = look(fixtureHost(name), new Set([kind])).rows;
      expect(only.map(({ ns }) => ns)).toEqual(rows.filter(({ type }) => type === kind).map(({ ns }) => ns));
    }
  });
});

describe('the idle host', () => {
  const { scan, rows } = look(fixtureHost('idle'));

  it('has the initial namespaces, of which the kernel is the first member', () => {
    const kernels = rows.filter(({ pid }) => pid === 2);
    expect(new Set(kernels.map(({ type }) => type))).toEqual(KINDS);
    expect(kernels.every(({ command, ppid, user }) => command === 'kthreadd' && ppid === 0 && user === 'root')).toBe(
      true,
    );
  });

  it('tells a closed process from an empty host', () => {
    expect(scan.gaps.list()).toEqual([
      {
        subject: 'process',
        reason: 'denied',
        errno: 'EACCES',
        count: 1,
        examples: ['/proc/1/ns/user'],
        detail: null,
      },
    ]);
    expect(isComplete(scan.gaps.list())).toBe(false);
  });
});

describe('the host with thirty namespaces', () => {
  const lines = archiveLines('thirty-namespaces');
  const { scan, rows } = look(fixtureHost('thirty-namespaces'));
  const files = (name: string): ReadonlyMap<number, string> =>
    new Map(
      lines.flatMap(({ q, text }) => {
        const pid = new RegExp(`^file /proc/([0-9]+)/${name}$`).exec(String(q))?.[1];
        return pid === undefined || typeof text !== 'string' ? [] : [[Number(pid), text] as const];
      }),
    );

  it('has thirty of them and more, of all kinds', () => {
    expect(rows.length).toBeGreaterThanOrEqual(30);
    for (const kind of KINDS) expect(rows.filter(({ type }) => type === kind).length, kind).toBeGreaterThanOrEqual(2);
  });

  it('counts processes, not threads', () => {
    const threaded = [...files('status')].filter(([, text]) => /^Threads:\t4$/m.test(text)).map(([pid]) => pid);
    expect(threaded.length).toBeGreaterThanOrEqual(1);
    // Its three threads are in network namespaces of their own: none of them is seen.
    const [pid] = threaded;
    expect(rows.filter((row) => row.pid === pid && row.type === 'net')).toMatchObject([{ nprocs: 1 }]);
  });

  it('lists zombies, which have user and pid namespaces only, by their name', () => {
    const zombies = [...files('stat')].filter(([, text]) => /\) Z /.test(text)).map(([pid]) => pid);
    expect(zombies.length).toBeGreaterThanOrEqual(2);
    const kinds = [...scan.namespaces.values()].filter(({ pids }) => pids.some((pid) => zombies.includes(pid)));
    expect(new Set(kinds.map(({ kind }) => kind))).toEqual(new Set(['user', 'pid']));
    const alone = rows.filter(({ pid }) => zombies.includes(pid ?? 0));
    expect(alone).toMatchObject([{ type: 'user', nprocs: 1, command: expect.stringMatching(/^program-[0-9]+$/) }]);
    // They hide nothing.
    expect(scan.gaps.list().map(({ examples }) => examples)).toEqual([['/proc/1/ns/user']]);
  });

  it('lists namespaces without a process, with mounts, id and owner', () => {
    const empty = rows.filter(({ pid }) => pid === null);
    expect(empty).toMatchObject([
      { type: 'net', nprocs: 0, netnsid: '42', uid: 0, user: 'root', nsfs: ['/run/netns/blue', expect.any(String)] },
    ]);
    expect(empty[0]?.ons).toBe(rows.find(({ type }) => type === 'user')?.ns);
  });

  it('knows mounts that are in other mount namespaces only', () => {
    const foreign = rows.filter(({ nsfs }) => nsfs.some((path) => /^\/proc\/[0-9]+\/root\/run\/uts$/.test(path)));
    expect(foreign).toMatchObject([{ type: 'uts', nprocs: expect.any(Number) }]);
  });

  it('knows parents: a chain of pid namespaces, a user namespace in a user namespace', () => {
    for (const kind of ['pid', 'user'] as const) {
      const parents = new Map(rows.filter(({ type }) => type === kind).map(({ ns, pns }) => [ns, pns]));
      const depth = (ns: bigint | null | undefined): number => (ns == null ? 0 : 1 + depth(parents.get(ns)));
      expect(Math.max(...[...parents.keys()].map(depth)), kind).toBeGreaterThanOrEqual(3);
      expect([...parents.values()].filter((pns) => pns === null)).toHaveLength(1);
    }
  });
});

describe('a plain user under hidepid', () => {
  const { scan, rows } = look(fixtureHost('hidepid'));

  it('sees the processes of that user only', () => {
    expect(rows.length).toBeGreaterThan(8);
    expect(rows.every(({ uid, user }) => uid === 65534 && user === 'nobody')).toBe(true);
  });

  it('counts what is hidden, and is not complete', () => {
    expect(scan.gaps.list()).toEqual([
      {
        subject: 'task',
        reason: 'denied',
        errno: null,
        count: expect.any(Number),
        examples: ['/proc'],
        detail: 'hidden by the mount option hidepid=invisible of /proc',
      },
    ]);
    expect(scan.gaps.list()[0]?.count).toBeGreaterThan(50);
    expect(isComplete(scan.gaps.list())).toBe(false);
  });
});

describe('the hostile host', () => {
  const { scan, rows } = look(fixtureHost('hostile'));
  const row = (type: string, ns: bigint): NamespaceRow | undefined =>
    rows.find((one) => one.type === type && one.ns === ns);
  const gap = (subject: string, reason: string): unknown =>
    scan.gaps.list().find((one) => one.subject === subject && one.reason === reason);

  it('keeps 64-bit inodes exactly', () => {
    expect(row('user', 18446744073709551615n)).toMatchObject({
      pid: 10,
      pns: 18446744073709551613n,
      ons: 18446744073709551613n,
    });
    expect(row('net', 18446744073709551614n)).toMatchObject({ pid: 10, netnsid: '2147483647' });
    expect(row('net', 18446744073709551615n)).toMatchObject({ pid: null, nsfs: ['/run/largest'] });
    expect(rows.some(({ ns }) => ns > 18446744073709551615n)).toBe(false);
  });

  it('keeps names as they are: newlines, parentheses, escape sequences, marks, bytes that are not UTF-8', () => {
    expect(row('mnt', 4026531841n)?.command).toBe(
      '\u001b]0;owned\u0007\u001b[31mred \u202egpj.exe \u2066x\u2069\u200b line\nbreak\ttab\r \u009b2J ',
    );
    expect(row('user', 4026532009n)).toMatchObject({ command: '\n\u001b[2Jx) Z 1 (y', ppid: 1, user: 'user' });
    expect(row('user', 18446744073709551615n)).toMatchObject({
      command: 'caf\ufffd \ufffd\ufffd\ufffd \ufffd',
      user: '\u001b[31mevil\u202e',
    });
    expect(row('net', 4026532500n)?.nsfs).toEqual([
      '/run/two words\ttab',
      '/run/new\nline',
      '/run/\u001b[31mred\u202e',
    ]);
    expect(row('uts', 4026532600n)?.nsfs).toEqual(['/run/uts\\040x//deleted']);
  });

  it('counts links and mounts that are no namespaces, and takes them for none', () => {
    expect(gap('namespace link', 'malformed')).toMatchObject({ count: 10 });
    expect(rows.flatMap(({ nsfs }) => nsfs)).not.toContain('/run/bogus');
    expect([...scan.namespaces.values()].some(({ pids }) => pids.includes(60))).toBe(false);
  });

  it('takes a truncated, binary or empty stat for unknown, never for 0', () => {
    for (const ns of [4026532001n, 4026532002n, 4026532003n]) {
      expect(row('net', ns)).toMatchObject({ ppid: null, command: null, uid: 0, netnsid: null });
    }
    // Three stat files, three netlink answers; further down the owner of ids beyond 32 bits.
    expect(gap('fact', 'malformed')).toMatchObject({ count: 6 });
  });

  it('takes refused facts for unknown, and counts each reason', () => {
    expect(row('uts', 4026532067n)).toMatchObject({ uid: null, user: null, command: null, ppid: null, ons: null });
    const facts = scan.gaps.list().filter(({ subject }) => subject === 'fact');
    expect(facts.map(({ reason, errno, count }) => [reason, errno, count])).toEqual(
      expect.arrayContaining([
        ['denied', 'EACCES', 1],
        ['denied', 'EPERM', 1],
        ['unsupported', 'EIO', 1],
        ['unsupported', 'ENOTTY', 1],
      ]),
    );
  });

  it('counts processes that are closed, and those that went away before and while it looked', () => {
    expect(gap('process', 'denied')).toMatchObject({ count: 1, examples: ['/proc/64/ns/user'] });
    const gone = scan.gaps.list().filter(({ subject, reason }) => subject === 'process' && reason === 'gone');
    expect(gone.map(({ examples }) => examples)).toEqual([['/proc/65/ns/user'], ['/proc/66/ns/cgroup']]);
  });

  it('reads only names that are pids', () => {
    const pids = new Set([...scan.namespaces.values()].flatMap((namespace) => namespace.pids));
    expect([...pids].toSorted((a, b) => a - b)).toEqual([
      1, 9, 10, 61, 62, 63, 66, 67, 68, 69, 70, 71, 72, 500, 4194304,
    ]);
  });

  it('names the line of a mount table that is cut off', () => {
    expect(gap('mount table', 'malformed')).toMatchObject({
      count: 1,
      examples: [expect.stringContaining('/proc/72/mountinfo:2: ')],
    });
  });

  it('knows the hiding option by its number too', () => {
    expect(gap('task', 'denied')).toMatchObject({ detail: 'hidden by the mount option hidepid=4 of /proc' });
  });

  it('draws circles of parents as trees: each row once', () => {
    const circle = rows.filter(({ command }) => command?.startsWith('circle') === true);
    expect(pidsIn(namespaceTree(circle))).toEqual([68, 69, 70, 71]);
    const tree = processTree(circle);
    expect(pidsIn(tree)).toEqual([68, 69, 70, 71]);
    // A circle has no root: each stands alone.
    expect(tree).toHaveLength(4);
  });

  it('is not complete', () => {
    expect(isComplete(scan.gaps.list())).toBe(false);
  });
});

describe('what an archive lacks', () => {
  const self = {
    'link /proc/self': { text: '7' },
    'directory /proc': { names: ['7', '8'] },
  };

  it('is a gap, and never an empty host', () => {
    const { scan, rows } = look(hostOf({}));
    expect(rows).toEqual([]);
    expect(scan.gaps.list()).toMatchObject([
      { subject: 'process list', reason: 'unrecorded', count: 1 },
      { subject: 'mount table', reason: 'unrecorded', count: 1 },
    ]);
    expect(isComplete(scan.gaps.list())).toBe(false);
  });

  it('is counted process by process, and fact by fact', () => {
    const { scan, rows } = look(hostOf({ ...self, 'link /proc/8/ns/net': { text: 'net:[5]' } }), new Set(['net']));
    expect(rows).toMatchObject([{ ns: 5n, nprocs: 1, pid: 8, ppid: null, command: null, uid: null, ons: null }]);
    const counts = scan.gaps.list().map(({ subject, reason, count }) => [subject, reason, count]);
    expect(counts).toEqual([
      ['process', 'unrecorded', 2],
      ['mount table', 'unrecorded', 1],
      // stat(2) of the folder, cmdline, stat, nsid, owner
      ['fact', 'unrecorded', 5],
    ]);
  });

  it('is nothing when it was not asked', () => {
    const scan = discoverNamespaces(hostOf({ ...self, 'link /proc/8/ns/net': { text: 'net:[5]' } }), new Set(['net']));
    expect(namespaceRows(scan, new Set())).toMatchObject([{ ns: 5n, ppid: null }]);
    expect(scan.gaps.list().some(({ subject }) => subject === 'fact')).toBe(false);
  });
});

describe('the proc file system of another pid namespace', () => {
  const mounts = '25 1 0:22 / /proc rw - proc proc rw\n40 25 0:60 / /proc rw - proc container rw\n';
  const status = (pids: string): object => ({
    text: `Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n${pids}`,
  });

  it('is refused where this process does not appear in it', () => {
    expect(() => requireOwnProc(hostOf({ 'link /proc/self': { gap: { reason: 'gone', errno: 'ENOENT' } } }))).toThrow(
      'FOREIGN_PROC: /proc/self is missing',
    );
  });

  it('is refused where it is an outer one, by the list of our numbers', () => {
    const host = hostOf({
      'link /proc/self': { text: '7' },
      'file /proc/self/status': status('NSpid:\t7\t1\n'),
      'file /proc/self/mountinfo': { text: mounts },
    });
    expect(() => requireOwnProc(host)).toThrow(
      expect.objectContaining({
        facts: expect.objectContaining({ why: expect.stringContaining('mount 40: proc container') }),
      }),
    );
  });

  it('is refused where it has another number for us', () => {
    const host = hostOf({ 'link /proc/self': { text: '9' }, 'file /proc/self/status': status('NSpid:\t9\n') });
    expect(() => requireOwnProc(host)).toThrow('FOREIGN_PROC');
  });

  it('is not suspected where the numbers agree, nor on kernels without NSpid', () => {
    const link = { 'link /proc/self': { text: '7' } };
    expect(() => requireOwnProc(hostOf({ ...link, 'file /proc/self/status': status('NSpid:\t7\n') }))).not.toThrow();
    expect(() => requireOwnProc(hostOf({ ...link, 'file /proc/self/status': status('') }))).not.toThrow();
  });
});
