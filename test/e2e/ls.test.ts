// `nstool ls` as the built program: pipes, terminals, colours, errors, and what it does not load.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine, installation, nstool, run } from '../support/program.ts';
import { fixturePath } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { onTerminal, quote } from '../support/terminal.ts';

const NAMESPACES = 20_000;
const ESCAPE = '\u001b';

let folder: string;
/** A recorded host whose listing is far larger than any pipe. */
let crowded: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nstool-ls-'));
  crowded = join(folder, 'crowded.ndjson');
  const pids = Array.from({ length: NAMESPACES }, (_, index) => index + 1000);
  const status = 'Name:\tx\nPid:\t7\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t7\n';
  const lines = [
    { nstool_recording: 1, self: { pid: 7, uid: 0 } },
    { q: 'link /proc/self', text: '7' },
    { q: 'file /proc/self/status', text: status },
    { q: 'file /proc/self/mountinfo', text: '' },
    { q: 'directory /proc', names: pids.map(String) },
    { q: 'file /etc/passwd', text: 'root:x:0:0::/:/bin/sh\n' },
    ...pids.flatMap((pid) => [
      { q: `link /proc/${pid}/ns/net`, text: `net:[${4026540000 + pid}]` },
      { q: `link /proc/${pid}/ns/mnt`, text: 'mnt:[4026531841]' },
      { q: `file /proc/${pid}/cmdline`, text: `process number ${pid} ${'x'.repeat(100)}\0` },
      { q: `stat /proc/${pid}`, status: { dev: '1', ino: '1', mode: '1', uid: '0', gid: '0' } },
    ]),
  ];
  writeFileSync(crowded, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
});

afterAll(() => rmSync(folder, { recursive: true }));

const crowdedCommand = (...more: readonly string[]): string => {
  return commandLine(['ls', '-t', 'net', '-o', 'NS,COMMAND', '--from', crowded, ...more])
    .map(quote)
    .join(' ');
};

/** A shell of which each part of a pipe has a status. */
function bash(script: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return run(['bash', '-c', script]);
}

describe('a pipe', () => {
  it.each(['', '-r', '-J'])('whose reader leaves after a line is no error (%s)', (format) => {
    const { stdout, stderr } = bash(
      `${crowdedCommand(...[format].filter(Boolean))} | head -n 1; echo "\${PIPESTATUS[@]}"`,
    );
    expect(stderr).not.toMatch(/EPIPE|Error|at /);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(/\n0 0\n$/);
  });

  it('that is closed from the start is no error', () => {
    const { stdout, stderr } = bash(`{ sleep 0.3; ${crowdedCommand()}; echo "status $?" >&2; } | true`);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^(?!.*EPIPE)[^]*status 0\n$/);
  });

  it('for the notes that is closed is no error either', () => {
    const command = commandLine(['ls', '--from', fixturePath('hostile')])
      .map(quote)
      .join(' ');
    const { stdout } = bash(`${command} 2> >(true) | wc -l; echo "\${PIPESTATUS[@]}"`);
    expect(stdout).toMatch(/^[0-9]{2}\n0 0\n$/);
  });

  it('gets all of it, however slowly it is read', async () => {
    const [file = '', ...args] = commandLine(['ls', '-t', 'net', '-o', 'NS,COMMAND', '--from', crowded]);
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      child.stdout.pause();
      setTimeout(() => child.stdout.resume(), 2);
    });
    const status = await new Promise((done) => child.once('close', done));
    expect(status).toBe(0);
    expectWhole(Buffer.concat(chunks).toString());
  });

  it('gets all of it where somebody made it non-blocking', () => {
    // perl's own end is blocking: O_NONBLOCK is a property of the open file, which the writer shares with the child.
    const nonBlocking = `
      use Fcntl; fcntl(STDOUT, F_SETFL, fcntl(STDOUT, F_GETFL, 0) | O_NONBLOCK) or die;
      exec @ARGV or die`;
    const { stdout } = bash(
      `perl -e ${quote(nonBlocking)} ${crowdedCommand()} | { sleep 1; cat; }; echo "\${PIPESTATUS[@]}"`,
    );
    expect(stdout).toMatch(/\n0 0\n$/);
    expectWhole(stdout.slice(0, -'0 0\n'.length));
  });

  function expectWhole(text: string): void {
    const lines = text.split('\n');
    expect(lines).toHaveLength(NAMESPACES + 2);
    expect(lines.at(-1)).toBe('');
    expect(lines.at(-2)).toContain(`process number ${NAMESPACES + 999} xxx`);
    expect(text.length).toBeGreaterThan(1 << 21);
  }

  it.skipIf(lacks('jq'))('is JSON for jq', () => {
    const count = bash(`${crowdedCommand('-J')} | jq '.namespaces | length'`);
    expect(count).toMatchObject({ status: 0, stdout: `${NAMESPACES}\n` });
    for (const words of [
      ['ls', '--json', '--output-all'],
      ['ls', '-J', '--from', fixturePath('hostile')],
      ['ls', '-JH'],
    ]) {
      const { stdout, status } = bash(
        `${commandLine(words).map(quote).join(' ')} | jq -r '.schema, (.complete | type)'`,
      );
      expect({ status, stdout }).toEqual({ status: 0, stdout: '1\nboolean\n' });
    }
  });

  it('that takes no more, as a full disk, is an error that says so', () => {
    const { stderr, stdout } = bash(`${crowdedCommand()} > /dev/full; echo $?`);
    expect(Number(stdout)).not.toBe(0);
    expect(stderr).toContain('ENOSPC');
    expect(stderr).not.toContain('    at ');
  });
});

