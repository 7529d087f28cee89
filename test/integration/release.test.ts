// `holders --release` takes names and mounts of a namespace away, wherever they are, and nothing else.

import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyRelease } from '../../src/host/linux/release.ts';
import type { ReleasePlan } from '../../src/kernel/release.ts';
import { linkOf } from '../support/entered.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { startPin } from '../support/pins.ts';
import { commandLine, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget } from '../support/targets.ts';

const NAME = `release-${process.pid}`;
const FILE = `/run/netns/${NAME}`;

interface Answer {
  readonly holders: readonly { readonly holder: string; readonly what: string | null }[];
  readonly release: {
    readonly operations: readonly Readonly<Record<string, unknown>>[];
    readonly kept_by: readonly string[];
  };
}

/** A mount namespace of our own, of which nobody else on this machine makes copies. */
let stage: Started;

/** Words before a command that is to run in it. */
function within(): readonly string[] {
  return ['nsenter', `--mount=/proc/${stage.pid}/ns/mnt`];
}

/** A path of it, from here. */
function there(path: string): string {
  return `/proc/${stage.pid}/root${path}`;
}

function nstool(args: readonly string[], uid?: number): RunResult {
  return run([...within(), ...commandLine(args, uid)]);
}

function sh(script: string): void {
  const { status, stderr } = run([...within(), 'sh', '-ec', script]);
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
}

function release(target: string, ...words: readonly string[]): RunResult & { readonly answer: Answer } {
  const result = nstool(['holders', target, '--release', '--json', ...words]);
  return { ...result, answer: JSON.parse(result.stdout || '{}') as Answer };
}

/** Mount namespaces that others make at the same time get copies, which go with ours. */
function ours({ release }: Answer): Answer['release'] {
  return { ...release, operations: release.operations.filter(({ mnt }) => mnt === null) };
}

function isMounted(inode: number, pid: number | 'self' = stage.pid): boolean {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(` net:[${inode}] `);
}

function waitIn(...words: readonly string[]): Promise<Started> {
  return startReady([...within(), ...words, 'sh', '-c', 'echo ready; exec sleep 1000']);
}

