// `nstool caps why`: what the kernel refuses for real is named, with the right namespace, and nothing is left in tracefs.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandLine, nstool, run, PLAIN_UID, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

describe('a wrong command line', () => {
  test.each([
    ['nothing', [], 2, /no target and no command/],
    ['a target and a command', ['self', 'true'], 2, /caps why -- self/],
    ['no time', ['--for', 'long', '--', 'true'], 2, /--for takes seconds/],
    ['a recorded host', ['--from', 'x.ndjson', '--', 'true'], 2, /recorded host/],
    ['no such process', ['4194304'], 3, /no process/],
  ])('%s', (_, words, status, text) => {
    const result = nstool(['caps', 'why', ...words]);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(text);
  });

  test('as a plain user: it says what is missing', () => {
    const result = nstool(['caps', 'why', '--', 'true'], { uid: PLAIN_UID });
    expect(result).toMatchObject({ status: 4, stdout: '' });
    expect(result.stderr).toMatch(/tracefs is for who has CAP_SYS_ADMIN/);
  });
});

interface Denial {
  readonly cause: string;
  readonly capability: string | null;
  readonly user_namespace: number | null;
  readonly call: string;
  readonly errno: string | null;
  readonly program: string | null;
  readonly count: number;
}

interface Answer {
  readonly denials: readonly Denial[];
  readonly file_capabilities: readonly { readonly path: string; readonly capabilities: string }[];
  readonly command: { readonly status: number | null; readonly signal: string | null };
}

function why(command: readonly string[]): Answer & { readonly result: RunResult } {
  const result = nstool(['caps', 'why', '--json', '--', ...command]);
  const answer = JSON.parse(result.stdout) as Answer;
  expect(faults('caps why', answer)).toEqual([]);
  expect(passed('caps why', answer)).toEqual([]);
  return { ...answer, result };
}

/** What made calls fail. */
function refusals({ denials }: Answer): readonly Partial<Denial>[] {
  return denials.filter(({ errno }) => errno !== null);
}

function userNamespace(): number {
  return Number(/\d+/.exec(run(['readlink', '/proc/self/ns/user']).stdout)?.[0]);
}

const UNPRIVILEGED = ['setpriv', `--reuid=${PLAIN_UID}`, '--clear-groups', '--inh-caps=-all'];

