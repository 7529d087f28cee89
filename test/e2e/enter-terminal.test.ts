// On a real terminal: ^C, ^Z, fg, sizes and settings are as with nsenter(1), and nothing of nstool stays on the terminal.

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asUser, commandLine, identities, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

type TerminalStep =
  | readonly ['expect', string]
  | readonly ['type', string]
  | readonly ['size', number, number]
  | readonly ['flags', string]
  | readonly ['kill', string]
  | readonly ['close']
  /** A command of the shell, or of the shell that ran last, has the terminal. */
  | readonly ['running']
  | readonly ['running', 'inner'];

interface Played {
  readonly screen: string;
  readonly flags: Readonly<Record<string, { readonly termios: readonly unknown[]; readonly open_file: string }>>;
  /** What the screen never showed. */
  readonly missing: string | null;
  readonly status?: number;
  readonly signal?: number;
}

const player = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
const CONTROL_C = '\u0003';
const CONTROL_Z = '\u001A';
const CONTROL_D = '\u0004';

/** `enter` is the command line up to the command: the shell has it as $ENTER, so that both screens are the same. */
function play(enter: readonly string[], steps: readonly TerminalStep[], uid?: number): Played {
  const shell = ['env', '-i', 'bash', '--norc', '--noprofile', '-i'];
  const env = {
    TERM: 'dumb',
    PS1: 'outer> ',
    HOME: '/',
    PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
    ENTER: enter.join(' '),
  };
  const command = [shell[0] ?? '', shell[1] ?? '', ...Object.entries(env).map(([name, text]) => `${name}=${text}`)];
  const { stdout, stderr } = run(['python3', player, ...asUser([...command, ...shell.slice(2)], uid)], {
    input: steps.map((step) => `${JSON.stringify(step)}\n`).join(''),
  });
  if (stdout === '') throw new Error(`terminal.py: ${stderr}`);
  const played = JSON.parse(stdout) as Played;
  if (played.missing !== null)
    throw new Error(`${enter.join(' ')}: no ${played.missing} on the screen:\n${played.screen}`);
  return played;
}

/**
 * The lines, without pids, and without what the terminal itself echoed because it was typed before the shell read it.
 * Sorted: the shell says that a job in the background stopped when it gets to it.
 */
function lines(screen: string, steps: readonly TerminalStep[]): readonly string[] {
  const typed = new Set(steps.map((step) => (step[0] === 'type' ? step[1].trim() : '')));
  return screen
    .replaceAll(/\d{3,}/g, 'N')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !typed.has(line) && !/^(inner|outer)>$/.test(line))
    .toSorted();
}

const outer: TerminalStep = ['expect', '^outer> '];
const inner: TerminalStep = ['expect', '^inner> '];
const startInner: readonly TerminalStep[] = [
  outer,
  ['type', '$ENTER env PS1="inner> " bash --norc --noprofile -i\n'],
  inner,
  ['running'],
];

