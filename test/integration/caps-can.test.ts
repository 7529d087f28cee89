// What was said that a process may do, compared with what happens when it does it.

import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { parseAct } from '../../src/inspect/can/act.ts';
import { can } from '../../src/inspect/can/can.ts';
import { Actor, compileActs } from '../support/actors.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const host = linuxHost();
const ALL = (1n << 41n) - 1n;
const USER = 1000;
const asUser = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups'];
const few = ['net_raw', 'net_bind_service', 'kill', 'setuid', 'chown', 'sys_admin', 'sys_ptrace']
  .map((name) => `+${name}`)
  .join();
/** Docker's. */
const container =
  '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap';

/** Each in a mount namespace of its own. */
const kinds = {
  root: ['unshare', '-m'],
  plain: ['unshare', '-m', ...asUser],
  'user-namespace root': [...asUser, 'unshare', '-Urmnui'],
  'container root': ['unshare', '-mnuipC', '--fork', '--kill-child', 'setpriv', `--bounding-set=${container}`],
  dropped: ['unshare', '-m', 'setpriv', '--bounding-set=-all'],
  ambient: ['unshare', '-m', ...asUser, `--inh-caps=${few}`, `--ambient-caps=${few}`],
} as const;

const targets = {
  root: [[], 0],
  user: [[], USER],
  'user in a user namespace': [['-Urnum'], USER],
  'root in a user namespace': [['-Urnum'], 0],
  'root in namespaces': [['-mnuip', '--fork'], 0],
} as const;
type TargetName = keyof typeof targets;

interface Scene {
  readonly folder: string;
  readonly pid: (name: TargetName) => number;
  /** A file that is the namespace, and that everybody may open. */
  readonly ns: (name: TargetName, kind: string) => string;
}

/** What is asked, and what is done. */
type ActRow = readonly [
  string,
  (scene: Scene) => { readonly word: string; readonly place?: string; readonly act: string },
];

const namespaceFiles = [
  ['user', 'net'],
  ['user', 'uts'],
  ['user in a user namespace', 'net'],
  ['user in a user namespace', 'user'],
  ['root in a user namespace', 'user'],
  ['root in a user namespace', 'uts'],
  ['root in namespaces', 'net'],
  ['root in namespaces', 'pid'],
] as const;

const acts: readonly ActRow[] = [
  ...[80, 1023, 1024, 8080].map((port): ActRow => [
    `tcp ${port}`,
    () => ({ word: `bind:${port}`, act: `tcp ${port}` }),
  ]),
  ['udp 53', () => ({ word: 'bind:53', act: 'udp 53' })],
  ['raw socket', () => ({ word: 'raw-socket', act: 'raw' })],
  ['packet socket', () => ({ word: 'raw-socket', act: 'packet' })],
  ['mount', ({ folder }) => ({ word: 'mount', act: `mount ${folder}/mount` })],
  ['module', () => ({ word: 'module', act: 'module' })],
  ...namespaceFiles.map(([name, kind]): ActRow => [
    `setns ${kind} of ${name}`,
    ({ ns }) => ({ word: `setns:${ns(name, kind)}`, act: `setns ${ns(name, kind)}` }),
  ]),
  // No file in another mount namespace can be this one: it is given as a descriptor.
  [
    'setns mnt of root in namespaces',
    ({ pid }) => ({ word: `setns:mnt:${pid('root in namespaces')}`, act: 'setns 3' }),
  ],
  ...(['root', 'user', 'user in a user namespace', 'root in a user namespace', 'root in namespaces'] as const).flatMap(
    (name): readonly ActRow[] => [
      [`kill ${name}`, ({ pid }) => ({ word: `kill:${pid(name)}`, act: `kill ${pid(name)}` })],
      [`ptrace ${name}`, ({ pid }) => ({ word: `ptrace:${pid(name)}`, act: `ptrace ${pid(name)}` })],
    ],
  ),
  ...[0, 5, USER].flatMap((id): readonly ActRow[] => [
    [`setuid ${id}`, () => ({ word: `setuid:${id}`, act: `setuid ${id}` })],
    [`setgid ${id}`, () => ({ word: `setgid:${id}`, act: `setgid ${id}` })],
  ]),
  ["chown root's file", ({ folder }) => ({ word: `chown:${folder}/root`, act: `chown ${folder}/root` })],
  ["chown the user's file", ({ folder }) => ({ word: `chown:${folder}/user`, act: `chown ${folder}/user` })],
  [
    'chown in a closed folder',
    ({ folder }) => ({ word: `chown:${folder}/closed/file`, act: `chown ${folder}/closed/file` }),
  ],
  ['chown on a read-only mount', ({ folder }) => ({ word: `chown:${folder}/ro`, act: `chown ${folder}/ro` })],
  ...(
    [
      ['sys_admin', 'uts', 'hostname'],
      ['net_admin', 'net', 'flags'],
      ['sys_boot', 'pid', 'reboot'],
      ['sys_chroot', 'user', 'chroot'],
      ['setpcap', 'user', 'capbset'],
      ['mknod', 'host', 'mknod'],
      ['sys_pacct', 'host', 'acct'],
      ['sys_tty_config', 'host', 'vhangup'],
      ['sys_nice', 'host', 'nice'],
      ['sys_time', 'host', 'tick'],
      ['syslog', 'host', 'syslog'],
      ['sys_resource', 'host', 'resource'],
    ] as const
  ).map(([capability, place, act]): ActRow => [
    `${capability} in ${place}`,
    ({ folder }) => ({ word: capability, place, act: act === 'mknod' ? `mknod ${folder}/open/null` : act }),
  ]),
];

