// `cgroup top` as the built program: on a real terminal, which it gives back whatever ends it, and in a pipe, with the
// kernel's own counters beside it.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/render/width.ts';
import { commandLine, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';
import { quote } from '../support/terminal.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

type Step =
  | readonly ['expect' | 'type' | 'flags' | 'kill', string]
  | readonly ['size', number, number]
  | readonly ['close']
  | readonly ['running'];

interface Played {
  readonly screen: string;
  readonly flags: Readonly<Record<string, { readonly termios: readonly unknown[]; readonly open_file: string }>>;
  readonly missing: string | null;
  readonly status?: number;
  readonly signal?: number;
}

const player = fileURLToPath(new URL('../support/terminal.py', import.meta.url));

function play(command: readonly string[], steps: readonly Step[]): Played {
  const input = steps.map((step) => `${JSON.stringify(step)}\n`).join('');
  const { stdout, stderr } = run(['python3', player, ...command], { input });
  if (stdout === '') throw new Error(`terminal.py: ${stderr}`);
  const played = JSON.parse(stdout) as Played;
  if (played.missing !== null) throw new Error(`no ${played.missing} on the screen:\n${played.screen}`);
  return played;
}

const TOP = commandLine(['cgroup', 'top', '-d', '0.2']);
const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const drawn: Step = ['expect', 'every 0.2 s'];

/** With a shell around it, which says how it ended. */
function inShell(steps: readonly Step[], line = '$TOP'): Played {
  const env = { TERM: 'xterm', PS1: 'outer> ', PATH: process.env['PATH'] ?? '', TOP: TOP.join(' ') };
  const shell = ['env', '-i', ...Object.entries(env).map(([name, text]) => `${name}=${text}`)];
  return play(
    [...shell, 'bash', '--norc', '--noprofile', '-i'],
    [['expect', 'outer> '], ['type', `${line}\n`], drawn, ['running'], ...steps, ['type', 'exit 0\n']],
  );
}

const status = (number: number): readonly Step[] => [
  ['expect', 'outer> '],
  ['type', 'echo "status $?"\n'],
  ['expect', `status ${number}\\n`],
];

describe.skipIf(lacks('root', 'cgroup1'))('on a terminal', () => {
  it('draws again and again on the other screen, and gives all of it back at q', () => {
    const { screen, flags, status: ended } = play(TOP, [drawn, ['expect', '%CPU'], drawn, drawn, ['type', 'q']]);
    expect(screen.startsWith(ENTER)).toBe(true);
    expect(screen.endsWith(LEAVE)).toBe(true);
    expect(flags['end']).toEqual(flags['before']);
    expect(ended).toBe(0);
  });

  it('on one that knows no cursor prints a table for each look', () => {
    const { screen, status: ended } = play(['env', 'TERM=dumb', ...TOP, '-n', '1'], [['expect', 'CPU_NOW']]);
    expect(screen).not.toContain('\u001B');
    expect(ended).toBe(0);
  });

  it('keys sort, stop the clock, and show the help', () => {
    play(TOP, [
      ['expect', 'by cpu'],
      ['type', 'm'],
      ['expect', 'by memory'],
      ['type', ' '],
      ['expect', 'standing still'],
      ['type', ' h'],
      ['expect', 'sort by path'],
      ['type', 'x'],
      ['expect', 'by memory'],
      ['type', '\u001B[A+'],
      ['expect', 'every 0.5 s'],
      ['type', 'q'],
    ]);
  });

  it('follows the size of the terminal', async () => {
    // As many as fill the larger of the two: a quiet machine may have fewer.
    const groups = new TestCgroups();
    try {
      for (let count = 0; count < 12; count++) groups.make('pids', `/nstool-test-rows-${process.pid}-${count}`);
      followsSize();
    } finally {
      await groups.end();
    }
  });

  function followsSize(): void {
    const small: readonly Step[] = [['size', 5, 44], drawn, drawn];
    const { screen } = play(TOP, [drawn, ...small, ['size', 12, 100], drawn, drawn, ['type', 'q']]);
    const frames = screen.split('\u001B[H').slice(1);
    const sizes = frames.map((frame) => {
      const lines = (frame.split('\u001B[J')[0] ?? '')
        .replaceAll('\u001B[1m', '')
        .replaceAll('\u001B[22m', '')
        .split('\u001B[K')
        .slice(1);
      return [lines.length, Math.max(...lines.map((line) => displayWidth(line.trimEnd())))] as const;
    });
    const [rows, width] = sizes.find(([count]) => count === 5) ?? [0, Infinity];
    expect(rows).toBe(5);
    expect(width).toBeLessThanOrEqual(44);
    expect(sizes.at(-1)?.[0]).toBe(12);
    expect(sizes.at(-1)?.[1]).toBeGreaterThan(44);
  }

  it('^C ends it as a signal does', () => {
    const { screen, flags } = inShell([['type', '\u0003'], ...status(130)]);
    expect(screen.split(LEAVE)).toHaveLength(2);
    expect(flags['end']).toEqual(flags['before']);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
  ] as const)('%s ends it, with the terminal as it was', (signal, number) => {
    const { screen, flags } = inShell([['kill', signal], ...status(number)], '(ulimit -c 0; exec $TOP)');
    expect(screen.split(LEAVE)).toHaveLength(2);
    expect(flags['end']).toEqual(flags['before']);
  });

  it.each(['$TOP', 'sh -c "$TOP; echo after"'])('^Z stops %s, the shell has its terminal, fg goes on', (line) => {
    const { screen, flags } = inShell(
      [
        ['type', '\u001A'],
        ['expect', 'Stopped'],
        ['expect', 'outer> '],
        ['flags', 'stopped'],
        ['size', 20, 60],
        ['type', 'fg\n'],
        drawn,
        ['running'],
        ['type', 'h'],
        ['expect', 'sort by path'],
        ['type', 'qq'],
        ...status(0),
      ],
      line,
    );
    // Readline has settings of its own while it waits.
    expect(flags['stopped']?.open_file).toBe(flags['before']?.open_file);
    expect(screen.split(LEAVE)).toHaveLength(3);
    expect(flags['end']).toEqual(flags['before']);
  });

  it('goes on after SIGSTOP, too', () => {
    const { flags } = inShell([
      ['kill', 'SIGSTOP'],
      ['expect', 'Stopped'],
      ['type', 'fg\n'],
      drawn,
      ['running'],
      ['type', 'q'],
      ...status(0),
    ]);
    expect(flags['end']).toEqual(flags['before']);
  });

  it('SIGKILL leaves nothing but the mode of the terminal', () => {
    const { screen } = inShell([['kill', 'SIGKILL'], ['expect', 'Killed'], ...status(137)]);
    expect(screen).toContain(ENTER);
    expect(screen).not.toContain(LEAVE);
  });

  it('a terminal that hangs up ends it by SIGHUP', () => {
    expect(play(TOP, [drawn, ['close']]).signal).toBe(1);
  });

  it('-n ends by itself, and leaves the last look on the screen', () => {
    const { screen, status: ended } = play([...TOP, '-n', '1'], [drawn]);
    const left = screen.slice(screen.indexOf(LEAVE) + LEAVE.length);
    expect(left).toMatch(/every 0\.2 s/);
    expect(left).toMatch(/CGROUP/);
    expect(ended).toBe(0);
  });
});

interface Line {
  readonly event: string;
  readonly seconds: number;
  readonly path: string;
  readonly cpu: number;
  readonly cpu_now: number;
  readonly throttled_now: number;
  readonly mem: number;
  readonly tasks: number;
  readonly oom_kills: number;
}

const NAME = `/nstool-test-top-${process.pid}`;

describe.skipIf(lacks('root', 'cgroup1'))('in a pipe', () => {
  const cgroups = new TestCgroups();
  let [cpu, cpuacct, pids] = ['', '', ''];

  beforeAll(() => {
    cpu = cgroups.make('cpu', NAME, { 'cpu.cfs_quota_us': '5000' });
    cpuacct = cgroups.make('cpuacct', NAME);
    pids = cgroups.make('pids', NAME);
    // It spins from the moment on that it is in there.
    cgroups.start([cpu, cpuacct, pids], ['sh', '-c', 'while :; do :; done']);
  });
  afterAll(() => cgroups.end());

  function counters(): { readonly seconds: number; readonly periods: number; readonly throttled: number } {
    const stat = new Map(
      readFileSync(`${cpu}/cpu.stat`, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    return {
      seconds: Number(readFileSync(`${cpuacct}/cpuacct.usage`, 'utf8')) / 1e9,
      periods: Number(stat.get('nr_periods')),
      throttled: Number(stat.get('nr_throttled')),
    };
  }

  it('lines of JSON are as the schema says, and their rates as the counters of the kernel', () => {
    const before = counters();
    const words = ['cgroup', 'top', '--ndjson', '-d', '0.5', '-n', '4', '-Q', `PATH == "${NAME}"`];
    const { stdout, stderr, status: ended } = nstool(words);
    const after = counters();
    expect({ stderr, ended }).toEqual({ stderr: '', ended: 0 });
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    for (const line of lines) expect({ line, faults: faults('cgroup top', line) }).toEqual({ line, faults: [] });
    expect(lines.map(({ event }) => event)).toEqual(['start', ...Array.from({ length: 4 }, () => 'cgroup'), 'end']);
    const looks = lines.slice(1, -1);
    expect(looks[0]).toMatchObject({ path: NAME, tasks: 1, owner: null });
    // Hundredths of a second are told.
    expect(looks[0]?.cpu).toBeGreaterThanOrEqual(before.seconds - 0.01);
    expect(looks.at(-1)?.cpu).toBeLessThanOrEqual(after.seconds + 0.01);
    for (const [index, { cpu: used, cpu_now: now, seconds }] of looks.entries()) {
      const last = looks[index - 1];
      // Hundredths of a second are told of the one, thousandths of the other.
      if (last !== undefined) expect(Math.abs(used - last.cpu - now * seconds)).toBeLessThan(0.011 + 0.001 * seconds);
    }
    // Hardly a period passes without: as often as the kernel says of the whole time.
    expect(after.throttled).toBeGreaterThan(before.throttled);
    expect(looks.some(({ throttled_now: held }) => held > 0 && held <= 100)).toBe(true);
  });

  it('--throttled has it, a group that sleeps is left out', () => {
    const { stdout } = nstool(['cgroup', 'top', '--throttled', '-d', '1', '-n', '1']);
    expect(stdout).toMatch(/^TASKS +CPU_NOW +THROTTLED_NOW +MEM .*PATH\n/);
    expect(stdout).toMatch(new RegExp(`${NAME}$`, 'm'));
    expect(stdout).not.toMatch(/ \/\n/);
  });

  it('tables are one below the other, the busiest first', () => {
    const { stdout } = nstool(['cgroup', 'top', '-d', '0.2', '-n', '2']);
    const tables = stdout.split('\n\n').filter(Boolean);
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      const [, ...rows] = table.split('\n');
      const used = rows.map((row) => Number(row.trim().split(/ +/)[1])).filter((number) => !Number.isNaN(number));
      expect(used).toEqual(used.toSorted((a, b) => b - a));
    }
  });

  it.each([[[]], [['--ndjson']]])('the end of its reader ends it: %j', (more) => {
    const command = [...TOP, ...more].map(quote).join(' ');
    const { stdout, stderr } = run(['bash', '-c', `{ ${command}; echo "status $?" >&2; } | head -n 1`]);
    expect(stdout).not.toBe('');
    expect(stderr).toMatch(/^status 0$/m);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it as it is', async (signal) => {
    const [file = '', ...args] = commandLine(['cgroup', 'top', '-d', '0.2', '--ndjson']);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
    await new Promise((done) => child.stdout.once('data', done));
    child.stdout.resume();
    child.kill(signal);
    await new Promise((done) => child.once('close', done));
    expect(child.signalCode).toBe(signal);
  });

  it.each(['net', 'pid', 'user', 'container'])('--by %s', (sort) => {
    const { stdout } = nstool(['cgroup', 'top', '--by', sort, '--ndjson', '-d', '0.2', '-n', '1']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    for (const line of lines) expect({ line, faults: faults('cgroup top', line) }).toEqual({ line, faults: [] });
    expect(lines[1]?.event).toBe(sort === 'container' ? 'container' : 'namespace');
    expect(lines[1]?.cpu_now).toBeGreaterThanOrEqual(0);
  });
});
