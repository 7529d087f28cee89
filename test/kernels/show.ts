// `show`, `ids` and `diff`: what is in a process and in namespaces of each kind, ours and foreign, beside what the
// guest's programs say in there.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { after, before } from 'node:test';
import { linkOf, statusLine } from '../support/entered.ts';
import { nstool, PLAIN_UID, run } from '../support/program.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';
import { answer } from './answers.ts';
import { facts, since } from './facts.ts';
import { inode, sh } from './ls.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';
import { until } from './until.ts';

interface Page {
  readonly complete: boolean;
  readonly gaps: readonly { readonly subject: string; readonly reason: string; readonly errno: string | null }[];
  readonly process: Readonly<Record<string, unknown>>;
  readonly namespace: Readonly<Record<string, unknown>>;
}

const CGROUP = `${facts.cgroups === 'v1' ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup'}/nstool-show`;
const SCRIPT = `
  hostname inside.example
  echo nis.example >/proc/sys/kernel/domainname
  ip link set lo up
  ip link add v0 type veth peer name v1
  ip addr add 192.0.2.1/24 dev v0
  ip link set v0 up
  ip route add blackhole 198.51.100.0/24
  ipcmk -Q -p 640 >/dev/null; ipcmk -M 4096 >/dev/null; ipcmk -S 3 >/dev/null
  mount -t mqueue none /mnt; touch /mnt/plain; umount /mnt
  mount -t tmpfs first /mnt; mount -t tmpfs second /mnt; mount --make-shared /mnt
  unshare -m --propagation unchanged sleep 1000 &
  exec sleep 2000`;

let target: TargetProcess;

const LISTS = 'list of listening sockets';

/** What a guest has not, and what its kernel cannot tell. Processes end meanwhile. */
const LACKING = new Set([
  'process',
  'resolv.conf',
  LISTS,
  ...(since(6, 12) ? [] : ['list of mount namespaces without a process']),
]);

function page(kind: string, of = target.pid): Readonly<Record<string, unknown>> {
  const { namespace, gaps, complete } = answer(['show', `${kind}:${inode(of, kind)}`]) as Page;
  deepEqual(
    gaps.filter(({ subject }) => !LACKING.has(subject)),
    [],
  );
  equal(
    complete,
    gaps.every(({ reason }) => reason === 'gone'),
  );
  equal(namespace['ns'], inode(of, kind));
  equal(namespace['initial'], of !== target.pid);
  return namespace;
}

function inside(...command: readonly string[]): string {
  const { status, stdout, stderr } = run(['nsenter', `--target=${target.pid}`, '-m', '-u', '-i', '-n', ...command]);
  equal(status, 0, stderr);
  return stdout.trim();
}

const names = (list: unknown, key: string): readonly unknown[] =>
  (list as readonly Readonly<Record<string, unknown>>[]).map((one) => one[key]);

before(async () => {
  mkdirSync(CGROUP);
  const unshare = 'unshare -muinpCT -U -r --fork --kill-child --mount-proc --boottime=1000';
  target = await startScript(`echo $$ >${CGROUP}/cgroup.procs; exec ${unshare} sh -ec '${SCRIPT}'`, 2000);
  await until(() => childrenOf(target.pid).some((pid) => linkOf(Number(pid), 'mnt') !== linkOf(target.pid, 'mnt')));
});
after(async () => {
  await target.end();
  await until(() => readFileSync(`${CGROUP}/cgroup.procs`, 'utf8') === '');
  rmdirSync(CGROUP);
});

test('show of a process', () => {
  const { process: shown } = answer(['show', String(target.pid)]) as Page;
  equal(shown['command'], 'sleep 2000');
  deepEqual(shown['pids'], [target.pid, 1]);
  equal((shown['capabilities'] as Record<string, string>)['effective'], `0x${statusLine(target.pid, 'CapEff')}`);
  const namespaces = shown['namespaces'] as readonly { type: string; ns: number; initial: boolean; ours: boolean }[];
  deepEqual(
    namespaces.map(({ type, ns }) => `${type}:[${ns}]`).toSorted(),
    namespaces.map(({ type }) => linkOf(target.pid, type)).toSorted(),
  );
  ok(namespaces.length === 8 && namespaces.every(({ initial, ours }) => !initial && !ours));
  const cgroups = shown['cgroup'] as readonly { hierarchy: number; path: string }[];
  equal(cgroups.length, readFileSync(`/proc/${target.pid}/cgroup`, 'utf8').trim().split('\n').length);
  if (facts.cgroups === 'v2') deepEqual(cgroups, [{ hierarchy: 0, controllers: [], path: '/nstool-show' }]);
  else ok(cgroups.some(({ path }) => path === '/nstool-show'));
  equal(nstool(['show', String(target.pid), '-o', 'comm']).stdout, 'sleep\n');
});

