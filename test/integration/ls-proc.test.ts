// `nstool ls` and a /proc that is not ours, hides processes, or lacks some: never taken for an empty host.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import type { Host } from '../../src/kernel/host.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { namespaceRows } from '../../src/namespaces/rows.ts';
import { nstoolListing, type NstoolListing } from '../support/lsns.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { asUser, commandLine, installation, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { freshBelow, makeStage, type Stage } from '../support/stage.ts';
import { childrenOf } from '../support/targets.ts';
import { quote } from '../support/terminal.ts';

const OPTION = 'hidden by the mount option hidepid=invisible of /proc';
const WAIT = ['sh', '-c', 'echo ready; exec sleep 1000'];

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare'))('a /proc that is not ours', () => {
  let programs: string;
  let container: Started;

  beforeAll(async () => {
    // Where the shell finds `nstool`, as the advice says it.
    programs = mkdtempSync(join(tmpdir(), 'nstool-programs-'));
    symlinkSync(join(installation(), 'bin/nstool.cjs'), join(programs, 'nstool'));
    run(['chmod', '-R', 'a+rx', programs, join(installation(), 'bin/nstool.cjs')]);
    container = await startReady(['unshare', '--pid', '--mount', '--fork', '--kill-child', '--mount-proc', ...WAIT]);
  });

  afterAll(async () => {
    await container.end();
    rmSync(programs, { recursive: true });
  });

  const path = (): string => `${programs}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const inShell = (before: readonly string[], script: string): RunResult =>
    run([...before, 'sh', '-c', script], { env: { PATH: path() } });

  /** How it looks, and how the advice does there. */
  function check(before: readonly string[], script: string, why: RegExp): void {
    for (const command of ['nstool ls', 'nstool ls -J', 'nstool ls -t net -p 1']) {
      const { status, stdout, stderr } = inShell(before, `${script} ${command}`);
      expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
      const lines = stderr.trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toMatch(
        /^nstool: (\/proc\/self is missing: )?\/proc is not the proc file system of this pid namespace$/,
      );
      expect(lines[1]).toMatch(why);
      const advice = /^ {2}try: (.*)$/.exec(lines[2] ?? '')?.[1] ?? '';
      const mended = inShell(before, `${script} ${advice}`);
      expect(mended).toMatchObject({ status: 0, stderr: expect.not.stringContaining('/proc is not') });
      // The eight kinds of this very process, at the least.
      expect(mended.stdout.trimEnd().split('\n').length).toBeGreaterThanOrEqual(9);
      expect(mended.stdout).toContain('nstool');
    }
  }

  it('is noticed in a new pid namespace, as root', () => {
    check(
      ['unshare', '--pid', '--fork'],
      '',
      /this process is [0-9]+ in its pid namespace and [0-9]+ in \/proc \(mount [0-9]+: proc proc on \/proc\)$/,
    );
  });

  it.skipIf(lacks('userns'))('is noticed in a new pid namespace, as a plain user', () => {
    const unshare = ['unshare', '--user', '--map-root-user', '--pid', '--fork'];
    check(asUser(unshare, PLAIN_UID), '', /and [0-9]+ in \/proc \(mount [0-9]+: proc proc on \/proc\)$/);
  });

  it('is noticed where nothing is mounted there', () => {
    check(
      ['unshare', '--mount'],
      'umount --lazy /proc;',
      /this process does not appear in it \(nothing is mounted on \/proc\)$/,
    );
  });

  it('is noticed where it is that of a container', () => {
    const [first = ''] = childrenOf(container.pid);
    const mount = `nsenter --target=${first} --pid mount -t proc proc /proc;`;
    check(
      ['unshare', '--mount'],
      mount,
      /this process does not appear in it \(what is mounted on \/proc is the file system 0:[0-9]+\)$/,
    );
  });

  it('is no obstacle where it is our own in another place of the tree', () => {
    const { status, stdout } = inShell(['unshare', '--pid', '--fork', '--mount-proc'], 'nstool ls; exit $?');
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n').length).toBeGreaterThanOrEqual(9);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'nsenter')).each([2, 1])('hidepid=%i', (hidepid) => {
  let stage: Stage;
  const started: Started[] = [];

  beforeAll(async () => {
    stage = await makeStage();
    stage.sh(`mount -t proc -o hidepid=${hidepid} proc /proc`);
    for (let count = 0; count < 3; count += 1) started.push(await startReady([...stage.within, ...WAIT]));
    started.push(await startReady([...stage.within, ...asUser(['unshare', '--user', '--net', ...WAIT], PLAIN_UID)]));
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    await stage.end();
  });

  it('gives a plain user its own processes, and counts the rest', () => {
    const { complete, gaps, namespaces } = nstoolListing({ uid: PLAIN_UID, within: stage.within });
    expect(complete).toBe(false);
    const own = freshBelow(started.at(-1)?.pid ?? 0, stage.first);
    expect(namespaces.map(({ ns }) => ns)).toEqual(expect.arrayContaining([...own]));
    expect(gaps).toHaveLength(1);
    const [gap] = gaps;
    if (hidepid === 1) {
      // The list of /proc names them: three that wait, and the first of the stage.
      expect(gap).toMatchObject({ subject: 'process', reason: 'denied', count: 4 });
    } else {
      // How many there are in our pid namespace the kernel does not tell.
      expect(gap).toMatchObject({ subject: 'process', reason: 'denied', count: null, detail: OPTION });
    }
  });

  it('says so in one line', () => {
    const { status, stderr } = run([...stage.within, ...commandLine(['ls'], PLAIN_UID)]);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      hidepid === 1
        ? /^nstool: 4 processes: permission denied\n$/
        : /^nstool: some processes: permission denied \(hidden by the mount option hidepid=invisible of \/proc\)\n$/,
    );
  });

  it('hides nothing from root', () => {
    const { complete, gaps, namespaces } = nstoolListing({ within: stage.within });
    expect({ complete, gaps }).toEqual({ complete: true, gaps: [] });
    expect(namespaces.length).toBeGreaterThanOrEqual(8);
  });
});

it('counts a process that vanishes between the list and the look, and fails nothing', async () => {
  // Its parent reaps it at once; ours would only when this test lets go.
  const parent = await startReady(['sh', '-c', 'sleep 1000 & echo ready; wait; exec sleep 1000']);
  const pid = Number(childrenOf(parent.pid)[0]);
  const live = linuxHost();
  // The kernel's own answers; only the moment is chosen.
  const host: Host = {
    ...live,
    readDirectory(path) {
      const names = live.readDirectory(path);
      if (path !== '/proc') return names;
      expect(names.ok && names.value).toContain(String(pid));
      process.kill(pid, 'SIGKILL');
      while (live.stat(`/proc/${pid}`).ok) run(['true']);
      return names;
    },
  };
  try {
    const scan = discoverNamespaces(host, new Set(['net', 'uts']));
    expect([...scan.namespaces.values()].some(({ pids }) => pids.includes(pid))).toBe(false);
    const gone = scan.gaps.list().filter(({ subject, reason }) => subject === 'process' && reason === 'gone');
    expect(gone).toHaveLength(1);
    expect(gone[0]?.count).toBeGreaterThanOrEqual(1);
    expect(namespaceRows(scan, new Set()).length).toBeGreaterThanOrEqual(2);
  } finally {
    await parent.end();
  }
});

describe.skipIf(lacks('root', 'namespaces'))('hidepid=2 in the initial pid namespace', () => {
  const listing = (option: string, ids: readonly string[]): NstoolListing => {
    const user = ['setpriv', '--clear-groups', ...ids];
    const command = [...user, ...commandLine(['ls', '-J'])].map(quote).join(' ');
    const within = ['unshare', '--mount', 'sh', '-c', `mount -t proc -o ${option} proc /proc; exec ${command}`];
    const { status, stdout, stderr } = run(within);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    return JSON.parse(stdout) as NstoolListing;
  };

  const plain = [`--reuid=${PLAIN_UID}`, `--regid=${PLAIN_UID}`];

  it('counts the threads that a plain user cannot see', () => {
    const { complete, gaps } = listing('hidepid=2', [...plain, '--inh-caps=-all']);
    expect(complete).toBe(false);
    expect(gaps).toMatchObject([{ subject: 'task', reason: 'denied', detail: OPTION }]);
    expect(gaps[0]?.count).toBeGreaterThan(20);
  });

  it('hides nothing from root, from who has CAP_SYS_PTRACE, and from the group of the mount', () => {
    const hidden = ({ gaps }: NstoolListing): readonly unknown[] => gaps.filter(({ detail }) => detail === OPTION);
    expect(hidden(listing('hidepid=2', ['--reuid=0']))).toEqual([]);
    const trace = ['--inh-caps=-all,+sys_ptrace', '--ambient-caps=+sys_ptrace'];
    expect(hidden(listing('hidepid=2', [...plain, ...trace]))).toEqual([]);
    const group = [`--reuid=${PLAIN_UID}`, '--regid=7', '--inh-caps=-all'];
    expect(hidden(listing('hidepid=2,gid=7', group))).toEqual([]);
    expect(hidden(listing('hidepid=2,gid=8', group))).toMatchObject([{ subject: 'task' }]);
  });
});

describe.skipIf(lacks('root', 'namespaces', 'nsenter'))('an entry of /proc that is covered', () => {
  it('is a counted gap', async () => {
    const stage = await makeStage();
    const target = await startReady([...stage.within, ...WAIT]);
    try {
      const pid = stage.sh('pgrep -nx sleep').trim();
      stage.sh(`mkdir /run/empty && mount --bind /run/empty /proc/${pid}/ns`);
      const { complete, gaps, namespaces } = nstoolListing({ within: stage.within });
      expect(namespaces.every((row) => row.pid !== Number(pid))).toBe(true);
      expect(gaps).toMatchObject([{ subject: 'process', count: 1, examples: [`/proc/${pid}/ns/user`] }]);
      expect(complete).toBe(false);
    } finally {
      await target.end();
      await stage.end();
    }
  });
});