describe.skipIf(lacks('script'))('colour', () => {
  const words = ['ls', '--from', fixturePath('idle')];
  const piped = (env: Readonly<Record<string, string>>, ...more: readonly string[]): string =>
    nstool([...words, ...more], { env: { NO_COLOR: '', FORCE_COLOR: '', TERM: 'xterm', ...env } }).stdout;
  const shown = (env: Readonly<Record<string, string>>, ...more: readonly string[]): string =>
    onTerminal(commandLine([...words, ...more]), { columns: 100, env: { NO_COLOR: '', FORCE_COLOR: '', ...env } })
      .stdout;

  it.each([
    ['a terminal', {}, [], true],
    ['a terminal, NO_COLOR', { NO_COLOR: '1' }, [], false],
    ['a terminal, NO_COLOR is empty', { NO_COLOR: '' }, [], true],
    ['a terminal, TERM=dumb', { TERM: 'dumb' }, [], false],
    ['a terminal, FORCE_COLOR and NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, [], true],
    ['a terminal, FORCE_COLOR=0', { FORCE_COLOR: '0' }, [], false],
    ['a terminal, --color=never', { FORCE_COLOR: '1' }, ['--color=never'], false],
    ['a terminal, --color=auto, TERM=dumb', { TERM: 'dumb' }, ['--color=auto'], false],
    ['a terminal, --color=always, NO_COLOR', { NO_COLOR: '1' }, ['--color=always'], true],
  ] as const)('on %s', (_, env, more, isColored) => {
    const text = shown(env, ...more);
    expect(text.includes(ESCAPE)).toBe(isColored);
    expect(text).toContain('kthreadd');
  });

  it.each([
    ['a pipe', {}, [], false],
    ['a pipe, FORCE_COLOR', { FORCE_COLOR: '1' }, [], true],
    ['a pipe, FORCE_COLOR=0', { FORCE_COLOR: '0' }, [], false],
    ['a pipe, FORCE_COLOR, NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, [], true],
    ['a pipe, FORCE_COLOR, --color=never', { FORCE_COLOR: '1' }, ['--color', 'never'], false],
    ['a pipe, --color=always', {}, ['--color=always'], true],
    ['a pipe, --color=auto', {}, ['--color=auto'], false],
  ] as const)('in %s', (_, env, more, isColored) => {
    expect(piped(env, ...more).includes(ESCAPE)).toBe(isColored);
  });

  it('is only in what eyes read: not in JSON and raw output, nor in warnings of Node', () => {
    for (const format of ['-J', '-r']) expect(shown({ FORCE_COLOR: '1' }, format)).not.toContain(ESCAPE);
    const { stderr } = nstool([...words], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(stderr).toMatch(/^nstool: 1 process: permission denied .*\n$/);
  });

  it('leaves the same text when it is taken out', () => {
    const colored = shown({ FORCE_COLOR: '1' }).replaceAll(new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g'), '');
    expect(colored).toBe(shown({ NO_COLOR: '1' }));
  });
});

describe('a wrong command line', () => {
  it.each([
    [['ls', '-t', 'nett'], "unknown namespace type 'nett'", 'net'],
    [['ls', '-t', 'moutn'], "unknown namespace type 'moutn'", undefined],
    [['ls', '-o', 'NS,COMAND'], "unknown column 'COMAND'", 'COMMAND'],
    [['ls', '--tpye', 'net'], "unknown option '--tpye'", '--type'],
    [['ls', '--color', 'alway'], "--color takes auto, always or never, not 'alway'", 'always'],
    [['lss'], "unknown command 'lss'", 'ls'],
    [['--jsn'], "unknown option '--jsn'", undefined],
    [['ls', 'a', 'b'], "unexpected 'b'", undefined],
    [['ls', '--json', '--raw'], '--json and --raw exclude each other', undefined],
    [['ls', '-p', '0'], "'0' is no pid", undefined],
    [['ls', `evil${ESCAPE}[31m\n`], "'evil\\x1b[31m\\n' is no target", undefined],
  ])('%j is status 2, with the reason in at most three lines and nothing on standard output', (words, what, meant) => {
    const { status, stdout, stderr } = nstool(words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines[0]).toBe(`nstool: ${what}`);
    if (meant !== undefined) expect(lines[1]).toBe(`  why: did you mean ${meant}?`);
    for (const line of lines.slice(1)) expect(line).toMatch(/^ {2}(?:why|try): \S/);
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines.length).toBeGreaterThanOrEqual(1);
    expect(stderr).not.toContain(ESCAPE);
  });

  it.each([
    [['ls', '4026530000'], 3, 'no namespace 4026530000'],
    [['ls', 'net:[1]'], 3, 'no namespace net:[1]'],
    [['ls', '-p', '4194304'], 3, 'no process 4194304'],
    [['ls', '--from', '/no/such/file'], 3, 'cannot read the recorded host /no/such/file'],
    [['ls', '--from', '/etc/passwd'], 2, '/etc/passwd is not a recorded host'],
  ])('%j names what is not there', (words, expected, what) => {
    const { status, stdout, stderr } = nstool(words);
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines[0]).toBe(`nstool: ${what}`);
    // Behind the error, what was closed to us: there it could be.
    for (const line of lines.slice(1))
      expect(line).toMatch(/^ {2}(?:why|try): \S|^nstool: [0-9]+ .*: permission denied/);
    expect(lines.filter((line) => line.startsWith('  ')).length).toBeLessThanOrEqual(2);
  });
});

describe('what is not needed', () => {
  it.skipIf(lacks('strace'))('is not loaded: no koffi for a plain ls and for caps decode', () => {
    const opened = (...words: readonly string[]): string => {
      const { stderr } = run(['strace', '-f', '-qq', '-e', 'trace=openat', ...commandLine(words)]);
      expect(stderr).toContain('nstool.cjs');
      return stderr;
    };
    expect(opened('ls')).not.toContain('koffi');
    expect(opened('ls', '-J', '-o', 'NS,TYPE,PATH,NPROCS,PID,PPID,COMMAND,UID,USER,NSFS')).not.toContain('koffi');
    expect(opened('caps', 'decode', '3fffffffff')).not.toContain('koffi');
    // Or strace would have shown nothing.
    expect(opened('ls', '-t', 'net')).toContain('koffi.node');
  });

  it('is not missed: without koffi the plain ls works, and what needs it says so', () => {
    const copy = join(folder, 'without-koffi');
    for (const part of ['package.json', 'bin', 'dist'])
      cpSync(join(installation(), part), join(copy, part), { recursive: true });
    const there = (...words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, [join(copy, 'bin/nstool.cjs'), ...words], { encoding: 'utf8', cwd: '/' });
    const plain = there('ls');
    expect(plain).toMatchObject({ status: 0, stdout: expect.stringContaining('NPROCS') });
    expect(plain.stderr).not.toContain('koffi');
    expect(there('caps', 'decode', '1')).toMatchObject({ status: 0, stdout: expect.stringContaining('cap_chown') });
    // An id that cannot be asked for is a gap, not an empty word.
    const needs = there('ls', '-t', 'net', '-J');
    expect(needs.stderr).toMatch(/koffi|not supported here/);
    expect(JSON.parse(needs.stdout)).toMatchObject({
      complete: false,
      gaps: expect.arrayContaining([expect.objectContaining({ subject: 'fact', reason: 'unsupported' })]),
      namespaces: expect.arrayContaining([expect.objectContaining({ type: 'net', netnsid: null })]),
    });
  });
});

describe('--matrix', () => {
  it('has a row a line in a pipe, and explains itself on a terminal', () => {
    const { status, stdout, stderr } = nstool(['ls', '--matrix']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^NAME +PID +NPROCS +MNT +NET +IPC +USER +PIDNS +UTS +CGROUP +TIME\n/);
    expect(stderr).not.toContain("the host's; own");
    for (const line of stdout.trimEnd().split('\n').slice(1)) {
      expect(line).toMatch(/^\S.*? +[0-9]+ +[0-9]+(?: +(?:host|own|[0-9]+|\?|-)){8}$/);
    }
  });

  it('refuses what does not go with it, as a usage error', () => {
    expect(nstool(['ls', '--matrix', '-o', 'NS'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'nstool: --matrix and --output exclude each other\n  try: nstool help ls\n',
    });
  });
});
