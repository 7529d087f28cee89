// Plans for a host of which only the few files are there that planning reads.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kindFacts, namespaceKinds, type NamespaceKind } from '../../../src/kernel/abi/namespace-kinds.ts';
import { NsError } from '../../../src/kernel/error.ts';
import { type NamespaceDoor, gap, value, type Gap, type Host } from '../../../src/kernel/host.ts';
import type { Program, Step } from '../../../src/kernel/program.ts';
import { pathDoor } from '../../../src/namespaces/discover/door.ts';
import { planEnter } from '../../../src/launch/enter.ts';
import type { EnterQuery } from '../../../src/launch/enter-query.ts';

const PID = 4913;
const decodeText = (text: string | Uint8Array): string =>
  typeof text === 'string' ? text : new TextDecoder().decode(text);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Inodes: ours start at 1000, those of the target at 2000. */
function inode(kind: NamespaceKind, base: number): number {
  return base + namespaceKinds.findIndex((entry) => entry.kind === kind);
}

interface Situation {
  /** The kinds that the target shares with us. */
  readonly shared?: readonly NamespaceKind[];
  /** The kinds that the kernel lacks. */
  readonly lacking?: readonly NamespaceKind[];
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string | Gap>>;
  /** What else exists. */
  readonly present?: readonly string[];
}

function fakeHost({ shared = [], lacking = [], files = {}, links = {}, present = [] }: Situation = {}): Host {
  const known = new Map<string, string | Gap>();
  for (const { kind } of namespaceKinds.filter((entry) => !lacking.includes(entry.kind))) {
    const own = `${kind}:[${inode(kind, 1000)}]`;
    for (const name of [kind, `${kind}_for_children`]) known.set(`/proc/self/ns/${name}`, own);
    known.set(`/proc/${PID}/ns/${kind}`, shared.includes(kind) ? own : `${kind}:[${inode(kind, 2000)}]`);
  }
  for (const [path, link] of Object.entries(links)) known.set(path, link);
  const none = (what: string): { readonly ok: false; readonly gap: Gap } =>
    ({ ok: false, gap: { reason: 'gone', what, errno: 'ENOENT' } }) as const;
  const unsupported = (what: string): ReturnType<typeof gap> => gap({ reason: 'unsupported', what });
  return {
    self: { pid: 1234, uid: 0 },
    readFile: (path) => (files[path] === undefined ? none(path) : value(encode(files[path]))),
    readLink: (path) => {
      const link = known.get(path);
      if (link === undefined) return none(path);
      return typeof link === 'string' ? value(link) : gap(link);
    },
    readDirectory: none,
    stat: (path) =>
      path === `/proc/${PID}` || present.includes(path)
        ? value({ dev: 1n, ino: 1n, mode: 0o40555, uid: 0, gid: 0 })
        : none(path),
    tree: () => unsupported('tree'),
    folders: () => unsupported('folders'),
    askNamespace: (door, asked) => {
      // A file is named for what it is: /ns/net-3000.
      const match = /^\/ns\/(\w+)-(\d+)$/.exec(pathOf(door));
      const kind = namespaceKinds.find((entry) => entry.kind === match?.[1]);
      if (kind === undefined)
        return pathOf(door) === '/file' && asked.length === 0 ? value(7n) : unsupported(pathOf(door));
      return value(asked.length === 0 ? BigInt(match?.[2] ?? 0) : BigInt(kind.flagValue));
    },
    netlink: () => unsupported('netlink'),
    readFileInside: () => unsupported('setns'),
    readFileInRoot: ({ root, path }) => {
      const text = files[`${root}${path}`];
      return text === undefined ? none(path) : value(encode(text));
    },
    findInRoot: () => unsupported('openat2'),
    attribute: () => unsupported('getxattr'),
    findAttributes: () => unsupported('getxattr'),
    mountOf: () => unsupported('fdinfo'),
    networkSettings: () => unsupported('settings'),
    legacyTable: () => unsupported('getsockopt'),
    messageQueues: () => unsupported('fsopen'),
    sharesFiles: () => unsupported('kcmp'),
    processNumber: () => unsupported('pidfd_open'),
    securebits: () => unsupported('prctl'),
    kernelLog: () => unsupported('/dev/kmsg'),
    mountNamespaces: () => unsupported('mount namespaces'),
    mounts: () => unsupported('mounts'),
    listNamespaces: () => unsupported('listns'),
  };
}

