// The options of `enter` besides the kinds. The guest's nsenter lacks most of them: the kernel's files are the oracle.

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { linkOf, look, type Entered } from '../support/entered.ts';
import { asUser, commandLine, nstool, run } from '../support/program.ts';
import { faults } from '../support/schemas.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { answer } from './answers.ts';
import { enter, equalNsenter, nsenter } from './enter.ts';
import { facts, since } from './facts.ts';
import { socketOf, withPin } from './pins.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const CGROUPS = (facts.cgroups === 'v1' ? ['/sys/fs/cgroup/pids', '/sys/fs/cgroup/freezer'] : ['/sys/fs/cgroup']).map(
  (path) => `${path}/nstool a:b`,
);

let target: TargetProcess;
/** Runs as uid 7 and gid 8 of a user namespace that maps 0 to 99 to ids from 1000 and 2000 on. */
let mapped: TargetProcess;
let outer: TargetProcess;

function out(...words: readonly string[]): string {
  const { status, stdout, stderr } = nstool(['enter', ...words]);
  equal(status, 0, stderr);
  return stdout;
}

before(async () => {
  for (const path of CGROUPS) mkdirSync(path);
  // The root and the directory that it has are not the host's.
  const script = [
    'mount -t tmpfs t /mnt; mkdir /mnt/new; mount --bind / /mnt/new; cd /mnt/new/usr',
    'B="x',
    'y"; exec env -i PATH=/usr/bin:/bin A=1 "B=$B" sleep 3006',
  ];
  const unshare = 'unshare -muin -C -p --fork --kill-child --mount-proc';
  target = await startScript(`exec ${unshare} sh -ec '${script.join('\n')}'`, 3006);
  for (const path of CGROUPS) writeFileSync(`${path}/cgroup.procs`, String(target.pid));
  outer = await makeTarget(['-U', '-n', '-u']);
  writeFileSync(`/proc/${outer.pid}/uid_map`, '0 1000 100');
  writeFileSync(`/proc/${outer.pid}/gid_map`, '0 2000 100');
  mapped = await startScript(`exec nsenter -t ${outer.pid} -U -n -u -S 7 -G 8 sleep 3007`, 3007);
});
after(async () => {
  await target.end();
  await mapped.end();
  await outer.end();
  for (const path of CGROUPS) {
    await until(() => readFileSync(`${path}/cgroup.procs`, 'utf8') === '');
    rmdirSync(path);
  }
});

test('enter -e: the environment of the target, byte for byte', () => {
  equal(out(String(target.pid), '-n', '-e', 'cat', '/proc/self/environ'), 'PATH=/usr/bin:/bin\0A=1\0B=x\ny\0');
  equal(readFileSync(`/proc/${target.pid}/environ`, 'utf8'), 'PATH=/usr/bin:/bin\0A=1\0B=x\ny\0');
});

test('enter -c: the cgroups of the target, in each hierarchy', async () => {
  const theirs = readFileSync(`/proc/${target.pid}/cgroup`, 'utf8');
  ok(theirs.includes('/nstool a:b\n'));
  for (const words of [['-n'], ['-C', '-n']]) {
    await look(commandLine(['enter', String(target.pid), '-c', ...words]), 'true', ({ pid }) => {
      equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), theirs);
    });
  }
  await look(commandLine(['enter', String(target.pid), '-n']), 'true', ({ pid }) => {
    equal(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'));
  });
});

test('enter -w, -w=, -W, -r: the root and the working directory', async () => {
  const place = 'pwd; stat -c %d:%i / .';
  const told = (words: readonly string[]): Promise<Entered> =>
    look(commandLine(['enter', '-t', String(target.pid), ...words]), place);
  const theirs = (words: readonly string[]): Promise<Entered> =>
    look(asUser(['nsenter', '-t', String(target.pid), ...words]), place);
  for (const words of [
    ['-m', '-w'],
    ['-m', '-r', '-w'],
    ['-n', '--wd=/usr/bin'],
    ['-m', '-W/proc'],
  ]) {
    equal((await told(words)).report, (await theirs(words)).report, words.join(' '));
  }
  match(
    nstool(['enter', String(target.pid), '-m', '-W', '/none', 'true']).stderr,
    /cannot open \/none in there: ENOENT/,
  );
});

