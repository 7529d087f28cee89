// How the entered command ends is how nstool ends: status, signals, and our own failures apart from the command's.

import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandLine, identities, installation, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget, type TargetProcess } from '../support/targets.ts';

const plainUid = process.geteuid?.() === 0 ? PLAIN_UID : process.geteuid?.();

describe.skipIf(lacks('userns', 'unshare')).each(identities)('by $name', ({ uid }) => {
  let target: TargetProcess;
  /** Without and with a process of ours that waits. */
  const ways: readonly (readonly string[])[] = [
    ['-U', '-n'],
    ['-U', '-n', '-p'],
  ];

  beforeAll(async () => {
    target = await makeTarget(['-U', '-r', '-n', '-p', '--fork'], uid);
  });
  afterAll(() => target.end());

  describe.each(ways)('%j %j %j', (...kinds) => {
    const words = (): string[] => ['enter', String(target.pid), ...kinds.filter((kind) => kind !== undefined)];

    test.each([0, 1, 2, 42, 125, 126, 127, 128, 143, 255])('status %i', (status) => {
      const result = nstool([...words(), 'sh', '-c', `exit ${status}`], { uid });
      expect(result).toEqual({ status, signal: null, stdout: '', stderr: '' });
    });

    test.each(['TERM', 'KILL', 'HUP', 'INT', 'QUIT', 'SEGV', 'ABRT', 'PIPE', 'USR1', 'ALRM', 'RTMIN', 'XFSZ'])(
      'death by SIG%s is a death by it in wait(2), and 128 + n in a shell',
      (name) => {
        const command = ['sh', '-c', `ulimit -c 0; kill -${name} $$`];
        const result = nstool([...words(), ...command], { uid });
        const number = Number(run(['bash', '-c', `kill -l ${name}`]).stdout);
        // Node has no name for a real-time signal, and shows neither.
        if (name !== 'RTMIN') expect(result).toMatchObject({ status: null, signal: `SIG${name}` });
        const quoted = commandLine([...words(), ...command], uid).map((word) => `'${word}'`);
        expect(run(['sh', '-c', `${quoted.join(' ')}\nexit $?`]).status).toBe(128 + number);
      },
    );

    test.each(['SIGTERM', 'SIGKILL', 'SIGHUP', 'SIGINT', 'SIGUSR2'] as const)(
      '%s sent to the process that was started ends the command',
      async (signal) => {
        const child = await started(commandLine([...words(), ...announcing('exec sleep 1000')], uid));
        const command = leafOf(child.pid ?? 0);
        child.kill(signal);
        expect(await ended(child)).toEqual({ status: null, signal });
        expect(await isGone(command)).toBe(true);
      },
    );

    test('a signal that the command handles is handled by it', async () => {
      const script = `trap 'echo got it; exit 7' TERM; echo ready; while :; do sleep 0.01; done`;
      const child = await started(commandLine([...words(), 'sh', '-c', script], uid));
      const output = text(child);
      child.kill('SIGTERM');
      expect(await ended(child)).toEqual({ status: 7, signal: null });
      expect(await output).toContain('got it');
    });

    test('a command that does not exist', () => {
      const result = nstool([...words(), 'no-such-command-here', 'x'], { uid, env: { PATH: '/usr/bin:/bin' } });
      expect(result).toMatchObject({ status: 127, signal: null, stdout: '' });
      expect(result.stderr).toBe(
        "nstool: cannot run 'no-such-command-here': not found (ENOENT)\n" +
          '  why: it is not in /usr/bin:/bin; or it is, and the interpreter or loader that it names is not\n',
      );
      const path = nstool([...words(), '/no/such/path'], { uid });
      expect(path).toMatchObject({ status: 127, stdout: '' });
      expect(path.stderr).toContain(`nstool: cannot run '/no/such/path': not found (ENOENT)`);
      expect(nstool([...words(), ''], { uid }).status).toBe(127);
    });

    test('a file that is no program, and a folder', () => {
      for (const file of ['/etc/passwd', '/etc']) {
        const result = nstool([...words(), file], { uid });
        expect(result).toMatchObject({ status: 126, signal: null, stdout: '' });
        expect(result.stderr).toMatch(
          new RegExp(`^nstool: cannot run '${file}': permission denied \\(EACCES\\)\n  why: `),
        );
      }
    });

    test('a script without #! is run by a shell, as nsenter does', () => {
      const folder = mkdtempSync(join(tmpdir(), 'nstool-script-'));
      try {
        chmodSync(folder, 0o755);
        const script = join(folder, 'script');
        writeFileSync(script, 'echo "$0 $1"; exit 9\n', { mode: 0o755 });
        expect(nstool([...words(), script, 'a b'], { uid })).toEqual({
          status: 9,
          signal: null,
          stdout: `${script} a b\n`,
          stderr: '',
        });
        const broken = join(folder, 'broken');
        writeFileSync(broken, '#!/no/such/interpreter\n', { mode: 0o755 });
        expect(nstool([...words(), broken], { uid }).status).toBe(127);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });

  test('the waiting parent shows no stop as an end: a stopped command stops it, and it goes on with it', async () => {
    const child = await started(
      commandLine(['enter', String(target.pid), '-U', '-p', ...announcing('exec sleep 1000')], uid),
    );
    const command = leafOf(child.pid ?? 0);
    expect(command).not.toBe(child.pid);
    process.kill(command, 'SIGSTOP');
    await state(child.pid ?? 0, 'T');
    child.kill('SIGCONT');
    await state(child.pid ?? 0, 'S');
    await state(command, 'S');
    child.kill('SIGKILL');
    expect(await ended(child)).toEqual({ status: null, signal: 'SIGKILL' });
  });
});

describe('our own failures are 125', () => {
  test.each([
    ['usage: no target', ['enter'], /no target|operand is missing/],
    [
      'usage: an unknown option',
      ['enter', '--nett', 'self', 'true'],
      /unknown option '--nett'\n {2}why: did you mean --net\?/,
    ],
    ['usage: an unknown letter', ['enter', '-z', 'self', 'true'], /unknown option '-z'/],
    ['usage: an option without its value', ['enter', '--target'], /needs a value/],
    ['usage: a kind without a process', ['enter', '--net=/proc/self/ns/net', '-u', 'true'], /--uts needs a process/],
    ['usage: -a with a path', ['enter', '/proc/self/ns/net', '-a', 'true'], /is one namespace, and is entered alone/],
    [
      'a command without a target',
      ['enter', '--pid', 'true'],
      /no target before the command 'true'\n.*\n  try: nstool enter /,
    ],
    ['a word that is neither', ['enter', '--pid', 'no-such-thing'], /nothing here is called 'no-such-thing'/],
    ['a word that is no target', ['enter', '', 'true'], /'' is no target/],
    ['a name that nothing has', ['enter', 'no-such-name', 'true'], /'no-such-name'/],
    ['a process of a recorded host', ['enter', '--from', '/dev/null', '1', 'true'], /recorded host cannot be entered/],
    ['--color with another value', ['enter', '--color=blue', 'self', 'true'], /--color takes auto, always or never/],
  ])('%s', (_title, words, message) => {
    const result = nstool(words);
    expect(result).toMatchObject({ status: 125, signal: null, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^nstool: /);
    expect(result.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  });

  test('nsexec that was not built: what to do', () => {
    const helper = join(installation(), 'native/nsexec');
    renameSync(helper, `${helper}.away`);
    try {
      const result = nstool(['enter', 'self', '-n', 'true']);
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toBe(
        'nstool: nsexec, which carries this out, was not built\n' +
          `  why: ${helper} does not exist: at installation there was no C compiler\n` +
          '  try: apt-get install gcc libc6-dev && npm rebuild nstool\n',
      );
    } finally {
      renameSync(`${helper}.away`, helper);
    }
  });

  test('nsexec that cannot be executed', () => {
    const helper = join(installation(), 'native/nsexec');
    renameSync(helper, `${helper}.away`);
    writeFileSync(helper, 'not a program');
    try {
      const result = nstool(['enter', 'self', '-n', 'true'], plainUid === undefined ? {} : { uid: plainUid });
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toMatch(/^nstool: cannot execute .*nsexec\n {2}why: /);
      expect(result.stderr).toContain('EACCES');
    } finally {
      renameSync(`${helper}.away`, helper);
    }
  });

  test('help is no failure', () => {
    for (const words of [
      ['enter', '--help'],
      ['enter', '-h'],
      ['help', 'enter'],
    ]) {
      const result = nstool(words);
      expect(result).toMatchObject({ status: 0, stderr: '' });
      expect(result.stdout).toContain('nstool enter');
    }
  });
});

/** A command that says when it runs. */
function announcing(script: string): readonly string[] {
  return ['sh', '-c', `echo ready; ${script}`];
}

async function started([file = '', ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((done) => child.stdout?.once('data', done));
  return child;
}

function text(child: ChildProcess): Promise<string> {
  let all = '';
  child.stdout?.on('data', (data: Buffer) => (all += data.toString()));
  return new Promise((done) => child.stdout?.once('end', () => done(all)));
}

function ended(child: ChildProcess): Promise<{ status: number | null; signal: NodeJS.Signals | null }> {
  child.stdout?.resume();
  return new Promise((done) => child.once('close', (status, signal) => done({ status, signal })));
}

function leafOf(pid: number): number {
  const [child] = childrenOf(pid);
  return child === undefined ? pid : leafOf(Number(child));
}

async function isGone(pid: number): Promise<boolean> {
  while (run(['test', '-d', `/proc/${pid}`]).status === 0) await new Promise((done) => setTimeout(done, 5));
  return true;
}

async function state(pid: number, letter: string): Promise<void> {
  const pattern = new RegExp(`^State:\t${letter}`, 'm');
  while (!pattern.test(run(['cat', `/proc/${pid}/status`]).stdout)) await new Promise((done) => setTimeout(done, 5));
}