const query: EnterQuery = {
  pid: PID,
  kinds: 'all',
  given: [],
  preserveCredentials: false,
  fork: true,
  command: [encode('id')],
  trace: false,
};

function plan(more: Partial<EnterQuery> = {}, situation: Situation = {}, env: readonly string[] = []): Program {
  return planEnter(fakeHost(situation), { ...query, ...more }, { env: env.map(encode) }).program;
}

/** Each step in a word or two: `open net`, `setns net?` for one that may fail, `setns net!2` for one that is skipped by mark 2. */
function outline({ steps }: Program): readonly string[] {
  return steps.map(
    (step) => `${words(step)}${step.try === true ? '?' : ''}${step.once === true ? `!${step.mark}` : ''}`,
  );
}

/** Entering asks by path only. */
function pathOf(door: NamespaceDoor): string {
  return typeof door === 'string' ? door : '';
}

function words({ operation }: Step): string {
  switch (operation.op) {
    case 'open':
      return `open ${operation.into}`;
    case 'expect':
    case 'setns':
    case 'chroot':
    case 'chdir':
      return `${operation.op} ${operation.slot}`;
    case 'setgid':
      return `setgid ${operation.gid}`;
    case 'setuid':
      return `setuid ${operation.uid}`;
    case 'pidfd':
    case 'getfd':
    case 'reach':
    case 'handle':
      return `${operation.op} ${operation.into}`;
    case 'write':
    case 'gid_of':
    case 'uid_of':
    case 'wait':
      return `${operation.op} ${operation.slot}`;
    case 'skip':
      return `skip ${operation.count} if ${operation.mark}`;
    case 'unless':
      return `skip ${operation.count} unless ${operation.mark}`;
    case 'propagate':
      return `propagate ${decodeText(operation.path)}`;
    case 'fsmount':
      return `fsmount ${operation.type}`;
    case 'tree':
    case 'attach':
    case 'mkdir':
    case 'rmdir':
    case 'unlink':
    case 'holds':
    case 'kill':
    case 'symlink':
    case 'file':
      return `${operation.op} ${decodeText(operation.path)}`;
    case 'detach':
      return `detach ${operation.slot}`;
    case 'chown':
      return `chown ${operation.slot} ${operation.uid}`;
    case 'unshare':
    case 'after':
    case 'fork_into':
    case 'links':
    case 'spawn':
    case 'adopt':
    case 'ambient':
    case 'bounding':
    case 'capset':
    case 'close':
    case 'exec':
    case 'fork':
    case 'pty':
    case 'relay':
    case 'prctl':
    case 'rlimit':
    case 'seccomp':
    case 'seccomp_of':
    case 'setgroups':
    case 'signals':
    case 'umask':
      return operation.op;
  }
}

const userKind: readonly NamespaceKind[] = ['user'];

