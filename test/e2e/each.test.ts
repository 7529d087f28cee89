// `nstool each` as the built program: what it prints, with which status it ends, and that nothing is left when it does.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { commandLine, identities, nstool, run } from '../support/program.ts';
import { fixturePath } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { onTerminal, quote } from '../support/terminal.ts';

describe('a wrong command line', () => {
  test.each([
    ['no command', ['-t', 'net'], 2, /no command/],
    ['no number', ['-j', 'many', 'true'], 2, /--jobs takes a number, not 'many'/],
    ['no job at all', ['-j0', 'true'], 2, /from 1 to 1024/],
    ['an unknown kind', ['-t', 'nte', 'true'], 2, /did you mean net/],
    ['a broken filter', ['-Q', 'NS ==', 'true'], 2, /--filter/],
    ['a recorded host', ['--from', fixturePath('idle'), 'true'], 2, /recorded host/],
    ['a recorded target', ['-p', `${fixturePath('idle')}::2`, 'true'], 2, /recorded host/],
    ['no such process', ['-p', '4194304', 'true'], 3, /no process/],
  ])('%s', (_, words, status, text) => {
    const result = nstool(['each', ...words]);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(text);
  });

  test('options of the command are its own', () => {
    const { stdout, status } = nstool(['each', '-p', 'self', '-t', 'uts', 'echo', '-t', '--json', '-j0']);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/ ==\n-t --json -j0\n$/) });
  });
});

/** The namespaces that we are in ourselves: to be in them nobody needs any rights. */
const OURS = ['-p', 'self', '-t', 'uts'];
const OURS_TWICE = ['-p', 'self', '-t', 'uts,net'];

function first(words: readonly string[]): Record<string, unknown> {
  const { stdout, stderr } = nstool(['each', ...OURS, '--json', ...words]);
  const answer = JSON.parse(stdout) as { readonly results: readonly Record<string, unknown>[] };
  expect({ stderr, faults: faults('each', answer), passed: passed('each', answer) }).toMatchObject({
    faults: [],
    passed: [],
  });
  const [result] = answer.results;
  if (result === undefined || answer.results.length !== 1) throw new Error(`not one result: ${stdout}`);
  return result;
}

describe('how each ended', () => {
  test.each([0, 1, 3, 125, 127, 255])('status %i', (status) => {
    expect(first(['sh', '-c', `exit ${status}`])).toMatchObject({ status, signal: null, error: null });
    expect(nstool(['each', ...OURS, 'sh', '-c', `exit ${status}`])).toMatchObject({
      status: status === 0 ? 0 : 1,
      stdout: expect.stringMatching(status === 0 ? /^== .* ==\n$/ : new RegExp(`^== .* ==\n== status ${status} ==\n$`)),
    });
  });

  test.each(['TERM', 'KILL', 'SEGV', 'PIPE', 'XFSZ'])('signal %s', (signal) => {
    expect(first(['sh', '-c', `ulimit -c 0; kill -${signal} $$`])).toMatchObject({ status: null, signal, error: null });
    const { status, stdout } = nstool(['each', ...OURS, 'sh', '-c', `ulimit -c 0; kill -${signal} $$`]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining(`\n== signal ${signal} ==\n`) });
  });

  it('a real-time signal is no success', () => {
    expect(first(['bash', '-c', 'kill -RTMIN $$'])).toMatchObject({ status: null, signal: '34' });
  });

  it('a command that does not exist, and one that is none', () => {
    expect(first(['no-such-command-here'])).toMatchObject({
      status: 127,
      signal: null,
      error: expect.stringMatching(/^nstool: cannot run 'no-such-command-here': not found \(ENOENT\)\n {2}why: /),
      stderr: '',
    });
    expect(first(['/etc/passwd'])).toMatchObject({ status: 126, error: expect.stringContaining('EACCES') });
    const { status, stdout, stderr } = nstool(['each', ...OURS, 'no-such-command-here']);
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining('\n== status 127 ==\n') });
    expect(stderr).toContain('not found (ENOENT)');
  });
});

