// caps encode, list, show and diff as programs, compared with capsh(1) and setcap(8).

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { capabilityNames } from '../../src/capabilities/names.ts';
import { startReady } from '../support/odd-process.ts';
import { commandLine, identities, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

const lastCap = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
const full = ((1n << BigInt(lastCap + 1)) - 1n).toString(16).padStart(16, '0');

function encode(...words: readonly string[]): string {
  const { status, stdout, stderr } = nstool(['caps', 'encode', ...words]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

describe('encode', () => {
  test('a bare number is a capability, in any list', () => {
    expect(encode('13', '0x13', 'net_raw,12', '0000000000000013')).toBe(
      '0x0000000000002000\n0x0000000000000013\n0x0000000000003000\n0x0000000000000013\n',
    );
    expect(nstool(['caps', 'encode', 'a80425fb'])).toMatchObject({ status: 2, stdout: '' });
    expect(nstool(['caps', 'encode', '64'])).toMatchObject({ status: 2, stdout: '' });
  });

  test('what engines give, with changes, in several forms', () => {
    expect(encode('docker', 'podman', 'crio', 'full', 'none', 'k8s-baseline', 'k8s-restricted')).toBe(
      `0x00000000a80425fb\n0x00000000800405fb\n0x00000000000005fb\n0x${full}\n0x0000000000000000\n` +
        '0x00000000a80405fb\n0x0000000000000400\n',
    );
    expect(encode('k8s-restricted,+kill,-10', '--mask', '--names', '--text', '--iab')).toBe(
      '0x0000000000000020\ncap_kill\ncap_kill=ep\ncap_kill\n',
    );
  });

  test('texts of three sets give three lines, and what has no room is said', () => {
    expect(encode('cap_kill=ip')).toBe(
      'effective 0x0000000000000000\npermitted 0x0000000000000020\ninheritable 0x0000000000000020\n',
    );
    const { stdout, stderr } = nstool(['caps', 'encode', '!cap_chown,^cap_kill', '--text']);
    expect(stdout).toBe('cap_kill=i\n');
    expect(stderr).toBe('nstool: libcap text has no ambient and no bounding set: left out\n');
  });

  test('a name that is nearly one is named', () => {
    expect(nstool(['caps', 'encode', 'CAP_NET_RWA']).stderr).toContain('did you mean net_raw?');
  });
});

describe('list', () => {
  test('has all that this kernel knows', () => {
    const { status, stdout } = nstool(['caps', 'list', '-n']);
    expect(status).toBe(0);
    expect(stdout.split('\n')).toHaveLength(Math.max(lastCap + 1, capabilityNames.length) + 1);
  });

  test.skipIf(lacks('capsh'))('what libcap knows is what capsh explains', () => {
    const { capabilities } = JSON.parse(nstool(['caps', 'list', '--json']).stdout) as {
      readonly capabilities: readonly { readonly name: string; readonly libcap: boolean; readonly kernel: boolean }[];
    };
    const script = 'for name; do capsh --explain="$name" >/dev/null 2>&1 && echo true || echo false; done';
    const names = capabilities.map(({ name }) => name);
    const explained = run(['sh', '-c', script, 'sh', ...names])
      .stdout.trim()
      .split('\n');
    expect(capabilities.map(({ libcap }) => String(libcap))).toEqual(explained);
    expect(capabilities.filter(({ kernel }) => kernel)).toHaveLength(lastCap + 1);
  });

  test('one word is one capability, or what is said of it', () => {
    for (const word of ['13', 'net_raw', 'CAP_NET_RAW']) {
      const { stdout } = nstool(['caps', 'list', word]);
      expect(stdout).toMatch(/^cap_net_raw\n {2}number +13, mask 0x0000000000002000\n/);
      expect(stdout.match(/^cap_/gm)).toHaveLength(1);
    }
    expect(nstool(['caps', 'list', 'packet sockets']).stdout).toContain('cap_net_raw\n');
    expect(nstool(['caps', 'list', 'no such thing'])).toMatchObject({ status: 1, stdout: '' });
  });
});

interface Shown {
  readonly effective: { readonly short: string };
  readonly text: string;
  readonly iab: string;
  readonly securebits: { readonly bits: number | null; readonly names: readonly string[] | null };
  readonly verdict: { readonly code: string; readonly text: string; readonly regains: unknown };
  readonly user_namespace: { readonly initial: boolean; readonly owner: number; readonly level: number };
  readonly [key: string]: unknown;
}

function shownOf(json: string): Shown {
  const { processes } = JSON.parse(json) as { readonly processes: readonly Shown[] };
  const [first] = processes;
  if (first === undefined) throw new Error('nothing is shown');
  return first;
}

/** The fields of `capsh --print`, from what we show. */
function printed(text: string): Readonly<Record<string, string | undefined>> {
  const line = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  return {
    current: line(/^Current: (.*)$/m),
    bounding: line(/^Bounding set =(.*)$/m),
    ambient: line(/^Ambient set =(.*)$/m),
    iab: line(/^Current IAB: (.*)$/m),
    securebits: line(/^Securebits: [0-7]+\/(0x[0-9a-f]+)\//m),
    noNewPrivileges: line(/no-new-privs=([01])/),
    uid: line(/^uid=([0-9]+)/m),
    euid: line(/euid=([0-9]+)/),
    gid: line(/^gid=([0-9]+)/m),
  };
}

function ours(shown: Shown): Readonly<Record<string, string | undefined>> {
  const names = (set: unknown): string => (set as { readonly names: readonly string[] }).names.join(',');
  const id = (of: unknown, which: string): string =>
    String((of as Record<string, { readonly here: number }>)[which]?.here);
  return {
    current: shown.text,
    bounding: names(shown['bounding']),
    ambient: names(shown['ambient']),
    iab: shown.iab,
    securebits: `0x${(shown.securebits.bits ?? 0).toString(16)}`,
    noNewPrivileges: shown['no_new_privs'] === true ? '1' : '0',
    uid: id(shown['uid'], 'real'),
    euid: id(shown['uid'], 'effective'),
    gid: id(shown['gid'], 'real'),
  };
}

describe.skipIf(lacks('root', 'capsh'))('show self has what capsh --print has', () => {
  const script = 'capsh --print; echo ----; exec "$@"';
  test.each([
    ['as we are', []],
    ['with an ambient capability', ['--inh=cap_net_raw', '--addamb=cap_net_raw']],
    ['as another user', ['--keep=1', '--gid=1234', '--uid=4321', '--inh=cap_kill', '--addamb=cap_kill']],
    ['with less in the bounding set', ['--drop=cap_net_raw,cap_sys_admin', '--no-new-privs']],
    ['with securebits', ['--secbits=0x2f']],
    ['with securebits that are not locked', ['--secbits=1']],
  ])('%s', (_, options) => {
    const command = commandLine(['caps', 'show', 'self', '--json']);
    const { status, stdout } = run(['capsh', ...options, '--', '-c', script, 'sh', ...command]);
    expect(status).toBe(0);
    const [theirs = '', json = ''] = stdout.split('----\n');
    expect(ours(shownOf(json))).toEqual(printed(theirs));
  });

  test('names the securebits', () => {
    const command = commandLine(['caps', 'show', 'self', '-o', 'securebits']);
    const { stdout } = run(['capsh', '--secbits=0x2f', '--', '-c', 'exec "$@"', 'sh', ...command]);
    expect(stdout).toBe('0x2f noroot, noroot_locked, no_setuid_fixup, no_setuid_fixup_locked, keep_caps_locked\n');
  });
});

describe.skipIf(lacks('root', 'userns'))('the verdict', () => {
  const sleeper = ['sh', '-c', 'echo ready; exec sleep 1000'];

  async function verdictOn(before: readonly string[]): Promise<Shown> {
    const started = await startReady([...before, ...sleeper]);
    try {
      return shownOf(nstool(['caps', 'show', String(started.pid), '--json']).stdout);
    } finally {
      await started.end();
    }
  }

  test('the same text is root of the host and root of a user namespace only', async () => {
    const plain = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const inside = await verdictOn([...plain, 'unshare', '-Ur']);
    expect(inside).toMatchObject({
      text: '=ep',
      verdict: { code: 'namespace_root' },
      user_namespace: { initial: false, owner: 65534, level: 1 },
    });
    expect(inside.verdict.text).toContain('owned by uid 65534');
    const host = shownOf(nstool(['caps', 'show', 'host', '--json']).stdout);
    expect(host).toMatchObject({ text: '=ep', verdict: { code: 'host_root' } });
  });

  test('what can be had again by execve', async () => {
    const user = await verdictOn(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']);
    expect(user.verdict).toMatchObject({ code: 'none', regains: { by: 'file' } });
    const locked = await verdictOn(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs']);
    expect(locked.verdict).toMatchObject({ code: 'none', regains: null });
    expect(user.securebits).toMatchObject({ bits: null, names: null });
  });

  test('a few on the host are a part', async () => {
    const part = await verdictOn(['setpriv', '--bounding-set=-all,+kill,+net_raw']);
    expect(part.effective.short).toBe('kill,net_raw');
    expect(part.verdict).toMatchObject({ code: 'host_part', regains: null });
  });
});

describe('diff', () => {
  test('the same is status 0 and prints nothing', () => {
    expect(nstool(['caps', 'diff', 'mask:a80425fb', 'baseline:docker'])).toMatchObject({ status: 0, stdout: '' });
    expect(nstool(['caps', 'diff', 'self', 'self'])).toMatchObject({ status: 0, stdout: '' });
  });

  test('what differs is status 1, with the names', () => {
    const { status, stdout } = nstool(['caps', 'diff', 'mask:3', 'baseline:none,+kill', '-n']);
    expect(status).toBe(1);
    expect(stdout.trim().split(/ +/)).toEqual(['set', 'chown,dac_override', 'kill', 'chown,dac_override', 'kill']);
  });

  test.skipIf(lacks('root', 'capsh'))('the capabilities of a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-caps-'));
    try {
      const file = join(folder, 'file');
      copyFileSync('/bin/true', file);
      expect(nstool(['caps', 'diff', `file:${file}`, 'mask:0'])).toMatchObject({ status: 0 });
      expect(run(['setcap', 'cap_net_raw=ep cap_kill=ei', file]).status).toBe(0);
      const { status, stdout } = nstool(['caps', 'diff', `file:${file}`, 'mask:2000', '--json']);
      expect(status).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        compared: ['effective', 'permitted'],
        differences: [{ what: 'effective', a: 'kill,net_raw', b: 'net_raw', only_a: ['cap_kill'], only_b: [] }],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ['mask:xyz', 2],
    ['mask:', 2],
    ['baseline:nothing', 2],
    ['file:/nonexistent/file', 3],
    ['net:self', 2],
    ['4194304', 3],
  ])('%s is status %d', (word, status) => {
    expect(nstool(['caps', 'diff', 'self', word])).toMatchObject({ status, stdout: '' });
  });

  test('a baseline without its scheme is told where it stands', () => {
    const { status, stderr } = nstool(['caps', 'diff', 'self', 'docker,+net_admin']);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/^ {2}try: baseline:docker,\+net_admin$/m);
  });
});

test.each(identities)('show and diff work for $name', ({ uid }) => {
  const { status, stdout } = nstool(['caps', 'show', 'self', '--json'], { uid });
  expect(status).toBe(0);
  const isRoot = (uid ?? process.geteuid?.()) === 0;
  expect(shownOf(stdout).verdict.code).toBe(isRoot ? 'host_root' : 'none');
  expect(nstool(['caps', 'diff', 'self', 'mask:0'], { uid }).status).toBe(1);
});