describe('the order', () => {
  test('one kind', () => {
    expect(outline(plan({ kinds: ['net'] }))).toEqual([
      'signals',
      'open process',
      'open net',
      'expect net',
      'setns net',
      'exec',
    ]);
  });

  test('everything is opened and checked before the first setns, and everything is joined before the ids change', () => {
    const steps = outline(plan({ root: true, workingDirectory: true, uid: 5, gid: 6 }));
    const kindOf = (step: string): number => {
      const order = [
        /^(signals|rlimit)/,
        /^(open|expect|pidfd)/,
        /^setgroups\?$/,
        /^(setns|skip)/,
        /^chroot/,
        /^chdir/,
        /^fork/,
        /^setgroups/,
        /^setgid/,
        /^setuid/,
        /^exec/,
      ];
      return order.findIndex((pattern) => pattern.test(step));
    };
    const ranks = steps.map((step) => kindOf(step));
    expect(ranks).not.toContain(-1);
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(steps.at(-1)).toBe('exec');
  });

  test('with a user namespace all are tried at once, else each other kind before it, and after it unless that worked', () => {
    const steps = outline(plan({ kinds: ['user', 'net', 'uts'] }));
    const joins = steps.filter((step) => /^(setns|skip)/.test(step));
    expect(joins).toEqual([
      'setns pidfd?',
      'skip 5 if 2',
      'setns uts?',
      'setns net?',
      'setns user',
      'setns uts!3',
      'setns net!4',
    ]);
    const { steps: all } = plan({ kinds: ['user', 'net', 'uts'] });
    const marks = all.filter((step) => step.try === true && step.operation.op === 'setns').map((step) => step.mark);
    expect(marks).toEqual([2, 3, 4]);
  });

  test('each kind has a mark of its own', () => {
    const { steps } = plan();
    const first = steps.filter((step) => step.operation.op === 'setns' && step.try === true).slice(1);
    const second = steps.filter((step) => step.operation.op === 'setns' && step.once === true);
    expect(new Set(first.map((step) => step.mark)).size).toBe(7);
    expect(second.map((step) => step.mark)).toEqual(first.map((step) => step.mark));
    const groups = steps.filter((step) => step.operation.op === 'setgroups').map((step) => step.mark);
    expect(groups).toEqual([1, 1]);
    expect(first.map((step) => step.mark)).not.toContain(1);
  });

  test('each setns has the flag of its kind', () => {
    for (const step of plan().steps) {
      if (step.operation.op !== 'setns' || step.operation.slot === 'pidfd') continue;
      expect(step.operation.type).toBe(kindFacts(step.operation.slot as NamespaceKind).flagValue);
    }
  });

  test('what has a way of its own is tried before the user namespace of the process, and again after it', () => {
    const given = [{ kind: 'net' as const, way: pathDoor('/ns/net-3000') }];
    const steps = outline(plan({ kinds: ['user', 'uts'], given }));
    expect(steps.filter((step) => /^(setns|skip)/.test(step))).toEqual([
      'setns net?',
      'setns pidfd?',
      'skip 3 if 2',
      'setns uts?',
      'setns user',
      'setns uts!3',
      'setns net!4',
    ]);
  });

  test('a user namespace alone, or with others by their own way only, needs no pidfd', () => {
    const given = [{ kind: 'net' as const, way: pathDoor('/ns/net-3000') }];
    expect(outline(plan({ kinds: ['user'], given }))).not.toContain('setns pidfd?');
    expect(outline(plan({ kinds: ['user'] }))).not.toContain('pidfd pidfd?');
  });

  test('namespaces of the target are opened through the descriptor that pins it', () => {
    const opens = plan({ kinds: ['net'], root: true, workingDirectory: true }).steps.flatMap((step) =>
      step.operation.op === 'open' ? [step.operation] : [],
    );
    expect(opens.map(({ dir, path }) => [dir, path])).toEqual([
      [undefined, `/proc/${PID}`],
      ['process', 'ns/net'],
      ['process', 'root'],
      ['process', 'cwd'],
    ]);
  });

  test('every step has a label and a reason in one line', () => {
    for (const step of plan({ root: '/r', workingDirectory: '/w', uid: 1, gid: 2 }).steps) {
      expect(step.label).toMatch(/^\S.*\S$/);
      expect(step.reason).toMatch(/^\S.*\S$/);
    }
  });
});

describe('what is ours already', () => {
  test('is not joined, but for the mount tree, which may fail', () => {
    const shared = namespaceKinds.map(({ kind }) => kind);
    const steps = outline(plan({}, { shared }));
    expect(steps).toEqual(['signals', 'open process', 'open mnt', 'expect mnt', 'setns mnt?', 'exec']);
  });

  test('an own user namespace changes no ids', () => {
    const steps = outline(plan({ kinds: ['user', 'net'] }, { shared: userKind }));
    expect(steps).toEqual(['signals', 'open process', 'open net', 'expect net', 'setns net', 'exec']);
  });

  test('an own pid namespace forks nothing', () => {
    expect(outline(plan({ kinds: ['pid'] }, { shared: ['pid'] }))).not.toContain('fork');
    expect(outline(plan({ kinds: ['pid'] }))).toContain('fork');
    expect(outline(plan({ kinds: ['pid'], fork: false }))).not.toContain('fork');
  });

  test('a file of an own namespace', () => {
    const given = [{ kind: 'net' as const, way: pathDoor(`/ns/net-${inode('net', 1000)}`) }];
    expect(outline(plan({ pid: undefined, kinds: [], given }))).toEqual(['signals', 'exec']);
  });
});