describe('what each prints', () => {
  it('is on the two outputs, and a line that was not ended is', () => {
    const { stdout, stderr } = nstool(['each', ...OURS_TWICE, 'sh', '-c', 'printf out; printf err >&2']);
    expect(stdout).toMatch(/^== (?:net|uts):[0-9]+.* ==\nout\n== (?:net|uts):[0-9]+.* ==\nout\n$/);
    expect(stderr.replaceAll(/^nstool: .*\n/gm, '')).toBe('errerr');
  });

  it('arrives whole, however much it is, in order, and no more than a part of it is kept meanwhile', () => {
    const size = 20_000_000;
    const script = `head -c ${size} /dev/zero | tr '\\0' x; echo end`;
    const { stdout, status } = nstool(['each', ...OURS_TWICE, '-j2', 'sh', '-c', script]);
    const parts = stdout.split(/^== .* ==\n/m).slice(1);
    expect({ status, lengths: parts.map((part) => part.length) }).toEqual({ status: 0, lengths: [size + 4, size + 4] });
    expect(parts.every((part) => part.endsWith('xend\n') && !/[^x]/.test(part.slice(0, size)))).toBe(true);
  });

  it('is in the JSON up to a limit', () => {
    expect(first(['sh', '-c', `head -c 3000000 /dev/zero | tr '\\0' x; echo err >&2`])).toMatchObject({
      stdout: 'x'.repeat(1024 * 1024),
      stdout_base64: null,
      stdout_cut: 3_000_000 - 1024 * 1024,
      stderr: 'err\n',
      stderr_cut: 0,
    });
  });

  it('is in the JSON as base64 when it is not UTF-8', () => {
    expect(first(['printf', String.raw`a\377\000b`])).toMatchObject({
      stdout: 'a\uFFFD\0b',
      stdout_base64: Buffer.from([0x61, 0xff, 0, 0x62]).toString('base64'),
    });
    expect(first(['printf', 'grün\u2028'])).toMatchObject({ stdout: 'grün\u2028', stdout_base64: null });
  });

  it('can be opened by its name, as a pipe can', () => {
    expect(first(['sh', '-c', 'echo out > /dev/stdout; echo err > /dev/stderr'])).toMatchObject({
      status: 0,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });
});

describe('what each is given', () => {
  it('arguments and environment byte for byte', () => {
    const script = String.raw`exec "$@" each -p self -t uts --json sh -c 'printf "%s|" "$@"; printenv ODD' sh "$(printf '\377')" "" "a
b"`;
    const [file = '', ...args] = commandLine([]);
    const odd = run(['sh', '-c', `ODD="$(printf 'x\\376')"; export ODD; ${script}`, 'sh', file, ...args]);
    const { results } = JSON.parse(odd.stdout) as { results: readonly { stdout_base64: string }[] };
    const printed = Buffer.from(results[0]?.stdout_base64 ?? '', 'base64').toString('latin1');
    expect(printed).toBe('\u00FF||a\nb|x\u00FE\n');
  });

  it('its namespace and name in the environment, instead of those of an each around it', () => {
    const inner = commandLine(['each', ...OURS, '--', 'printenv', 'NSTOOL_NS', 'NSTOOL_NAME']);
    const { stdout } = run(['env', 'NSTOOL_NS=stale', 'NSTOOL_NAME=stale', ...inner]);
    const [, heading = '', name = ''] = /^== (\S+)(?: (.*))? ==$/m.exec(stdout) ?? [];
    expect(stdout.split('\n').slice(1, 3)).toEqual([heading, name ?? '']);
  });

  it('more than the kernel takes is E2BIG, and 126, told of each', () => {
    // The first command takes away the room that the second, and nsexec before it, will be given.
    const script = 'prlimit --pid "$PPID" --stack=524288:524288; exit 7';
    const many = Array.from({ length: 30_000 }, (_, index) => String(index));
    const { status, stdout } = nstool(['each', ...OURS_TWICE, '-j1', '--json', 'sh', '-c', script, 'sh', ...many]);
    const { results } = JSON.parse(stdout) as { results: readonly { stderr: string; status: number }[] };
    expect(status).toBe(1);
    expect(results).toMatchObject([{ status: 7 }, { status: 126 }]);
    expect(JSON.stringify(results[1])).toContain('arguments and environment are too long (E2BIG)');
  });

  it('an empty input, no other descriptor, no terminal', () => {
    expect(first(['cat'])).toMatchObject({ status: 0, stdout: '' });
    const closed = ['sh', '-c', '"$@" <&-', 'sh', ...commandLine(['each', ...OURS, 'readlink', '/proc/self/fd/0'])];
    expect(run(closed).stdout).toMatch(/ ==\n\/dev\/null\n$/);
    expect(first(['sh', '-c', 'ls /proc/$$/fd'])).toMatchObject({ stdout: '0\n1\n2\n' });
    const { stdout } = onTerminal(commandLine(['each', ...OURS, 'sh', '-c', 'echo > /dev/tty']), { columns: 200 });
    expect(stdout).toMatch(/No such device or address/);
  });

  it('default actions of signals, and the limit on open files that nstool was given', () => {
    const [file = '', ...args] = commandLine(['each', ...OURS, 'sh', '-c', 'ulimit -n; grep SigIgn /proc/self/status']);
    const { stdout } = run(['sh', '-c', `ulimit -Sn 777; "$@"`, 'sh', file, ...args]);
    const [, limit, ignored = ''] = /\n(.*)\nSigIgn:\t(.*)\n$/.exec(stdout) ?? [];
    // What the C library has for itself is as it was.
    expect({ limit, ignored: BigInt(`0x${ignored}`) & 0x7fff_ffffn }).toEqual({ limit: '777', ignored: 0n });
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 20_000 && !holds(); waited += 20) await new Promise((done) => setTimeout(done, 20));
}

/** Gone, or dead and waiting for somebody to ask. */
function isGone(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return true;
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

function stateOf(pid: number): string {
  return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
}

interface Running {
  readonly child: ChildProcess;
  /** What each said: pids. */
  readonly pids: readonly number[];
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Until each command has said so many pids. */
async function start(words: readonly string[], pids: number): Promise<Running> {
  const [file = '', ...args] = commandLine(['each', ...words]);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], cwd: '/' });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  const said = (): number[] => [...text.matchAll(/^pid ([0-9]+)$/gm)].map((match) => Number(match[1]));
  const ended = new Promise<Awaited<Running['ended']>>((done) => {
    child.once('close', (status, signal) => done({ status, signal }));
  });
  await until(() => said().length >= pids);
  return { child, pids: said(), ended };
}

describe('the end of nstool', () => {
  /** A shell, and what it started. */
  const script = 'echo pid $$; sleep 1000 & echo pid $!; wait';

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s is that of all it started', async (signal) => {
    const { child, pids, ended } = await start([...OURS, 'sh', '-c', script], 2);
    expect(pids.map(isGone)).toEqual([false, false]);
    child.kill(signal);
    expect(await ended).toEqual({ status: null, signal });
    expect(pids.map(isGone)).toEqual([true, true]);
  });

  it('gives a command that hears the signal the time to end', async () => {
    const polite = `trap 'sleep 0.3; echo pid 1; exit' TERM; echo pid $$; while :; do sleep 0.01; done`;
    const { child, pids, ended } = await start([...OURS, 'sh', '-c', polite], 1);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ status: null, signal: 'SIGTERM' });
    expect(pids.map(isGone)).toEqual([true]);
  });

  it('kills what does not hear it, and what that started', async () => {
    const deaf = `trap '' TERM; echo pid $$; sleep 1000 & echo pid $!; while :; do sleep 1; done`;
    const { child, pids, ended } = await start([...OURS, 'sh', '-c', deaf], 2);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ status: null, signal: 'SIGTERM' });
    await until(() => pids.every(isGone));
    expect(pids.map(isGone)).toEqual([true, true]);
  });

  it('ends one that is stopped', async () => {
    const { child, pids, ended } = await start([...OURS, 'sh', '-c', 'echo pid $$; kill -STOP $$'], 1);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ status: null, signal: 'SIGTERM' });
    expect(pids.map(isGone)).toEqual([true]);
  });

  it('by SIGKILL is that of the commands', async () => {
    const { child, pids, ended } = await start([...OURS_TWICE, '-j2', 'sh', '-c', 'echo pid $$; exec sleep 1000'], 1);
    const children = run(['pgrep', '-P', String(child.pid)])
      .stdout.trim()
      .split('\n')
      .map(Number);
    expect(children).toHaveLength(2);
    expect(children).toContain(pids[0]);
    child.kill('SIGKILL');
    await ended;
    await until(() => children.every(isGone));
    expect(children.map(isGone)).toEqual([true, true]);
  });

  it('starts no other', async () => {
    const { child, ended } = await start([...OURS_TWICE, '-j1', 'sh', '-c', script], 2);
    let text = '';
    child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
    child.kill('SIGTERM');
    expect(await ended).toEqual({ status: null, signal: 'SIGTERM' });
    expect(text).toBe('');
  });

  it('comes when nobody reads any more', () => {
    const words = commandLine(['each', ...OURS_TWICE, '-j1', 'sh', '-c', 'yes; echo $? >&2']);
    const command = words.map(quote).join(' ');
    const { stdout, stderr } = run(['bash', '-c', `{ ${command}; echo "status $?" >&2; } | head -n 2`]);
    expect(stdout).toMatch(/^== .* ==\ny\n$/);
    expect(stderr.replaceAll(/^nstool: .*\n/gm, '')).toBe('status 1\n');
  });

  it('comes when the disk is full', () => {
    const { status, stderr } = run([
      'sh',
      '-c',
      '"$@" > /dev/full',
      'sh',
      ...commandLine(['each', ...OURS, 'sleep', '1000']),
    ]);
    expect(status).toBe(74);
    expect(stderr).toContain('nstool: cannot write the answer: ENOSPC\n');
  });
});