describe.skipIf(lacks('root', 'cc', 'namespaces'))('what a process may', () => {
  let compiled: ReturnType<typeof compileActs>;
  const made = new Map<TargetName, TargetProcess>();
  const actors = new Map<string, Actor>();
  const mounted: string[] = [];
  const pid = (name: TargetName): number => made.get(name)?.pid ?? 0;
  const ns = (name: TargetName, kind: string): string => join(compiled.folder, `${name.replaceAll(' ', '-')}-${kind}`);

  beforeAll(async () => {
    compiled = compileActs();
    const { folder } = compiled;
    for (const [name, [options, uid]] of Object.entries(targets) as [TargetName, (typeof targets)[TargetName]][])
      made.set(name, await makeTarget(options, uid));
    for (const [name, kind] of namespaceFiles) {
      writeFileSync(ns(name, kind), '');
      bind(`/proc/${pid(name)}/ns/${kind}`, ns(name, kind));
    }
    for (const name of ['mount', 'open', 'closed']) mkdirSync(join(folder, name));
    chmodSync(join(folder, 'closed'), 0o700);
    chownSync(join(folder, 'closed'), 7, 7);
    chmodSync(join(folder, 'open'), 0o777);
    restore();
    writeFileSync(join(folder, 'ro'), '');
    bind(join(folder, 'ro'), join(folder, 'ro'));
    run(['mount', '-o', 'remount,bind,ro', join(folder, 'ro')]);
    const mounts = openSync(`/proc/${pid('root in namespaces')}/ns/mnt`, 'r');
    for (const [kind, before] of Object.entries(kinds))
      actors.set(kind, await Actor.start([...before, compiled.program], mounts));
    closeSync(mounts);
  });
  afterAll(async () => {
    for (const actor of actors.values()) await actor.end();
    for (const path of mounted) run(['umount', path]);
    for (const target of made.values()) await target.end();
    compiled.remove();
  });

  function bind(from: string, to: string): void {
    const { status, stderr } = run(['mount', '--bind', from, to]);
    if (status !== 0) throw new Error(stderr);
    mounted.push(to);
  }

  function restore(): void {
    for (const name of ['root', 'user', 'closed/file']) {
      const path = join(compiled.folder, name);
      const owner = name === 'root' ? 0 : USER;
      writeFileSync(path, '');
      chownSync(path, owner, owner);
    }
  }

  for (const kind of Object.keys(kinds)) {
    test.each(acts)(`${kind}: %s`, async (_, of) => {
      const actor = actors.get(kind);
      if (actor === undefined) throw new Error('no actor');
      const { word, place, act } = of({ folder: compiled.folder, pid, ns });
      const where = place === undefined || place === 'host' ? place : `${place}:${actor.pid}`;
      const { verdict } = can(host, actor.pid, parseAct(word, ALL), where);
      const errno = await actor.act(act);
      restore();
      const told = JSON.stringify(verdict);
      expect(verdict.answer, told).toBe(errno === 0);
      if (place === undefined && errno !== 0) expect(verdict.errno, told).toBe(getSystemErrorName(-errno));
    });
  }
});

