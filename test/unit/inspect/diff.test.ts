// Differences of hosts made of answers, and of recorded ones: only what differs, and nothing that is unknown.

import { describe, expect, it } from 'vitest';
import { diff } from '../../../src/cli/commands/diff.ts';
import { questions } from '../../../src/host/recorded/archive.ts';
import { compareFacts } from '../../../src/inspect/diff/compare.ts';
import { diffTargets, type TargetDiff } from '../../../src/inspect/diff/diff.ts';
import type { Fact, FactValue } from '../../../src/inspect/diff/fact.ts';
import { sideOf } from '../../../src/inspect/diff/side.ts';
import { namespaceKinds } from '../../../src/kernel/abi/namespace-kinds.ts';
import type { NsError } from '../../../src/kernel/error.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { encodeAddressDump } from '../../../src/kernel/netlink/addresses.ts';
import { encodeLinkDump } from '../../../src/kernel/netlink/links.ts';
import { encodeRouteDump } from '../../../src/kernel/netlink/routes.ts';
import { encodeRuleDump } from '../../../src/kernel/netlink/rules.ts';
import { netlinkFixture } from '../../support/netlink-fixture.ts';
import { fixtureHost, fixtureHosts, fixturePath, hostOf, runCommand } from '../../support/recorded.ts';

const fact = (name: string | null, value: FactValue): Fact => ({ what: 'thing', name, value });

describe('comparing facts', () => {
  it('tells what only one has, and what differs', () => {
    const a = [fact('one', 'x'), fact('two', 2), fact('three', 3n), fact(null, 'same')];
    const b = [fact('three', 4n), fact(null, 'same'), fact('two', 2), fact('four', '')];
    expect(compareFacts(a, b)).toEqual([
      { what: 'thing', name: 'one', change: 'only_a', a: 'x', b: null },
      { what: 'thing', name: 'three', change: 'differs', a: 3n, b: 4n },
      { what: 'thing', name: 'four', change: 'only_b', a: null, b: '' },
    ]);
  });

  it('tells of lists what the other lacks, whatever their order', () => {
    expect(compareFacts([fact(null, ['a', 'b', 'b'])], [fact(null, ['b', 'a'])])).toEqual([]);
    expect(compareFacts([fact(null, ['a', 'b'])], [fact(null, ['c', 'b'])])).toMatchObject([{ a: ['a'], b: ['c'] }]);
    expect(compareFacts([fact(null, [])], [fact(null, ['c'])])).toMatchObject([{ change: 'differs', a: [], b: ['c'] }]);
  });

  it('compares things of one name in their order', () => {
    const a = [fact('/mnt', 'below'), fact('/mnt', 'above')];
    expect(compareFacts(a, [fact('/mnt', 'below')])).toMatchObject([{ name: '/mnt', change: 'only_a', a: 'above' }]);
    expect(compareFacts(a, a)).toEqual([]);
  });
});

function status(pid: number, more: readonly string[]): string {
  const fixed = ['Name:\tx', `Tgid:\t${pid}`, `Pid:\t${pid}`, 'PPid:\t1', 'Threads:\t1'];
  return `${[...fixed, ...more].join('\n')}\n`;
}

const ROOT = ['Uid:\t0\t0\t0\t0', 'Gid:\t0\t0\t0\t0', 'Groups:\t '];
const FULL = '000001ffffffffff';

function capabilities(effective: string): readonly string[] {
  const sets = { CapInh: '0', CapPrm: effective, CapEff: effective, CapBnd: FULL, CapAmb: '0' };
  return Object.entries(sets).map(([key, mask]) => `${key}:\t${mask.padStart(16, '0')}`);
}

/** The dumps of a network namespace, asked through this process, or without a door. */
function network(pid: number | undefined, names: readonly [string, string, string, string] | undefined): object {
  const door = pid === undefined ? undefined : `/proc/${pid}/ns/net`;
  const requests = [encodeLinkDump(door), encodeAddressDump(door), encodeRouteDump(door), encodeRuleDump(door)];
  return Object.fromEntries(
    requests.map((request, index) => {
      const datagrams = names === undefined ? [] : netlinkFixture(names[index] ?? '');
      return [questions.netlink(request), { datagrams: datagrams.map((each) => Buffer.from(each).toString('hex')) }];
    }),
  );
}