describe('ids', () => {
  const map = (inside: number): Record<string, string> => ({
    [`/proc/${PID}/uid_map`]: `         ${inside}       1000          1\n`,
    [`/proc/${PID}/gid_map`]: `         ${inside}       1000          1\n`,
  });
  const ids = (more: Partial<EnterQuery>, files: Record<string, string>): readonly string[] =>
    outline(plan({ kinds: userKind, ...more }, { files })).filter(
      (step) => step.startsWith('set') && !step.startsWith('setns'),
    );

  test('0 in a user namespace, gid first, where it is mapped', () => {
    expect(ids({}, map(0))).toEqual(['setgroups?', 'setgroups?!1', 'setgid 0?', 'setuid 0?']);
  });

  test('where 0 is not mapped the ids stay', () => {
    expect(ids({}, map(5))).toEqual(['setgroups?', 'setgroups?!1']);
    expect(ids({}, { [`/proc/${PID}/uid_map`]: '', [`/proc/${PID}/gid_map`]: '' })).toEqual([
      'setgroups?',
      'setgroups?!1',
    ]);
  });

  test('where the maps cannot be read 0 is tried', () => {
    expect(ids({}, {})).toEqual(['setgroups?', 'setgroups?!1', 'setgid 0?', 'setuid 0?']);
  });

  test('what was asked for must succeed', () => {
    expect(ids({ uid: 7, gid: 8 }, map(0))).toEqual(['setgroups?', 'setgroups!1', 'setgid 8', 'setuid 7']);
    expect(ids({ uid: 7, gid: 8 }, { ...map(0), [`/proc/${PID}/setgroups`]: 'deny\n' })).toEqual([
      'setgroups?',
      'setgroups?!1',
      'setgid 8',
      'setuid 7',
    ]);
  });

  test('--preserve-credentials changes nothing that was not asked for', () => {
    expect(ids({ preserveCredentials: true }, map(0))).toEqual([]);
    expect(ids({ preserveCredentials: true, uid: 3 }, map(0))).toEqual(['setuid 3']);
  });

  test('without a user namespace only what was asked for', () => {
    expect(ids({ kinds: ['net'] }, map(0))).toEqual([]);
    expect(ids({ kinds: ['net'], uid: 3 }, map(0))).toEqual(['setuid 3']);
    expect(ids({ kinds: ['net'], gid: 4 }, map(0))).toEqual(['setgroups', 'setgid 4']);
  });
});