test('show of a uts namespace: its names', () => {
  const { hostname, domainname, ons } = page('uts');
  deepEqual([hostname, domainname], [inside('hostname'), 'nis.example']);
  equal(ons, inode(target.pid, 'user'));
  equal(page('uts', process.pid)['hostname'], run(['hostname']).stdout.trim());
});

test('show of an ipc namespace: System V objects as lsipc has them, and queues', () => {
  const { sysv, mqueue } = page('ipc');
  const ours = sysv as readonly { type: string; id: number; key: number; bytes: number | null }[];
  for (const [type, option] of [
    ['msg', '-q'],
    ['shm', '-m'],
    ['sem', '-s'],
  ] as const) {
    const theirs = inside('lsipc', option, '-r', '--noheadings', '-o', 'KEY,ID').split(/\s+/);
    const one = ours.find((object) => object.type === type);
    deepEqual([Number(theirs[0]), Number(theirs[1])], [one?.key, one?.id], type);
  }
  equal(ours.length, 3);
  deepEqual(names(mqueue, 'name'), ['plain']);
});

test('show of a net namespace: links, addresses and routes as ip has them', () => {
  const { links, addresses, routes } = page('net');
  const told = JSON.parse(inside('ip', '-j', 'addr')) as readonly { ifname: string; addr_info: { local: string }[] }[];
  deepEqual(
    names(links, 'ifname'),
    told.map(({ ifname }) => ifname),
  );
  const expected = told.flatMap(({ addr_info: list }) => list.map(({ local }) => local));
  deepEqual(new Set(names(addresses, 'local')), new Set(expected));
  ok(expected.includes('192.0.2.1'));
  match(JSON.stringify(routes), /198\.51\.100\.0/);
});

test('show of a net namespace: listeners that cannot be listed are unknown, and a gap', () => {
  const { namespace, gaps, complete } = answer(['show', `/proc/${target.pid}/ns/net`, '-o', 'listeners']) as Page;
  // The guest has no tcp_diag.
  equal(complete, false);
  const told = (namespace['listeners'] ?? []) as readonly { protocol: string }[];
  ok(!told.some(({ protocol }) => protocol.startsWith('tcp') || protocol.startsWith('udp')));
  const reasons = gaps.filter(({ subject }) => subject === LISTS).map(({ reason }) => reason);
  deepEqual([...new Set(reasons)], ['unsupported']);
});

test('show of a mnt namespace: what lies hidden, and who is told', () => {
  const { mounts, peers } = page('mnt');
  const list = mounts as readonly { target: string; source: string; id: number; hidden_by: unknown }[];
  const table = readFileSync(`/proc/${target.pid}/mountinfo`, 'utf8').trim().split('\n');
  deepEqual(
    list.map(({ id }) => id).toSorted((a, b) => a - b),
    table.map((line) => Number(line.split(' ')[0])).toSorted((a, b) => a - b),
  );
  const of = (source: string): unknown => list.find((mount) => mount.source === source)?.hidden_by;
  ok(of('first') !== null && of('first') !== undefined, JSON.stringify(list));
  equal(of('second'), null);
  const child = Number(childrenOf(target.pid)[0]);
  const shared = (peers as readonly { target: string; role: string; ns: number }[]).filter(
    (peer) => peer.target === '/mnt',
  );
  deepEqual(
    shared.map(({ role, ns }) => [role, ns]),
    [['peer', inode(child, 'mnt')]],
  );
});