interface Told {
  readonly pid: number;
  readonly inodes: (kind: string, index: number) => bigint;
  readonly status: readonly string[];
  readonly mountinfo: string;
  readonly map: string;
  readonly offsets: string;
  readonly environ: string;
}

function processAnswers({ pid, inodes, status: more, mountinfo, map, offsets, environ }: Told): object {
  const links = namespaceKinds.map(({ kind }, index) => [kind, `${kind}:[${inodes(kind, index)}]`] as const);
  const time = links.find(([kind]) => kind === 'time')?.[1];
  return {
    [`stat /proc/${pid}`]: { status: { dev: '1', ino: '1', mode: '16749', uid: '0', gid: '0' } },
    [`file /proc/${pid}/stat`]: { text: `${pid} (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 900 0\n` },
    ...Object.fromEntries(links.map(([kind, text]) => [`link /proc/${pid}/ns/${kind}`, { text }])),
    [`link /proc/${pid}/ns/time_for_children`]: { text: time },
    [`file /proc/${pid}/status`]: { text: status(pid, more) },
    [`file /proc/${pid}/mountinfo`]: { text: mountinfo },
    [`file /proc/${pid}/uid_map`]: { text: map },
    [`file /proc/${pid}/gid_map`]: { text: map },
    [`file /proc/${pid}/setgroups`]: { text: 'allow\n' },
    [`file /proc/${pid}/timens_offsets`]: { text: offsets },
    [`file /proc/${pid}/cgroup`]: { text: '0::/user.slice\n' },
    [`link /proc/${pid}/root`]: { text: '/' },
    [`link /proc/${pid}/cwd`]: { text: '/' },
    [`file /proc/${pid}/environ`]: { text: environ },
  };
}

const initial = (_: string, index: number): bigint => 4026531830n + BigInt(index);

const plain: Omit<Told, 'pid'> = {
  inodes: initial,
  status: [...ROOT, ...capabilities(FULL), 'NoNewPrivs:\t0', 'Seccomp:\t0'],
  mountinfo: '20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n21 20 0:5 / /proc rw - proc proc rw\n',
  map: '         0          0 4294967295\n',
  offsets: 'monotonic           0         0\nboottime            0         0\n',
  environ: 'PATH=/bin\0SECRET=abc\0',
};

const other: Omit<Told, 'pid'> = {
  inodes: (_, index) => 4026540000n + BigInt(index),
  status: [
    'Uid:\t100000\t100001\t100000\t100000',
    'Gid:\t0\t0\t0\t0',
    'Groups:\t4 27 ',
    'NSpid:\t30\t1',
    ...capabilities('3'),
    'NoNewPrivs:\t1',
    'Seccomp:\t2',
  ],
  mountinfo: '40 1 0:50 / / rw,relatime - overlay overlay ro,lowerdir=/l\n41 40 0:5 / /proc ro - proc proc rw\n',
  map: '         0     100000      65536\n',
  offsets: 'monotonic       86400         0\nboottime           -1 500000000\n',
  environ: 'PATH=/usr/bin\0LANG=C\0PATH=/second\0',
};

const HEADS = {
  msg: 'key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime',
  sem: 'key semid perms nsems uid gid cuid cgid otime ctime',
  shm: 'key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap',
};
const SEGMENT = '-1 0 1600 4096 30 0 2 100000 100000 100000 100000 0 0 0 0 0\n';
const QUEUE = { name: 'q', status: { dev: '1', ino: '2', mode: '33184', uid: '100000', gid: '0' }, hex: null };

/** What is told inside our namespaces, and inside those of process 30. */
function insideAnswers(): object {
  const file = (path: string, kind: string): string => `file-inside ${path} in ${kind} /proc/30/ns/${kind}`;
  const ipc = Object.entries(HEADS).flatMap(([kind, head]) => [
    [`file /proc/sysvipc/${kind}`, { text: `${head}\n` }],
    [file(`/proc/sysvipc/${kind}`, 'ipc'), { text: `${head}\n${kind === 'shm' ? SEGMENT : ''}` }],
  ]);
  return {
    ...(Object.fromEntries(ipc) as object),
    'message-queues': { queues: [] },
    'message-queues in /proc/30/ns/ipc': { queues: [QUEUE] },
    [file('/proc/sys/kernel/hostname', 'uts')]: { text: 'inner\n' },
    [file('/proc/sys/kernel/domainname', 'uts')]: { text: '(none)\n' },
    [file('/proc/30/cgroup', 'cgroup')]: { text: '0::/\n' },
  };
}

