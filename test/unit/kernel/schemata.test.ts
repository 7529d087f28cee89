// Texts as Documentation/filesystems/resctrl.rst shows them.

import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/kernel/host.ts';
import { parseWays, waysOf } from '../../../src/kernel/text/cache-ways.ts';
import { formatIdList } from '../../../src/kernel/text/id-list.ts';
import { parseKeyedBounds } from '../../../src/kernel/text/keyed-bounds.ts';
import { parseResctrlMembership, parseSchemata } from '../../../src/kernel/text/schemata.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parsed = <T>(reading: Reading<T>): T | string => (reading.ok ? reading.value : reading.gap.reason);

describe('schemata', () => {
  it('are read with code and data prioritization, and where columns are padded', () => {
    expect(parsed(parseSchemata(bytes('L3DATA:0=fffff;1=3c0\nL3CODE:0=fffff;1=fffff\n'), 'f'))).toEqual([
      { resource: 'L3DATA', domains: [['0', 'fffff'], ['1', '3c0']] },
      { resource: 'L3CODE', domains: [['0', 'fffff'], ['1', 'fffff']] },
    ]); // prettier-ignore
    expect(parsed(parseSchemata(bytes('    SMBA:0=2048;1=  64\n      MB:0=2048;1=2048\n'), 'f'))).toEqual([
      { resource: 'SMBA', domains: [['0', '2048'], ['1', '64']] },
      { resource: 'MB', domains: [['0', '2048'], ['1', '2048']] },
    ]); // prettier-ignore
  });

  it('of a group that is to be locked have no masks yet', () => {
    expect(parsed(parseSchemata(bytes('L2:uninitialized\n'), 'f'))).toEqual([{ resource: 'L2', domains: [] }]);
  });

  it.each(['L3\n', 'L3:0\n', 'L3:0=xyz\n', 'l3:0=f\n', 'L3:a=f\n', '\u001b[2J:0=1\n'])('%j is none', (text) => {
    expect(parsed(parseSchemata(bytes(text), 'f'))).toBe('malformed');
  });
});

describe('masks of ways', () => {
  it.each([
    ['1', '0'],
    ['3c0', '6-9'],
    ['fffff', '0-19'],
    // Since Linux 6.6 there may be holes.
    ['8f', '0-3,7'],
    ['0', ''],
    ['ffffffffffffffff', '0-63'],
  ])('%s is %s', (mask, ways) => {
    expect(formatIdList(waysOf(parseWays(mask) ?? -1n))).toBe(ways);
  });

  it.each(['', 'g', '0x1', '-1', '11111111111111111', undefined])('%s is none', (mask) => {
    expect(parseWays(mask)).toBeUndefined();
  });
});

describe('/proc/PID/cpu_resctrl_groups', () => {
  it.each([
    ['res:\nmon:\n', { control: null, monitor: null }],
    ['res:/\nmon:\n', { control: '/', monitor: null }],
    ['res:/\nmon:mon0\n', { control: '/', monitor: 'mon0' }],
    ['res:a b:c\nmon:mon1\n', { control: 'a b:c', monitor: 'mon1' }],
    ['', 'malformed'],
    ['mon:\nres:\n', 'malformed'],
    ['res:a\nb\nmon:\n', 'malformed'],
  ])('%j', (text, expected) => {
    expect(parsed(parseResctrlMembership(bytes(text), 'f'))).toEqual(expected);
  });
});

describe('a bound a line', () => {
  it('names may have colons and slashes', () => {
    const text = 'drm/0000:03:00.0/vram0 1073741824\ndrm/0000:03:00.0/stolen max\n';
    expect(parsed(parseKeyedBounds(bytes(text), 'dmem.max'))).toEqual(
      new Map<string, bigint | 'max'>([
        ['drm/0000:03:00.0/vram0', 1_073_741_824n],
        ['drm/0000:03:00.0/stolen', 'max'],
      ]),
    );
  });

  it.each(['a\n', 'a b\n', ' 1\n', 'a 1 2\n', 'a -5\n'])('%j is none', (text) => {
    expect(parsed(parseKeyedBounds(bytes(text), 'f'))).toBe('malformed');
  });
});
