// `nstool ls` says what lsns(8) says, of every namespace that lsns shows.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/render/width.ts';
import { compareWithLsns, eventually, lsnsRows, nstoolListing, type Listing } from '../support/lsns.ts';
import { startOddProcess, startReady, type Started } from '../support/odd-process.ts';
import { asUser, commandLine, identities, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { freshBelow, makeStage, type Stage } from '../support/stage.ts';
import { onTerminal } from '../support/terminal.ts';

const ALL_KINDS = ['--mount', '--uts', '--ipc', '--net', '--pid', '--user', '--map-root-user', '--cgroup', '--time'];
const WAIT = ['sh', '-c', 'echo ready; exec sleep 1000'];

/** What lsns says of these, and of all else that it sees, is what we say. */
function expectEqual(listing: Listing, expected: readonly number[]): void {
  const { keys, lsns, ours } = compareWithLsns(listing);
  expect(ours).toEqual(lsns);
  expect(keys).toEqual(expect.arrayContaining([...expected]));
}

describe.each(identities)('ls as $name, on this host', ({ uid }) => {
  const started: Started[] = [];
  // lsns itself must not be the process that stands for a namespace.
  beforeAll(async () => void started.push(await startReady(asUser(WAIT, uid))));
  afterAll(async () => void (await Promise.all(started.map((one) => one.end()))));

  it.skipIf(lacks('lsns'))('equals lsns on the host as it is', () => {
    const own = lsnsRows({ uid }).length;
    const { keys, lsns, ours } = compareWithLsns({ uid });
    expect(ours).toEqual(lsns);
    expect(keys.length).toBeGreaterThanOrEqual(Math.min(own, 8));
  });

  it.skipIf(lacks('lsns', uid === 0 ? 'namespaces' : 'userns'))(
    'equals lsns with fresh namespaces of all eight kinds',
    async () => {
      const fresh = await startReady(asUser(['unshare', '--fork', '--kill-child', ...ALL_KINDS, ...WAIT], uid));
      try {
        const inodes = freshBelow(fresh.pid);
        expect(inodes).toHaveLength(8);
        expectEqual({ uid }, inodes);
      } finally {
        await fresh.end();
      }
    },
  );

  it.skipIf(lacks('lsns', 'userns'))('equals lsns with user and pid namespaces inside each other', async () => {
    const nest = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
    const nested = await startReady(asUser([...nest, ...nest, ...nest, ...WAIT], uid));
    try {
      const inodes = freshBelow(nested.pid);
      expect(inodes).toHaveLength(6);
      expectEqual({ uid, args: ['-t', 'user', '-t', 'pid'] }, inodes);
    } finally {
      await nested.end();
    }
  });
});

const ready = lacks('root', 'lsns', 'namespaces', 'cc', 'ip', 'nsenter');

describe.skipIf(ready).each(identities)('ls as $name, on a stage', ({ uid }) => {
  let stage: Stage;
  const started: Started[] = [];

  beforeAll(async () => {
    stage = await makeStage();
    started.push(await startReady([...stage.within, ...asUser(WAIT, uid)]));
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    await stage.end();
  });

  /** Starts it in namespaces of its own, so that it stands for one, and returns these. */
  async function odd(words: readonly string[], kinds = ['--net']): Promise<readonly number[]> {
    const unshare = ['unshare', '--user', '--map-root-user', ...kinds];
    // As root by nsenter, and as the user from there on.
    const process = await startOddProcess([...stage.within, ...asUser(unshare, uid)], words);
    started.push(process);
    return freshBelow(process.pid, stage.first);
  }

  it.each([
    ['no word at all, which the kernel makes an empty one', []],
    ['one empty word', ['']],
    ['empty words among others', ['a', '', '', 'b', '']],
    ['spaces and tabs', [' a  b ', 'c\td', '  ']],
    ['newlines and controls', ['a\nb', '\u001b[31mred', '\u0007']],
    ['quotes and backslashes', ['"a"', '\\', '\\n', "'"]],
    ['UTF-8', ['grüße', '漢字', '🙂', 'e\u0301', '\u202eright to left']],
    ['more than the buffer of lsns holds', ['long', ...Array.from({ length: 3000 }, (_, index) => `word-${index}`)]],
    ['one word of 100,000 bytes', ['x'.repeat(100_000)]],
  ])('equals lsns with a command line of %s', async (_, words) => {
    const inodes = await odd(['words', ...words]);
    expect(inodes.length).toBeGreaterThanOrEqual(2);
    expectEqual({ uid, within: stage.within }, inodes);
  });

  it('equals lsns with a command line that was written over, the final NUL included', async () => {
    const inodes = await odd(['overwritten']);
    expectEqual({ uid, within: stage.within }, inodes);
    const { namespaces } = nstoolListing({ uid, within: stage.within });
    expect(namespaces.filter(({ ns }) => inodes.includes(ns)).map(({ command }) => command)).toEqual(
      inodes.map(() => expect.stringMatching(/^x{20}/)),
    );
  });

  it('equals lsns with a title in place of the command line', async () => {
    expectEqual({ uid, within: stage.within }, await odd(['title']));
    const { namespaces } = nstoolListing({ uid, within: stage.within });
    expect(namespaces.map(({ command }) => command?.trim())).toContain('a title');
  });

  it('equals lsns with names that look like the end of a name', async () => {
    expectEqual({ uid, within: stage.within }, await odd(['name', ') R 1 2 (']));
  });

  it('equals lsns with zombies, in our namespaces and alone in a user namespace', async () => {
    await odd(['zombie']);
    const inodes = await odd(['user-zombie']);
    // Two user namespaces, and the network namespace that only the living one is in.
    expect(inodes).toHaveLength(3);
    expectEqual({ uid, within: stage.within }, inodes);
  });

  it('equals lsns with threads that left their process', async () => {
    // CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWIPC
    expectEqual({ uid, within: stage.within }, await odd(['threads', '4c000000']));
  });
});

describe.skipIf(ready).each(identities)('network namespace ids and mounts, as $name', ({ uid }) => {
  let stage: Stage;
  const started: Started[] = [];

  beforeAll(async () => {
    stage = await makeStage();
    stage.sh(`
      ip netns add blue && ip netns set blue 42
      ip netns add green && ip netns set green 0
      ip netns add red
      ip link add veth0 type veth peer name veth1 netns red
      ip link show
      mkdir '/run/two words' && touch '/run/two words/net' && mount --bind /run/netns/blue '/run/two words/net'
      touch "$(printf '/run/new\\nline')" && mount --bind /run/netns/blue "$(printf '/run/new\\nline')"
      touch '/run/back\\040slash' '/run/tab\t' '/run/grüße' && mount --bind /run/netns/green '/run/back\\040slash'
      mount --bind /run/netns/green '/run/tab\t' && mount --bind /run/netns/green /run/grüße
      touch /run/stacked
      # A copy of a shared mount is its peer: what is mounted on one would appear on the other.
      mount --bind --make-private /run/netns/red /run/stacked
      mount --bind --make-private /run/netns/red /run/stacked
      mount --bind /run/netns/blue /run/stacked`);
    started.push(await startReady([...stage.within, ...asUser(WAIT, uid)]));
    for (const name of ['blue', 'green', 'red']) {
      // With a process in it lsns shows it, and what it is mounted on.
      started.push(
        await startReady(
          [...stage.within, ...asUser(WAIT, uid)].toSpliced(stage.within.length, 0, 'ip', 'netns', 'exec', name),
        ),
      );
    }
    // Another mount namespace, from which the stage's mounts cannot be seen; its own can be seen by us only.
    const hidden = `
      mount -t tmpfs tmpfs /run
      touch /run/uts '/run/user and more' && mount --bind /proc/self/ns/uts /run/uts
      mount --bind /proc/self/ns/net '/run/user and more'
      echo ready; exec sleep 1000`;
    const unshare = ['unshare', '--user', '--map-root-user', '--mount', '--uts', '--net'];
    started.push(await startReady([...stage.within, ...asUser([...unshare, 'sh', '-ec', hidden], uid)]));
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    await stage.end();
  });

  it('equals lsns in ids, and in mounts with spaces, newlines, backslashes and in stacks', () => {
    const args = ['-t', 'net'];
    const { namespaces } = nstoolListing({ uid, within: stage.within, args });
    const nsfs = namespaces.flatMap((row) => row.nsfs);
    expect(nsfs).toEqual(
      expect.arrayContaining([
        '/run/two words/net',
        '/run/new\nline',
        '/run/back\\040slash',
        '/run/tab\t',
        '/run/grüße',
      ]),
    );
    expect(nsfs.filter((path) => path === '/run/stacked')).toHaveLength(2);
    const expected = lsnsRows({ uid, within: stage.within, args }).map(({ ns }) => ns);
    expect(expected.length).toBeGreaterThanOrEqual(5);
    expectEqual({ uid, within: stage.within, args }, expected);
  });

  it('lists named network namespaces without a process, with id, mount and owner', () => {
    stage.sh('ip netns add empty && ip netns set empty 7');
    try {
      const { namespaces } = nstoolListing({ uid, within: stage.within, args: ['-t', 'net'] });
      const empty = namespaces.find(({ nsfs }) => nsfs.includes('/run/netns/empty'));
      expect(empty).toMatchObject({
        nprocs: 0,
        pid: null,
        ppid: null,
        path: null,
        command: null,
        netnsid: '7',
        uid: 0,
      });
      // The owner is our own user namespace, if we may see it.
      const [own] = lsnsRows({ within: stage.within, args: ['-t', 'user'] });
      expect(empty?.ons).toBe(own?.ns);
    } finally {
      stage.sh('ip netns delete empty');
    }
  });

  it('names mounts in a foreign mount namespace by a path that works', () => {
    const { namespaces } = nstoolListing({ uid, within: stage.within });
    const [inode] = stage.sh(`stat -Lc %i /proc/$(pgrep -nx sleep)/ns/uts`).split('\n').map(Number);
    const row = namespaces.find(({ ns }) => ns === inode);
    expect(row?.nsfs).toHaveLength(1);
    const [path = ''] = row?.nsfs ?? [];
    expect(path).toMatch(/^\/proc\/[0-9]+\/root\/run\/uts$/);
    expect(Number(stage.sh(`stat -Lc %i ${path}`))).toBe(inode);
    // A way back in for the next command.
    expect(nstoolListing({ uid, within: stage.within, args: [String(inode)] }).namespaces).toHaveLength(1);
  });
});

describe.skipIf(ready).each(identities)('the options of ls, as $name', ({ uid }) => {
  let stage: Stage;
  const started: Started[] = [];

  beforeAll(async () => {
    stage = await makeStage();
    started.push(await startReady([...stage.within, ...asUser(WAIT, uid)]));
    const family = 'sleep 1000 & sleep 1001 & sh -c "sleep 1002 & sleep 1003 & echo ready; wait" & wait';
    started.push(
      await startReady([...stage.within, ...asUser(['unshare', ...ALL_KINDS, '--fork', 'sh', '-c', family], uid)]),
    );
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    await stage.end();
  });

  it('-t: a list is the same as repeated options, and equals lsns', () => {
    const { within } = stage;
    const list = nstoolListing({ uid, within, args: ['-t', 'net,uts', '--type=ipc'] }).namespaces;
    expect(new Set(list.map(({ type }) => type))).toEqual(new Set(['net', 'uts', 'ipc']));
    const repeated = nstoolListing({ uid, within, args: ['-t', 'net', '-t', 'uts', '-tipc'] }).namespaces;
    expect(list.map(({ ns }) => ns)).toEqual(repeated.map(({ ns }) => ns));
    expectEqual({ uid, within, args: ['-t', 'net', '-t', 'uts', '-t', 'ipc'] }, []);
  });

  it.each(['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'])('-t %s equals lsns', (type) => {
    const { within } = stage;
    const { namespaces } = nstoolListing({ uid, within, args: ['-t', type] });
    expect(namespaces).toHaveLength(2);
    expectEqual({ uid, within, args: ['-t', type] }, []);
  });

  it('-p: the namespaces of one process equal those of lsns', () => {
    const { within } = stage;
    const pid = stage.sh('pgrep -fx "sleep 1002"').trim();
    const { namespaces } = nstoolListing({ uid, within, args: ['-p', pid] });
    expect(namespaces).toHaveLength(8);
    expectEqual(
      { uid, within, args: ['-p', pid] },
      namespaces.map(({ ns }) => ns),
    );
  });

  it('an inode: the processes in it equal those of lsns', () => {
    const { within } = stage;
    const pid = stage.sh('pgrep -fx "sleep 1002"').trim();
    const inode = stage.sh(`stat -Lc %i /proc/${pid}/ns/uts`).trim();
    const pids = stage.sh(`pgrep --nslist uts --ns ${pid} .`).trim().split('\n').map(Number);
    for (const word of [inode, `uts:${inode}`, `uts:[${inode}]`]) {
      const { namespaces } = nstoolListing({ uid, within, args: [word] });
      expect(namespaces.map((row) => row.pid)).toEqual(pids);
    }
    expect(pids.length).toBeGreaterThanOrEqual(6);
    expectEqual({ uid, within, args: [inode], key: 'pid' }, pids);
  });
});

describe.skipIf(ready || lacks('script')).each(identities)('the text of ls, as $name', ({ uid }) => {
  let stage: Stage;
  const started: Started[] = [];
  const within = (): readonly string[] => stage.within;

  beforeAll(async () => {
    stage = await makeStage();
    started.push(await startReady([...stage.within, ...asUser(WAIT, uid)]));
    // A family: each parent stands for namespaces, and some children for some of their own.
    const family = [
      `unshare --uts sh -c 'unshare --ipc sleep 1001 & unshare --mount sh -c "unshare --net sleep 1002 & sleep 1003"' &`,
      `unshare --user sleep 1004 & sh -c 'unshare --cgroup sleep 1005 & sleep 1006' &`,
      'sleep 0.5; echo ready; wait',
    ].join(' ');
    started.push(
      await startReady([
        ...stage.within,
        ...asUser(['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', family], uid),
      ]),
    );
  });

  afterAll(async () => {
    await Promise.all(started.map((one) => one.end()));
    await stage.end();
  });

  const shown = (command: readonly string[]): string => {
    const { status, stdout } = onTerminal(command, { columns: 400, within: within() });
    expect(status).toBe(0);
    return stdout;
  };
  /** Its lines with single spaces between the columns; the branches of the tree keep theirs. */
  const lines = (text: string): readonly string[] => {
    const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('nstool: '));
    return rows.map((line) => line.trim().replaceAll(/(?<![│├└─ ]) +/g, ' '));
  };

  it.each([
    ['all kinds', []],
    ['one kind', ['-t', 'net']],
    ['two kinds', ['-t', 'user', '-t', 'uts']],
  ])('draws the tree of %s as lsns does', (_, types) => {
    eventually(() => {
      const args = ['-o', 'NS,TYPE,PID,COMMAND', ...types];
      const drawn = lines(shown(commandLine(['ls', '--color=never', ...args], uid)));
      // Whoever looks is in namespaces of ours, and as a plain user may stand for some of them.
      expect(drawn).toEqual(lines(shown(asUser(['lsns', ...args], uid))));
      if (types.length === 0) expect(drawn.some((line) => /[└├]─/.test(line))).toBe(true);
    });
  });

  it('draws the processes of one namespace as a tree, as lsns does', () => {
    const inode = stage.sh('stat -Lc %i /proc/$(pgrep -fx "sleep 1005")/ns/net').trim();
    const args = ['-o', 'PID,PPID,COMMAND', inode];
    const drawn = lines(shown(commandLine(['ls', '--color=never', ...args], uid)));
    expect(drawn).toEqual(lines(shown(asUser(['lsns', ...args], uid))));
    expect(drawn.filter((line) => /[└├]─/.test(line)).length).toBeGreaterThan(3);
  });

  it('is flat in a pipe, with -l and with -r, in the order of inodes', () => {
    const args = ['-o', 'NS,COMMAND', '-t', 'uts,ipc,mnt'];
    const order = nstoolListing({ uid, within: within(), args: ['-t', 'uts,ipc,mnt'] }).namespaces.map(({ ns }) => ns);
    const texts = [
      run([...within(), ...commandLine(['ls', ...args], uid)]).stdout,
      shown(commandLine(['ls', '-l', '--color=never', ...args], uid)),
      shown(commandLine(['ls', '-r', '--color=never', ...args], uid)),
    ];
    for (const text of texts) {
      expect(text).not.toMatch(/[│├└─]/);
      const [heading, ...rows] = lines(text);
      expect(heading).toBe('NS COMMAND');
      expect(rows.map((row) => Number(row.split(' ')[0]))).toEqual(order);
    }
  });

  it('-r and -n: the words of lsns', () => {
    eventually(() => {
      // lsns leaves the place of what is null empty; ours is a dash, so that a row has as many words as columns.
      const args = ['-l', '-r', '-n', '-o', 'NS,TYPE,PATH,PID,PPID,USER,UID,ONS,COMMAND', '-t', 'net', '-t', 'uts'];
      const ours = run([...within(), ...commandLine(['ls', ...args], uid)]).stdout;
      const theirs = run([...within(), ...asUser(['lsns', ...args], uid)], { env: { LC_ALL: 'C.UTF-8' } }).stdout;
      expect(theirs).toContain('sleep\\x20');
      expect(ours).toBe(theirs);
    });
  });

  it.each([40, 80, 200])('shortens to %i columns on a terminal, but not with -u, nor in a pipe', async (columns) => {
    const words = ['words', 'x'.repeat(300), '漢'.repeat(150)];
    const unshare = ['unshare', '--user', '--map-root-user', '--uts'];
    const process = await startOddProcess([...within(), ...asUser(unshare, uid)], words);
    try {
      const command = (...more: readonly string[]): readonly string[] =>
        commandLine(['ls', '--color=never', '-t', 'uts', ...more], uid);
      const widths = (text: string): readonly number[] => text.split('\n').map(displayWidth);
      const terminal = { columns, within: within() };
      const fitted = onTerminal(command(), terminal).stdout;
      expect(Math.max(...widths(fitted))).toBeLessThanOrEqual(columns);
      expect(fitted).toContain('…');
      expect(onTerminal(command('-u'), terminal).stdout).toContain(words.slice(1).join(' '));
      const piped = run([...within(), ...command()]).stdout;
      expect(piped).toContain(words.slice(1).join(' '));
      expect(onTerminal(command('-r'), terminal).stdout).toContain(words.slice(1).join('\\x20'));
    } finally {
      await process.end();
    }
  });
});

it('runs the plain user beside root', () => {
  expect(identities.at(-1)?.uid).toBe(process.geteuid?.() === 0 ? PLAIN_UID : process.geteuid?.());
});