/** Processes 7 (we), 20 like it, 30 in eight namespaces of its own. */
function host(more: Readonly<Record<string, object>> = {}): Host {
  const own = Object.fromEntries(
    Object.entries(processAnswers({ pid: 7, ...plain })).map(([question, answer]: [string, object]) => {
      return [question.replace('/proc/7', '/proc/self'), answer];
    }),
  );
  return hostOf({
    'link /proc/self': { text: '7' },
    'directory /proc': { names: ['7', '20', '30'] },
    ...own,
    ...processAnswers({ pid: 7, ...plain }),
    ...processAnswers({ pid: 20, ...plain }),
    ...processAnswers({ pid: 30, ...other }),
    'file /proc/20/status': { text: status(20, ['NSpid:\t20', ...plain.status]) },
    'file /proc/sys/kernel/hostname': { text: 'here\n' },
    'file /proc/sys/kernel/domainname': { text: '(none)\n' },
    ...insideAnswers(),
    ...network(undefined, undefined),
    ...network(30, ['links', 'addresses', 'routes', 'rules']),
    ...more,
  });
}

function compare(one: Host, a: string, b: string, second = one): TargetDiff {
  return diffTargets(sideOf(one, a), sideOf(second, b));
}

function rowsOf({ differences }: TargetDiff, ...whats: readonly string[]): readonly unknown[] {
  return differences.filter(({ what }) => whats.includes(what)).map(({ name, a, b }) => [name, a, b]);
}

function unknownsOf({ unknowns }: TargetDiff): readonly string[] {
  return unknowns.filter(isAskedFor).map(({ side, subject }) => `${side} ${subject}`);
}

/** The recordings are older than some questions. */
function isAskedFor({ subject, gap }: TargetDiff['unknowns'][number]): boolean {
  const more = ['neighbour list', 'firewall', 'network settings'].includes(subject) || subject.startsWith('count of ');
  return gap.reason !== 'unrecorded' || !more;
}