test('show of the other kinds: pids, maps, cgroups, clocks', () => {
  const [child] = childrenOf(target.pid);
  const { processes, pns } = page('pid');
  const pairs = (processes as readonly { pid: number; inside: number }[]).map((one) => [one.pid, one.inside]);
  ok(pairs.some(([pid, number]) => pid === target.pid && number === 1));
  ok(pairs.some(([pid]) => pid === Number(child)));
  equal(pns, inode('self', 'pid'));
  const user = page('user');
  deepEqual([user['uid_map'], user['level']], [[{ inside: 0, here: 0, count: 1 }], 1]);
  ok(names(user['owns'], 'ns').includes(inode(target.pid, 'net')));
  const { cgroup_root: roots, cgroups } = page('cgroup');
  ok(names(roots, 'path').includes('/nstool-show'), JSON.stringify(roots));
  ok((cgroups as readonly string[]).includes('/nstool-show'));
  deepEqual(page('time')['offsets'], [
    { clock: 'monotonic', seconds: 0, nanoseconds: 0 },
    { clock: 'boottime', seconds: 1000, nanoseconds: 0 },
  ]);
});

test('show of a mount namespace without a process: its mounts, or a gap', async () => {
  const script = `mount -t tmpfs inner /mnt; exec 3</proc/self/ns/mnt; exec nsenter --mount=/proc/$PPID/ns/mnt sleep 3000`;
  const holder = await startScript(`exec unshare -m sh -ec '${script}'`, 3000);
  try {
    const { namespace, gaps } = answer(['show', `/proc/${holder.pid}/fd/3`]) as Page;
    if (since(6, 12)) {
      const mounts = namespace['mounts'] as readonly { target: string; source: string | null }[];
      deepEqual(mounts.findLast((mount) => mount.target === '/mnt')?.source, since(6, 13) ? 'inner' : null);
    } else {
      equal(namespace['mounts'], null);
      ok(
        gaps.some(({ reason }) => reason === 'unsupported' || reason === 'gone'),
        JSON.stringify(gaps),
      );
    }
    deepEqual(namespace['processes'], []);
  } finally {
    await holder.end();
  }
});

test('show of a namespace by a plain user: what only who is inside is told is null, and a gap', async () => {
  const theirs = await makeTarget(['-U', '-r', '-u', '-i', '-n'], PLAIN_UID);
  try {
    for (const [kind, key] of [
      ['uts', 'hostname'],
      ['ipc', 'sysv'],
      ['net', 'links'],
    ] as const) {
      const { namespace, gaps } = answer(['show', `/proc/${theirs.pid}/ns/${kind}`], { uid: PLAIN_UID }) as Page;
      equal(namespace[key], null, kind);
      ok(gaps.some(({ reason }) => reason === 'denied'));
    }
  } finally {
    await theirs.end();
  }
});

test('show host, and diff of nothing', () => {
  const { process: shown } = answer(['show', 'host']) as Page;
  ok((shown['namespaces'] as readonly { initial: boolean }[]).every(({ initial }) => initial));
  const same = answer(['diff', 'self', 'self']) as { same: boolean; differences: unknown[] };
  deepEqual([same.same, same.differences], [true, []]);
});

test('ids PID both ways', () => {
  const { ids } = answer(['ids', String(target.pid), 'uid:0', 'pid:1'], {}) as {
    ids: readonly { id: number; kind: string; from: string; to: number | null }[];
  };
  const to = (kind: string, from: string): unknown => ids.find((one) => one.kind === kind && one.from === from)?.to;
  deepEqual([to('uid', 'inside'), to('uid', 'here'), to('pid', 'inside')], [0, 0, target.pid]);
  // Process 1 of the host is not in there.
  equal(to('pid', 'here'), null);
});

test('diff PID host: the namespaces, and what is in them', () => {
  const { differences } = answer(['diff', String(target.pid), 'host'], { status: 1 }) as {
    differences: readonly { what: string; name: string | null; a: unknown }[];
  };
  const of = (what: string): readonly (string | null)[] =>
    differences.filter((one) => one.what === what).map(({ name }) => name);
  deepEqual(new Set(of('namespace')), new Set(['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts']));
  ok(of('link').includes('v0') && of('mount').includes('/mnt'));
  ok(differences.some(({ what, a }) => what === 'hostname' && a === 'inside.example'));
  equal(sh('hostname') === 'inside.example\n', false);
});
