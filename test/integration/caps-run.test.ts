// `nstool caps run`: the command has exactly what was wished, as /proc/self/status says, or was never started.

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capabilityNames } from '../../src/capabilities/names.ts';
import { nstool, run, PLAIN_UID, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

function capsRun(words: readonly string[], uid?: number): RunResult {
  return nstool(['caps', 'run', ...words], uid === undefined ? {} : { uid });
}

interface Status {
  readonly [key: string]: string;
}

function statusOf(text: string): Status {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+):\t(.*)$/gm)].map(([, key = '', value = '']) => [key, value.trim()]),
  );
}

/** What the command found that it has. */
function had(words: readonly string[], uid?: number): Status {
  const result = capsRun([...words, '--', 'cat', '/proc/self/status'], uid);
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return statusOf(result.stdout);
}

const mask = (...names: readonly string[]): string =>
  names
    .reduce((bits, name) => bits | (1n << BigInt(capabilityNames.indexOf(`cap_${name}`))), 0n)
    .toString(16)
    .padStart(16, '0');

const NONE = mask();

describe('a wrong command line starts nothing', () => {
  test.each([
    ['no command', [], /no command/],
    ['a text that is none', ['--caps', 'net_raw+ep', 'true'], /--caps/],
    ['effective without permitted', ['--caps', 'cap_kill=e', 'true'], /without being permitted/],
    ['an unknown capability', ['--drop', 'net_rwa', 'true'], /--drop 'net_rwa'/],
    ['two ways for one set', ['--iab', '', '--bounding', 'none', 'true'], /--iab says/],
    ['two inheritable sets', ['--caps', '=', '--iab', 'cap_chown', 'true'], /--caps and --iab say another/],
    ['an unknown securebit', ['--secbits', 'norot', 'true'], /did you mean noroot/],
    ['too many securebits', ['--secbits', '0x1000', 'true'], /no securebit/],
    ['an unknown user', ['--user', 'nobody-at-all', 'true'], /no such user/],
    ['an unknown group', ['--user', 'root:nobody-at-all', 'true'], /no such group/],
    ['a uid without a group', ['--user', '12345', 'true'], /--user 12345:GID/],
    ['a recorded host', ['--from', 'x.ndjson', 'true'], /recorded host/],
  ])('%s', (_, words, text) => {
    const result = capsRun(words);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toMatch(text);
  });
});

