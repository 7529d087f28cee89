// `caps ls` on hosts that are made up, and on recorded ones.

import { describe, expect, it } from 'vitest';
import { capsLs } from '../../../src/cli/commands/caps-ls.ts';
import type { Host } from '../../../src/kernel/host.ts';
import { fixtureHost, fixtureHosts, hostOf, runCommand } from '../../support/recorded.ts';

const FULL = '000001ffffffffff';
const ZERO = '0000000000000000';

interface Made {
  readonly pid: number;
  readonly ppid?: number;
  readonly name?: string;
  readonly eff?: string;
  readonly prm?: string;
  readonly uid?: number;
  readonly kthread?: boolean;
  readonly userns?: string | null;
  readonly text?: string;
}

function status({ pid, ppid = 1, name = 'sh', eff = ZERO, prm = eff, uid = 0, kthread, text }: Made): string {
  const masks = [['Inh', ZERO] as const, ['Prm', prm] as const, ['Eff', eff] as const, ['Bnd', FULL] as const];
  const caps = [...masks, ['Amb', ZERO] as const].map(([set, mask]) => `Cap${set}:\t${mask}\n`).join('');
  const kernel = kthread === undefined ? '' : `Kthread:\t${kthread ? 1 : 0}\n`;
  const ids = `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t0\t0\t0\t0\n`;
  const head = `Name:\t${name}\nTgid:\t${pid}\nPid:\t${pid}\nPPid:\t${ppid}\n${ids}Groups:\t\nNSpid:\t${pid}\n`;
  return text ?? `${head}${kernel}Threads:\t1\n${caps}`;
}

const hex = (text: string): object => ({ text });

function hostWith(processes: readonly Made[], more: Readonly<Record<string, object>> = {}): Host {
  const all: readonly Made[] = [...processes, { pid: 7, name: 'nstool', eff: FULL }];
  return hostOf({
    'directory /proc': { names: [...all.map(({ pid }) => String(pid)), 'self', 'sys'] },
    'link /proc/self': { text: '7' },
    'file /proc/self/status': hex(status({ pid: 7 })),
    'file /proc/self/mountinfo': hex('1 1 0:1 / /proc rw - proc proc rw\n'),
    'file /proc/sys/kernel/cap_last_cap': hex('40\n'),
    'file /etc/passwd': hex('root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n'),
    ...Object.fromEntries(all.map((one) => [`file /proc/${one.pid}/status`, hex(status(one))])),
    ...Object.fromEntries(
      all.map(({ pid, userns = 'user:[4026531837]' }) => [
        `link /proc/${pid}/ns/user`,
        userns === null ? { gap: { reason: 'denied', errno: 'EACCES' } } : { text: userns },
      ]),
    ),
    ...more,
  });
}

async function lines(host: Host, ...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runCommand(capsLs, ['-rn', ...words], { host });
  return stdout.split('\n').slice(0, -1);
}

describe('who is listed', () => {
  it('is whoever has something; nstool itself and the threads of the kernel are not', async () => {
    const host = hostWith([
      { pid: 2, ppid: 0, name: 'kthreadd', eff: FULL, kthread: true },
      { pid: 3, ppid: 2, name: 'kworker', eff: FULL, kthread: true },
      { pid: 10, eff: FULL, name: 'init' },
      { pid: 11, uid: 1000 },
      { pid: 12, prm: '0000000000002000', uid: 1000 },
    ]);
    expect(await lines(host, '-o', 'PID,USER,VERDICT,CAPS')).toEqual([
      '10 root host_root full',
      '12 alice host_part none;\\x20permitted\\x20net_raw',
    ]);
  });

  it('before Linux 6.8 the threads of the kernel are the children of kthreadd, if that is what process 2 is', async () => {
    const processes = [
      { pid: 2, ppid: 0, name: 'kthreadd', eff: FULL },
      { pid: 3, ppid: 2, eff: FULL },
    ];
    const stat = `2 (kthreadd) S 0 0 0 0 -1 2129984 ${'0 '.repeat(43)}\n`;
    const initial = { 'link /proc/self/ns/pid': { text: 'pid:[4026531836]' }, 'file /proc/2/stat': hex(stat) };
    expect(await lines(hostWith(processes, initial), '-o', 'PID')).toEqual([]);
    const inside = { 'link /proc/self/ns/pid': { text: 'pid:[4026533000]' } };
    expect(await lines(hostWith(processes, inside), '-o', 'PID')).toEqual(['2', '3']);
  });
});

