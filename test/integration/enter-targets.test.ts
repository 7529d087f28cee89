// Targets that are not what they seem: ended, ending, replaced, closed to us, no namespace at all.

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { encodeProgram, type Program } from '../../src/kernel/program.ts';
import { pathDoor } from '../../src/namespaces/discover/door.ts';
import { planEnter } from '../../src/launch/enter.ts';
import type { EnterQuery } from '../../src/launch/enter-query.ts';
import { linkOf } from '../support/entered.ts';
import { asUser, identities, installation, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf, makeTarget } from '../support/targets.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nstool-targets-'));
  spawnSync('chmod', ['a+rx', folder]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What nsexec does with a program, as after the execve of nstool. */
function carryOut(program: Program): RunResult {
  const path = join(folder, 'program');
  writeFileSync(path, encodeProgram(program));
  const fd = openSync(path, 'r');
  try {
    const options = {
      stdio: ['ignore', 'pipe', 'pipe', fd] as ('ignore' | 'pipe' | number)[],
      encoding: 'utf8' as const,
    };
    const { status, signal, stdout, stderr } = spawnSync(join(installation(), 'native/nsexec'), ['3'], options);
    return { status, signal, stdout, stderr };
  } finally {
    closeSync(fd);
  }
}

const query: EnterQuery = {
  kinds: ['uts', 'net'],
  given: [],
  preserveCredentials: false,
  fork: true,
  command: ['/bin/readlink', '/proc/self/ns/uts'],
  trace: false,
};

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('between plan and act', () => {
  test('a target that stays is entered', async () => {
    const target = await makeTarget(['-u', '-n']);
    try {
      const result = carryOut(planEnter(linuxHost(), { ...query, pid: target.pid }, { env: [] }).program);
      expect(result).toEqual({ status: 0, signal: null, stdout: `${linkOf(target.pid, 'uts')}\n`, stderr: '' });
    } finally {
      await target.end();
    }
  });

  test('a target that ends is an error', async () => {
    const target = await makeTarget(['-u', '-n']);
    const program = planEnter(linuxHost(), { ...query, pid: target.pid }, { env: [] }).program;
    await target.end();
    const result = carryOut(program);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toMatch(
      new RegExp(`^nstool: cannot open process ${target.pid}: ENOENT\n  why: it does not exist`),
    );
  });

  test('another process under the pid of the target is noticed before anything is entered', async () => {
    const target = await makeTarget(['-u', '-n']);
    const other = await makeTarget(['-u', '-n']);
    try {
      const program = planEnter(linuxHost(), { ...query, pid: target.pid }, { env: [] }).program;
      const steps = program.steps.map((step) =>
        step.operation.op === 'open' && step.operation.path === `/proc/${target.pid}`
          ? { ...step, operation: { ...step.operation, path: `/proc/${other.pid}` } }
          : step,
      );
      expect(steps).not.toEqual(program.steps);
      const result = carryOut({ ...program, steps });
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toMatch(
        /is no longer \w+:\[\d+\]\n {2}why: the process ended or moved meanwhile\n {2}try: /,
      );
    } finally {
      await target.end();
      await other.end();
    }
  });

  test('a file whose namespace was replaced is noticed', async () => {
    const first = await makeTarget(['-u']);
    const second = await makeTarget(['-u']);
    try {
      const path = `/proc/${first.pid}/ns/uts`;
      const program = planEnter(
        linuxHost(),
        { ...query, kinds: [], given: [{ kind: 'uts', way: pathDoor(path) }] },
        { env: [] },
      ).program;
      const moved = program.steps.map((step) =>
        step.operation.op === 'open'
          ? { ...step, operation: { ...step.operation, path: `/proc/${second.pid}/ns/uts` } }
          : step,
      );
      expect(carryOut({ ...program, steps: moved }).stderr).toContain(`${path} is no longer`);
      expect(carryOut(program)).toMatchObject({ status: 0, stdout: `${linkOf(first.pid, 'uts')}\n` });
    } finally {
      await first.end();
      await second.end();
    }
  });
});

describe.each(identities)('by $name', ({ uid }) => {
  test.each([['-n'], ['-a'], ['-m']])('a zombie has no namespaces any more: %s', async (option) => {
    const [file = '', ...args] = asUser(['sh', '-c', 'sleep 0 & exec sleep 1000'], uid);
    const parent = spawn(file, args, { stdio: 'ignore' });
    try {
      const zombie = await zombieOf(parent.pid ?? 0);
      const result = nstool(['enter', String(zombie), option, 'true'], { uid });
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toMatch(
        new RegExp(`^nstool: process ${zombie} shows no \\w+ namespace\n  why: its main thread has ended`),
      );
    } finally {
      await new Promise((done) => {
        parent.once('exit', done);
        parent.kill('SIGKILL');
      });
    }
  });

  test.each([[['-n']], [['-a']], [[]], [['--root']]])('a dead process: %j', (options) => {
    const { pid } = spawnSync('true');
    const result = nstool(['enter', String(pid), ...options, 'true'], { uid });
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toContain(`nstool: no process ${pid}\n  why: there is no /proc/${pid} for us`);
  });

  test('what is no namespace', () => {
    for (const path of ['/etc/passwd', '/etc', '/dev/null', '/proc/self/status']) {
      for (const words of [[path], [`--net=${path}`]]) {
        const result = nstool(['enter', ...words, 'true'], { uid });
        expect(result).toMatchObject({ status: 125, stdout: '' });
        expect(result.stderr).toContain(`nstool: ${path} is not a namespace\n  why: a namespace file is`);
      }
    }
  });

  test('a fifo is no namespace, and nothing waits for its other end', () => {
    const path = join(folder, `fifo-${uid}`);
    expect(run(['mkfifo', '-m', '666', path]).status).toBe(0);
    const result = nstool(['enter', `--net=${path}`, 'true'], { uid });
    expect(result.status).toBe(125);
    expect(result.stderr).toContain('is not a namespace');
  });

  test('a path that is not there', () => {
    const result = nstool(['enter', '/nonexistent/ns', 'true'], { uid });
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toContain('cannot open /nonexistent/ns\n  why: /nonexistent/ns: ENOENT');
  });

  test('a namespace of another kind', () => {
    const result = nstool(['enter', '--net=/proc/self/ns/uts', 'true'], { uid });
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toBe(
      'nstool: /proc/self/ns/uts is not a net namespace\n  why: it is a uts namespace\n  try: --uts=/proc/self/ns/uts\n',
    );
  });

  test('a namespace by its number', async () => {
    if (lacks('userns', 'unshare')) return;
    const target = await makeTarget(['-U', '-r', '-n', '-u'], uid);
    try {
      const link = linkOf(target.pid, 'user');
      for (const word of [link, link.replaceAll(/[[\]]/g, ''), link.replaceAll(/\D/g, '')]) {
        const result = nstool(['enter', word, 'readlink', '/proc/self/ns/user', '/proc/self/ns/net'], { uid });
        expect(result).toEqual({ status: 0, signal: null, stdout: `${link}\n${linkOf('self', 'net')}\n`, stderr: '' });
      }
      const gone = nstool(['enter', 'net:[4026599999]', 'true'], { uid });
      expect(gone).toMatchObject({ status: 125, stdout: '' });
      expect(gone.stderr).toContain('nstool: no namespace net:[4026599999]');
    } finally {
      await target.end();
    }
  });

  test.each(['0', '4194305x', '-5', 'web', '', 'net:', 'nets:[4026531840]', '１２'])('no target: %j', (word) => {
    const result = nstool(['enter', word, 'true'], { uid });
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toMatch(/^nstool: /);
    expect(result.stderr).not.toContain('internal error');
  });
});

test.skipIf(lacks('root', 'namespaces', 'unshare'))('a pid namespace whose first process ended', async () => {
  const target = await makeTarget(['-p', '--fork']);
  const handle = openSync(`/proc/${target.pid}/ns/pid`, 'r');
  try {
    await target.end();
    const result = nstool(['enter', `--pid=/proc/${process.pid}/fd/${handle}`, 'true']);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toBe(
      'nstool: cannot start a process in the pid namespace: ENOMEM\n' +
        '  why: its first process has ended, and nothing can be started in it any more\n',
    );
  } finally {
    closeSync(handle);
  }
});

describe.skipIf(lacks('root', 'unshare'))('a process of root', () => {
  test('is closed to a plain user, and that is said before anything is tried', async () => {
    const target = await makeTarget(['-n']);
    try {
      const result = nstool(['enter', String(target.pid), '-n', 'true'], { uid: PLAIN_UID });
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toBe(
        `nstool: cannot enter the namespaces of process ${target.pid}: permission denied (EACCES)\n` +
          `  why: its links ask for ptrace access: it runs as uid 0, we as ${PLAIN_UID}, without CAP_SYS_PTRACE in its user namespace\n` +
          `  try: the same command with sudo\n`,
      );
      const way = `/proc/${target.pid}/ns/net`;
      for (const words of [
        [way],
        [`--net=${way}`],
        [`--net=${target.pid}`],
        ['-t', String(target.pid), '--user-parent'],
      ]) {
        const closed = nstool(['enter', ...words, 'true'], { uid: PLAIN_UID });
        expect(closed).toMatchObject({ status: 125, stdout: '' });
        expect(closed.stderr).toMatch(
          /^nstool: cannot open (the owner of )?\/proc\/\d+\/ns\/\w+: permission denied \(EACCES\)\n/,
        );
        expect(closed.stderr).toContain(
          `why: the links of a process ask for ptrace access: it runs as uid 0, we as ${PLAIN_UID},`,
        );
        expect(closed.stderr).toMatch(/\n {2}try: the same command with sudo\n$/);
      }
    } finally {
      await target.end();
    }
  });
});

async function zombieOf(parent: number): Promise<number> {
  for (;;) {
    const [child] = childrenOf(parent);
    if (child !== undefined && /^State:\tZ/m.test(run(['cat', `/proc/${child}/status`]).stdout)) return Number(child);
    await new Promise((done) => setTimeout(done, 10));
  }
}
