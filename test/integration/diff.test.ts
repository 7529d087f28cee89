// Differences of live targets, compared with ip(8), and with what was done to them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatArchive, type ArchiveHeader } from '../../src/host/recorded/archive.ts';
import { readRecordedHost } from '../../src/host/recorded/recorded-host.ts';
import { recording } from '../../src/host/recorded/recorder.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { diffTargets, type TargetDiff } from '../../src/inspect/diff/diff.ts';
import { sideOf } from '../../src/inspect/diff/side.ts';
import { linkOf } from '../support/entered.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { identities, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();

function compare(a: string | number, b: string | number): TargetDiff {
  return diffTargets(sideOf(host, String(a)), sideOf(host, String(b)));
}

function namesOf({ differences }: TargetDiff, what: string): readonly (string | null)[] {
  return differences.filter((row) => row.what === what).map(({ name }) => name);
}

/** What a plain user may not go inside for. */
const INSIDE_ONLY =
  process.geteuid?.() === 0
    ? []
    : [
        'cgroup root',
        'domainname',
        'hostname',
        ...['message queue', 'semaphore set', 'shared memory segment', 'POSIX message queue'].map(
          (name) => `${name} list`,
        ),
      ].toSorted();

const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

describe.skipIf(lacks('userns', 'unshare')).each(identities)('eight fresh namespaces made by $name', ({ uid }) => {
  let target: TargetProcess;
  let twin: TargetProcess;

  beforeAll(async () => {
    target = await makeTarget(['-r', '-mnupiCT', '--boottime=1000', '--fork', '--mount-proc'], uid);
    twin = await makeTarget([], uid);
  });
  afterAll(async () => {
    await target.end();
    await twin.end();
  });

  test('differ from ours in all eight, and in what is in them', () => {
    const found = compare(target.pid, 'self');
    const numbers = found.differences.filter(({ what }) => what === 'namespace');
    expect(new Set(numbers.map(({ name }) => name))).toEqual(new Set(KINDS));
    for (const { name, a, b } of numbers) {
      expect(`${name}:[${String(a)}]`).toBe(linkOf(target.pid, name ?? ''));
      expect(`${name}:[${String(b)}]`).toBe(linkOf('self', name ?? ''));
    }
    expect(found.differences).toContainEqual(expect.objectContaining({ what: 'uid_map', a: [`0 ${uid} 1`] }));
    expect(found.differences).toContainEqual(expect.objectContaining({ what: 'pid inside', a: 1, b: process.pid }));
    expect(found.differences).toContainEqual(
      expect.objectContaining({ what: 'clock offset', name: 'boottime', a: '1000 s 0 ns' }),
    );
    // That of --mount-proc lies on ours, which it copied.
    expect(namesOf(found, 'mount')).toContain('/proc');
    expect(namesOf(found, 'link')).toContain('lo');
    const unknown = found.unknowns.filter(({ side }) => side === 'a').map(({ subject }) => subject);
    expect(unknown.toSorted()).toEqual(INSIDE_ONLY);
  });

  test('differ in nothing from themselves', () => {
    expect(compare(target.pid, target.pid)).toEqual({ differences: [], unknowns: [], sameHost: true });
    expect(compare(`net:${/[0-9]+/.exec(linkOf(target.pid, 'net'))?.[0] ?? ''}`, target.pid).differences).toEqual([]);
  });

  test('differ in nothing from their recording of the moment', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-diff-'));
    try {
      const recorder = recording(host);
      const live = diffTargets(sideOf(recorder.host, String(target.pid)), sideOf(host, String(target.pid)));
      expect(live.differences).toEqual([]);
      expect([...new Set(live.unknowns.map(({ subject }) => subject))].toSorted()).toEqual(INSIDE_ONLY);
      const header: ArchiveHeader = {
        nstool_recording: 1,
        date: '2026-01-01',
        kernel: '6.1.0',
        distribution: 'test',
        made_by: 'test',
        anonymised: false,
        self: host.self,
      };
      const file = join(folder, 'host.ndjson');
      writeFileSync(file, formatArchive(header, recorder.entries()));
      const replay = readRecordedHost(file);
      const replayed = diffTargets(sideOf(replay, String(target.pid)), sideOf(host, String(target.pid)));
      expect(replayed).toEqual(live);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('two commands of one shell differ in nothing', async () => {
    const other = await makeTarget([], uid);
    try {
      expect(compare(twin.pid, other.pid)).toEqual({ differences: [], unknowns: [], sameHost: true });
    } finally {
      await other.end();
    }
  });
});

interface IpAddress {
  readonly ifname: string;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

/** `eth0 10.0.0.1/24`, as ip(8) tells it inside. */
function addressesIn(pid: number): ReadonlySet<string> {
  const { stdout } = run(['nsenter', `--target=${pid}`, '--net', 'ip', '-j', 'addr']);
  const links = JSON.parse(stdout) as readonly IpAddress[];
  return new Set(
    links.flatMap(({ ifname, addr_info }) =>
      addr_info.map(({ local, prefixlen, scope }) => {
        return `${ifname} ${local}/${prefixlen}${scope === 'global' ? '' : ` scope ${scope}`}`;
      }),
    ),
  );
}

function routesIn(pid: number): readonly { readonly dst: string; readonly dev: string; readonly gateway?: string }[] {
  const { stdout } = run(['nsenter', `--target=${pid}`, '--net', 'ip', '-j', '-4', 'route', 'show', 'table', 'main']);
  return JSON.parse(stdout) as ReturnType<typeof routesIn>;
}

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'nsenter', 'ip'))('two networks', () => {
  let a: Started;
  let b: Started;

  const start = (last: number): Promise<Started> => {
    const script = `
      ip link set lo up
      ip link add br0 address 02:00:00:00:00:01 type bridge
      ip link set br0 up
      ip addr add 192.0.2.${last}/24 dev br0
      ip addr add 198.51.100.1/25 dev br0
      ip addr add 2001:db8::${last}/64 dev br0 nodad
      ip route add 203.0.113.0/24 via 192.0.2.${last + 1} metric 5
      ip route add 10.0.0.0/8 via 192.0.2.200
      ${last === 1 ? 'ip route add default via 192.0.2.200' : ''}
      ip rule add from 10.${last}.0.0/16 table 100 priority 50
      ip route add 10.70.0.0/16 via 192.0.2.200 table ${last}
      echo ready
      exec sleep 1000`;
    return startReady(['unshare', '--net', 'sh', '-ec', script], {
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    });
  };

  beforeAll(async () => {
    a = await start(1);
    b = await start(50);
  });
  afterAll(async () => {
    await a.end();
    await b.end();
  });

  test('differ in the addresses in which ip(8) has them differ', () => {
    const found = compare(a.pid, b.pid);
    const told = (side: 'a' | 'b'): readonly string[] =>
      found.differences
        .filter(({ what }) => what === 'address')
        .flatMap(({ name, [side]: list }) =>
          (Array.isArray(list) ? (list as readonly string[]) : []).map((text) => `${name ?? ''} ${text}`),
        );
    const [inA, inB] = [addressesIn(a.pid), addressesIn(b.pid)];
    expect(told('a').toSorted()).toEqual([...inA].filter((text) => !inB.has(text)).toSorted());
    expect(told('b').toSorted()).toEqual([...inB].filter((text) => !inA.has(text)).toSorted());
    expect(told('a')).toHaveLength(2);
  });

  test('differ in rules and tables', () => {
    const { differences } = compare(a.pid, b.pid);
    const told = (sort: string): unknown => differences.filter(({ what }) => what === sort);
    expect(told('rule')).toMatchObject([
      { name: '50', a: ['from 10.1.0.0/16 lookup 100'], b: ['from 10.50.0.0/16 lookup 100'] },
    ]);
    const table = (name: number): string => `10.70.0.0/16 table ${name}`;
    expect(told('route')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: table(1), change: 'only_a' }),
        expect.objectContaining({ name: table(50), change: 'only_b' }),
      ]),
    );
  });

  test('differ in the routes in which ip(8) has them differ', () => {
    const key = (route: object): string => JSON.stringify(route);
    const [inA, inB] = [routesIn(a.pid), routesIn(b.pid)];
    const [keysA, keysB] = [new Set(inA.map(key)), new Set(inB.map(key))];
    const differing = [...inA.filter((one) => !keysB.has(key(one))), ...inB.filter((one) => !keysA.has(key(one)))];
    expect(differing.length).toBeGreaterThan(0);
    expect(new Set(namesOf(compare(a.pid, b.pid), 'route').filter((name) => !name?.includes(' table ')))).toEqual(
      // The kernel's own routes of IPv6 are alike.
      new Set(differing.map(({ dst }) => dst)),
    );
  });

  test('by the number of one namespace and a file of the other are compared alike', () => {
    const number = /[0-9]+/.exec(linkOf(a.pid, 'net'))?.[0] ?? '';
    const found = compare(`net:${number}`, `/proc/${b.pid}/ns/net`);
    const ofProcesses = compare(a.pid, b.pid);
    const network = ofProcesses.differences.filter(({ what }) => !['environment', 'cwd'].includes(what));
    expect(found.differences).toEqual(network);
    expect(found.unknowns).toEqual([]);
  });
});

