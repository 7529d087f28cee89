// Entering each kind of namespace, compared with nsenter(1): from outside by the links of the command's pid, from inside
// by hostname and addresses.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandBelow, linkOf, look, type Entered } from '../support/entered.ts';
import { asUser, commandLine, identities, nstool, PLAIN_UID, run, type Identity } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

const kinds = [
  { kind: 'mnt', letter: 'm', long: 'mount' },
  { kind: 'uts', letter: 'u', long: 'uts' },
  { kind: 'ipc', letter: 'i', long: 'ipc' },
  { kind: 'net', letter: 'n', long: 'net' },
  { kind: 'pid', letter: 'p', long: 'pid' },
  { kind: 'user', letter: 'U', long: 'user' },
  { kind: 'cgroup', letter: 'C', long: 'cgroup' },
  { kind: 'time', letter: 'T', long: 'time' },
] as const;

const letters = kinds.map((entry) => `-${entry.letter}`);

/** Lifetimes of addresses count down. */
const report = [
  'hostname',
  `ip -j addr | sed -E 's/"(valid|preferred)_life_time":[0-9]+//g'`,
  "grep -E '^(Uid|Gid|Groups|NSpid|Cap)' /proc/thread-self/status | sed -E '/^NSpid/s/[0-9]+/N/g'",
  'cat /proc/self/uid_map /proc/self/gid_map',
  'cat /proc/self/timens_offsets',
  'pwd; ls -di /; cat /proc/self/cgroup',
].join('; ');

function nsenter(target: TargetProcess, options: readonly string[], uid?: number): Promise<Entered> {
  return look(asUser(['nsenter', '-t', String(target.pid), ...options], uid), report);
}

function enter(words: readonly string[], uid?: number): Promise<Entered> {
  // What nsenter(1) does not have is compared nowhere here.
  return look(commandLine(['enter', '--no-dns', '--no-proc', ...words], uid), report);
}

function expectEqual(ours: Entered, theirs: Entered): void {
  expect(ours.links).toEqual(theirs.links);
  expect(ours.report).toBe(theirs.report);
  for (const name of ['Uid', 'Gid', 'Groups', 'CapPrm', 'CapEff', 'CapInh', 'CapBnd', 'CapAmb', 'NoNewPrivs']) {
    expect(`${name} ${ours.status(name)}`).toBe(`${name} ${theirs.status(name)}`);
  }
}

