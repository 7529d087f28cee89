import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collapse, parseCapabilities } from '../../../src/capabilities/expression.ts';

const ALL = (1n << 41n) - 1n;
const DOCKER = 0xa804_25fbn;

function mask(text: string, bareNumber: 'mask' | 'capability' = 'capability'): bigint | string {
  const parsed = parseCapabilities(text, ALL, bareNumber);
  return parsed.ok ? parsed.mask : `${parsed.word}: ${parsed.problem}`;
}

describe('a list of capabilities', () => {
  test.each(['cap_net_raw', 'CAP_NET_RAW', 'NET_RAW', 'net_raw', 'Net_Raw', '13', 'cap_13', 'CAP_13', '0x2000'])(
    '%s is capability 13',
    (word) => {
      expect(mask(word)).toBe(0x2000n);
    },
  );

  test('a bare number is what the context says', () => {
    expect(mask('13', 'mask')).toBe(0x13n);
    expect(mask('13', 'capability')).toBe(0x2000n);
    expect(mask('a80425fb', 'mask')).toBe(DOCKER);
    expect(mask('0xa80425fb', 'capability')).toBe(DOCKER);
    expect(mask('a80425fb', 'capability')).toBe('a80425fb: a mask is written 0xa80425fb here');
    expect(mask('64', 'capability')).toBe('64: the last capability is 63');
    expect(mask('0000003fffffffff', 'capability')).toBe((1n << 38n) - 1n);
    expect(mask('0000000000002000', 'capability')).toBe(0x2000n);
  });

  test.each([
    ['none', 0n],
    ['full', ALL],
    ['all', ALL],
    ['ALL', ALL],
    ['docker', DOCKER],
    ['docker,+net_admin,-mknod', (DOCKER | 0x1000n) & ~0x800_0000n],
    ['docker,net_admin', DOCKER | 0x1000n],
    ['full,-docker,+kill', (ALL & ~DOCKER) | 0x20n],
    ['cap_41', 1n << 41n],
  ])('%s', (text, expected) => {
    expect(mask(text)).toBe(expected);
  });

  test.each([
    '',
    'kill,',
    ',kill',
    'kill,+',
    'kill,--chown',
    '-kill',
    '+kill',
    'foo',
    '64',
    'cap_64',
    'kill chown',
    '0x',
    'constructor',
    '1ffffffffffffffff',
  ])('%j is refused', (text) => {
    expect(typeof mask(text)).toBe('string');
  });
});

describe('the shortest list', () => {
  test.each([
    [0n, 'none'],
    [ALL, 'full'],
    [ALL & ~(1n << 24n), 'full,-sys_resource'],
    [DOCKER, 'docker'],
    [DOCKER | 0x1000n, 'docker,+net_admin'],
    [DOCKER & ~0x2000n, 'docker,-net_raw'],
    [0x5fbn, 'crio'],
    [0x8004_05fbn, 'podman'],
    [0x400n, 'net_bind_service'],
    [0x2020n, 'kill,net_raw'],
    [(1n << 41n) | ALL, 'full,+cap_41'],
    [1n << 63n, 'cap_63'],
  ])('%d is %s', (set, expected) => {
    expect(collapse(set, ALL)).toBe(expected);
  });

  test('without what the kernel knows, nothing is full', () => {
    expect(collapse(0x20n, undefined)).toBe('kill');
    expect(collapse(ALL, undefined)).not.toContain('full');
  });

  test('is read back as the same set, whatever a bare number is', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.constantFrom<'mask' | 'capability'>('mask', 'capability'),
        (set, bare) => {
          expect(mask(collapse(set, ALL), bare)).toBe(set);
        },
      ),
    );
  });
});