describe.skipIf(lacks('root'))('a process with fewer privileges', () => {
  let plain: Started;
  let bare: Started;

  beforeAll(async () => {
    const waiting = ['sh', '-c', 'echo ready; exec sleep 1000'];
    plain = await startReady(waiting);
    const fewer = ['setpriv', '--bounding-set=-net_admin', '--no-new-privs', '--groups=4,24', '--regid=7'];
    bare = await startReady([...fewer, 'env', 'NSTOOL_DIFF=1', ...waiting]);
  });
  afterAll(async () => {
    await plain.end();
    await bare.end();
  });

  test('differs in those alone', () => {
    const found = compare(plain.pid, bare.pid);
    const rows = found.differences.map(({ what, name, a, b }) => [what, name, a, b]);
    expect(rows.filter(([what]) => what !== 'groups')).toEqual([
      ['gid', null, '0', '7'],
      ['capabilities', 'effective', ['cap_net_admin'], []],
      ['capabilities', 'permitted', ['cap_net_admin'], []],
      ['capabilities', 'bounding', ['cap_net_admin'], []],
      ['no_new_privs', null, 'no', 'yes'],
      ['environment', null, [], ['NSTOOL_DIFF']],
    ]);
    expect(found.differences.find(({ what }) => what === 'groups')?.b).toEqual(['4', '24']);
    expect(found.unknowns).toEqual([]);
  });
});