/** Something of its own in each namespace that can show it. */
function furnish(target: TargetProcess, name: string, address: string, user: readonly string[], uid?: number): void {
  const script = `hostname ${name}; ip link set lo up; ip addr add ${address}/32 dev lo`;
  const done = run(asUser(['nsenter', '-t', String(target.pid), ...user, '-u', '-n', 'sh', '-c', script], uid));
  expect(done).toMatchObject({ status: 0, stderr: '' });
}

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'unshare', 'ip'))('as root', () => {
  let target: TargetProcess;
  const all = ['-m', '-u', '-i', '-n', '-p', '-C', '-T', '--fork', '--monotonic=1000', '--mount-proc'];

  beforeAll(async () => {
    target = await makeTarget(all);
    furnish(target, 'seven', '10.77.0.7', []);
  });
  afterAll(() => target.end());

  describe.each(kinds.filter(({ kind }) => kind !== 'user'))('the $kind namespace', ({ kind, letter, long }) => {
    test.each([[`-${letter}`], [`--${long}`]])('%s enters it and nothing else', async (option) => {
      const ours = await enter([String(target.pid), option]);
      expectEqual(ours, await nsenter(target, [`-${letter}`]));
      expect(ours.links[kind]).toBe(linkOf(target.pid, kind));
      expect(ours.links[kind]).not.toBe(linkOf('self', kind));
    });

    test('by its path', async () => {
      const path = `/proc/${target.pid}/ns/${kind}`;
      const ours = await enter([`--${long}=${path}`]);
      expectEqual(ours, await look(['nsenter', `--${long}=${path}`], report));
      expect(ours.links[kind]).toBe(linkOf(target.pid, kind));
    });

    test('its path as TARGET', async () => {
      const path = `/proc/${target.pid}/ns/${kind}`;
      expectEqual(await enter([path]), await nsenter(target, [`-${letter}`]));
    });
  });

  test.each([[['-a']], [['--all']], [[]], [letters], [['-muinpUCT']]])('everything: %j', async (options) => {
    const ours = await enter([String(target.pid), ...options]);
    expectEqual(ours, await nsenter(target, ['-a']));
    for (const { kind } of kinds) expect(ours.links[kind]).toBe(linkOf(target.pid, kind));
    expect(ours.report).toContain('seven\n');
    expect(ours.report).toContain('"10.77.0.7"');
    expect(ours.report).toMatch(/monotonic +1000 /);
  });

  test('-t PID', async () => {
    expectEqual(await enter(['-t', String(target.pid), '-n', '-u']), await nsenter(target, ['-n', '-u']));
    expectEqual(await enter([`-nut${target.pid}`]), await nsenter(target, ['-n', '-u']));
    expectEqual(await enter([`--target=${target.pid}`, '--net']), await nsenter(target, ['-n']));
  });

  test('--net alone leaves the mount namespace and the files of the host in place', async () => {
    const ours = await look(commandLine(['enter', String(target.pid), '--net']), 'cat /proc/1/comm; ls /proc | wc -l');
    expect(ours.links['net']).toBe(linkOf(target.pid, 'net'));
    for (const { kind } of kinds.filter((entry) => entry.kind !== 'net')) {
      expect(ours.links[kind]).toBe(linkOf('self', kind));
    }
  });

  test('several kinds by path, from different targets', async () => {
    const other = await makeTarget(['-u', '-n', '-i']);
    try {
      furnish(other, 'other', '10.77.0.8', []);
      const words = [`--uts=/proc/${other.pid}/ns/uts`, `--net=/proc/${target.pid}/ns/net`];
      const ours = await enter(words);
      expectEqual(ours, await look(['nsenter', ...words], report));
      expect(ours.report).toContain('other\n');
      expect(ours.report).toContain('"10.77.0.7"');
    } finally {
      await other.end();
    }
  });

  test('a path takes the place of the one of -t PID', async () => {
    const other = await makeTarget(['-u', '-n']);
    try {
      const words = ['-a', `--uts=/proc/${other.pid}/ns/uts`];
      const ours = await enter(['-t', String(target.pid), ...words]);
      expectEqual(ours, await nsenter(target, words));
      expect(ours.links['uts']).toBe(linkOf(other.pid, 'uts'));
      expect(ours.links['net']).toBe(linkOf(target.pid, 'net'));
    } finally {
      await other.end();
    }
  });

  test('a named network namespace, as TARGET and as --net=', async () => {
    const name = `nstool-test-${process.pid}`;
    const before = run(['findmnt', '-rno', 'TARGET']).stdout;
    expect(run(['ip', 'netns', 'add', name]).status).toBe(0);
    try {
      expect(run(['ip', '-n', name, 'addr', 'add', '10.77.0.9/32', 'dev', 'lo']).status).toBe(0);
      for (const words of [[`/run/netns/${name}`], [`--net=/run/netns/${name}`]]) {
        const ours = await enter(words);
        expectEqual(ours, await look(['nsenter', `--net=/run/netns/${name}`], report));
        expect(ours.report).toContain('"10.77.0.9"');
      }
    } finally {
      run(['ip', 'netns', 'delete', name]);
      // The first `ip netns add` of a machine makes /run/netns a mount of its own, which stays.
      if (!before.split('\n').includes('/run/netns')) run(['umount', '/run/netns']);
    }
  });

  test('a target in nested user namespaces', async () => {
    const inside = ['unshare', '--fork', '--kill-child', 'unshare', '-U', '-r', '-u', '-p', '--fork', '--kill-child'];
    const nested = await makeTarget(['-U', '-r', '-muin'], undefined, [...inside, 'sleep', '1000']);
    try {
      const pid = await commandBelow(nested.pid, 'sleep');
      expect(linkOf(pid, 'user')).not.toBe(linkOf(nested.pid, 'user'));
      const inner: TargetProcess = { pid, end: () => nested.end() };
      for (const options of [['-a'], ['-U'], ['-n'], ['-U', '-u', '-p']]) {
        expectEqual(await enter([String(pid), ...options]), await nsenter(inner, options));
      }
    } finally {
      await nested.end();
    }
  });

  test('a target of a plain user', async () => {
    const theirs = await makeTarget(['-U', '-r', '-m', '-u', '-i', '-n', '-p', '-C', '-T', '--fork'], PLAIN_UID);
    try {
      for (const options of [['-a'], ['-U'], ['-n'], ['-p'], ['-U', '-m'], ['-U', '-p', '-T']]) {
        expectEqual(await enter([String(theirs.pid), ...options]), await nsenter(theirs, options));
      }
    } finally {
      await theirs.end();
    }
  });

  test('of a process that shares the mount tree but has another root, --mount leaves our own root', async () => {
    const ours = await look(['chroot', '/', ...commandLine(['enter', String(process.pid), '-m'])], report);
    expectEqual(ours, await look(['nsenter', '-t', String(process.pid), '-m'], report));
  });
});

