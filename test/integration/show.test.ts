// Pages on live processes and namespaces, compared with ip(8), ss(8), findmnt(8) and id(1), and with what signals do.

import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import type { ResolvedTarget } from '../../src/inspect/resolve-target.ts';
import { show } from '../../src/inspect/show/show.ts';
import { pathDoor } from '../../src/namespaces/discover/door.ts';
import type { NamespaceKind } from '../../src/kernel/abi/namespace-kinds.ts';
import { asUser, identities, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();

interface Pages {
  readonly mounts: readonly { readonly target: string; readonly here: string | null; readonly read_only: boolean }[];
  readonly [key: string]: unknown;
}

interface Listening {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  readonly holders: readonly { readonly pid: number; readonly comm: string }[] | null;
}

/** A socket of each sort, held by two processes; the one that is waited for comes last. */
const SOCKETS = [
  'import os, socket, time',
  'r = socket.socket(2, 3, 1)',
  "p = socket.socket(17, 3, 0x0300); p.bind(('lo', 3))",
  "u = socket.socket(1); u.bind(chr(0) + 'a b, 1 init'); u.listen()",
  "s = socket.socket(); s.bind(('127.0.0.1', 7777))",
  'os.fork() and s.listen()',
  'time.sleep(1000)',
].join('; ');

function page(target: ResolvedTarget, ...keys: readonly string[]): Pages {
  const { fields } = show(host, target, keys.length === 0 ? undefined : keys);
  return Object.fromEntries(fields.map(({ key, value }) => [key, value])) as unknown as Pages;
}

function namespaceOf(pid: number, kind: NamespaceKind): ResolvedTarget {
  const inode = BigInt(/[0-9]+/.exec(readlinkSync(`/proc/${pid}/ns/${kind}`))?.[0] ?? 0);
  const path = `/proc/${pid}/ns/${kind}`;
  return { type: 'namespace', kind, inode, path, door: pathDoor(path) };
}

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare', 'ip'))('links between network namespaces', () => {
  let near: TargetProcess;
  let far: TargetProcess;
  beforeAll(async () => {
    near = await makeTarget(['--net']);
    far = await makeTarget(['--net']);
    inNear('link', 'add', 'br0', 'type', 'bridge');
    inNear('link', 'add', 'p0', 'type', 'veth', 'peer', 'name', 'q0', 'netns', String(far.pid));
    inNear('link', 'add', 'p1', 'type', 'veth', 'peer', 'name', 'q1');
    inNear('link', 'set', 'p0', 'master', 'br0', 'alias', 'to the far end');
    inNear('link', 'add', 'm0', 'link', 'q1', 'type', 'macvlan');
    inNear('link', 'set', 'm0', 'netns', String(far.pid));
    inNear('tuntap', 'add', 't0', 'mode', 'tap');
    inNear('tuntap', 'add', 't1', 'mode', 'tun');
  });
  afterAll(async () => {
    await near.end();
    await far.end();
  });

  const inNear = (...words: readonly string[]): string =>
    run(['nsenter', `--target=${near.pid}`, '--net', 'ip', ...words]).stdout;
  const linkText = (pid: number): string => readlinkSync(`/proc/${pid}/ns/net`);

  test('say where they lead, by name', () => {
    const [nearField] = show(host, namespaceOf(near.pid, 'net'), ['links']).fields;
    const [farField] = show(host, namespaceOf(far.pid, 'net'), ['links']).fields;
    const line = (field: typeof nearField, name: string): string =>
      field?.lines.find((each) => each.includes(`: ${name} `)) ?? '';
    expect(line(nearField, 'p0')).toMatch(/ master br0 /);
    expect(line(nearField, 'p0')).toContain(` peer q0 in ${linkText(far.pid)} alias to the far end`);
    expect(line(nearField, 'p1')).toMatch(/ peer q1$/);
    expect(line(farField, 'q0')).toContain(` peer p0 in ${linkText(near.pid)}`);
    expect(line(farField, 'm0')).toContain(` on q1 in ${linkText(near.pid)}`);
    expect(line(nearField, 't0')).toMatch(/: t0 tap /);
    expect(line(nearField, 't1')).toMatch(/: t1 tun /);
  });

  test('have the index and the netns id that ip(8) tells', () => {
    const theirs = JSON.parse(inNear('-j', '-d', 'link')) as readonly Record<string, unknown>[];
    const peer = theirs.find(({ ifname }) => ifname === 'p0');
    const { links } = page(namespaceOf(near.pid, 'net'), 'links') as unknown as {
      links: readonly Record<string, unknown>[];
    };
    expect(links.find(({ ifname }) => ifname === 'p0')).toMatchObject({
      link_index: peer?.['link_index'],
      link_netnsid: peer?.['link_netnsid'],
      link_ifname: 'q0',
      master: peer?.['master'],
      ifalias: 'to the far end',
    });
  });
});

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare', 'ip', 'ss', 'python')).sequential('as root', () => {
  let target: TargetProcess;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-show-'));
    const script = [
      'ip link set lo up',
      'ip link add v0 type veth peer name v1',
      'ip addr add 192.0.2.1/24 dev v0',
      'ip link set v0 up',
      'ip route add blackhole 198.51.100.0/24',
      'ip route add 10.70.0.0/16 via 192.0.2.9 table 100 metric 7',
      'ip route add 203.0.113.0/24 nexthop via 192.0.2.9 weight 2 nexthop via 192.0.2.10',
      'ip rule add from 10.0.0.0/8 table 100 priority 50',
      `mount --bind -o ro ${folder} /mnt`,
      `mount -o remount,bind,ro /mnt`,
      'trap : TERM',
      'trap "" HUP',
      `python3 -c "${SOCKETS}" & while :; do sleep 1; done`,
    ].join('; ');
    target = await makeTarget(['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--mount-proc'], undefined, [
      'sh',
      '-c',
      script,
    ]);
    const deadline = Date.now() + 20_000;
    while (
      Date.now() < deadline &&
      (page(namespaceOf(target.pid, 'net'), 'listeners')['listeners'] as unknown[]).length < 4
    ) {
      await new Promise((done) => setTimeout(done, 50));
    }
  });
  afterAll(async () => {
    await target.end();
    rmSync(folder, { recursive: true });
  });

  const inside = (...command: readonly string[]): string =>
    run(['nsenter', `--target=${target.pid}`, '--net', ...command]).stdout;

  test('links and addresses are those of ip(8)', () => {
    const { links, addresses } = page(namespaceOf(target.pid, 'net'), 'links', 'addresses') as unknown as {
      links: readonly Record<string, unknown>[];
      addresses: readonly Record<string, unknown>[];
    };
    const theirs = JSON.parse(inside('ip', '-j', 'addr')) as readonly {
      readonly ifindex: number;
      readonly ifname: string;
      readonly mtu: number;
      readonly operstate: string;
      readonly address: string;
      readonly addr_info: readonly Record<string, unknown>[];
    }[];
    const pick = ({ ifindex, ifname, mtu, address }: Record<string, unknown>): unknown => ({
      ifindex,
      ifname,
      mtu,
      address,
    });
    expect(links.map(pick)).toEqual(theirs.map((link) => pick({ ...link })));
    const ours = addresses.map(({ ifname, local, prefixlen, scope }) => ({ ifname, local, prefixlen, scope }));
    const all = theirs.flatMap(({ ifname, addr_info: info }) =>
      info.map(({ local, prefixlen, scope }) => ({ ifname, local, prefixlen, scope })),
    );
    expect(ours.map((one) => JSON.stringify(one)).toSorted()).toEqual(all.map((one) => JSON.stringify(one)).toSorted());
  });

  test('routes are those of ip(8)', () => {
    const { fields } = show(host, namespaceOf(target.pid, 'net'), ['routes']);
    const lines = fields[0]?.lines ?? [];
    expect(lines).toContain('blackhole 198.51.100.0/24');
    expect(lines).toContain('192.0.2.0/24 dev v0');
    const four = inside('ip', '-o', '-4', 'route').trim().split('\n').length;
    expect(lines.filter((line) => !line.includes(':') && !line.includes(' table '))).toHaveLength(four);
    expect(lines).toContain('10.70.0.0/16 via 192.0.2.9 dev v0 table 100 metric 7');
    expect(lines).toContain('203.0.113.0/24 via 192.0.2.9 dev v0 weight 2, via 192.0.2.10 dev v0 weight 1');
  });

  test('rules are those of ip(8), without the usual ones', () => {
    const [field] = show(host, namespaceOf(target.pid, 'net'), ['rules']).fields;
    expect(field?.lines).toEqual(['50: from 10.0.0.0/8 lookup 100']);
    const rules = (field?.value ?? []) as readonly { family: string; priority: number; action: string }[];
    const theirs = JSON.parse(inside('ip', '-j', '-4', 'rule')) as readonly { priority: number }[];
    expect(rules.filter(({ family }) => family === 'inet').map(({ priority }) => priority)).toEqual(
      theirs.map(({ priority }) => priority),
    );
    expect(rules.find(({ priority }) => priority === 50)).toMatchObject({ src: '10.0.0.0/8', dst: null, table: 100 });
  });

  test('listeners are those of ss(8)', () => {
    const { listeners } = page({ type: 'process', pid: target.pid }, 'listeners');
    const theirs = inside('ss', '-Htln')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[3]);
    const ours = (listeners as readonly Listening[]).filter(({ protocol }) => protocol === 'tcp');
    expect(ours.map(({ address, port }) => `${address}:${port}`)).toEqual(theirs);
  });

  test('listeners of every sort are those of ss(8), with the processes that it names', () => {
    const theirs = inside('ss', '-Hltuxw0np', '-e').trim().split('\n');
    const listed = (text: string): string => theirs.find((line) => line.includes(text)) ?? '';
    const pidsIn = (line: string): readonly number[] =>
      [...line.matchAll(/pid=([0-9]+)/g)].map(([, pid]) => Number(pid));
    const [field] = show(host, namespaceOf(target.pid, 'net'), ['listeners']).fields;
    const ours = (field?.value ?? []) as unknown as readonly Listening[];
    const told = [
      ['tcp', '127.0.0.1:7777'],
      ['raw', '0.0.0.0:1 '],
      ['packet', '*'],
      ['unix', '@a b, 1 init'],
    ] as const;
    for (const [protocol, text] of told) {
      const one = ours.find((listener) => listener.protocol === protocol);
      const line = protocol === 'packet' ? listed('p_raw') : listed(text);
      expect({ protocol, pids: one?.holders?.map(({ pid }) => pid) }).toEqual({
        protocol,
        pids: pidsIn(line).toSorted((a, b) => a - b),
      });
      expect(one?.holders).toHaveLength(2);
      expect(one?.holders?.[0]?.comm).toBe('python3');
    }
    expect(ours).toHaveLength(told.length);
    const by = ours[0]?.holders?.map(({ pid }) => `${pid} python3`).join(', ') ?? '';
    expect(field?.lines).toEqual([
      `tcp 127.0.0.1:7777 by ${by}`,
      `raw 0.0.0.0 protocol 1 by ${by}`,
      `packet raw all on if1 by ${by}`,
      `unix stream @a\\x20b\\x2c\\x201\\x20init by ${by}`,
    ]);
  });

  test('mounts are those of findmnt(8), and the path here is the same directory', () => {
    const { mounts } = page(namespaceOf(target.pid, 'mnt'), 'mounts');
    const { stdout } = run(['findmnt', '-Jlo', 'TARGET', '--task', String(target.pid)]);
    const theirs = (JSON.parse(stdout) as { filesystems: { target: string }[] }).filesystems;
    expect(mounts.map(({ target: path }) => path).toSorted()).toEqual(
      theirs.map(({ target: path }) => path).toSorted(),
    );
    expect(mounts.find(({ target: path }) => path === '/mnt')).toMatchObject({ here: folder, read_only: true });
    const { fields } = show(host, { type: 'process', pid: target.pid }, ['host_mounts']);
    expect(fields[0]?.lines.some((line) => line.startsWith(`/mnt ← ${folder} ro`))).toBe(true);
  });

  test('what is shared with the host, and what is its own', () => {
    const { namespaces } = page({ type: 'process', pid: target.pid }, 'namespaces');
    const own = (namespaces as { type: string; ours: boolean }[]).filter(({ ours }) => !ours).map(({ type }) => type);
    expect(own.toSorted()).toEqual(['ipc', 'mnt', 'net', 'pid', 'uts']);
  });

  test('with whom: those that ps(1) finds in the same network namespace', () => {
    const { namespaces } = page({ type: 'process', pid: target.pid }, 'namespaces');
    const all = namespaces as { type: string; others: number; with: { pid: number; comm: string }[] }[];
    const net = all.find(({ type }) => type === 'net');
    const inode = /[0-9]+/.exec(readlinkSync(`/proc/${target.pid}/ns/net`))?.[0] ?? '';
    const rows = run(['ps', '-eo', 'pid=,netns=,comm=']).stdout.trim().split('\n');
    const theirs = rows
      .map((row) => row.trim().split(/ +/))
      .filter(([pid, ns]) => ns === inode && pid !== String(target.pid));
    // The loop's sleep comes and goes.
    const lasting = (names: readonly (string | undefined)[]) => names.filter((name) => name !== 'sleep');
    expect(
      lasting(net?.with.map(({ pid, comm }) => `${pid} ${comm}`.replace(/^[0-9]+ sleep$/, 'sleep')) ?? []),
    ).toEqual(lasting(theirs.map(([pid, , comm]) => (comm === 'sleep' ? comm : `${pid} ${comm}`))));
    expect(net?.with.some(({ comm }) => comm === 'python3')).toBe(true);
    expect(all.find(({ type }) => type === 'time')?.with).toBeNull();
  });

  test('signals do what it says', async () => {
    const { init_signals: signals } = page({ type: 'process', pid: target.pid }, 'init_signals');
    const { handled, ignored, no_handler: dropped } = signals as Record<string, readonly string[]>;
    expect(handled).toContain('TERM');
    expect(ignored).toContain('HUP');
    for (const name of ['HUP', 'USR1', 'INT', 'ALRM']) {
      if (handled?.includes(name) === true) continue;
      expect([...(ignored ?? []), ...(dropped ?? [])]).toContain(name);
      process.kill(target.pid, `SIG${name}`);
    }
    await new Promise((done) => setTimeout(done, 100));
    expect(() => process.kill(target.pid, 0)).not.toThrow();
  });

  test('the pid namespace has both pids', () => {
    const { processes } = page(namespaceOf(target.pid, 'pid'), 'processes');
    expect(processes).toContainEqual({ pid: target.pid, inside: 1, ppid: expect.any(Number), comm: 'sh' });
  });
});