describe.skipIf(lacks('root'))('as root', () => {
  const ours = statusOf(run(['cat', '/proc/self/status']).stdout);
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-caps-run-'));
    chmodSync(folder, 0o755);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('nothing asked for: as it is', () => {
    const status = had([]);
    for (const key of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs', 'Groups'])
      expect(status[key]).toBe(ours[key]);
  });

  test("the tutorial's five, raised in three sets, and cleared", () => {
    const five = mask('net_raw', 'net_bind_service', 'setuid', 'setgid', 'setpcap');
    const text = 'cap_net_raw,cap_net_bind_service,cap_setuid,cap_setgid,cap_setpcap=eip';
    expect(had(['--caps', text])).toMatchObject({ CapInh: five, CapPrm: five, CapEff: five });
    expect(had(['--caps', '='])).toMatchObject({ CapInh: NONE, CapPrm: NONE, CapEff: NONE });
    const shown = capsRun(['--caps', text, '--print']);
    expect(shown.stdout).toMatch(/^inheritable +\S+ +setgid,setuid,setpcap,net_bind_service,net_raw +-$/m);
    expect(run(['capsh', `--caps=${text}`, '--print']).stdout).toContain(
      'Current: cap_setgid,cap_setuid,cap_setpcap,cap_net_bind_service,cap_net_raw=eip',
    );
  });

  test.each([
    [
      'a list in the bounding set',
      ['--bounding', 'kill,net_raw'],
      { CapBnd: mask('kill', 'net_raw'), CapPrm: mask('kill', 'net_raw') },
    ],
    ['no new privileges', ['--no-new-privs'], { NoNewPrivs: '1' }],
    ['a user', ['--user', 'nobody'], { Uid: `${PLAIN_UID}\t`.repeat(4).trim(), CapEff: NONE, CapPrm: NONE }],
    [
      'a user with an ambient one',
      ['--user', 'nobody', '--ambient', 'kill'],
      { CapEff: mask('kill'), CapInh: mask('kill') },
    ],
    [
      'a user by text',
      ['--user', '1:2', '--caps', 'cap_kill=eip'],
      { Gid: '2\t2\t2\t2', CapEff: mask('kill'), CapAmb: mask('kill') },
    ],
    [
      'a user by iab',
      ['--user', '1:1', '--iab', '^cap_kill,cap_chown'],
      { CapAmb: mask('kill'), CapInh: mask('kill', 'chown') },
    ],
    ['a user who keeps them', ['--user', '1:1', '--keep-caps'], { CapEff: ours['CapPrm'], CapAmb: ours['CapPrm'] }],
    [
      'and not all of them',
      ['--user', '1:1', '--keep-caps', '--drop', 'full,-kill'],
      { CapEff: mask('kill'), CapBnd: mask('kill') },
    ],
    ['one more', ['--user', '1:1', '--add', 'kill'], { CapEff: mask('kill') }],
    [
      'inheritable only',
      ['--user', '1:1', '--caps', 'cap_kill=i'],
      { CapInh: mask('kill'), CapPrm: NONE, CapAmb: NONE },
    ],
    ['root that is none', ['--secbits', 'noroot', '--ambient', 'kill'], { CapPrm: mask('kill'), CapEff: mask('kill') }],
    ['all dropped', ['--drop', 'full'], { CapPrm: NONE, CapBnd: NONE, CapInh: NONE }],
  ] as const)('%s', (_, words, wanted) => {
    expect(had(words)).toMatchObject(wanted);
  });

  test('iab takes nothing from the bounding set but what it blocks', () => {
    const { CapBnd } = had(['--iab', '!cap_kill']);
    expect(BigInt(`0x${CapBnd}`)).toBe(BigInt(`0x${ours['CapBnd']}`) & ~(1n << 5n));
  });

  test('groups are those of /etc/group', () => {
    const status = had(['--user', 'nobody']);
    const groups = run([
      'setpriv',
      '--reuid=nobody',
      '--regid=nogroup',
      '--init-groups',
      'cat',
      '/proc/self/status',
    ]).stdout;
    expect(status['Groups']).toBe(statusOf(groups)['Groups']);
    expect(had(['--user', 'nobody:0'])).toMatchObject({ Groups: '', Gid: '0\t0\t0\t0' });
  });

  test('securebits are what capsh finds', () => {
    const [named, numbered] = ['noroot,noroot_locked,no_cap_ambient_raise', '0x43'].map((bits) =>
      capsRun(['--secbits', bits, '--', 'capsh', '--print']),
    );
    expect(numbered?.stdout).toContain("Securebits: 0103/0x43/7'b1000011");
    expect(numbered?.stdout).toMatch(/secure-noroot: yes \(locked\)/);
    expect(named).toEqual(numbered);
  });

  function refused(words: readonly string[], text: RegExp): void {
    const mark = join(folder, 'started');
    const result = capsRun([...words, '--', 'touch', mark]);
    expect(result).toMatchObject({ status: 125, stdout: '' });
    expect(result.stderr).toMatch(text);
    expect(existsSync(mark)).toBe(false);
  }

  test.each([
    ['a text that a user cannot have', ['--user', 'nobody', '--caps', 'cap_net_raw=ep'], /=eip/],
    [
      'permitted alone',
      ['--caps', 'cap_kill=p'],
      /would be effective: all that is permitted: the effective uid is root/,
    ],
    ['inheritable alone, as root', ['--caps', 'cap_kill=i'], /kill as root: [^;]*\n {2}try: --secbits noroot/],
    ['permitted alone, as a user', ['--user', '1:1', '--caps', 'cap_kill=p'], /kill/],
    ['dropped and ambient', ['--iab', '^cap_kill', '--drop', 'kill'], /kill is in --drop, and another option asks/],
    ['dropped and added', ['--add', 'kill', '--drop', 'kill'], /kill is in --drop, and another option asks/],
    ['added beyond the text', ['--caps', '=', '--add', 'kill'], /kill is in --add, and not permitted by --caps/],
    [
      'ambient beyond the text',
      ['--caps', 'cap_bpf=eip', '--ambient', 'kill'],
      /kill is to be ambient, and not permitted by --caps/,
    ],
  ] as const)('%s is refused, and nothing is started', (_, words, text) => refused(words, text));

  const hasResource = (BigInt(`0x${ours['CapBnd']}`) & (1n << 24n)) !== 0n;
  test.skipIf(hasResource).each([
    ['what we have not got', ['--user', '1:1', '--ambient', 'full'], /sys_resource cannot become/],
    [
      'more than we have',
      ['--add', 'sys_resource'],
      /sys_resource would not be permitted: the bounding set lacks it\n/,
    ],
    [
      'more, by a text',
      ['--caps', 'cap_sys_resource=ep'],
      /sys_resource would not be permitted: the bounding set lacks it\n/,
    ],
    ['a bounding set that grows', ['--bounding', 'full'], /never grows/],
  ] as const)('%s is refused where the bounding set lacks sys_resource', (_, words, text) => refused(words, text));

  test('a file that execve would refuse is refused before, with the reason', () => {
    const file = join(folder, 'ping');
    copyFileSync('/bin/true', file);
    spawnSync('setcap', ['cap_net_raw=ep', file]);
    const result = capsRun(['--drop', 'net_raw', '--', file]);
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/the file demands net_raw, not in the bounding set/);
    expect(capsRun(['--drop', 'kill', '--', file]).status).toBe(0);
  });

  test('what its file gives counts', () => {
    const file = join(folder, 'cat');
    copyFileSync('/bin/cat', file);
    spawnSync('setcap', ['cap_net_raw=ep', file]);
    const result = capsRun(['--user', '1:1', '--caps', '=', '--', file, '/proc/self/status']);
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(/net_raw would be permitted: net_raw from the permitted set of the file/);
    const wished = capsRun(['--user', '1:1', '--caps', 'cap_net_raw=ep', '--', file, '/proc/self/status']);
    expect(statusOf(wished.stdout)).toMatchObject({ CapPrm: mask('net_raw'), CapEff: mask('net_raw'), CapInh: NONE });
  });

  test('a hundred random wishes are had exactly, or refused before the start', () => {
    let seed = 20261122;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const some = (): bigint =>
      Array.from({ length: random(5) }, () => 1n << BigInt(random(41))).reduce((a, b) => a | b, 0n);
    const hex = (bits: bigint): string => bits.toString(16).padStart(16, '0');
    const list = (bits: bigint): string =>
      bits === 0n ? 'none' : capabilityNames.filter((__, index) => ((bits >> BigInt(index)) & 1n) === 1n).join(',');
    const [started, refused] = [new Set<string>(), new Set<string>()];
    for (let round = 0; round < 100; round += 1) {
      const words: string[] = random(2) === 0 ? ['--user', '1:1'] : [];
      const wanted: Record<string, string> = {};
      if (random(2) === 0) {
        const bits = some();
        words.push('--ambient', list(bits));
        wanted['CapAmb'] = hex(bits);
      }
      if (random(2) === 0) {
        const bits = some();
        words.push('--bounding', list(bits));
        wanted['CapBnd'] = hex(bits);
      }
      const gone = random(3) === 0 ? some() : 0n;
      if (gone !== 0n) words.push('--drop', list(gone));
      if (random(3) === 0) words.push('--secbits', 'noroot');
      const result = capsRun([...words, '--', 'cat', '/proc/self/status']);
      const line = words.join(' ');
      if (result.status === 125) {
        refused.add(line);
        expect({ line, stderr: result.stderr }).toMatchObject({ stderr: expect.stringMatching(/cannot be had/) });
        continue;
      }
      started.add(line);
      expect({ line, ...statusOf(result.stdout) }).toMatchObject({ line, ...wanted });
      const status = statusOf(result.stdout);
      for (const key of ['CapPrm', 'CapEff', 'CapInh', 'CapBnd', 'CapAmb'])
        expect({ line, key, left: BigInt(`0x${status[key]}`) & gone }).toEqual({ line, key, left: 0n });
    }
    expect(started.size).toBeGreaterThan(30);
    expect(refused.size).toBeGreaterThan(5);
  });
});