describe('the command', () => {
  const exec = (program: Program): Extract<Step['operation'], { readonly op: 'exec' }> => {
    const operation = program.steps.at(-1)?.operation;
    if (operation?.op !== 'exec') throw new Error('the last step is no exec');
    return operation;
  };
  const text = (bytes: string | Uint8Array): string =>
    typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);

  test('is searched in PATH of the caller, and gets the environment as it is', () => {
    const env = ['A=1', 'PATH=/x:/y', 'NODE_OPTIONS=', 'odd'];
    const { file, search, argv, env: passed } = exec(plan({ command: [encode('id'), encode('-u')] }, {}, env));
    expect([text(file), text(search), argv.map(text), passed.map(text)]).toEqual(['id', '/x:/y', ['id', '-u'], env]);
  });

  test('without one it is a login shell', () => {
    const { file, argv } = exec(plan({ command: [] }, {}, ['SHELL=/usr/bin/fish']));
    expect([text(file), argv.map(text)]).toEqual(['/usr/bin/fish', ['-fish']]);
    const fallback = exec(plan({ command: [] }, {}, ['SHELL=', 'SHELLY=/x']));
    expect([text(fallback.file), fallback.argv.map(text)]).toEqual(['/bin/sh', ['-sh']]);
  });

  test('without $SHELL it is the one of passwd in there, for the user that the command becomes', () => {
    const passwd = 'root:x:0:0::/:/bin/roots\nx:x:3:3::/:/bin/threes\nx:x:4:4::/:\n::\nx:x:5:5::/:nologin\n';
    const files = {
      '/etc/passwd': 'root:x:0:0::/:/bin/ours\n',
      [`/proc/${PID}/root/etc/passwd`]: passwd,
      [`/proc/${PID}/uid_map`]: '0 1000 1\n3 0 1\n',
      [`/proc/${PID}/status`]: readFileSync('/proc/self/status', 'utf8').replace(/^Uid:.*/m, 'Uid:\t9\t1000\t9\t9'),
    };
    const shell = (changes: Partial<EnterQuery>): string => {
      const operation = plan({ command: [], ...changes }, { files }).steps.at(-1)?.operation;
      return operation?.op === 'exec' ? text(operation.file) : '';
    };
    const kinds = ['mnt'] as const;
    expect(shell({ kinds })).toBe('/bin/roots');
    expect(shell({ kinds: ['net'] })).toBe('/bin/ours');
    expect(shell({ kinds: ['net'], root: true })).toBe('/bin/roots');
    expect(shell({ kinds, uid: 3 })).toBe('/bin/threes');
    expect([4, 5, 6].map((uid) => shell({ kinds, uid }))).toEqual(['/bin/sh', '/bin/sh', '/bin/sh']);
    // 0 of the user namespace; ourselves, who are 3 in there; the target, who is 0.
    expect(shell({ kinds: ['mnt', 'user'] })).toBe('/bin/roots');
    expect(shell({ kinds: ['mnt', 'user'], preserveCredentials: true })).toBe('/bin/threes');
    expect(shell({ kinds: ['mnt', 'user'], preserveCredentials: true, uid: 'follow' })).toBe('/bin/roots');
  });

  test('names of the target do not act on a terminal', () => {
    const { steps } = plan({ command: [] }, {}, ['SHELL=/\u001B[31m\nforged', 'PATH=/\u009Bx']);
    const last = steps.at(-1);
    expect(last?.label).toBe('exec /?[31m?forged');
    expect(last?.explanations[0]?.text).toMatch(/^nstool: cannot run '\/\?\[31m\?forged': not found/);
    const named = plan({ kinds: ['net'], command: [encode('x')] }, {}, ['PATH=/\u009Bx\n']).steps.at(-1);
    expect(named?.explanations[0]?.text).toContain('it is not in /?x?;');
    const entered = plan({ kinds: ['mnt'], command: [encode('x')] }, {}, ['PATH=/x']).steps.at(-1);
    expect(entered?.explanations[0]?.text).toMatch(
      /it is not in \/x, in the file system that was entered;.*\n {2}try: nstool enter \d+ --tools COMMAND\n$/,
    );
  });

  test('bytes that are no text stay as they are', () => {
    const odd = new Uint8Array([0xff, 0xfe, 0x20]);
    const { file, argv } = exec(plan({ command: [odd, odd] }));
    expect([file, ...argv]).toEqual([odd, odd, odd]);
  });

  test('the limit on open files that Node raised is set back first', () => {
    const { program } = planEnter(fakeHost(), query, { env: [], openFiles: { soft: 512n, hard: 4096n } });
    expect(program.steps[1]?.operation).toEqual({ op: 'rlimit', resource: 7, soft: 512n, hard: 4096n });
  });
});

describe('what cannot be planned', () => {
  function refused(more: Partial<EnterQuery>, situation: Situation = {}): string {
    try {
      plan(more, situation);
    } catch (error) {
      if (error instanceof NsError) return `${error.code} ${error.facts.what}`;
      throw error;
    }
    throw new Error('it was planned');
  }

  test('a process that is not there', () => {
    expect(refused({ pid: 77 })).toBe('NO_PROCESS no process 77');
  });

  test('a zombie', () => {
    const links = { [`/proc/${PID}/ns/net`]: { reason: 'gone' as const, what: 'x', errno: 'ENOENT' } };
    expect(refused({ kinds: ['net'] }, { links })).toBe(`NO_NAMESPACE process ${PID} shows no net namespace`);
    expect(refused({}, { links })).toBe(`NO_NAMESPACE process ${PID} shows no net namespace`);
  });

  test('a kind that the kernel lacks is left out of all, and an error alone', () => {
    expect(outline(plan({}, { lacking: ['time'] })).join(' ')).not.toContain('time');
    expect(refused({ kinds: ['time'] }, { lacking: ['time'] })).toBe('UNSUPPORTED this kernel has no time namespaces');
  });

  test('a process that is closed to us', () => {
    const links = { [`/proc/${PID}/ns/user`]: { reason: 'denied' as const, what: 'x', errno: 'EACCES' } };
    expect(refused({}, { links })).toMatch(new RegExp(`^DENIED cannot enter the namespaces of process ${PID}`));
  });

  test('a link that is none of a namespace', () => {
    expect(refused({ kinds: ['net'] }, { links: { [`/proc/${PID}/ns/net`]: 'net:4026' } })).toMatch(/^PARSE /);
  });

  test('a file of another kind, and one of none', () => {
    const files = (path: string): Partial<EnterQuery> => ({
      pid: undefined,
      kinds: [],
      given: [{ kind: 'net', way: pathDoor(path) }],
    });
    expect(refused(files('/ns/uts-3000'))).toBe('BAD_VALUE /ns/uts-3000 is not a net namespace');
    expect(refused(files('/file'))).toBe('BAD_VALUE /file is not a namespace');
  });

  test('a file takes the place of the kind of the process', () => {
    const given = [{ kind: 'net' as const, way: pathDoor('/ns/net-3000') }];
    const { steps } = plan({ kinds: ['net', 'uts'], given });
    const inodes = steps.flatMap(({ operation }) => (operation.op === 'expect' ? [Number(operation.inode)] : []));
    expect(inodes).toEqual([inode('uts', 2000), 3000]);
  });
});