describe('two processes of a host', () => {
  const found = compare(host(), '20', '30');

  it('in namespaces of their own differ in those, and in what is in them', () => {
    expect(rowsOf(found, 'namespace')).toHaveLength(8);
    expect(rowsOf(found, 'uid_map', 'gid_map')).toEqual([
      [null, ['0 0 4294967295'], ['0 100000 65536']],
      [null, ['0 0 4294967295'], ['0 100000 65536']],
    ]);
    expect(rowsOf(found, 'mount')).toEqual([
      ['/', ['type ext4', 'source /dev/sda1'], ['type overlay', 'source overlay', 'file system ro', 'lowerdir=/l']],
      ['/proc', ['rw'], ['ro']],
    ]);
    expect(rowsOf(found, 'clock offset')).toEqual([
      ['monotonic', '0 s 0 ns', '86400 s 0 ns'],
      ['boottime', '0 s 0 ns', '-1 s 500000000 ns'],
    ]);
  });

  it('differ in links, addresses and routes, by the names of the links', () => {
    expect(found.differences.find(({ what, name }) => what === 'link' && name === 'port0')).toMatchObject({
      change: 'only_b',
      a: null,
      b: expect.arrayContaining(['veth', 'up', 'master br0', 'address 02:00:00:00:00:02']) as unknown,
    });
    expect(rowsOf(found, 'address')).toContainEqual([
      'end0',
      null,
      expect.arrayContaining(['198.51.100.1 peer 198.51.100.2/32']),
    ]);
    const routes = new Map(rowsOf(found, 'route').map((row) => [(row as unknown[])[0], (row as unknown[])[2]]));
    expect(routes.get('203.0.113.0/25')).toEqual(['via 192.0.2.9 dev br0 metric 7']);
    expect(routes.get('203.0.113.128/25')).toEqual([
      'nexthop via 192.0.2.9 dev br0 weight 2 nexthop via 198.51.100.2 dev end0 weight 1',
    ]);
    expect(routes.get('blackhole 192.0.2.200')).toEqual(['present']);
    expect(routes.get('inet6 default')).toEqual(['via 2001:db8::9 dev br0 metric 1024']);
    expect(routes.get('10.70.0.0/16 table 100')).toEqual(['via 192.0.2.9 dev br0']);
    expect(routes.get('2001:db8:5::/64')).toEqual(['encap seg6 dev br0 metric 1024']);
    expect([...routes.keys()].filter((name) => /table (255|local)/.test(String(name)))).toEqual([]);
    expect(rowsOf(found, 'rule')).toContainEqual(['50', null, ['from 10.0.0.0/8 lookup 100']]);
    expect(rowsOf(found, 'rule')).toContainEqual(['inet6 50', null, ['from 2001:db8::/32 oif br0 lookup 100']]);
  });

  it('differ in ids, privileges and the names in the environment', () => {
    expect(rowsOf(found, 'uid', 'gid', 'groups', 'pid inside', 'no_new_privs', 'seccomp', 'environment')).toEqual([
      [null, 20, 1],
      [null, '0', 'real 100000, effective 100001, saved 100000, filesystem 100000'],
      [null, [], ['4', '27']],
      [null, 'no', 'yes'],
      [null, 'disabled', 'filter'],
      [null, ['SECRET'], ['LANG']],
    ]);
    const sets = rowsOf(found, 'capabilities').map((row) => (row as unknown[])[0]);
    expect(sets).toEqual(['effective', 'permitted']);
    expect(JSON.stringify(found.differences, (_, value: unknown) => String(value))).not.toContain('abc');
  });

  it('differ in names and objects that only who is inside is told of', () => {
    expect(unknownsOf(found)).toEqual([]);
    expect(rowsOf(found, 'hostname', 'domainname', 'cgroup root')).toEqual([
      [null, '/', '/user.slice'],
      [null, 'here', 'inner'],
    ]);
    expect(rowsOf(found, 'shared memory segment', 'POSIX message queue')).toEqual([
      ['key 0xffffffff', null, ['owner 100000:100000', 'creator 100000:100000', 'mode 600', '4096 bytes']],
      ['/q', null, ['owner 100000:0', 'mode 640']],
    ]);
  });

  it('have names and objects that are unknown to who may not go inside', () => {
    const denied = { gap: { reason: 'denied', errno: 'EPERM' } };
    const closed = Object.fromEntries(
      Object.keys(insideAnswers())
        .filter((question) => question.includes('/proc/30/ns/'))
        .map((question) => [question, denied]),
    );
    expect(unknownsOf(compare(host(closed), '20', '30'))).toEqual([
      'b cgroup root',
      'b message queue list',
      'b semaphore set list',
      'b shared memory segment list',
      'b POSIX message queue list',
      'b hostname',
      'b domainname',
    ]);
  });

  it('tell values of the environment only when asked, the first of a name', () => {
    const { differences } = diffTargets(sideOf(host(), '20'), sideOf(host(), '30'), { env: true });
    const rows = differences.filter(({ what }) => what === 'environment').map(({ name, a, b }) => [name, a, b]);
    expect(rows).toEqual([
      ['PATH', '/bin', '/usr/bin'],
      ['SECRET', 'abc', null],
      ['LANG', null, 'C'],
    ]);
  });

  it('in the same namespaces differ in nothing when all else is alike', () => {
    expect(compare(host(), '7', '20')).toEqual({ differences: [], unknowns: [], sameHost: true });
  });
});

describe('a process and itself', () => {
  it('are the same, however little can be read', () => {
    const denied = { gap: { reason: 'denied', errno: 'EACCES' } };
    const closed = Object.fromEntries(namespaceKinds.map(({ kind }) => [`link /proc/30/ns/${kind}`, denied] as const));
    const closedHost = host({ ...closed, 'file /proc/30/environ': denied });
    expect(compare(closedHost, '30', '30')).toEqual({ differences: [], unknowns: [], sameHost: true });
  });

  it('are refused when it ended during the look', () => {
    let looks = 0;
    const one = host();
    const leaving: Host = {
      ...one,
      readFile: (path) => {
        if (path !== '/proc/30/stat') return one.readFile(path);
        looks += 1;
        return one.readFile(looks === 1 ? path : '/proc/gone');
      },
    };
    expect(() => compare(leaving, '30', '20')).toThrow('process 30 ended while it was looked at');
  });
});