const scenes: Readonly<Record<string, readonly TerminalStep[]>> = {
  '^C ends the command, and the shell sees 130': [
    outer,
    ['type', `$ENTER sh -c 'echo started; exec sleep 1000'\n`],
    ['expect', '^started$'],
    ['running'],
    ['type', CONTROL_C],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 130$'],
    outer,
    ['type', 'exit 0\n'],
  ],
  '^C that the command handles': [
    outer,
    ['type', `$ENTER sh -c 'trap "echo caught; exit 9" INT; echo started; while :; do sleep 0.02; done'\n`],
    ['expect', '^started$'],
    ['running'],
    ['type', CONTROL_C],
    ['expect', 'caught$'],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 9$'],
    outer,
    ['type', 'exit 0\n'],
  ],
  '^Z stops, jobs shows it, fg goes on with it': [
    outer,
    ['type', `$ENTER sh -c 'echo started; exec cat'\n`],
    ['expect', '^started$'],
    ['running'],
    ['type', 'one\n'],
    ['expect', '^one\none$'],
    ['type', CONTROL_Z],
    outer,
    // 128 + SIGTSTP, also where a parent waits.
    ['type', 'echo "status $?"; jobs\n'],
    ['expect', '^status 148$'],
    ['expect', '^.1.. +Stopped .*$'],
    outer,
    ['type', 'fg\n'],
    ['expect', `exec cat.$`],
    ['running'],
    ['type', 'two\n'],
    ['expect', '^two\ntwo$'],
    ['type', CONTROL_D],
    outer,
    ['type', 'echo "status $?"; jobs\n'],
    ['expect', '^status 0$'],
    outer,
    ['type', 'exit 0\n'],
  ],
  '^Z twice, and bg': [
    outer,
    ['type', `$ENTER sh -c 'echo started; exec sleep 1000'\n`],
    ['expect', '^started$'],
    ['running'],
    ['type', CONTROL_Z],
    outer,
    ['type', 'fg\n'],
    ['running'],
    ['type', CONTROL_Z],
    outer,
    ['type', 'bg\n'],
    outer,
    ['type', 'jobs\n'],
    ['expect', '^.1.. +Running'],
    outer,
    ['type', 'kill -TERM %1; wait %1; echo "status $?"\n'],
    ['expect', '^status 143$'],
    outer,
    ['type', 'exit 0\n'],
  ],
  'a background command that reads from the terminal is stopped': [
    outer,
    ['type', '$ENTER cat &\n'],
    outer,
    ['type', 'while ! jobs | grep -q Stopped; do sleep 0.05; done; fg\n'],
    ['expect', '^.ENTER cat$'],
    ['running'],
    ['type', 'text\n'],
    ['expect', '^text\ntext$'],
    ['type', CONTROL_D],
    outer,
    ['type', 'exit 0\n'],
  ],
  'an interactive shell with its own jobs': [
    ...startInner,
    ['type', 'sleep 1000\n'],
    ['running', 'inner'],
    ['type', CONTROL_Z],
    ['expect', '^.1.. +Stopped +sleep 1000$'],
    inner,
    ['type', 'fg\n'],
    ['expect', '^sleep 1000$'],
    ['running', 'inner'],
    ['type', CONTROL_C],
    inner,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 130$'],
    inner,
    ['type', 'suspend\n'],
    outer,
    ['type', 'fg\n'],
    ['running'],
    ['type', '\n'],
    inner,
    ['type', 'exit 5\n'],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 5$'],
    outer,
    ['type', 'exit 0\n'],
  ],
  'the size of the window, and its change': [
    outer,
    ['type', `$ENTER sh -c 'trap "stty size; exit 6" WINCH; stty size; echo started; while :; do sleep 0.02; done'\n`],
    ['expect', '^33 111\nstarted$'],
    ['running'],
    ['size', 22, 77],
    ['expect', '^22 77$'],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 6$'],
    outer,
    ['type', 'exit 0\n'],
  ],
};

const cases = identities.flatMap((identity) => [
  { ...identity, kinds: ['-U', '-n'] },
  { ...identity, kinds: ['-U', '-n', '-p'] },
  ...(identity.uid === 0
    ? [
        { ...identity, kinds: ['-n'] },
        { ...identity, kinds: ['-n', '-p', '-m'] },
      ]
    : []),
]);

describe.skipIf(lacks('python', 'userns', 'nsenter', 'unshare')).each(cases)('by $name, $kinds', ({ uid, kinds }) => {
  let target: TargetProcess;

  beforeAll(async () => {
    const user = kinds.includes('-U') ? ['-U', '-r'] : [];
    target = await makeTarget([...user, '-n', '-m', '-p', '--fork', '--mount-proc'], uid);
  });
  afterAll(() => target.end());

  function words(): readonly string[] {
    return ['-t', String(target.pid), ...kinds, ...(kinds.includes('-U') ? ['--preserve-credentials'] : [])];
  }

  // A person waits for the prompt; what a shell prints around a stop and a prompt can still come in another order.
  test.each(Object.entries(scenes))('%s', { retry: 3 }, (_title, steps) => {
    const ours = play(commandLine(['enter', '--no-pty', ...words(), '--']), steps, uid);
    expect(ours.status).toBe(0);
    // The waiting parent of nsenter dies of the ^C that its command handles, and stops twice after a ^Z (it notices its
    // child's stop when it is continued, and stops again). What a person should see is nsenter without one.
    const theirs = play(['nsenter', ...words().filter((word) => word !== '-p'), '--'], steps, uid);
    expect(theirs.status).toBe(0);
    expect(lines(ours.screen, steps)).toEqual(lines(theirs.screen, steps));
  });

  test('settings of the terminal and flags of its open file are unchanged after it', () => {
    const steps: readonly TerminalStep[] = [
      outer,
      ['type', '$ENTER cat\n'],
      ['running'],
      ['type', 'seen\n'],
      ['expect', '^seen\nseen$'],
      ['flags', 'during'],
      ['type', CONTROL_D],
      outer,
      ['type', '$ENTER no-such-command\n'],
      outer,
      ['type', 'exit 0\n'],
    ];
    const { flags } = play(commandLine(['enter', '--no-pty', ...words(), '--']), steps, uid);
    expect(flags['end']).toEqual(flags['before']);
    expect(flags['during']).toEqual(flags['before']);
    expect(Number(flags['end']?.open_file) & 0o4000).toBe(0);
  });

  test('without a command a login shell, $SHELL or that of passwd', () => {
    const steps = (shell: string): readonly TerminalStep[] => [
      outer,
      ['type', `${shell} $ENTER\n`],
      ['running'],
      ['type', 'echo "I am $0"\n'],
      ['expect', 'I am -.*$'],
      ['type', 'exit 4\n'],
      ['expect', 'outer> $'],
      ['type', 'echo "status $?"\n'],
      ['expect', '^status 4$'],
      ['type', 'exit 0\n'],
    ];
    const start = commandLine(['enter', '--no-pty', ...words()]);
    expect(play(start, steps('SHELL=/bin/bash'), uid).screen).toMatch(/I am -bash$/m);
    // dash gives the terminal back to the process group that it found, which has no number in another pid namespace.
    if (kinds.includes('-p')) return;
    expect(play(start, steps('SHELL=/bin/sh'), uid).screen).toMatch(/I am -sh$/m);
    const shell = /^root:.*\/(.+)$/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1] ?? 'sh';
    expect(play(start, steps('SHELL='), uid).screen).toMatch(new RegExp(`I am -${shell}$`, 'm'));
  });
});

