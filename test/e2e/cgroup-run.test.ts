// `nstool cgroup run`: limits bind from the first instruction on, the end is told, and nothing is left.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeParents, type CgroupParents } from '../support/cgroup-parents.ts';
import { PrivateRun } from '../support/private-run.ts';
import { nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';

const source = fileURLToPath(new URL('../support/cgroup-payload.c', import.meta.url));

describe.skipIf(lacks('root', 'cgroups', 'cc', 'unshare', 'nsenter'))('below a cgroup of our own', () => {
  let parents: CgroupParents;
  let isolated: PrivateRun;
  let folder: string;
  let payload: string;

  beforeAll(async () => {
    isolated = await PrivateRun.start();
    folder = mkdtempSync(join(tmpdir(), 'nstool-test-payload-'));
    payload = join(folder, 'payload');
    const built = spawnSync('cc', ['-O1', '-pthread', '-o', payload, source], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    parents = makeParents('run');
  });
  afterEach(() => {
    expect(isolated.journal()).toEqual([]);
    expect(parents.left()).toEqual([]);
  });
  afterAll(async () => {
    await isolated.end();
    parents.end();
    rmSync(folder, { recursive: true });
  });

  const cgroupRun = (...words: readonly string[]): RunResult =>
    isolated.nstool(['cgroup', 'run', '--parent', parents.path, ...words]);

  const commandLine = (words: readonly string[]): readonly string[] => isolated.commandLine(words);

  /** The cgroup of a command that runs, in the hierarchy of a controller. */
  const ownFolder = async (controller: string): Promise<string> => {
    for (;;) {
      const name = readdirSync(parents.folderOf(controller), { withFileTypes: true }).find((each) =>
        each.isDirectory(),
      );
      if (name !== undefined) {
        const own = join(parents.folderOf(controller), name.name);
        if (readFileSync(join(own, 'cgroup.procs'), 'utf8') !== '') return own;
      }
      // eslint-disable-next-line no-await-in-loop -- it is waited for
      await sleep(5);
    }
  };

  describe('how the command ends is how nstool ends', () => {
    test.each([0, 1, 42, 255])('status %i', (status) => {
      expect(cgroupRun('--', 'sh', '-c', `exit ${status}`)).toEqual({ status, signal: null, stdout: '', stderr: '' });
    });

    test('death by a signal', () => {
      expect(cgroupRun('sh', '-c', 'kill -TERM $$')).toMatchObject({ status: null, signal: 'SIGTERM' });
    });

    test('its own status, and nothing left, where nobody reads what it tells', () => {
      const told = commandLine([
        'cgroup',
        'run',
        '-v',
        '--parent',
        parents.path,
        '--pids',
        '5',
        '--',
        'sh',
        '-c',
        'exit 9',
      ]);
      // The end of the pipe is closed before anything is written to it.
      const script = '{ sleep 0.2; "$@" 2>&1; echo "status $?" >&2; } | true';
      expect(run(['sh', '-c', script, 'sh', ...told])).toMatchObject({ status: 0, stderr: 'status 9\n' });
    });

    test('a journal that cannot be written is said, and nothing is made', () => {
      const script =
        'mkdir -p /run/nstool; chmod 700 /run/nstool; mount --bind -o ro /run/nstool /run/nstool; exec "$@"';
      const privately = ['unshare', '-m', 'sh', '-ec', script, 'sh'];
      const words = ['cgroup', 'run', '--parent', parents.path, '--', 'true'];
      const told = run(isolated.commandLine(words, privately));
      expect(told.status).toBe(125);
      expect(told.stderr).toContain('cannot keep a journal\n  why: /run/nstool cannot be written (EROFS)');
    });

    test('not found, not executable', () => {
      expect(cgroupRun('--pids', '5', 'no-such-command')).toMatchObject({ status: 127 });
      expect(cgroupRun('--pids', '5', '/etc/passwd')).toMatchObject({ status: 126 });
    });

    test('a signal that is sent to it reaches the command', async () => {
      const [file = '', ...words] = commandLine([
        'cgroup',
        'run',
        '--parent',
        parents.path,
        '--pids',
        '9',
        'sh',
        '-c',
        'trap "exit 9" USR1; echo on; while :; do sleep 0.01; done',
      ]);
      const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'ignore'] });
      await new Promise((done) => child.stdout.once('data', done));
      child.kill('SIGUSR1');
      expect(await new Promise((done) => child.once('exit', (status) => done(status)))).toBe(9);
    });
  });

  test('what the command leaves running is killed, whatever it ignores', () => {
    const script = 'trap "" TERM HUP; (trap "" TERM; sleep 1000) & setsid sleep 1001 & echo $!';
    const result = cgroupRun('--pids', '20', 'sh', '-c', script);
    expect(result).toMatchObject({ status: 0 });
    // It may not have been waited for.
    expect(
      run([
        'sh',
        '-c',
        `grep -q '^State:.*Z' /proc/${result.stdout.trim()}/status || ! kill -0 ${result.stdout.trim()}`,
      ]).status,
    ).toBe(0);
  });

  test('cgroups that the command made below its own go too', () => {
    const own = `${parents.folderOf('pids')}/$(basename $(grep ${parents.isV2('pids') ? '^0:' : ':pids:'} /proc/self/cgroup))`;
    const script = `mkdir -p ${own}/a/b && (echo 0 > ${own}/a/b/cgroup.procs; exec sleep 1000) & sleep 0.2; exit 3`;
    expect(cgroupRun('--pids', '20', 'sh', '-c', script)).toMatchObject({ status: 3 });
  });

  describe('time', () => {
    const counter = (own: string): number =>
      parents.isV2('cpuacct')
        ? Number(/usage_usec (\d+)/.exec(readFileSync(join(own, 'cpu.stat'), 'utf8'))?.[1]) / 1e6
        : Number(readFileSync(join(own, 'cpuacct.usage'), 'utf8')) / 1e9;

    test.each([1, 10])('%i spinning get a tenth of a processor', async (threads) => {
      const words = commandLine([
        'cgroup',
        'run',
        '--parent',
        parents.path,
        '--cpus',
        '0.1',
        payload,
        'spin',
        String(threads),
        '12',
      ]);
      const [file = '', ...rest] = words;
      const child = spawn(file, rest, { stdio: 'ignore' });
      const ended = new Promise((done) => child.once('exit', done));
      const own = await ownFolder('cpuacct');
      const [began, used] = [performance.now(), counter(own)];
      await sleep(10_000);
      const share = (counter(own) - used) / ((performance.now() - began) / 1000);
      child.kill('SIGKILL');
      await ended;
      const [id = ''] = /[a-z2-9]{8}$/.exec(own) ?? [];
      expect(isolated.nstool(['gc', id]).status).toBe(0);
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.12);
    });

    test('ten threads stay on processor 1', () => {
      expect(cgroupRun('--cpuset-cpus', '1', payload, 'spin', '10', '0.5')).toMatchObject({ status: 0, stdout: '1\n' });
    });
  });

  describe('memory', () => {
    const killed = /^nstool: killed by its own memory limit \(5\.0MiB\), peak (?:4\.[5-9]|5\.0)MiB$/m;

    test('more than there may be is the end, and the reason is told', () => {
      const result = cgroupRun('--memory', '5M', payload, 'memory', '64');
      expect(result).toMatchObject({ status: null, signal: 'SIGKILL', stdout: '' });
      expect(result.stderr).toMatch(killed);
      const shell = commandLine(['cgroup', 'run', '--parent', parents.path, '--memory', '5M', payload, 'memory', '64']);
      expect(run(['sh', '-c', `${shell.map((word) => `'${word}'`).join(' ')}; exit $?`]).status).toBe(137);
    });

    test('a worker that is killed is told too, and the status stays that of the command', () => {
      const result = cgroupRun('--memory', '5M', 'sh', '-c', `${payload} memory 64; exit 4`);
      expect(result).toMatchObject({ status: 4 });
      expect(result.stderr).toMatch(killed);
    });

    test('one megabyte lives', () => {
      expect(cgroupRun('--memory', '5M', payload, 'memory', '1')).toMatchObject({ status: 0, stdout: 'lived\n' });
    });

    test('with swap on the host it is forbidden, or as much as was allowed', (context) => {
      const file = join(folder, 'swap');
      writeFileSync(file, Buffer.alloc(160 << 20), { mode: 0o600 });
      const on = run(['sh', '-c', `mkswap ${file} && swapon ${file}`]).status === 0;
      if (!on) context.skip('no swap can be had here');
      try {
        const result = cgroupRun('--memory', '5M', payload, 'memory', '64');
        expect(result.stderr).toMatch(killed);
        expect(result.signal).toBe('SIGKILL');
        const swapping = cgroupRun('--memory', '5M', '--swap', '128M', payload, 'memory', '64');
        expect(swapping).toMatchObject({ status: 0, stdout: 'lived\n' });
      } finally {
        run(['swapoff', file]);
        rmSync(file);
      }
    });
  });

  test('the ninth process cannot be started, and the reason is told', () => {
    const result = cgroupRun('--pids', '8', payload, 'fork', '20');
    expect(result).toMatchObject({ status: 0, stdout: '8 Resource temporarily unavailable\n' });
    expect(result.stderr).toMatch(/^nstool: pids limit 8 met once: fork failed with EAGAIN$/m);
  });

  test('a disk is as slow as it is to be', (context) => {
    const image = join(folder, 'image');
    writeFileSync(image, '');
    truncateSync(image, 64 << 20);
    const loop = run(['losetup', '--find', '--show', image]);
    if (loop.status !== 0) context.skip('no loop device can be had here');
    const device = loop.stdout.trim();
    try {
      const result = cgroupRun('--io', `${device}:wbps=4M`, payload, 'write', device, '12');
      expect(result.status).toBe(0);
      const rate = 12 / (Number(result.stdout) / 1000);
      expect(rate).toBeGreaterThan(4 * 0.8);
      expect(rate).toBeLessThan(4 * 1.2);
    } finally {
      run(['losetup', '--detach', device]);
      rmSync(image);
    }
  });

  test('frozen, it waits until it is thawed', async () => {
    const [file = '', ...words] = commandLine([
      'cgroup',
      'run',
      '--parent',
      parents.path,
      '--freeze',
      'echo',
      'thawed',
    ]);
    const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    child.stdout.on('data', (part: Buffer) => (said += part.toString()));
    const ended = new Promise((done) => child.once('exit', (status) => done(status)));
    const own = await ownFolder('freezer');
    await sleep(200);
    expect(said).toBe('');
    const v2 = parents.isV2('freezer');
    writeFileSync(join(own, v2 ? 'cgroup.freeze' : 'freezer.state'), v2 ? '0' : 'THAWED');
    expect(await ended).toBe(0);
    expect(said).toBe('thawed\n');
  });

  describe('what cannot be had stops it before the command', () => {
    test.each([
      ['a processor that is not there', ['--cpuset-cpus', '4000']],
      ['a parent that is not there', ['--parent', '/nstool-test-nothing']],
      ['a path that leads out', ['--parent', '/nstool-test/../..']],
      ['a word that is none', ['--memory', '5X']],
    ])('%s', (_, words) => {
      const result = cgroupRun(...words, 'echo', 'started');
      expect(result).toMatchObject({ status: 125, stdout: '' });
    });

    test('but not with --best-effort', () => {
      const result = cgroupRun('--cpuset-cpus', '4000', '--pids', '9', '--best-effort', 'echo', 'started');
      expect(result).toMatchObject({ status: 0, stdout: 'started\n' });
      expect(result.stderr).toMatch(/--cpuset-cpus: .*does not take '4000'/);
    });

    test('a frozen parent', () => {
      const v2 = parents.isV2('freezer');
      const file = join(parents.folderOf('freezer'), v2 ? 'cgroup.freeze' : 'freezer.state');
      writeFileSync(file, v2 ? '1' : 'FROZEN');
      try {
        const result = cgroupRun('--freeze', 'true');
        expect(result).toMatchObject({ status: 125 });
        expect(result.stderr).toMatch(/it is frozen/);
      } finally {
        writeFileSync(file, v2 ? '0' : 'THAWED');
      }
    });

    test('without a command', () => {
      expect(cgroupRun()).toMatchObject({ status: 125, stderr: expect.stringMatching(/no command/) });
    });

    test('as a plain user, to whom nothing was handed', () => {
      const result = nstool(['cgroup', 'run', '--memory', '5M', 'echo', 'started'], { uid: PLAIN_UID });
      expect(result).toMatchObject({ status: 125, stdout: '' });
      expect(result.stderr).toMatch(/was handed to uid|may be divided by us/);
      expect(result.stderr).toMatch(/try: /);
    });
  });

  test('--best-effort goes on where no cgroup can be had', () => {
    const words = ['cgroup', 'run', '--best-effort', '--memory', '5M'];
    const result = nstool([...words, 'sh', '-c', 'echo started; exit 3'], { uid: PLAIN_UID });
    expect(result).toMatchObject({ status: 3, stdout: 'started\n' });
    expect(result.stderr).toMatch(/^nstool: no limit is applied: .*cgroup/);
    const json: unknown = JSON.parse(nstool([...words, '--dry-run', '--json', 'true'], { uid: PLAIN_UID }).stdout);
    expect(faults('cgroup run', json)).toEqual([]);
    expect(json).toMatchObject({ cgroups: [], limits: [] });
    expect(JSON.stringify(json)).not.toMatch(/cgroup\.procs/);
  });

  test('--dry-run makes nothing', () => {
    const result = cgroupRun('--memory', '5M', '--dry-run', 'echo', 'started');
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^ +1 {2}write the journal's entry/m);
    expect(result.stdout).toMatch(/write '5242880' to .*memory/);
    expect(result.stdout).toMatch(/at the end: remove /);
    const json: unknown = JSON.parse(cgroupRun('--memory', '5M', '--dry-run', '--json', 'true').stdout);
    expect(json).toMatchObject({ schema: 1, limits: [{ limit: 'memory', state: 'planned' }, { limit: 'swap' }] });
  });

  describe.skipIf(lacks('strace'))('at each step', () => {
    const command = ['--memory', '50M', '--pids', '20', 'sh', '-c', 'sleep 5 & exit 3'];

    /** strace(1) does it to the n-th of these system calls of each process. What it saw. */
    function traced(call: string, more: readonly string[]): string {
      const log = join(folder, 'strace');
      const strace = ['strace', '-f', '-qq', '-o', log, '-e', `trace=${call}`, ...more];
      run(isolated.commandLine(['cgroup', 'run', '--parent', parents.path, ...command], strace));
      return readFileSync(log, 'utf8');
    }

    /** By one process at most. */
    function countOf(call: string): number {
      const counts = new Map<string, number>();
      for (const line of traced(call, []).split('\n')) {
        const pid = line.split(' ')[0] ?? '';
        if (line.includes(` ${call}(`)) counts.set(pid, (counts.get(pid) ?? 0) + 1);
      }
      return Math.max(0, ...counts.values());
    }

    describe.each(['signal=KILL', 'error=EIO'])('%s', (fault) => {
      test.each(['mkdir', 'link', 'rename', 'openat2', 'memfd_create', 'write', 'unlinkat', 'pidfd_open', 'execve'])(
        '%s: gc leaves nothing',
        (call) => {
          const count = Math.min(countOf(call), MOST_STEPS);
          expect(count).toBeGreaterThan(0);
          for (let at = 1; at <= count; at += 1) {
            traced(call, ['-e', `inject=${call}:${fault}:when=${at}`]);
            const cleaned = isolated.nstool(['gc']);
            expect(cleaned.status, `${call} ${at}: ${cleaned.stdout}${cleaned.stderr}`).toBe(0);
            expect(isolated.journal(), `${call} ${at}`).toEqual([]);
            expect(parents.left(), `${call} ${at}`).toEqual([]);
          }
        },
        300_000,
      );
    });
  });

  test('500 at once, killed at random: gc leaves none', async () => {
    const lines = commandLine([
      'cgroup',
      'run',
      '--parent',
      parents.path,
      '--pids',
      '50',
      '--memory',
      '50M',
      'sh',
      '-c',
      'sleep 1000 & sleep 0.1; exit 3',
    ]);
    const [file = '', ...words] = lines;
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const one = async (): Promise<void> => {
      const child = spawn(file, words, { stdio: 'ignore' });
      const ended = new Promise((done) => child.once('exit', done));
      if (random(4) > 0) {
        await sleep(random(600));
        child.kill('SIGKILL');
      }
      await ended;
    };
    let left = COUNT;
    const worker = async (): Promise<void> => {
      // eslint-disable-next-line no-await-in-loop -- each worker has one at a time
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    expect(isolated.nstool(['gc']).status).toBe(0);
    expect(parents.left()).toEqual([]);
  }, 600_000);
});

const MOST_STEPS = 25;

/** So many start one after the other in a second; the whole is tried by `npm run test:long`. */
const COUNT = process.env['NSTOOL_TEST_LONG'] === undefined ? 60 : 500;