describe('what is closed', () => {
  it('is neither the same nor different', () => {
    const denied = { gap: { reason: 'denied', errno: 'EACCES' } };
    const found = compare(host({ 'file /proc/30/environ': denied, 'link /proc/30/ns/net': denied }), '20', '30');
    expect(rowsOf(found, 'environment')).toEqual([]);
    expect(rowsOf(found, 'namespace').map((row) => (row as unknown[])[0])).not.toContain('net');
    expect(unknownsOf(found)).toEqual(expect.arrayContaining(['b environment', 'b net namespace']));
  });

  it('is a line that this kernel lacks, too', () => {
    const old = { text: status(30, [...ROOT, 'NSpid:\t30\t1']) };
    expect(unknownsOf(compare(host({ 'file /proc/30/status': old }), '20', '30'))).toEqual(
      expect.arrayContaining(['b ambient capability set', 'b no_new_privs flag', 'b seccomp flag']),
    );
  });
});

describe('two hosts', () => {
  it('are compared by what is in the namespaces, not by their numbers', () => {
    const same = compare(host(), '20', '7', host());
    expect(same.sameHost).toBe(false);
    expect(same.differences).toEqual([]);
    const found = compare(host(), '20', '30', host());
    expect(rowsOf(found, 'namespace')).toEqual([]);
    expect(rowsOf(found, 'uid_map')).toHaveLength(1);
    expect(rowsOf(found, 'link').length).toBeGreaterThan(0);
  });

  it('tell the names of those namespaces that each recorder was in', () => {
    const renamed = host({ 'file /proc/sys/kernel/hostname': { text: 'there\n' } });
    expect(rowsOf(compare(host(), '20', '20', renamed), 'hostname')).toEqual([[null, 'here', 'there']]);
  });
});

describe('a namespace', () => {
  it('is compared with what the other has of its kind', () => {
    const found = compare(host(), 'user:4026540000', '20');
    expect(new Set(found.differences.map(({ what }) => what))).toEqual(new Set(['namespace', 'uid_map', 'gid_map']));
    expect(found.unknowns).toEqual([]);
  });

  it('of another kind has nothing to compare', () => {
    expect(() => compare(host(), 'user:4026540000', 'net:4026540004')).toThrow('nothing in common');
  });
});

describe('host', () => {
  it('is who is in the initial namespaces, and process 1', () => {
    const initialInodes: Record<string, bigint> = {
      ipc: 0xefff_ffffn,
      uts: 0xefff_fffen,
      user: 0xefff_fffdn,
      pid: 0xefff_fffcn,
      cgroup: 0xefff_fffbn,
      time: 0xefff_fffan,
      net: 0xefff_fff9n,
      mnt: 0xefff_fff8n,
    };
    const first = { ...plain, inodes: (kind: string): bigint => initialInodes[kind] ?? 0n };
    const one = host({ ...processAnswers({ pid: 1, ...first }), ...network(1, undefined) });
    const found = compare(one, 'host', '30');
    expect(rowsOf(found, 'namespace')).toContainEqual(['mnt', 0xefff_fff8n, 4026540006n]);
    expect(rowsOf(found, 'seccomp')).toEqual([[null, 'disabled', 'filter']]);
    expect(compare(one, 'host', '1').differences).toEqual([]);
  });

  it('has all capabilities and the root cgroups, whatever is known of process 1', () => {
    const one = host({
      'file /proc/sys/kernel/cap_last_cap': { text: '1\n' },
      'link /proc/self/ns/cgroup': { text: 'cgroup:[4026531835]' },
    });
    const found = compare(one, 'host', '30');
    expect(rowsOf(found, 'capabilities')).toEqual([
      ['bounding', [], expect.arrayContaining(['cap_sys_admin']) as unknown],
    ]);
    expect(rowsOf(found, 'cgroup')).toEqual([[null, '/', '/user.slice']]);
  });

  it('has cgroups that are unknown from inside another cgroup namespace', () => {
    expect(unknownsOf(compare(host(), 'host', '30'))).toContain('a cgroup');
  });

  it('is unknown from where nothing of it is seen', () => {
    const unknowns = unknownsOf(compare(host(), 'host', '30'));
    expect(unknowns).toEqual(expect.arrayContaining(['a process status', 'a mnt namespace', 'a mount table']));
  });
});