describe.skipIf(lacks('root', 'tracing'))('what was denied', () => {
  let folder: string;
  const ours = userNamespace();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-why-'));
    const source = fileURLToPath(new URL('../support/denied.c', import.meta.url));
    const built = spawnSync('cc', ['-o', join(folder, 'denied'), source], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(built.stderr);
    spawnSync('chmod', ['755', folder]);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['raw-socket', 'cap_net_raw', 'socket', 'EPERM', 1],
    ['mount', 'cap_sys_admin', 'mount', 'EPERM', 1],
    ['bind', 'cap_net_bind_service', 'bind', 'EACCES', 13],
  ])('%s', (what, capability, call, errno, status) => {
    const answer = why([...UNPRIVILEGED, join(folder, 'denied'), what]);
    expect(refusals(answer)).toEqual([
      expect.objectContaining({
        cause: 'capability',
        capability,
        user_namespace: ours,
        call,
        errno,
        program: 'denied',
      }),
    ]);
    expect(answer).toMatchObject({ result: { status: 1 }, command: { status, signal: null } });
  });

  test('a host name, inside a user namespace: asked for outside of it', () => {
    expect(refusals(why(['unshare', '-Ur', 'hostname', 'x']))).toContainEqual(
      expect.objectContaining({
        capability: 'cap_sys_admin',
        user_namespace: ours,
        call: 'sethostname',
        program: 'hostname',
      }),
    );
  });

  test('in a user namespace that was made meanwhile: that one', () => {
    const script = 'readlink /proc/self/ns/user; setpriv --bounding-set=-all --inh-caps=-all hostname x; sleep 1';
    const { result, ...answer } = why(['unshare', '-Uru', 'sh', '-c', script]);
    const inode = Number(/user:\[(\d+)\]/.exec(result.stderr)?.[1]);
    expect(inode).not.toBe(ours);
    const found = refusals(answer).find(({ call }) => call === 'sethostname');
    // Its process may have ended before it could be asked where it was.
    expect([inode, null]).toContain(found?.user_namespace);
    expect(found).toMatchObject({ capability: 'cap_sys_admin', errno: 'EPERM', program: 'hostname' });
  });

  test('what a filter refuses is no missing capability', () => {
    const answer = why([join(folder, 'denied'), 'seccomp']);
    expect(refusals(answer)).toEqual([
      expect.objectContaining({ cause: 'seccomp', capability: null, call: 'sethostname', errno: 'EPERM', count: 1 }),
    ]);
    expect(answer.command.status).toBe(1);
  });

  test('a program whose file capabilities go beyond the bounding set leaves no event, and is explained', () => {
    const file = join(folder, 'ping');
    spawnSync('cp', ['/bin/true', file]);
    spawnSync('setcap', ['cap_net_raw=ep', file]);
    const dropped = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-all', file];
    const answer = why(dropped);
    expect(answer.result.stderr).toMatch(/Operation not permitted/);
    expect(refusals(answer)).toContainEqual(
      expect.objectContaining({ cause: 'other', call: 'execve', errno: 'EPERM' }),
    );
    expect(answer.file_capabilities).toEqual([{ path: file, capabilities: 'cap_net_raw=ep' }]);
    expect(nstool(['caps', 'why', '--', ...dropped]).stdout).toMatch(
      /beyond the bounding set: .*\/ping has cap_net_raw=ep \(a guess/,
    );
  });

  test('nothing: status 0, and the arguments, standard input and environment of the command are its own', () => {
    const command = ['sh', '-c', 'cat; printf "%s|" "$@"; echo $MARK', 'sh', '--json', '--', ''];
    const result = nstool(['caps', 'why', '--', ...command], {
      input: 'in\n',
      env: { MARK: 'set', PATH: process.env['PATH'] ?? '' },
    });
    expect(result).toMatchObject({ status: 0, stderr: 'in\n--json|--||set\n' });
    expect(result.stdout).toMatch(
      /^no call failed for want of a capability\n(missing too.*\n)*sh ended with status 0\n$/,
    );
  });

  test('what cannot be executed', () => {
    const result = nstool(['caps', 'why', '--', '/nowhere/at/all']);
    expect(result.stderr).toMatch(/\/nowhere\/at\/all/);
    expect(result.stdout).toMatch(/ended with status 127/);
  });

  test('only what the command does is told, however much others do', () => {
    const other = spawn('sh', ['-c', `while :; do ${UNPRIVILEGED.join(' ')} kill -0 1; done`], {
      stdio: 'ignore',
      detached: true,
    });
    try {
      const { denials } = why(['sh', '-c', 'sleep 0.5']);
      expect(denials.filter(({ capability }) => capability === 'cap_kill')).toEqual([]);
    } finally {
      if (other.pid !== undefined) process.kill(-other.pid, 'SIGKILL');
    }
  });

  test('a process that runs, and what it starts', async () => {
    const child = spawn('sh', ['-c', `while :; do ${UNPRIVILEGED.join(' ')} hostname x; sleep 0.1; done`], {
      stdio: 'ignore',
      detached: true,
    });
    try {
      const { stdout, status } = nstool(['caps', 'why', String(child.pid), '--for', '1.5']);
      expect(stdout.split('\n')[0]).toMatch(/^hostname\(\d+\): cap_sys_admin in user:\[\d+\]: sethostname EPERM$/);
      expect(stdout).toMatch(/^cap_sys_admin +\d+ +sethostname +EPERM +\d+ +\d+ +hostname$/m);
      expect(status).toBe(1);
    } finally {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }
  });

  test('what enters the pid namespace of its first process later', async () => {
    const child = spawn('unshare', ['--pid', '--fork', '--kill-child', 'sleep', '1000'], { stdio: 'ignore' });
    const firstIn = (): string => run(['pgrep', '-P', String(child.pid)]).stdout.trim();
    try {
      await until(() => firstIn() !== '');
      const looking = start([firstIn(), '--for', '3']);
      const closed = new Promise((done) => looking.once('close', done));
      let text = '';
      looking.stdout?.on('data', (part: Buffer) => {
        text += part.toString();
      });
      await until(() => instances().length > 0);
      const entering = `sleep 1; ${UNPRIVILEGED.join(' ')} hostname x`;
      run(['nsenter', '--target', firstIn(), '--pid', 'sh', '-c', entering]);
      await closed;
      expect(text).toMatch(/^cap_sys_admin +\d+ +sethostname +EPERM +\d+ +\d+ +hostname$/m);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

/** The instances of ours, as a shell in a mount namespace of its own sees them. */
function instances(): readonly string[] {
  const script = 'mount -t tracefs tracefs /mnt && ls /mnt/instances';
  return run(['unshare', '--mount', 'sh', '-c', script])
    .stdout.split('\n')
    .filter((name) => name.startsWith('nstool-'));
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!isSo() && Date.now() < end) await new Promise((done) => setTimeout(done, 50));
}

function start(words: readonly string[]): ChildProcess {
  const [program = '', ...args] = commandLine(['caps', 'why', ...words]);
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe.skipIf(lacks('root', 'tracing'))('nothing is left in tracefs', () => {
  test('while it runs there is an instance, after SIGKILL none, nor the command', async () => {
    const child = start(['--', 'sleep', '4321']);
    await until(() => instances().length > 0);
    expect(instances()).toHaveLength(1);
    const sleeping = (): boolean => run(['pgrep', '-f', '^sleep 4321$']).status === 0;
    await until(sleeping);
    expect(sleeping()).toBe(true);
    child.kill('SIGKILL');
    await until(() => instances().length === 0 && !sleeping());
    expect(instances()).toEqual([]);
    expect(sleeping()).toBe(false);
  });

  test('with the guard killed too, the next one cleans', async () => {
    const child = start(['--', 'sleep', '4322']);
    await until(() => instances().length > 0);
    const guards = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ').map(Number);
    child.kill('SIGSTOP');
    for (const pid of guards) process.kill(pid, 'SIGKILL');
    child.kill('SIGKILL');
    await new Promise((done) => child.once('exit', done));
    expect(instances()).toHaveLength(1);
    expect(nstool(['caps', 'why', '--', 'true']).status).toBe(0);
    expect(instances()).toEqual([]);
  });

  test('two at a time do not disturb each other', async () => {
    const both = [start(['--json', '--', 'unshare', '-Ur', 'hostname', 'x']), start(['--json', '--', 'sleep', '0.3'])];
    const texts = await Promise.all(
      both.map(async (child) => {
        let text = '';
        child.stdout?.on('data', (part: Buffer) => {
          text += part.toString();
        });
        await new Promise((done) => child.once('close', done));
        return text;
      }),
    );
    const [first, second] = texts.map((text) => refusals(JSON.parse(text) as Answer));
    expect(first).toContainEqual(expect.objectContaining({ call: 'sethostname' }));
    expect(second).toEqual([]);
    expect(instances()).toEqual([]);
  });

  test('interrupted, it still says what was denied', async () => {
    const child = start(['--', 'sh', '-c', `${UNPRIVILEGED.join(' ')} kill -0 1; exec sleep 4323`]);
    let text = '';
    child.stdout?.on('data', (part: Buffer) => {
      text += part.toString();
    });
    await until(() => run(['pgrep', '-f', '^sleep 4323$']).status === 0);
    child.kill('SIGTERM');
    const ended = await new Promise((done) => child.once('close', (status, signal) => done({ status, signal })));
    expect(text).toMatch(/cap_kill/);
    expect(ended).toEqual({ status: null, signal: 'SIGTERM' });
    expect(instances()).toEqual([]);
  });
});
