// What holds in every form of entering: how the end of the command arrives, and what the command is given. The plain form
// has files of its own: enter-status and enter-inherit.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { commandBelow } from '../support/entered.ts';
import { commandLine, nstool, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

/** Words between `enter PID` and the command; `each` is a command of its own. */
const forms: readonly (readonly string[])[] = [['--pty', '-a'], ['--tools'], ['--as-target'], ['-n', '--dns']];

let target: TargetProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nstool-forms-'));
  if (!lacks('root', 'unshare')) target = await makeTarget(['-n', '-m', '-u', '-i', '-p', '--fork', '--mount-proc']);
});
afterAll(async () => {
  await target?.end();
  rmSync(folder, { recursive: true });
});

/** The lines of a terminal end as those of a file do. */
function plain(result: RunResult): RunResult {
  return { ...result, stdout: result.stdout.replaceAll('\r\n', '\n') };
}

describe.skipIf(lacks('root', 'unshare')).each(forms.map((form) => ({ form })))('enter $form', ({ form }) => {
  const words = (...command: readonly string[]): readonly string[] => [
    'enter',
    String(target.pid),
    ...form,
    '--',
    ...command,
  ];
  const enter = (...command: readonly string[]): RunResult => plain(nstool(words(...command)));
  const sh = (script: string, ...command: readonly string[]): RunResult =>
    plain(run(['bash', '-c', script, 'bash', ...commandLine(words(...command))]));

  test('the status is the command’s: 0, 42, 255; 127 and 126 where it cannot be run, 125 where we fail', () => {
    for (const status of [0, 42, 255])
      expect(enter('sh', '-c', `exit ${status}`)).toMatchObject({ status, signal: null });
    expect(enter('no-such-command')).toMatchObject({
      status: 127,
      stdout: '',
      stderr: expect.stringContaining('ENOENT'),
    });
    expect(enter('/etc')).toMatchObject({ status: 126, stdout: '', stderr: expect.stringContaining('EACCES') });
    const failed = nstool(['enter', '4194304', ...form, 'true']);
    expect(failed).toMatchObject({ status: 125, signal: null, stdout: '' });
    expect(sh('set -o pipefail; : | "$@" | cat', 'sh', '-c', 'exit 9').status).toBe(9);
  });

  test('a death by a signal is one in wait(2)', () => {
    for (const name of ['TERM', 'KILL', 'INT', 'SEGV']) {
      const died = enter('sh', '-c', `ulimit -c 0; kill -${name} $$`);
      expect(died).toMatchObject({ status: null, signal: `SIG${name}` });
    }
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s to the process that was started ends both', async (signal) => {
    const [file = '', ...args] = commandLine(words('sh', '-c', 'echo ready; exec sleep 1000'));
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((done) => child.stdout.once('data', done));
    const command = await commandBelow(child.pid ?? 0, 'sleep');
    const ended = new Promise((done) => child.once('close', (status, by) => done({ status, by })));
    child.kill(signal);
    expect(await ended).toEqual({ status: null, by: signal });
    expect(() => process.kill(command, 0)).toThrow('ESRCH');
  });

  test('a closed standard input is an empty one', () => {
    const { status, stdout } = sh('"$@" <&-', 'sh', '-c', 'test -e /dev/fd/0; cat; echo "read $?"');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'read 0\n' });
  });

  test('arguments arrive unchanged: 131,071 bytes, no text, none, newlines; and 20,000 of them', () => {
    const long = 'x'.repeat(131_071);
    const odd = sh(
      `"$@" "$(printf '\\377\\376 \\001')" "" $'a\\nb' "\${LONG}"`.replace('${LONG}', '$(printf %131071s)'),
      'sh',
      '-c',
      'for word; do printf "%s\\0" "$word"; done | od -An -v -tx1 | tr -d " \\n" | cut -c 1-34; echo "${#4}"',
      'sh',
    );
    expect(odd.stdout).toBe(`fffe20010000610a6200${'20'.repeat(7)}\n131071\n`);
    expect(enter('sh', '-c', 'echo "${#1}"', 'sh', long).stdout).toBe('131071\n');
    const many = Array.from({ length: 20_000 }, (_, index) => `${index}\n`);
    const hash = createHash('sha256').update(many.map((word) => `${word}\0`).join(''));
    const result = enter('sh', '-c', String.raw`printf '%s\0' "$@" | sha256sum`, 'sh', ...many);
    expect(result).toMatchObject({ status: 0, stdout: `${hash.digest('hex')}  -\n` });
  });

  test('more than the kernel takes is E2BIG, and 126', () => {
    const file = join(folder, 'program.json');
    const printed = nstool(['enter', String(target.pid), ...form, '--dry-run', '--json', 'true', 'WORD']).stdout;
    writeFileSync(file, printed.replace('"WORD"', Array<string>(400_000).fill('"1234567"').join(',')));
    const result = nstool(['enter', '--program', file]);
    expect(result).toMatchObject({ status: 126, stdout: '' });
    expect(result.stderr).toContain('arguments and environment are too long (E2BIG)');
  });

  test('no descriptor of ours is open in the command, and its program is the command', async () => {
    const script = 'exec 3</etc/passwd 9>/dev/null; exec "$@"';
    const [file = '', ...args] = commandLine(words('sh', '-c', 'echo ready; exec sleep 1000'));
    const child = spawn('bash', ['-c', script, 'bash', file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((done) => child.stdout.once('data', done));
    try {
      const pid = await commandBelow(child.pid ?? 0, 'sleep');
      // Its loader opens libraries at first.
      await vi.waitFor(() => expect(readdirSync(`/proc/${pid}/fd`)).toEqual(['0', '1', '2']));
      expect(readlinkSync(`/proc/${pid}/exe`)).toMatch(/\/sleep$/);
    } finally {
      const ended = new Promise((done) => child.once('close', done));
      child.kill('SIGTERM');
      await ended;
    }
  });
});

describe.skipIf(lacks('root', 'unshare'))('each', () => {
  const each = (...command: readonly string[]): RunResult =>
    nstool(['each', '-p', String(target.pid), '-t', 'net', '--json', '--', ...command]);
  const first = ({ stdout }: RunResult): unknown => (JSON.parse(stdout) as { results: readonly unknown[] }).results[0];

  test('one argument of 131,071 bytes, and 20,000 of them', () => {
    expect(first(each('sh', '-c', 'echo "${#1}"', 'sh', 'x'.repeat(131_071)))).toMatchObject({ stdout: '131071\n' });
    const many = Array.from({ length: 20_000 }, (_, index) => `${index}\n`);
    expect(first(each('sh', '-c', 'echo "$#"', 'sh', ...many))).toMatchObject({ stdout: '20000\n' });
  });

  test('the program is the command', () => {
    expect(first(each('readlink', '/proc/self/exe'))).toMatchObject({
      stdout: expect.stringMatching(/\/(?:readlink|coreutils)\n$/),
    });
  });
});
