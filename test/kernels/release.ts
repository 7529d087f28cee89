// `holders` of each kind, and `--release --yes` of what ip(8) and unshare(1) leave mounted.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { nstool } from '../support/program.ts';
import { makeTarget } from '../support/targets.ts';
import { answer } from './answers.ts';
import { inode, sh } from './ls.ts';
import { startScript } from './started.ts';
import { linkOf } from '../support/entered.ts';
import { test } from './test.ts';
import { look } from './discover-deep.ts';
import { holdersOf } from '../../src/namespaces/holders.ts';

interface Holders {
  readonly holders: readonly { readonly holder: string; readonly pid: number | null; readonly what: string | null }[];
  readonly release: {
    readonly operations: readonly { readonly act: string; readonly path: string; readonly outcome: string }[];
    readonly kept_by: readonly string[];
  };
}

test('holders of a namespace of each kind: the process in it, and who keeps it open', async () => {
  const target = await makeTarget(['-muinpCT', '-U', '-r', '--fork', '--kill-child', '--mount-proc']);
  const opened = `cd /proc/${target.pid}/ns; exec 3<mnt 4<uts 5<ipc 6<net 7<pid 8<user 9<cgroup`;
  const keep = await startScript(`${opened}; exec sleep 3001`, 3001);
  try {
    const scan = look();
    for (const kind of ['mnt', 'uts', 'ipc', 'net', 'pid', 'user', 'cgroup', 'time']) {
      const found = scan.namespaces.get(linkOf(target.pid, kind));
      ok(found !== undefined, kind);
      const holders = holdersOf(scan, found);
      const of = (sort: string): readonly unknown[] =>
        holders.flatMap((holder) => (holder.type === sort && 'pid' in holder ? [holder.pid] : []));
      ok(of('process').includes(target.pid), kind);
      deepEqual(of('descriptor'), kind === 'time' ? [] : [keep.pid], kind);
    }
    const listed = (answer(['holders', `net:${inode(target.pid, 'net')}`]) as Holders).holders;
    ok(listed.some(({ holder, pid }) => holder === 'descriptor' && pid === keep.pid));
  } finally {
    await keep.end();
    await target.end();
  }
});

test('holders --release --yes takes a named network namespace away, as ip netns delete does', () => {
  sh('ip netns add blue');
  const number = Number(sh('stat -Lc %i /run/netns/blue'));
  const planned = answer(['holders', 'netns:blue', '--release']) as Holders;
  const operations = planned.release.operations.map(({ act, path, outcome }) => `${act} ${path} ${outcome}`);
  // Under systemd also copies in the mount namespaces of services.
  for (const act of ['unmount', 'remove']) ok(operations.includes(`${act} /run/netns/blue planned`), operations.join());
  ok(existsSync('/run/netns/blue'));
  const { status, stdout, stderr } = nstool(['holders', 'netns:blue', '--release', '--yes']);
  equal(status, 0, stdout + stderr);
  match(stderr, new RegExp(`nothing else that was found keeps net:\\[${number}\\]`));
  ok(!existsSync('/run/netns/blue'));
  ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(`net:[${number}]`));
  equal(nstool(['holders', `net:${number}`]).status, 3);
});

test('holders --release --yes takes a bind mount away, and its copy in another mount namespace', async () => {
  sh('touch /run/bound; unshare --uts=/run/bound true');
  const number = Number(sh('stat -Lc %i /run/bound'));
  const other = await makeTarget(['--mount']);
  try {
    const isMounted = (pid: number | 'self'): boolean =>
      readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(`uts:[${number}]`);
    ok(isMounted(other.pid));
    const { release } = answer(['holders', `uts:${number}`, '--release', '--yes']) as Holders;
    const outcomes = release.operations.map(({ act, outcome }) => `${act} ${outcome}`);
    // One that goes takes along those that follow it.
    ok(outcomes.length >= 2 && outcomes.every((text) => /^unmount (released|gone)$/.test(text)), outcomes.join());
    equal(outcomes[0], 'unmount released');
    deepEqual(release.kept_by, []);
    deepEqual([isMounted('self'), isMounted(other.pid), existsSync('/run/bound')], [false, false, true]);
    equal(linkOf('self', 'mnt') === linkOf(other.pid, 'mnt'), false);
  } finally {
    await other.end();
    sh('rm /run/bound');
  }
});