describe('nstool diff', () => {
  it('prints a table of what differs, and names what is unknown', async () => {
    const closed = { gap: { reason: 'denied', errno: 'EPERM' } };
    const one = host({ 'file-inside /proc/sys/kernel/hostname in uts /proc/30/ns/uts': closed });
    const { stdout, notes, status } = await runCommand(diff, ['20', '30'], { host: one });
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^WHAT +A +B$/);
    expect(stdout).toMatch(/^namespace mnt +4026531836 +4026540006$/m);
    expect(stdout).toMatch(/^groups +\(none\) +4,27$/m);
    expect(stdout).toMatch(/^link lo +\(none\) +up,operstate UNKNOWN,mtu 65536,/m);
    expect(notes).toContain(
      'unknown of B: hostname: permission denied (/proc/sys/kernel/hostname in uts /proc/30/ns/uts)',
    );
    expect(status).toBe(1);
  });

  it('prints nothing of what is the same', async () => {
    expect(await runCommand(diff, ['7', '20'], { host: host() })).toEqual({ stdout: '', notes: [], status: 0 });
    const { stdout } = await runCommand(diff, ['7', '20', '--json'], { host: host() });
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      complete: true,
      gaps: [],
      a: '7',
      b: '20',
      same_host: true,
      same: true,
      differences: [],
    });
  });

  it('does not call the same what is unknown', async () => {
    const closed = host({ 'link /proc/20/cwd': { gap: { reason: 'denied', errno: 'EACCES' } } });
    const { stdout, notes, status } = await runCommand(diff, ['7', '20', '--json'], { host: closed });
    expect(JSON.parse(stdout)).toMatchObject({
      complete: false,
      same: null,
      differences: [],
      gaps: [{ subject: 'cwd link of B', reason: 'denied', examples: ['/proc/20/cwd'] }],
    });
    expect(notes).toEqual(['unknown of B: cwd link: permission denied (/proc/20/cwd)']);
    expect(status).toBe(1);
  });

  it('escapes what a process chose', async () => {
    const hostile = host({ 'file /proc/20/environ': { text: 'PATH=/bin\0SECRET=abc\0\u001b[31m\u202e=1\0' } });
    const { stdout } = await runCommand(diff, ['7', '20'], { host: hostile });
    expect(stdout).toMatch(/\\x1b\[31m\\u202e/);
    // eslint-disable-next-line no-control-regex -- it must not be there
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });

  it('is never wider than the terminal', async () => {
    const { stdout } = await runCommand(diff, ['20', '30'], { host: host(), columns: 80 });
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  it('refuses what is no target', async () => {
    const error = await runCommand(diff, ['20', '99999'], { host: host() }).catch(
      (reason: unknown) => reason as NsError,
    );
    expect(error).toMatchObject({ code: expect.stringMatching(/NO_PROCESS|UNSUPPORTED/) as unknown });
  });

  it('compares two recorded hosts', async () => {
    const a = `${fixturePath('thirty-namespaces')}::29937`;
    const b = `${fixturePath('idle')}::1`;
    const { stdout, status } = await runCommand(diff, [a, b]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^mount \/run\/netns\/blue +type nsfs,.* +\(none\)$/m);
    expect(stdout).not.toMatch(/^namespace/m);
  });

  it('compares two processes of one recorded host', async () => {
    const path = fixturePath('thirty-namespaces');
    const { stdout } = await runCommand(diff, [`${path}::29937`, `${path}::29940`]);
    expect(stdout).toMatch(/^namespace user +4026531837 +4026532747$/m);
    expect(stdout).toMatch(/^uid_map +0 0 4294967295 +0 0 1$/m);
  });

  it.each(fixtureHosts)('has no difference of a process and itself, and no crash, on %s', (name) => {
    const one = fixtureHost(name);
    const again = fixtureHost(name);
    const entries = one.readDirectory('/proc');
    for (const pid of entries.ok ? entries.value.filter((entry) => /^[1-9][0-9]{0,6}$/.test(entry)) : []) {
      if (!one.stat(`/proc/${pid}`).ok) continue;
      expect(compare(one, pid, pid).differences, pid).toEqual([]);
      expect(compare(one, pid, pid, again).differences, pid).toEqual([]);
    }
  });
});