it('a stop and a continuation are those of the commands', async () => {
  const { child, pids, ended } = await start([...OURS, 'sh', '-c', 'echo pid $$; exec sleep 1000'], 1);
  const [command = 0] = pids;
  child.kill('SIGTSTP');
  await until(() => stateOf(command) === 'T' && stateOf(child.pid ?? 0) === 'T');
  expect([stateOf(command), stateOf(child.pid ?? 0)]).toEqual(['T', 'T']);
  child.kill('SIGCONT');
  await until(() => stateOf(command) === 'S');
  expect(stateOf(command)).toBe('S');
  child.kill('SIGTERM');
  await ended;
});

describe.skipIf(lacks('userns', 'unshare')).each(identities)('in a pid namespace, by $name', ({ uid }) => {
  let target: TargetProcess;
  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', '-p', '--fork'], uid);
  });
  afterAll(() => target.end());

  it.skipIf(uid !== 0)('the statuses come through the waiting parent, and ends reach both', async () => {
    const words = ['-p', String(target.pid), '-t', 'pid'];
    for (const [script, end] of [
      ['exit 7', { status: 7, signal: null }],
      ['kill -TERM $$', { status: null, signal: 'TERM' }],
    ] as const) {
      const { stdout } = nstool(['each', ...words, '--json', 'sh', '-c', script], { uid });
      expect((JSON.parse(stdout) as { results: unknown[] }).results).toMatchObject([end]);
    }
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { child, ended } = await start([...words, 'sh', '-c', 'echo pid 1; exec sleep 1000'], 1);
      const [monitor = ''] = run(['pgrep', '-P', String(child.pid)])
        .stdout.trim()
        .split('\n');
      const [command = ''] = run(['pgrep', '-P', monitor]).stdout.trim().split('\n');
      child.kill(signal);
      expect(await ended).toEqual({ status: null, signal });
      await until(() => isGone(Number(command)) && isGone(Number(monitor)));
      expect([monitor, command].map((pid) => isGone(Number(pid)))).toEqual([true, true]);
    }
  });

  it('the user namespace', () => {
    const words = ['-p', String(target.pid), '-t', 'user', '--json', 'sh', '-c', 'id -u; cat /proc/self/uid_map'];
    const { stdout } = nstool(['each', ...words], { uid });
    const { results } = JSON.parse(stdout) as { results: readonly { stdout: string; status: number }[] };
    expect(results).toMatchObject([{ status: 0, stdout: expect.stringMatching(/^0\n +0 +[0-9]+ +1\n$/) }]);
  });
});