describe('what is mounted for the command alone', () => {
  const root = `/proc/${PID}/root`;
  const files = { [`${root}/etc/resolv.conf`]: 'nameserver 192.0.2.1', '/etc/resolv.conf': 'nameserver 192.0.2.2' };
  const present = { files, present: ['/etc', '/etc/resolv.conf', '/etc/hosts'] };
  /** Of a plain user without capabilities. */
  const status = readFileSync('/proc/self/status', 'utf8').replace(/^CapEff:.*$/m, 'CapEff:\t0000000000000000');
  const position = (steps: readonly string[], start: string): number =>
    steps.findIndex((each) => each.startsWith(start));

  test('the files of the resolver, where they are others than ours', () => {
    const shown = plan({ kinds: ['net'] }, present).steps.flatMap(({ operation }) =>
      operation.op === 'attach' ? [decodeText(operation.path)] : [],
    );
    expect(shown).toEqual(['/', '/etc/resolv.conf']);
    for (const more of [{ resolver: false }, { kinds: ['net', 'mnt'] as const }, { root: true as const }]) {
      expect(outline(plan({ kinds: ['net'], ...more }, present))).not.toContain('unshare?');
    }
    const same = { ...files, '/etc/resolv.conf': 'nameserver 192.0.2.1' };
    expect(outline(plan({ kinds: ['net'] }, { ...present, files: same }))).not.toContain('unshare?');
  });

  test('each step that must work first skips all that needs it', () => {
    const { steps } = plan({ kinds: ['net', 'pid'], ownProc: true }, present);
    for (const [index, { operation, mark }] of steps.entries()) {
      if (operation.op !== 'unless') continue;
      expect(steps[index - 1]).toMatchObject({ mark: operation.mark, try: true });
      const after = outline({ steps: steps.slice(index + 1 + operation.count), failureStatus: 125, trace: false })[0];
      expect(after).toMatch(/^(setns net|exec)/);
      expect(mark).toBeUndefined();
    }
  });

  test('before the namespaces are joined by who may; after the user namespace by its owner', () => {
    const privileged = outline(plan({ kinds: ['net', 'user'] }, present));
    expect(position(privileged, 'unshare')).toBeLessThan(position(privileged, 'setns'));
    const owner = {
      ...present,
      files: { ...files, '/proc/self/status': status },
      links: { '/proc/self/ns/user': 'user:[1004]' },
    };
    const steps = outline(plan({ kinds: ['net', 'user'] }, owner));
    expect(position(steps, 'unshare')).toBeGreaterThan(steps.findLastIndex((each) => each.startsWith('setns')));
  });

  test('a /proc after the fork, before the ids change', () => {
    const steps = outline(plan({ kinds: ['pid'], ownProc: true, uid: 5 }));
    expect(position(steps, 'fsmount proc')).toBeGreaterThan(position(steps, 'fork'));
    expect(position(steps, 'fsmount proc')).toBeLessThan(position(steps, 'setuid'));
    for (const more of [{ fork: false }, { ownProc: false }, { kinds: ['pid', 'mnt'] as const }]) {
      expect(outline(plan({ kinds: ['pid'], ownProc: true, ...more }))).not.toContain('fsmount proc?');
    }
  });
});
