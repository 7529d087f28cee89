// A target that changes its root, its /proc, its files or its own program while it is entered gains nothing: the command
// runs in there, or it is refused; it has no descriptor of ours, and no file of this host is changed (CVE-2019-5736,
// CVE-2024-21626).

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { NsError } from '../../src/kernel/error.ts';
import { encodeProgram } from '../../src/kernel/program.ts';
import { asTargetParts } from '../../src/launch/as-target/part.ts';
import type { EnterQuery } from '../../src/launch/enter-query.ts';
import { planEnter } from '../../src/launch/enter.ts';
import { look } from '../support/entered.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { commandLine, installation, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';

const TOP = 'in the target\n';
const JAIL = 'in its jail\n';
const SECRET = 'a secret of this host\n';
const TIMES = 8;

/** Tells where it is, and which descriptors are open, without a /proc, which may be a lie. */
const REPORT = 'cat /where; for fd in 3 4 5 6 7 8 9; do (true <&$fd) 2>/dev/null && echo "open $fd"; done; true';

const pivoted = `
  mount --bind "$1" "$1"
  cd "$1"
  pivot_root . old
  busybox umount -l /old
  busybox mount -t proc proc /proc
  exec /swapping "$2" "$3"`;

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'cc', 'busybox'))('a target that swaps', () => {
  let root: string;
  let before: string;
  const nsexec = (): string =>
    createHash('sha256')
      .update(readFileSync(join(installation(), 'native/nsexec')))
      .digest('hex');

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'nstool-races-'));
    for (const folder of ['bin', 'old', 'proc', 'etc', 'jail/bin']) mkdirSync(join(root, folder), { recursive: true });
    const source = fileURLToPath(new URL('../support/swapping.c', import.meta.url));
    const { status, stderr } = spawnSync('cc', ['-static', '-w', '-o', join(root, 'swapping'), source], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    cpSync(join(root, 'swapping'), join(root, 'other'));
    const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
    for (const [place, where] of [
      ['', TOP],
      ['jail', JAIL],
    ] as const) {
      cpSync(busybox, join(root, place, 'bin/busybox'));
      for (const name of ['sh', 'cat', 'true', 'sleep', 'pwd', 'ls'])
        symlinkSync('busybox', join(root, place, 'bin', name));
      writeFileSync(join(root, place, 'where'), where);
    }
    writeFileSync(join(root, 'etc/resolv.conf'), 'nameserver 127.0.0.9\n');
    // An interpreter that is the program that executes it.
    writeFileSync(join(root, 'bin/evil'), '#!/proc/self/exe\n', { mode: 0o755 });
    writeFileSync(secret(), SECRET);
    before = nsexec();
  });
  afterAll(() => {
    for (const file of [secret(), `${root}-program`]) rmSync(file);
    rmSync(root, { recursive: true });
  });

  async function swapping(mode: string): Promise<{ readonly pid: number; readonly end: () => Promise<void> }> {
    const words = ['unshare', '-m', '-n', '-i', '-u', '-C', '-p', '--fork', '--kill-child', 'sh', '-ec', pivoted, 'sh'];
    const started: Started = await startReady([...words, root, mode, secret()]);
    return { pid: Number(childrenOf(started.pid)[0]), end: () => started.end() };
  }

  /** Beside the root: what a link that climbs out of it, or begins at ours, would find. */
  const secret = (): string => `${root}-secret`;

  /** As nstool does it: a look at the target, and then the program. */
  function enter(pid: number, query: Partial<EnterQuery>, ...command: readonly string[]): RunResult {
    const usual = {
      kinds: [],
      given: [],
      preserveCredentials: false,
      resolver: false,
      fork: true,
      trace: false,
    } as const;
    const env = [new TextEncoder().encode('PATH=/usr/bin:/bin')];
    try {
      const { program } = planEnter(linuxHost(), { ...usual, pid, ...query, command }, { env });
      const file = `${root}-program`;
      writeFileSync(file, encodeProgram(program));
      return run(['sh', '-c', 'exec "$0" 3 3<"$1"', join(installation(), 'native/nsexec'), file]);
    } catch (error) {
      if (!(error instanceof NsError)) throw error;
      return { status: 125, signal: null, stdout: '', stderr: error.message };
    }
  }

  const asTarget = new Set(asTargetParts);
  const kinds = namespaceKinds.map(({ kind }) => kind);
  const forms: readonly Partial<EnterQuery>[] = [
    { kinds: 'all' },
    { kinds: 'all', root: true, workingDirectory: true },
    { kinds: 'all', root: true, workingDirectory: true, targetEnvironment: true, asTarget },
    { kinds: ['mnt', 'net'] },
    { kinds: ['uts'], root: true },
  ];

  test.each(['root', 'proc', 'exe', 'files'])('its %s', async (mode) => {
    const target = await swapping(mode);
    const ways = new Set<string>();
    try {
      for (let round = 0; round < TIMES; round += 1) {
        for (const form of forms) {
          const { status, stdout } = enter(target.pid, form, 'sh', '-c', REPORT);
          ways.add(`${status} ${stdout}`);
        }
        // Programs of this host: in its network with its names, and with its files at /target.
        const named = enter(
          target.pid,
          { kinds: ['net', 'pid'], resolver: true, ownProc: true },
          'cat',
          '/etc/resolv.conf',
        );
        expect([0, 125]).toContain(named.status);
        expect(named.stdout).not.toContain(SECRET);
        const words = ['sh', '-c', 'cat /target/where /etc/resolv.conf'];
        const tools = enter(target.pid, { kinds: kinds.filter((kind) => kind !== 'mnt'), tools: true }, ...words);
        expect([0, 1, 125]).toContain(tools.status);
        expect(tools.stdout).not.toContain(SECRET);
        expect(enter(target.pid, { kinds: 'all' }, '/bin/evil').status).not.toBe(0);
      }
    } finally {
      await target.end();
    }
    const allowed = [`0 ${TOP}`, `0 ${JAIL}`, '125 ', '126 ', '127 '];
    expect([...ways].filter((way) => !allowed.includes(way))).toEqual([]);
    expect(ways).toContain(`0 ${TOP}`);
    expect(nsexec()).toBe(before);
    expect(readFileSync(secret(), 'utf8')).toBe(SECRET);
  });

  test('what executes in there is no file of this host: nobody writes to that through /proc/PID/exe', async () => {
    const target = await swapping('files');
    let fd = -1;
    try {
      await look(commandLine(['enter', String(target.pid), '-a', '--']), 'true', ({ started }) => {
        // Whoever may ptrace can have it open until it no longer runs.
        fd = openSync(`/proc/${started}/exe`, 'r');
      });
      expect(() => {
        const writable = openSync(`/proc/self/fd/${fd}`, 'r+');
        try {
          writeSync(writable, 'changed');
        } finally {
          closeSync(writable);
        }
      }).toThrow('EPERM');
    } finally {
      closeSync(fd);
      await target.end();
    }
    expect(nsexec()).toBe(before);
  });

  test('no number of a descriptor leads out of it as a working directory', async () => {
    const target = await swapping('root');
    try {
      for (let fd = 3; fd < 16; fd += 1) {
        for (const form of forms.slice(0, 4)) {
          const query = { ...form, workingDirectory: undefined, innerDirectory: `/proc/self/fd/${fd}` };
          const { status, stdout } = enter(target.pid, query, 'sh', '-c', 'ls ..; pwd');
          expect({ fd, form, status, stdout }).toEqual({ fd, form, status: 125, stdout: '' });
        }
      }
    } finally {
      await target.end();
    }
  });
});