describe.skipIf(lacks('userns', 'unshare', 'nsenter')).each(identities)('made by $name', ({ uid }) => {
  let target: TargetProcess;
  beforeAll(async () => {
    target = await makeTarget(['--user', '-r', '--time', '--monotonic', '-100', '--net', '--fork'], uid);
  });
  afterAll(() => target.end());

  test('ids here and inside are those of id(1)', () => {
    const { uid: ids } = page({ type: 'process', pid: target.pid }, 'uid');
    const enter = ['nsenter', `--target=${target.pid}`, '--user', '--preserve-credentials', 'id', '-u'];
    const seen = Number(run(asUser(enter, uid)).stdout);
    expect(ids).toMatchObject({ real: { here: uid, inside: seen } });
  });

  test('maps, owner, and what it owns', () => {
    const {
      uid_map: map,
      owner_uid: owner,
      owns,
    } = page(namespaceOf(target.pid, 'user'), 'uid_map', 'owner_uid', 'owns');
    expect(map).toEqual([{ inside: 0, here: uid, count: 1 }]);
    expect(owner).toBe(BigInt(uid));
    expect((owns as { type: string }[]).map(({ type }) => type).toSorted()).toEqual(['net', 'time']);
  });

  test('the offsets of its clocks', () => {
    const { offsets } = page(namespaceOf(target.pid, 'time'), 'offsets');
    expect(offsets).toContainEqual({ clock: 'monotonic', seconds: -100n, nanoseconds: 0 });
  });

  test('a page without gaps of its own', () => {
    const { gaps } = show(host, { type: 'process', pid: target.pid }, [
      'pid',
      'uid',
      'root',
      'cwd',
      'host_mounts',
      'listeners',
    ]);
    expect(gaps).toEqual([]);
  });
});