/** The terminal of a process, as the kernel numbers it. Our /proc knows it also in another pid namespace. */
const TERMINAL_NUMBER = 'cut -d" " -f7 /proc/self/stat';

const ptyScenes: Readonly<Record<string, readonly TerminalStep[]>> = {
  '^C is the command’s': [
    outer,
    ['type', `$ENTER sh -c 'echo started; exec sleep 1000'\n`],
    ['expect', '^started$'],
    ['type', CONTROL_C],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 130$'],
  ],
  '^C that the command handles, and ^D': [
    outer,
    [
      'type',
      `$ENTER sh -c 'trap "echo caught; got=1" INT; echo started; until [ "$got" ]; do sleep 0.02; done; read x || exit 9'\n`,
    ],
    ['expect', '^started$'],
    ['type', CONTROL_C],
    ['expect', 'caught$'],
    ['type', CONTROL_D],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 9$'],
  ],
  'a shell with its own jobs, which can be suspended': [
    outer,
    ['type', '$ENTER env PS1="inner> " bash --norc --noprofile -i\n'],
    inner,
    ['type', `sh -c 'echo started; exec sleep 1000'\n`],
    ['expect', '^started$'],
    ['type', CONTROL_Z],
    ['expect', '^.1.. +Stopped'],
    inner,
    ['type', 'fg\n'],
    ['expect', '^sh -c.*$'],
    ['type', CONTROL_C],
    inner,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 130$'],
    inner,
    ['type', 'suspend\n'],
    ['expect', '^.1.. +Stopped'],
    outer,
    ['type', 'fg\n'],
    ['expect', '^.ENTER'],
    ['type', 'echo again\n'],
    ['expect', '^again$'],
    inner,
    ['type', 'exit 5\n'],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 5$'],
  ],
  'the size of the window, and its change': [
    outer,
    ['type', `$ENTER sh -c 'trap "stty size; exit 6" WINCH; stty size; echo started; while :; do sleep 0.02; done'\n`],
    ['expect', '^33 111\nstarted$'],
    ['size', 22, 77],
    ['expect', '^22 77$'],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 6$'],
  ],
  'stopped by another process and continued': [
    outer,
    ['type', `$ENTER sh -c 'echo started; exec cat'\n`],
    ['expect', '^started$'],
    ['kill', 'SIGTSTP'],
    ['expect', '^.1.. +Stopped'],
    outer,
    ['type', 'echo "status $?"; fg\n'],
    ['expect', '^status 148$'],
    ['expect', 'exec cat.$'],
    ['running'],
    ['type', 'text\n'],
    ['expect', '^text\ntext$'],
    ['type', CONTROL_D],
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 0$'],
  ],
  'in the background it goes on, and the shell has the terminal': [
    outer,
    ['type', `$ENTER sh -c 'echo started; read x; echo "read $x"; exit 7' &\n`],
    // Not raw, the terminal adds a second carriage return.
    ['expect', 'started\r?$'],
    ['type', 'jobs\n'],
    ['expect', '^.1.. +Running'],
    ['type', 'fg\n'],
    ['expect', 'exit 7.$'],
    ['running'],
    ['type', 'text\n'],
    ['expect', '^read text\r?$'],
    // What is typed before the relay has ended goes where the command was.
    outer,
    ['type', 'echo "status $?"\n'],
    ['expect', '^status 7$'],
  ],
};