const ownUserNamespaces: readonly { readonly title: string; readonly options: readonly string[] }[] = [
  { title: 'unshare -U', options: ['-U'] },
  { title: 'unshare -Ur', options: ['-U', '-r'] },
  { title: 'unshare -Ur with all other kinds', options: ['-U', '-r', '-muinCT', '-p', '--fork', '--mount-proc'] },
  { title: 'unshare -U -c with all other kinds', options: ['-U', '-c', '-muinCT', '-p', '--fork'] },
];

/** A user namespace belongs to who made it. */
describe.skipIf(lacks('userns', 'nsenter', 'unshare', 'ip')).each(identities)('by $name', ({ uid }: Identity) => {
  describe.each(ownUserNamespaces)('in namespaces of the same user by $title', ({ options }) => {
    let target: TargetProcess;
    const hasKinds = options.length > 2;
    const isMapped = options.includes('-r');

    beforeAll(async () => {
      target = await makeTarget(options, uid);
      if (isMapped && hasKinds) furnish(target, 'ours', '10.77.0.10', ['-U', '--preserve-credentials'], uid);
    });
    afterAll(() => target.end());

    // For nsenter 2.38 an id 0 that is not mapped is an error, as are groups that may not be dropped (setgroups is
    // `deny` where a plain user wrote the maps), and it joins, with --all, also what it is in already. nstool goes on; the
    // result is what nsenter makes of the same with --preserve-credentials, because the caller is mapped to 0 or not at all.
    const keep = isMapped && uid === 0 ? [] : ['--preserve-credentials'];
    const all = hasKinds || uid === 0 ? ['-a'] : ['-U'];

    test.each([
      [['-a'], all],
      [[], all],
      [['-U'], ['-U']],
      [
        ['-U', '--preserve-credentials'],
        ['-U', '--preserve-credentials'],
      ],
      [
        ['-a', '--preserve-credentials'],
        [...all, '--preserve-credentials'],
      ],
    ])('enter %j', async (words, theirs) => {
      const ours = await enter([String(target.pid), ...words], uid);
      expectEqual(ours, await nsenter(target, [...theirs, ...keep], uid));
      for (const { kind } of kinds.filter((entry) => entry.kind === 'user' || !words.includes('-U'))) {
        expect(ours.links[kind]).toBe(linkOf(target.pid, kind));
      }
    });

    test.skipIf(!hasKinds).each(kinds.filter(({ kind }) => kind !== 'user'))(
      'the user namespace and $kind',
      async ({ kind, letter }) => {
        const ours = await enter([String(target.pid), '-U', `-${letter}`], uid);
        expectEqual(ours, await nsenter(target, ['-U', `-${letter}`, ...keep], uid));
        expect(ours.links[kind]).toBe(linkOf(target.pid, kind));
      },
    );

    test.skipIf(!hasKinds)('by paths', async () => {
      const words = [`--user=/proc/${target.pid}/ns/user`, `--net=/proc/${target.pid}/ns/net`];
      expectEqual(await enter(words, uid), await look(asUser(['nsenter', ...words, ...keep], uid), report));
    });
  });

  test('our own namespaces are no reason for an error', async () => {
    for (const options of [['-a'], letters]) {
      // Joining even one's own mount namespace takes a privilege: nsenter needs it, nstool does without.
      const ours = await enter(['self', ...options], uid);
      for (const { kind } of kinds) expect(ours.links[kind]).toBe(linkOf('self', kind));
      const bare = await look(asUser(['env'], uid), report);
      expect(ours.report).toBe(bare.report);
      expect(ours.links).toEqual(bare.links);
    }
  });

  test.skipIf(uid === 0)('what belongs to nobody of ours is refused, with what it needs', async () => {
    const target = await makeTarget(['-U', '-r', '-n', '-u'], uid);
    try {
      for (const option of ['-n', '-u']) {
        const words = [String(target.pid), option, 'true'];
        expect(run(asUser(['nsenter', '-t', ...words], uid)).status).not.toBe(0);
        const ours = nstool(['enter', ...words], { uid });
        expect(ours).toMatchObject({ status: 125, stdout: '' });
        expect(ours.stderr).toMatch(
          /cannot join the (net|uts) namespace of \/proc\/\d+\/ns\/\w+: EPERM\n {2}why: user:\[\d+\] owns it, .*CAP_SYS_ADMIN/,
        );
        const long = option === '-n' ? '--net' : '--uts';
        expect(ours.stderr).toContain(`try: nstool enter -t ${target.pid} --user ${long} COMMAND\n`);
      }
    } finally {
      await target.end();
    }
  });
});
