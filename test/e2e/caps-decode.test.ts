// `caps decode`, compared with capsh(1).

import { writeFileSync, mkdtempSync, rmSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { capabilityNames } from '../../src/capabilities/names.ts';
import { identities, nstool, commandLine, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

/** One process of a shell for all of them. */
function capsh(masks: readonly string[]): string {
  const script = 'while read -r mask; do capsh --decode="$mask" || exit; done';
  const { status, stdout, stderr } = run(['sh', '-c', script], { input: masks.map((mask) => `${mask}\n`).join('') });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** xorshift, so that a failure can be repeated. */
function randomMasks(count: number): readonly string[] {
  let state = 0x9e3779b97f4a7c15n;
  return Array.from({ length: count }, (_, index) => {
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    return (state >> BigInt(index % 64)).toString(16);
  });
}

const lastCap = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));

describe.skipIf(lacks('capsh'))('prints what capsh --decode prints', () => {
  test('for each single bit, as arguments', () => {
    const masks = capabilityNames.map((_, bit) => (1n << BigInt(bit)).toString(16));
    expect(masks).toHaveLength(41);
    const ours = nstool(['caps', 'decode', ...masks]);
    expect(ours).toMatchObject({ status: 0, stderr: '' });
    expect(ours.stdout).toBe(capsh(masks));
  });

  test('for the bits that have no name', () => {
    const masks = Array.from({ length: 64 - 41 }, (_, index) => (1n << BigInt(41 + index)).toString(16));
    expect(nstool(['caps', 'decode', ...masks]).stdout).toBe(capsh(masks));
  });

  test('for 1,000 random masks, from standard input', () => {
    const masks = randomMasks(1000);
    const ours = nstool(['caps', 'decode', '-'], { input: masks.join('\n') });
    expect(ours.status).toBe(0);
    expect(ours.stdout).toBe(capsh(masks));
    expect(ours.stdout.split('\n')).toHaveLength(1001);
  });

  test.each([
    '0',
    '0000000000000000',
    'ffffffffffffffff',
    '3fffffffff',
    '1ffffffffff',
    'a80425fb',
    '00000000a80425fb',
    'DEADBEEF',
  ])('for %s', (mask) => {
    expect(nstool(['caps', 'decode', mask]).stdout).toBe(capsh([mask]));
    expect(nstool(['caps', 'decode', `0x${mask}`]).stdout).toBe(capsh([mask]));
  });
});

describe('malformed', () => {
  const malformed: readonly (readonly [string, string])[] = [
    ['empty', ''],
    ['not hexadecimal', 'xyz'],
    ['no name', 'cap_net_rwa'],
    ['only the prefix', '0x'],
    ['a prefix twice', '0x0x1'],
    ['over 64 bits', '10000000000000000'],
    ['far over 64 bits', 'f'.repeat(100_000)],
    ['a sign', '+1'],
    ['a space before', ' 1'],
    ['a space after', '1 '],
    ['a newline', '1\n'],
    ['an empty term', '1,,2'],
    ['a comma at the end', '0000000000003000,'],
    ['a text without flags', 'cap_net_raw+'],
    ['a text without prefix', 'net_raw+ep'],
    ['a list in IAB', '!all'],
    ['a decimal point', '1.0'],
    ['digits of another script', '１２'],
    ['an escape sequence', '\u001B[31m1'],
    ['an underscore', '1_000'],
    ['bigint', '1n'],
    ['octal', '0o7'],
  ];

  test.each(malformed)('%s is status 2 and prints nothing', (_title, mask) => {
    for (const words of [[mask], ['3fffffffff', mask], [mask, '3fffffffff'], ['--json', '0', mask]]) {
      const result = nstool(['caps', 'decode', ...words]);
      expect(result).toMatchObject({ status: 2, stdout: '' });
      expect(result.stderr).toMatch(/^nstool: '.*' is no set of capabilities\n {2}why: /s);
      expect(result.stderr.length).toBeLessThan(500);
      expect(result.stderr).not.toContain('\u001B');
    }
  });

  test('a minus sign is no mask either', () => {
    expect(nstool(['caps', 'decode', '--', '-1'])).toMatchObject({ status: 2, stdout: '' });
    expect(nstool(['caps', 'decode', '-1'])).toMatchObject({ status: 2, stdout: '' });
  });

  test('one bad line of standard input', () => {
    for (const input of ['1\nxyz\n2\n', '1\n0x\n', '1 2\n', 'Cap: 1\n', '\u0000\n', '\u00FF']) {
      const result = nstool(['caps', 'decode', '-'], { input });
      expect(result).toMatchObject({ status: 2, stdout: '' });
      expect(result.stderr).toContain('is no set of capabilities');
    }
  });

  test('no mask at all is a usage error', () => {
    expect(nstool(['caps', 'decode'])).toMatchObject({ status: 2, stdout: '' });
  });
});

describe.each(identities)('by $name', ({ uid }) => {
  test('several masks, a line each, with and without 0x, in any case', () => {
    expect(nstool(['caps', 'decode', '1', '0X2', '0xA', '0'], { uid }).stdout).toBe(
      '0x0000000000000001=cap_chown\n0x0000000000000002=cap_dac_override\n' +
        '0x000000000000000a=cap_dac_override,cap_fowner\n0x0000000000000000=\n',
    );
  });

  test('leading zeros are no bits', () => {
    expect(nstool(['caps', 'decode', `0x${'0'.repeat(500)}1`], { uid }).stdout).toBe('0x0000000000000001=cap_chown\n');
  });

  test('standard input: one a line, also the last without a newline, between arguments, empty', () => {
    expect(
      nstool(['caps', 'decode', '4', '-', '8'], { uid, input: '1\n\n 2 \r\n0x3' }).stdout.replaceAll(/^0x0*/gm, ''),
    ).toBe('4=cap_dac_read_search\n1=cap_chown\n2=cap_dac_override\n3=cap_chown,cap_dac_override\n8=cap_fowner\n');
    expect(nstool(['caps', 'decode', '-'], { uid, input: '' })).toEqual({
      status: 0,
      signal: null,
      stdout: '',
      stderr: '',
    });
  });

  test('the lines of /proc/PID/status that the help shows', () => {
    const script = `awk '/CapEff/ {print $2}' /proc/self/status | "$@"`;
    const { status, stdout } = run(['sh', '-c', script, 'sh', ...commandLine(['caps', 'decode', '-'], uid)]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^0x[0-9a-f]{16}=[a-z_,]*\n$/);
  });

  test('as JSON', () => {
    const { status, stdout, stderr } = nstool(['caps', 'decode', '--json', '3', '0', 'ffffffffffffffff'], { uid });
    expect(status).toBe(0);
    expect(stderr).toContain('does not know');
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      complete: true,
      gaps: [],
      masks: [
        {
          word: '3',
          mask: '0x0000000000000003',
          names: ['cap_chown', 'cap_dac_override'],
          unknown: [],
          short: 'chown,dac_override',
          sets: null,
          text: 'cap_chown,cap_dac_override=ep',
          iab: 'cap_chown,cap_dac_override',
        },
        {
          word: '0',
          mask: '0x0000000000000000',
          names: [],
          unknown: [],
          short: 'none',
          sets: null,
          text: '=',
          iab: '',
        },
        expect.objectContaining({
          mask: '0xffffffffffffffff',
          names: [...capabilityNames],
          unknown: Array.from({ length: 23 }, (_, index) => 41 + index),
        }) as unknown,
      ],
    });
    expect(nstool(['caps', 'decode', '-J', '3', '0', 'ffffffffffffffff'], { uid }).stdout).toBe(stdout);
  });

  test('what the kernel does not know is said on standard error, once, and only then', () => {
    const known = ((1n << BigInt(lastCap + 1)) - 1n).toString(16);
    expect(nstool(['caps', 'decode', known], { uid })).toMatchObject({ status: 0, stderr: '' });
    const one = (1n << BigInt(lastCap + 1)).toString(16);
    const note = `nstool: this kernel does not know bit ${lastCap + 1}\n`;
    expect(nstool(['caps', 'decode', one, '1', one], { uid })).toMatchObject({ status: 0, stderr: note });
    expect(nstool(['caps', 'decode', 'ffffffffffffffff'], { uid }).stderr).toBe(
      `nstool: this kernel does not know bits ${lastCap + 1}-63\n`,
    );
  });

  test.skipIf(lacks('strace'))('no binary of koffi is opened', () => {
    const trace = run([
      'strace',
      '-f',
      '-qq',
      '-e',
      'trace=open,openat',
      ...commandLine(['caps', 'decode', '3', 'ffffffffffffffff'], uid),
    ]);
    expect(trace.status).toBe(0);
    expect(trace.stderr).toContain('nstool.cjs');
    expect(trace.stderr).not.toMatch(/koffi|\.node"/);
  });
});

test('a hundred thousand masks through a pipe', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nstool-masks-'));
  try {
    const file = join(folder, 'masks');
    writeFileSync(file, '1ffffffffff\n'.repeat(100_000));
    const { stdout } = run(['sh', '-c', `"$@" - < '${file}' | sha256sum`, 'sh', ...commandLine(['caps', 'decode'])]);
    const one = nstool(['caps', 'decode', '1ffffffffff']).stdout;
    expect(stdout).toBe(run(['sha256sum'], { input: one.repeat(100_000) }).stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
