// `ls` beside lsns(8): every namespace that lsns shows, in every column that both have.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from './test.ts';
import { until } from './until.ts';
import { linkOf } from '../support/entered.ts';
import { compareWithLsns, nstoolListing, type Listing } from '../support/lsns.ts';
import { PLAIN_UID, run } from '../support/program.ts';
import { makeTarget } from '../support/targets.ts';
import { startScript } from './started.ts';

const kinds = ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup', 'time'];
const fresh = ['--mount', '--uts', '--ipc', '--net', '--pid', '--user', '--map-root-user', '--cgroup', '--time'];

export function inode(pid: number | 'self', kind: string): number {
  return Number(/\d+/.exec(linkOf(pid, kind))?.[0]);
}

/** What lsns says of these, and of all else that it sees, is what we say. */
export function equalLsns(listing: Listing, expected: readonly number[]): void {
  const { keys, lsns, ours } = compareWithLsns(listing);
  deepEqual(ours, lsns);
  for (const one of expected) ok(keys.includes(one), `${one} was compared`);
}

export function sh(script: string): string {
  const { status, stdout, stderr } = run(['sh', '-ec', script]);
  equal(status, 0, stderr);
  return stdout;
}

for (const [name, uid] of [
  ['root', 0],
  ['a plain user', PLAIN_UID],
] as const) {
  test(`ls equals lsns on the host as it is, as ${name}`, async () => {
    const mine = await makeTarget(['--ipc', '--user', '--map-root-user'], uid);
    try {
      equalLsns({ uid }, [inode(mine.pid, 'ipc'), inode(mine.pid, 'user'), inode(mine.pid, 'uts')]);
    } finally {
      await mine.end();
    }
  });

  test(`ls equals lsns with fresh namespaces of all eight kinds, as ${name}`, async () => {
    const target = await makeTarget([...fresh, '--fork'], uid);
    try {
      const inodes = kinds.map((kind) => inode(target.pid, kind));
      for (const [index, kind] of kinds.entries()) ok(inodes[index] !== inode('self', kind), kind);
      equalLsns({ uid }, inodes);
      equalLsns({ uid, args: ['-p', String(target.pid)] }, inodes);
    } finally {
      await target.end();
    }
  });
}

test('ls equals lsns with user and pid namespaces inside each other', async () => {
  const nest = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
  const target = await makeTarget(nest.slice(1), PLAIN_UID, [...nest, ...nest, 'sleep', '1000']);
  try {
    // The outermost two have a process each that waits for the next.
    equalLsns({ args: ['-t', 'user', '-t', 'pid'] }, [inode(target.pid, 'user')]);
    const owners = nstoolListing({ args: ['-t', 'user'] }).namespaces;
    ok(owners.filter(({ pns }) => pns !== null).length >= 3);
  } finally {
    await target.end();
  }
});

test('ls -t net equals lsns with named network namespaces and their ids', async () => {
  sh(`ip netns add blue && ip netns set blue 42 && ip netns add red && ip netns add empty && ip netns set empty 7
    ip link add veth0 type veth peer name veth1 netns red && ip link show >/dev/null`);
  const targets = [];
  try {
    for (const name of ['blue', 'red']) targets.push(await startScript(`exec ip netns exec ${name} sleep 3010`, 3010));
    const args = ['-t', 'net'];
    const named = (name: string): number => Number(sh(`stat -Lc %i /run/netns/${name}`));
    equalLsns({ args }, [inode('self', 'net'), named('blue'), named('red')]);
    const rows = new Map(nstoolListing({ args }).namespaces.map((row) => [row.ns, row]));
    equal(rows.get(named('blue'))?.netnsid, '42');
    match(rows.get(named('red'))?.netnsid ?? '', /^\d+$/);
    // lsns of this version does not see it.
    const empty = rows.get(named('empty'));
    deepEqual([empty?.netnsid, empty?.nsfs, empty?.nprocs, empty?.pid], ['7', ['/run/netns/empty'], 0, null]);
    equal(empty?.ons, inode('self', 'user'));
  } finally {
    for (const target of targets) await target.end();
    sh('ip netns delete blue; ip netns delete red; ip netns delete empty');
  }
});

for (const option of ['2', 'ptraceable']) {
  test(`ls as a plain user says that hidepid=${option} hides processes, and equals lsns in the rest`, async () => {
    // hidepid belongs to one mount of /proc since Linux 5.8.
    const script = `mount -t proc -o hidepid=${option} proc /proc && exec setpriv --reuid=${PLAIN_UID} --regid=${PLAIN_UID} --clear-groups sleep 1000`;
    const target = await makeTarget(['--mount'], 0, ['sh', '-c', script]);
    try {
      await until(() => run(['pgrep', '-u', String(PLAIN_UID), '-x', 'sleep']).status === 0);
      const within = ['nsenter', `--target=${target.pid}`, '--mount'];
      equalLsns({ uid: PLAIN_UID, within }, [inode(target.pid, 'mnt')]);
      const { complete, gaps, namespaces } = nstoolListing({ uid: PLAIN_UID, within });
      equal(complete, false);
      ok(
        gaps.some((gap) => /hidepid/.test(`${gap.subject} ${gap.reason} ${gap.detail}`)),
        JSON.stringify(gaps),
      );
      ok(namespaces.every((row) => row.uid === PLAIN_UID || row.nprocs === 0));
    } finally {
      await target.end();
    }
  });
}
