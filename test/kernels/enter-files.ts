// What `enter` shows of files: the target's way of resolving names (`--dns`), a /proc of its pid namespace, this host's
// programs beside the files of a target that has none (`--tools`).

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { linkOf, look } from '../support/entered.ts';
import { commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { childrenOf, type TargetProcess } from '../support/targets.ts';
import { sh } from './ls.ts';
import { withPin } from './pins.ts';
import { withSetting } from './settings.ts';
import { startScript } from './started.ts';
import { test } from './test.ts';

const RESOLV = 'nameserver 192.0.2.53\n';
const HOSTS = '192.0.2.1 only-there.test\n';
const both = ['cat', '/etc/resolv.conf', '/etc/hosts'];

/** With an /etc of its own, in mounts of its own. */
function startNamed(uid: number, time: number): Promise<TargetProcess> {
  const script = [
    'mount -t tmpfs t /etc',
    `echo "${RESOLV.trim()}" >/etc/resolv.conf; echo "${HOSTS.trim()}" >/etc/hosts`,
    `exec sleep ${time}`,
  ];
  const user = uid === 0 ? '' : '-U -r';
  return startScript(`exec unshare ${user} -m -n -p --fork --kill-child sh -ec '${script.join('\n')}'`, time, uid);
}

const mountsOf = (pid: number | 'self'): string => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');

let target: TargetProcess;
let theirs: TargetProcess;
before(async () => {
  target = await startNamed(0, 3022);
  theirs = await startNamed(PLAIN_UID, 3023);
});
after(async () => {
  await target.end();
  await theirs.end();
});

test('enter --net: names are resolved as in the target, and nothing of this host is changed', () => {
  const host = [readdirSync('/etc').toSorted(), mountsOf('self')];
  const told = nstool(['enter', String(target.pid), '--net', ...both]);
  deepEqual([told.status, told.stderr, told.stdout], [0, '', RESOLV + HOSTS]);
  const script = "require('dns').lookup('only-there.test', (error, found) => console.log(error?.code ?? found))";
  const lookUp = [process.execPath, '-e', script];
  equal(nstool(['enter', String(target.pid), '--net', ...lookUp]).stdout, '192.0.2.1\n');
  notEqual(nstool(['enter', String(target.pid), '--net', '--no-dns', ...lookUp]).stdout, '192.0.2.1\n');
  deepEqual([readdirSync('/etc').toSorted(), mountsOf('self')], host);
});

test('enter --net --dns of what a plain user owns, by that user and by root, where no user namespace can be made', async () => {
  await withSetting('/proc/sys/user/max_user_namespaces', '0', () => {
    for (const uid of [PLAIN_UID, 0]) {
      const told = nstool(['enter', String(theirs.pid), '--user', '--net', '--dns', ...both], { uid });
      deepEqual([told.status, told.stderr, told.stdout], [0, '', RESOLV + HOSTS]);
    }
  });
});

test('enter --net where no mount namespace can be made: that is said, and the rest is done', async () => {
  await withSetting('/proc/sys/user/max_mnt_namespaces', '0', () => {
    const { status, stdout, stderr } = nstool(['enter', String(target.pid), '--net', 'readlink', '/proc/self/ns/net']);
    deepEqual([status, stdout], [0, `${linkOf(target.pid, 'net')}\n`]);
    equal(stderr, "nstool: cannot use the target's way of resolving names: ENOSPC: names are resolved as here\n");
  });
});

test('enter NAME: the files in /etc/netns, as ip netns exec shows them', () => {
  const file = '/etc/nstool-file';
  sh('ip netns add blue; mkdir -p /etc/netns/blue');
  writeFileSync(file, 'of this host\n');
  writeFileSync('/etc/netns/blue/nstool-file', 'of blue\n');
  try {
    const theirs = run(['ip', 'netns', 'exec', 'blue', 'cat', file]);
    equal(theirs.stdout, 'of blue\n', theirs.stderr);
    equal(nstool(['enter', 'netns:blue', 'cat', file]).stdout, 'of blue\n');
    equal(readFileSync(file, 'utf8'), 'of this host\n');
  } finally {
    sh('ip netns delete blue');
    for (const path of [file, '/etc/netns']) rmSync(path, { recursive: true });
  }
});

test('enter --pid: a /proc of that namespace, for the command alone', async () => {
  const before = mountsOf('self');
  const { report, links } = await look(commandLine(['enter', String(target.pid), '-p']), 'cat /proc/1/comm');
  deepEqual([report, links['pid']], ['sleep\n', linkOf(target.pid, 'pid')]);
  notEqual(links['mnt'], linkOf('self', 'mnt'));
  equal(mountsOf('self'), before);
});

/** A root that has one static program, which is the first process; `$1` is the program, `$2` its word. */
const SCRATCH = `
  mount -t tmpfs t /mnt
  cp "$1" /mnt/pins
  mkdir /mnt/proc /mnt/data /mnt/data/old
  echo of the target >/mnt/data/file
  mount -t proc p /mnt/proc
  cd /mnt`;
const ways = {
  chroot: 'exec chroot . /pins "$2"',
  pivot_root:
    'mount -t tmpfs t data; mkdir data/old; echo of the target >data/file; pivot_root . data/old; exec /pins "$2"',
} as const;

function withScratch<T>(way: keyof typeof ways, uid: number, act: (pid: number) => T | Promise<T>): Promise<T> {
  const user = uid === 0 ? [] : ['-U', '-r'];
  const unshare = ['unshare', ...user, '-muinC', '-p', '--fork', '--kill-child'];
  const before = [...unshare, 'sh', '-ec', `${SCRATCH}\n${ways[way]}`, 'sh'];
  return withPin('fd', (_, started) => act(Number(childrenOf(started)[0])), { uid, before });
}

for (const [way, uid, by] of [
  ['chroot', 0, 0],
  ['pivot_root', 0, 0],
  ['pivot_root', PLAIN_UID, PLAIN_UID],
  ['pivot_root', PLAIN_UID, 0],
] as const) {
  const name = `a root made by ${way} ${uid === 0 ? '' : 'of a plain user '}by ${by === 0 ? 'root' : 'that user'}`;
  test(`enter --tools: ${name}`, async () => {
    await withScratch(way, uid, async (pid) => {
      const words = ['enter', String(pid), '--tools'];
      // What chroot(2) did is not entered with the mounts.
      if (way === 'pivot_root') equal(nstool(['enter', String(pid), 'sh'], { uid: by }).status, 127);
      const before = [mountsOf(pid), mountsOf('self')];
      const script =
        'pwd; cat data/file /proc/1/comm; ls -d /etc /usr; echo written >data/written; mount -t tmpfs t data';
      const { report, links } = await look(commandLine(words, by), script);
      equal(report, '/target\nof the target\npins\n/etc\n/usr\n');
      for (const kind of ['net', 'ipc', 'uts', 'pid', 'cgroup', ...(uid === 0 ? [] : ['user'])]) {
        equal(links[kind], linkOf(pid, kind), kind);
      }
      for (const other of [pid, 'self'] as const) notEqual(links['mnt'], linkOf(other, 'mnt'));
      deepEqual([mountsOf(pid), mountsOf('self')], before);
      equal(readFileSync(`/proc/${pid}/root/data/written`, 'utf8'), 'written\n');
      ok(!existsSync('/target'));
    });
  });
}

test('enter --tools where no mount namespace can be made is refused', async () => {
  await withScratch('chroot', 0, async (pid) => {
    await withSetting('/proc/sys/user/max_mnt_namespaces', '0', () => {
      const { status, stdout, stderr } = nstool(['enter', String(pid), '--tools', 'true']);
      deepEqual([status, stdout], [125, '']);
      match(stderr, /ENOSPC[^]*max_mnt_namespaces/);
    });
  });
});