describe('as a plain user', () => {
  test.each([
    ['what needs rights is refused', ['--bounding', 'none', 'true'], 125, /needs cap_setpcap/],
    ['another user too', ['--user', '1:1', 'true'], 125, /needs cap_setuid/],
    ['a capability', ['--ambient', 'kill', 'true'], 125, /kill inheritable.* needs cap_setpcap/],
  ])('%s', (_, words, status, text) => {
    const result = capsRun(words, PLAIN_UID);
    expect(result.status).toBe(status);
    expect(result.stderr).toMatch(text);
  });

  test('no new privileges can be had', () => {
    expect(had(['--no-new-privs', '--caps', '='], PLAIN_UID)).toMatchObject({ NoNewPrivs: '1', CapPrm: NONE });
  });

  test('the status of the command is ours, and its arguments arrive', () => {
    expect(capsRun(['--', 'sh', '-c', 'exit 7'], PLAIN_UID).status).toBe(7);
    expect(capsRun(['--', 'printf', '%s|', '--print', '', '-v'], PLAIN_UID).stdout).toBe('--print||-v|');
    const missing = capsRun(['--', '/nowhere'], PLAIN_UID);
    expect(missing.status).toBe(127);
    expect(missing.stderr).toMatch(/why: it is not there; or it is, and/);
  });

  test('without a command --print shows what is', () => {
    const { stdout, status } = capsRun(['--print'], PLAIN_UID);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^effective +none +none +-$/m);
  });
});