/** Who writes maps. */
const writers = {
  root: [],
  'who made the namespace': asUser,
  'another user': ['setpriv', '--reuid=1001', '--regid=1001', '--clear-groups'],
  'its maker with setuid and setgid': [...asUser, ...ambiently('setuid', 'setgid')],
  'its maker with setuid and setfcap': [...asUser, ...ambiently('setuid', 'setfcap')],
  'another user with dac_override, sys_admin, setuid and setgid': [
    'setpriv',
    '--reuid=1001',
    '--regid=1001',
    '--clear-groups',
    ...ambiently('dac_override', 'sys_admin', 'setuid', 'setgid'),
  ],
  dropped: ['setpriv', '--bounding-set=-all'],
  'who is in another one': [...asUser, 'unshare', '-Ur'],
  'who is in it': [...asUser, 'unshare', '-U'],
} as const;

function ambiently(...names: readonly string[]): readonly string[] {
  const list = names.map((name) => `+${name}`).join();
  return [`--inh-caps=${list}`, `--ambient-caps=${list}`];
}

/** Lines for acts.c, where `_` is a blank. */
const contents = { own: (id: number) => `0_${id}_1~`, any: () => '0_100000_10~', root: () => '0_0_1~' } as const;

describe.skipIf(lacks('root', 'cc', 'namespaces'))('writing an id map', () => {
  let compiled: ReturnType<typeof compileActs>;
  beforeAll(() => {
    compiled = compileActs();
  });
  afterAll(() => compiled.remove());

  for (const [name, before] of Object.entries(writers)) {
    for (const setgroups of ['allow', 'deny']) {
      test.each([
        ['uid_map', 'own'],
        ['uid_map', 'any'],
        ['uid_map', 'root'],
        ['gid_map', 'own'],
        ['gid_map', 'any'],
      ] as const)(`${name}, setgroups ${setgroups}: %s, %s`, async (file, content) => {
        const actor = await Actor.start([...before, compiled.program]);
        const isInside = name === 'who is in it';
        const target = await makeTarget(['-U'], USER);
        try {
          const pid = isInside ? actor.pid : target.pid;
          // Nobody but who has CAP_SYS_ADMIN there may say so: here root.
          if (setgroups === 'deny') writeFileSync(`/proc/${pid}/setgroups`, 'deny');
          const euid = euidOf(actor.pid);
          const answer = can(host, actor.pid, parseAct(`map:${pid}`, ALL));
          const { verdict } = answer.maps.find((each) => each.file === file && each.content === content) ?? answer;
          const errno = await actor.act(`write /proc/${pid}/${file} ${contents[content](euid)}`);
          const told = JSON.stringify({ verdict, errno });
          // Whether its maker could set file capabilities then is told nobody.
          if (isInside && content === 'root') expect(verdict.answer, told).not.toBe(true);
          else expect(verdict.answer, told).toBe(errno === 0);
          if (errno !== 0) expect(verdict.errno, told).toBe(getSystemErrorName(-errno));
        } finally {
          await actor.end();
          await target.end();
        }
      });
    }
  }

  test('refused, explained, and then done with two capabilities', async () => {
    const target = await makeTarget(['-U'], USER);
    const plain = await Actor.start([...asUser, compiled.program]);
    const line = `write /proc/${target.pid}/uid_map ${contents.any()}`;
    expect(await plain.act(line)).toBe(1);
    const { verdict } = can(host, plain.pid, parseAct(`map:${target.pid}`, ALL));
    expect(verdict).toMatchObject({ answer: false, errno: 'EPERM' });
    expect(verdict.checks.at(-1)?.text).toMatch(/^CAP_SETUID is not in its effective set/);
    await plain.end();
    const capable = await Actor.start([...writers['its maker with setuid and setgid'], compiled.program]);
    expect(can(host, capable.pid, parseAct(`map:${target.pid}`, ALL)).verdict.answer).toBe(true);
    expect(await capable.act(line)).toBe(0);
    expect(await capable.act(`write /proc/${target.pid}/gid_map ${contents.any()}`)).toBe(0);
    const again = can(host, capable.pid, parseAct(`map:${target.pid}`, ALL)).verdict;
    expect(again.checks.at(-1)?.text).toBe('uid_map is written already, which is possible once');
    expect(await capable.act(line)).toBe(1);
    await capable.end();
    await target.end();
  });
});

function euidOf(pid: number): number {
  return Number(/\nUid:\t[0-9]+\t([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