test('enter -S and -G, of a number and follow, and --keep-caps', async () => {
  const pid = String(mapped.pid);
  const ids = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { status } = await look(commandLine(['enter', '-t', pid, ...words]));
    return ['Uid', 'Gid', 'CapAmb', 'CapEff'].map((name) => status(name).split('\t')[0] ?? '');
  };
  const follow = await ids('-U', '-n', '-S', 'follow', '-G', 'follow');
  deepEqual(follow.slice(0, 2), ['1007', '2008']);
  match(follow[3] ?? '', /^0+$/);
  const kept = await ids('-U', '-n', '-S', '7', '-G', '8', '--keep-caps');
  deepEqual(kept.slice(0, 2), ['1007', '2008']);
  equal(kept[2], kept[3]);
  ok(BigInt(`0x${kept[3]}`) > 0n);
  deepEqual((await ids('-n', '-S', '5')).slice(0, 2), ['5', '0']);
  equalNsenter(
    await enter([pid, '-U', '-n', '-S', '7', '-G', '8']),
    await nsenter(['-t', pid, '-U', '-n', '-S7', '-G8']),
  );
});

test('enter -N: the network namespace of a socket', async () => {
  await withPin('socket', (inode, pid) => {
    const fd = socketOf(pid);
    notEqual(linkOf(pid, 'net'), `net:[${inode}]`);
    equal(out(String(pid), '-N', fd, 'readlink', '/proc/self/ns/net'), `net:[${inode}]\n`);
    match(nstool(['enter', '-t', String(pid), '-N', '99', 'true']).stderr, /EBADF/);
  });
});

test('enter --user-parent: the user namespace above', async () => {
  const inner = 'unshare -U -r -u --fork --kill-child sleep 3008';
  const nested = await startScript(`exec unshare -U -r -n --fork --kill-child ${inner}`, 3008);
  try {
    const { pid } = nested;
    const own = linkOf(pid, 'user');
    const above = out(String(pid), '--user-parent', 'readlink', '/proc/self/ns/user').trim();
    notEqual(above, own);
    equal(
      above,
      `user:[${(answer(['show', own.replace(/[[\]]/g, '')]) as { namespace: { pns: number } }).namespace.pns}]`,
    );
  } finally {
    await nested.end();
  }
});

test('enter by an id, a number, and --pid=host', async () => {
  const net = linkOf(target.pid, 'net');
  const listed = answer(['ls', '-t', 'net', '-o', 'NS,ID']) as { namespaces: { ns: number; id: number | null }[] };
  const id = listed.namespaces.find(({ ns }) => net === `net:[${ns}]`)?.id ?? null;
  equal(id !== null, since(6, 18));
  const words = id === null ? [net] : [net, `:${id}`];
  for (const word of words) equal(out(`--net=${word}`, 'readlink', '/proc/self/ns/net'), `${net}\n`, word);
  if (id === null) match(nstool(['enter', '--net=:1', 'true']).stderr, /by its id: that needs Linux 6.18/);
  const ours = await enter(['-t', String(target.pid), '-a', '--pid=host']);
  deepEqual([ours.links['net'], ours.links['mnt']], [net, linkOf(target.pid, 'mnt')]);
  equal(ours.links['pid'], linkOf('self', 'pid'));
});

test('enter --dry-run --json prints what --program carries out', () => {
  const command = commandLine([
    'enter',
    String(target.pid),
    '-a',
    '--dry-run',
    '--json',
    'readlink',
    '/proc/self/ns/net',
  ]);
  const { stdout } = run(command);
  deepEqual(faults('enter', JSON.parse(stdout)), []);
  writeFileSync('/tmp/program.json', stdout);
  equal(out('--program', '/tmp/program.json'), `${linkOf(target.pid, 'net')}\n`);
});