const exit: readonly TerminalStep[] = [['type', 'exit 0\n']];

const ptyCases = identities.flatMap((identity) => [
  { ...identity, kinds: ['-U', '-n'] },
  { ...identity, kinds: ['-U', '-n', '-p'] },
]);

describe.skipIf(lacks('python', 'userns', 'unshare')).each(ptyCases)('--pty by $name, $kinds', ({ uid, kinds }) => {
  let target: TargetProcess;

  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', '-n', '-m', '-p', '--fork'], uid);
  });
  afterAll(() => target.end());

  const words = (...more: readonly string[]): readonly string[] => [
    'enter',
    '-t',
    String(target.pid),
    ...kinds,
    ...more,
  ];
  /** By itself: the target is in another user namespace. */
  const enter = (...more: readonly string[]): readonly string[] => commandLine(words(...more, '--'));

  test.each(Object.entries(ptyScenes))('%s', { retry: 3 }, (_title, steps) => {
    expect(play(enter(), [...steps, ...exit], uid).status).toBe(0);
  });

  test.each<[string, string, readonly TerminalStep[], number]>([
    ['its end', `sh -c 'exit 3'`, [], 3],
    ['its end by SIGKILL', `sh -c 'kill -9 $$'`, [], 137],
    ['what could not be executed', 'no-such-command', [], 127],
    [
      'SIGTERM to us',
      `sh -c 'echo started; exec sleep 1000'`,
      [
        ['expect', '^started$'],
        ['kill', 'SIGTERM'],
      ],
      143,
    ],
    [
      'SIGHUP to us',
      `sh -c 'echo started; exec sleep 1000'`,
      [
        ['expect', '^started$'],
        ['kill', 'SIGHUP'],
      ],
      129,
    ],
    [
      'raw keys',
      `sh -c 'stty raw; echo started; exec head -c 2'`,
      [
        ['expect', 'started$'],
        ['type', '\u001A\u0003'],
      ],
      0,
    ],
  ])('the terminal is as it was after %s', (_title, command, during, status) => {
    const { flags } = play(
      enter(),
      [
        outer,
        ['type', `$ENTER ${command}\n`],
        ...during,
        ['expect', 'outer> $'],
        ['type', 'echo "status $?"\n'],
        ['expect', `^status ${status}$`],
        ...exit,
      ],
      uid,
    );
    expect(flags['end']).toEqual(flags['before']);
    expect(Number(flags['end']?.open_file) & 0o4000).toBe(0);
  });

  test('our terminal is raw while the command has its own, with the settings that ours had', () => {
    const { flags, screen } = play(
      enter(),
      [
        outer,
        ['type', `stty -echo erase X; $ENTER sh -c 'stty -a; echo "started"; read x; exit'; stty echo\n`],
        ['expect', '^started$'],
        ['flags', 'during'],
        ['type', '\n'],
        ['expect', 'outer> $'],
        ...exit,
      ],
      uid,
    );
    const [, , , local] = (flags['during']?.termios ?? []) as readonly number[];
    expect((local ?? -1) & 0o12).toBe(0); // ICANON, ECHO
    expect(screen).toContain('erase = X');
    expect(screen).toMatch(/ -echo /);
  });

  test('by default on three terminals, and only there', () => {
    const show = `sh -c '${TERMINAL_NUMBER}'`;
    const { screen } = play(
      enter(),
      [
        outer,
        ['type', `printf 'ours %s\\n' $(${TERMINAL_NUMBER})\n`],
        ['type', `echo default $($ENTER ${show} 3>&1 >/dev/tty | cat)\n`],
        ['expect', '^default$'],
        ...['', '< /dev/null', '2> /dev/null', '| cat'].flatMap<TerminalStep>((how) => [
          ['type', `echo; $ENTER ${show} ${how}; echo 'done'\n`],
          ['expect', '^done$'],
        ]),
        ...exit,
      ],
      uid,
    );
    const ours = /^ours (\d+)$/m.exec(screen)?.[1];
    const numbers = [...screen.matchAll(/^(\d+)$/gm)].map(([, number]) => number === ours);
    expect(numbers).toEqual([false, false, true, true, true]);
  });

  test('what is pushed into the command’s terminal does not come out of ours', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-terminal-'));
    chmodSync(folder, 0o755);
    const push = join(folder, 'push.py');
    const code = `import fcntl, termios\nfor c in 'echo "in"jected\\n': fcntl.ioctl(0, termios.TIOCSTI, c)\n`;
    writeFileSync(push, code, { mode: 0o644 });
    const scene: readonly TerminalStep[] = [
      outer,
      ['type', `$ENTER python3 ${push}; echo "pushed $?"\n`],
      ['expect', '^pushed [01]$'],
      outer,
      ['type', 'echo "ov"er\n'],
      ['expect', '^over$'],
      ...exit,
    ];
    try {
      expect(play(enter(), scene, uid).screen).not.toContain('injected');
      // Without it, it comes out, where the kernel still has that.
      if (readFileSync('/proc/sys/dev/tty/legacy_tiocsti', 'utf8').trim() !== '1') return;
      expect(play(enter('--no-pty'), scene, uid).screen).toMatch(/^injected$/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a terminal that is closed hangs up the command', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-terminal-'));
    chmodSync(folder, 0o777);
    try {
      const script = `trap "echo hup > ${folder}/hup; exit" HUP; echo started; while :; do sleep 0.02; done`;
      play(enter(), [outer, ['type', `$ENTER sh -c '${script}'\n`], ['expect', '^started$'], ['close']], uid);
      while (!existsSync(join(folder, 'hup'))) await new Promise((done) => setTimeout(done, 5));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([0, 1, 42, 125, 255])('status %i, also without any terminal of ours', (status) => {
    expect(nstool(words('--pty', 'sh', '-c', `echo out; echo err >&2; exit ${status}`), { uid })).toEqual({
      status,
      signal: null,
      stdout: 'out\r\nerr\r\n',
      stderr: '',
    });
  });

  test.each(['TERM', 'KILL', 'HUP', 'INT', 'SEGV', 'PIPE'] as const)('death by SIG%s', (name) => {
    const result = nstool(words('--pty', 'sh', '-c', `ulimit -c 0; kill -${name} $$`), { uid });
    expect(result).toMatchObject({ status: null, signal: `SIG${name}` });
  });

  test('100 MB of output arrive whole', async () => {
    const [file = '', ...args] = commandLine(
      words('--pty', 'sh', '-c', 'stty -opost; yes "a line" | head -c 100000000'),
      uid,
    );
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let length = 0;
    let wrong = 0;
    child.stdout.on('data', (data: Buffer) => {
      const start = length % LINE.length;
      if (!data.equals(LINES.subarray(start, start + data.length))) wrong += 1;
      length += data.length;
    });
    expect(await new Promise((done) => child.once('close', done))).toBe(0);
    expect({ length, wrong }).toEqual({ length: 100_000_000, wrong: 0 });
  });

  test('a pipe as input ends, and its bytes arrive', () => {
    const result = nstool(words('--pty', 'sh', '-c', 'stty -echo; while read -r x; do echo "<$x>"; done'), {
      uid,
      input: 'one\ntwo\n',
    });
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/<one>\r\n<two>\r\n$/);
  });

  test('--pty excludes --no-pty and --no-fork', () => {
    for (const other of ['--no-pty', '-F']) {
      const result = nstool(words('--pty', other, 'true'), { uid });
      expect(result.status).toBe(125);
      expect(result.stderr).toMatch(/^nstool: --pty and --no-(pty|fork) exclude each other\n/);
    }
  });
});

describe.skipIf(lacks('root', 'userns', 'namespaces', 'unshare'))('a terminal of another user', () => {
  const openAgain = ['sh', '-c', 'echo opened >/dev/stderr && stat -Lc %u /proc/self/fd/0'];

  test.each([
    ['an id that was asked for', ['-m', '-n'], undefined, ['-S', '4321'], 4321],
    ['the root of a user namespace of a plain user', ['-U', '-r', '-m', '-n'], PLAIN_UID, [], 0],
    ['that of the target', [], PLAIN_UID, ['--as-target=no-ns,no-root'], PLAIN_UID],
    ['that of the target, followed', [], PLAIN_UID, ['-n', '-S', 'follow'], PLAIN_UID],
  ])('belongs to the command: %s', async (_title, kinds, uid, options, owner) => {
    const target = await makeTarget(kinds, uid);
    try {
      const { status, stdout } = nstool(['enter', '--pty', ...options, String(target.pid), ...openAgain]);
      expect({ status, stdout }).toEqual({ status: 0, stdout: `opened\r\n${owner}\r\n` });
    } finally {
      await target.end();
    }
  });
});

const LINE = 'a line\n';
const LINES = Buffer.from(LINE.repeat(100_000));