describe.skipIf(lacks('root', 'ip', 'namespaces', 'unshare', 'nsenter', 'cc'))('holders --release', () => {
  let folder: string;
  let inode: number;
  const started: { end(): Promise<void> }[] = [];

  beforeEach(async () => {
    const setUp = 'mount -t tmpfs tmpfs /run; mkdir /run/netns; echo ready; exec sleep 1000';
    stage = await startReady(['unshare', '--mount', 'sh', '-ec', setUp]);
    started.push(stage);
    folder = mkdtempSync(join(tmpdir(), 'release-'));
    sh(`ip netns add ${NAME}`);
    inode = statSync(there(FILE)).ino;
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.end()));
    rmSync(folder, { recursive: true, force: true });
  });

  it('says what it would do, in text and JSON, and changes nothing', () => {
    const { status, answer, stderr } = release(`netns:${NAME}`);
    expect(status).toBe(0);
    expect(stderr).toContain('nothing was changed; --yes does it\n');
    expect(answer.holders).toContainEqual(expect.objectContaining({ holder: 'name', what: FILE }));
    expect(ours(answer)).toEqual({
      operations: [
        { act: 'unmount', path: FILE, mnt: null, outcome: 'planned', errno: null, why: expect.stringContaining(NAME) },
        { act: 'remove', path: FILE, mnt: null, outcome: 'planned', errno: null, why: expect.stringContaining(NAME) },
      ],
      kept_by: [],
    });
    expect(nstool(['holders', `net:${inode}`, '--release']).stdout).toMatch(/\n\nACT {2}.*\nunmount {2}.* planned /);
    expect([isMounted(inode), existsSync(there(FILE))]).toEqual([true, true]);
  });

  it('takes a name away as `ip netns delete` does', () => {
    const { status, answer, stderr } = release(`netns:${NAME}`, '--yes');
    expect(status).toBe(0);
    expect(ours(answer).operations.map(({ act, outcome }) => [act, outcome])).toEqual([
      ['unmount', 'released'],
      ['remove', 'released'],
    ]);
    expect(stderr).toContain(`nothing else that was found keeps net:[${inode}]`);
    expect(existsSync(there(FILE))).toBe(false);
    expect(isMounted(inode)).toBe(false);
  });

  it('takes mounts away that lie on each other, in odd places, and leaves their files', () => {
    const odd = join(folder, 'a b\n\\x');
    writeFileSync(odd, '');
    for (let times = 0; times < 2; times += 1) expect(run([...within(), 'mount', '--bind', FILE, odd]).status).toBe(0);
    expect(release(`net:${inode}`, '--yes').status).toBe(0);
    expect(isMounted(inode)).toBe(false);
    expect(existsSync(odd)).toBe(true);
  });

  it('takes the copies in other mount namespaces away, with a process and without', async () => {
    const other = await waitIn('unshare', '--mount');
    started.push(other);
    expect(isMounted(inode, other.pid)).toBe(true);
    // A mount namespace that only a descriptor keeps, and in it a mount of its own.
    const bind = join(folder, 'bound');
    writeFileSync(bind, '');
    const script = `mount --bind ${FILE} ${bind}; exec sleep 1000`;
    const second = await startReady([...within(), 'unshare', '--mount', 'sh', '-ec', `echo ready; ${script}`]);
    const keeper = await startReady([
      ...within(),
      'sh',
      '-c',
      `exec 9</proc/${second.pid}/ns/mnt; echo ready; exec sleep 1000`,
    ]);
    started.push(keeper);
    while (!readFileSync(`/proc/${second.pid}/mountinfo`, 'utf8').includes(bind))
      await new Promise((go) => setTimeout(go, 5));
    await second.end();

    const { status, answer } = release(`net:${inode}`, '--yes');
    expect(answer.release.operations.map(({ outcome }) => outcome)).not.toContain('failed');
    expect(status).toBe(0);
    expect(answer.release.kept_by).toEqual([]);
    expect(isMounted(inode, other.pid)).toBe(false);
    const left = run(['nsenter', `--mount=/proc/${keeper.pid}/fd/9`, 'cat', '/proc/self/mountinfo']).stdout;
    expect(left).toContain(' / ');
    expect(left).not.toContain(`net:[${inode}]`);
  });

  it.skipIf(lacks('python'))('takes a mount away that is known by a process with another root', async () => {
    const script = `
      mkdir ${folder}/root; mount -t tmpfs tmpfs ${folder}/root; touch ${folder}/root/there
      mount --bind ${FILE} ${folder}/root/there
      exec python3 -c 'import os, time; os.chroot("${folder}/root"); print("ready", flush=True); time.sleep(1000)'`;
    const chrooted = await startReady([...within(), 'unshare', '--mount', 'sh', '-ec', script]);
    started.push(chrooted);
    const { status, answer } = release(`net:${inode}`, '--yes');
    // From the root of the namespace; where the kernel does not list mounts from that of the process.
    const path = expect.stringMatching(new RegExp(`^(?:${folder}/root)?/there$`));
    expect(answer.release.operations).toContainEqual(
      expect.objectContaining({ act: 'unmount', path, mnt: expect.any(Number), outcome: 'released' }),
    );
    expect({ status, left: answer.release.kept_by }).toEqual({ status: 0, left: [] });
  });

  it('leaves a process alone, and says that it keeps the namespace', async () => {
    const inside = await waitIn('nsenter', `--net=${FILE}`);
    started.push(inside);
    const { status, answer, stderr } = release(`net:${inode}`, '--yes');
    expect(status).toBe(0);
    expect(answer.release.kept_by).toEqual(['process:1']);
    expect(stderr).toContain(`net:[${inode}] is kept by process:1`);
    expect(linkOf(inside.pid, 'net')).toBe(`net:[${inode}]`);
    expect(existsSync(there(FILE))).toBe(false);
  });

  it('removes a link that is a name, and not what it leads to', async () => {
    const target = await makeTarget(['--net']);
    started.push(target);
    const link = `/run/netns/${NAME}-link`;
    symlinkSync(`/proc/${target.pid}/ns/net`, there(link));
    try {
      const { status, answer } = release(linkOf(target.pid, 'net'), '--yes');
      expect(status).toBe(0);
      expect(answer.release).toMatchObject({
        operations: [{ act: 'remove', path: link, outcome: 'released' }],
        kept_by: ['process:1'],
      });
      expect(existsSync(there(link))).toBe(false);
    } finally {
      rmSync(there(link), { force: true });
    }
  });

  it('has nothing to release where only a descriptor keeps it: status 1', async () => {
    const pin = await startPin('fd');
    started.push(pin);
    const { status, answer, stderr } = release(`net:${pin.inode}`, '--yes');
    expect(status).toBe(1);
    expect(answer.release).toEqual({ operations: [], kept_by: ['descriptor:1'] });
    expect(stderr).toContain('no name or mount to release');
    expect(release(`net:${pin.inode}`).status).toBe(0);
  });

  it('says of a mount that it is locked in a less privileged mount namespace, and does the others', async () => {
    const bind = join(folder, 'bound');
    sh(`touch ${bind}; mount --bind ${FILE} ${bind}`);
    const user = await waitIn('unshare', '--user', '--map-root-user', '--mount');
    started.push(user);
    const { status, answer } = release(`net:${inode}`, '--yes');
    const mnt = Number(/[0-9]+/.exec(linkOf(user.pid, 'mnt'))?.[0]);
    const done = answer.release.operations.map(({ act, path, mnt, outcome, errno }) => [
      act,
      path,
      mnt,
      outcome,
      errno,
    ]);
    expect(done).toEqual([
      ['unmount', FILE, null, 'released', null],
      ['unmount', bind, null, 'released', null],
      ['remove', FILE, null, 'released', null],
      // With its file the copy of the name is gone, though it was locked, too.
      ['unmount', FILE, mnt, 'gone', null],
      ['unmount', bind, mnt, 'failed', 'EINVAL'],
    ]);
    expect(JSON.stringify(answer.release.operations)).toContain('is locked there');
    expect({ status, left: answer.release.kept_by }).toEqual({ status: 1, left: ['mount:1'] });
  });

  it('leaves what is mounted there by now alone, and comes back to where it was', () => {
    const place = {
      inode: BigInt(statSync(`/proc/${stage.pid}/ns/mnt`).ino),
      door: `/proc/${stage.pid}/ns/mnt`,
      root: null,
    };
    const plan: ReleasePlan = {
      namespace: { kind: 'net', inode: BigInt(inode), id: null },
      operations: [{ op: 'unmount', path: FILE, within: place, reason: '' }],
    };
    const here = [linkOf('self', 'mnt'), process.cwd(), readdirSync('/').toString()];
    const other: ReleasePlan = { ...plan, namespace: { kind: 'net', inode: BigInt(inode) + 1n, id: null } };
    const reused: ReleasePlan = { ...plan, namespace: { kind: 'net', inode: BigInt(inode), id: 1n } };
    expect(applyRelease(other)).toEqual([{ type: 'gone' }]);
    // Since: Linux 6.18.
    if (nstool(['ls', '-t', 'net', '-n', '-o', 'ID']).stdout.trim().match(/[0-9]/)) {
      expect(applyRelease(reused)).toEqual([{ type: 'gone' }]);
    }
    expect(isMounted(inode)).toBe(true);
    // A link in the way is not followed, a file that is not empty is not removed.
    const link = join(folder, 'link');
    symlinkSync(FILE, link);
    const file = join(folder, 'file');
    writeFileSync(file, 'x');
    const refused = applyRelease({
      ...plan,
      operations: [
        { op: 'unmount', path: link, within: null, reason: '' },
        { op: 'remove', path: file, link: null, reason: '' },
        { op: 'remove', path: link, link: '/elsewhere', reason: '' },
      ],
    });
    expect(refused.map(({ type }) => type)).toEqual(['failed', 'failed', 'failed']);
    expect([isMounted(inode), existsSync(file), readlinkSync(link)]).toEqual([true, true, FILE]);
    expect(applyRelease(plan)).toEqual([{ type: 'released' }]);
    expect(isMounted(inode)).toBe(false);
    expect([linkOf('self', 'mnt'), process.cwd(), readdirSync('/').toString()]).toEqual(here);
    const elsewhere = { ...place, inode: place.inode + 1n };
    const moved = { op: 'unmount', path: FILE, within: elsewhere, reason: '' } as const;
    expect(applyRelease({ ...plan, operations: [moved] })).toEqual([{ type: 'gone' }]);
  });

  it('is refused to a plain user, and says so', () => {
    const result = nstool(['holders', `net:${inode}`, '--release', '--yes'], PLAIN_UID);
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('failed   EPERM');
    expect(isMounted(inode)).toBe(true);
  });

  it.each([
    [['--yes'], '--yes goes with --release'],
    [['--release', '--from', '/dev/null'], 'a recorded host cannot be changed'],
  ])('%j is a usage error', (words, what) => {
    const { status, stderr } = nstool(['holders', `net:${inode}`, ...words]);
    expect(status).toBe(2);
    expect(stderr).toContain(what);
    expect(isMounted(inode)).toBe(true);
  });

  it('is what ls --unused lists before, and not after', async () => {
    const unused = (...words: string[]): string => nstool(['ls', '--unused', '-n', '-o', 'NS', ...words]).stdout;
    expect(unused('-t', 'net')).toContain(String(inode));
    expect(unused('-t', 'uts')).not.toContain(String(inode));
    started.push(await waitIn('nsenter', `--net=${FILE}`));
    expect(unused()).not.toContain(String(inode));
  });
});
