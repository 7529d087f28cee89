// On a real terminal: ^C, ^Z, fg, sizes and settings are as with nsenter(1), and nothing of nstool stays on the terminal.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asUser, commandLine, identities, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

type TerminalStep =
  | readonly ['expect', string]
  | readonly ['type', string]
  | readonly ['size', number, number]
  | readonly ['flags', string]
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
    .replaceAll(/^status 14[78]$/gm, 'stopped')
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
    // 128 + SIGTSTP; a waiting parent stops itself by SIGSTOP.
    ['type', 'echo "status $?"; jobs\n'],
    ['expect', '^status 14[78]$'],
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
    const ours = play(commandLine(['enter', ...words(), '--']), steps, uid);
    expect(ours.status).toBe(0);
    // The waiting parent of nsenter dies of the ^C that its command handles, and stops twice after a ^Z (it notices its
    // child's stop when it is continued, and stops again). What a person should see is nsenter without one.
    const theirs = play(['nsenter', ...words().filter((word) => word !== '-p'), '--'], steps, uid);
    expect(theirs.status).toBe(0);
    expect(lines(ours.screen, steps)).toEqual(lines(theirs.screen, steps));
  });

  test('settings of the terminal and flags of its open file are unchanged after it', () => {
    const steps: readonly TerminalStep[] = [
      ['flags', 'before'],
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
    const { flags } = play([...commandLine(['enter', ...words(), '--'])], steps, uid);
    expect(flags['end']).toEqual(flags['before']);
    expect(flags['during']).toEqual(flags['before']);
    expect(Number(flags['end']?.open_file) & 0o4000).toBe(0);
  });

  test('without a command a login shell, $SHELL or sh', () => {
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
    const start = commandLine(['enter', ...words()]);
    expect(play(start, steps('SHELL=/bin/bash'), uid).screen).toMatch(/I am -bash$/m);
    // dash gives the terminal back to the process group that it found, which has no number in another pid namespace.
    if (kinds.includes('-p')) return;
    expect(play(start, steps('SHELL=/bin/sh'), uid).screen).toMatch(/I am -sh$/m);
    expect(play(start, steps('SHELL='), uid).screen).toMatch(/I am -sh$/m);
  });
});