describe('what is not known', () => {
  it('is a verdict, and a gap that is named', async () => {
    const host = hostWith([
      { pid: 10, eff: FULL, userns: null },
      { pid: 11, text: 'Name:\tx\nCapEff:\tzz\n' },
    ]);
    const { stdout, notes } = await runCommand(capsLs, ['-rn', '-o', 'PID,VERDICT,OWNER,LEVEL'], { host });
    expect(stdout).toBe('10 unknown - -\n');
    expect(notes?.join('\n')).toMatch(/1 user namespace: permission denied/);
    expect(notes?.join('\n')).toMatch(/1 process: not as documented \(\/proc\/11\/status/);
  });

  it('a process that is closed or gone is counted', async () => {
    const host = hostWith([{ pid: 10, eff: FULL }], {
      'directory /proc': { names: ['10', '20', '21'] },
      'file /proc/20/status': { gap: { reason: 'denied', errno: 'EACCES' } },
      'file /proc/21/status': { gap: { reason: 'gone', errno: 'ESRCH' } },
    });
    const { stdout, notes } = await runCommand(capsLs, ['-rn', '-o', 'PID'], { host });
    expect(stdout).toBe('10\n');
    expect(notes).toEqual([
      '1 process: permission denied (/proc/20/status)',
      '1 process: gone during the look (/proc/21/status)',
    ]);
  });
});

describe('a tree', () => {
  it('has the parents that have nothing, and no end in a circle', async () => {
    const host = hostWith([
      { pid: 10, ppid: 0, name: 'init', uid: 1 },
      { pid: 11, ppid: 10, name: 'shell', uid: 1000 },
      { pid: 12, ppid: 11, name: 'sudo', eff: FULL },
      { pid: 13, ppid: 14, name: 'a', eff: FULL },
      { pid: 14, ppid: 13, name: 'b', eff: FULL },
    ]);
    const { stdout } = await runCommand(capsLs, ['--tree', '-n', '-o', 'comm,caps'], { host });
    expect(stdout).toBe('init      none\n└─shell   none\n  └─sudo  full\na         full\nb         full\n');
  });
});

describe('the command line', () => {
  const host = hostWith([{ pid: 10, eff: FULL }]);
  it.each([
    [['-o', 'PORT'], /without --net/],
    [['-o', 'HAS'], /without --has/],
    [['-o', 'NOPE'], /unknown column 'NOPE'/],
    [['--sort', 'PORT'], /without --net/],
    [['--has', 'net_rwa'], /names no capability/],
    [['--has', 'none'], /names no capability/],
    [['--tree', '--net'], /exclude each other/],
    [['--json', '--raw'], /exclude each other/],
    [['-Q', 'NOPE == 1'], /at character/],
    [['--in', 'host'], /is the host, which has eight namespaces/],
  ])('%j is refused', async (words, message) => {
    await expect(runCommand(capsLs, words, { host })).rejects.toThrow(message);
  });
});

describe.each(fixtureHosts)('on %s', (name) => {
  it('every row has a verdict, and what is written shows no control character', async () => {
    const words = ['-o', '+UID,COMMAND,THREADS,USERNS,TEXT,IAB,NAME,FILE'];
    const { stdout } = await runCommand(capsLs, words, { host: fixtureHost(name) });
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|[\u202a-\u202e]/u);
    const rows = (await lines(fixtureHost(name), '-o', 'VERDICT')).map((line) => line.trim());
    for (const verdict of rows) {
      expect(verdict).toMatch(/^(?:host_root|host_part|namespace_root|namespace_part|none|unknown)$/);
    }
  });
});
