// The files of cgroups, verbatim from kernels (6.18 hybrid, 6.1 unified) and with what no kernel writes.

import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/kernel/host.ts';
import { parseDeviceNumbers, parseDeviceOperations } from '../../../src/kernel/text/blkio.ts';
import { parseAmount, parseBound } from '../../../src/kernel/text/cgroup-bound.ts';
import { parseCgroupCounts } from '../../../src/kernel/text/cgroup-counts.ts';
import { parseCpuMax } from '../../../src/kernel/text/cpu-max.ts';
import { parseDeviceRules } from '../../../src/kernel/text/device-rules.ts';
import { parseFlatKeyed } from '../../../src/kernel/text/flat-keyed.ts';
import { countIds, formatIdList, parseIdList } from '../../../src/kernel/text/id-list.ts';
import { parseNestedKeyed } from '../../../src/kernel/text/nested-keyed.ts';
import { parsePressure } from '../../../src/kernel/text/pressure.ts';

type Parse<T> = (bytes: Uint8Array, file: string) => Reading<T>;

const FILE = '/sys/fs/cgroup/x/file';

function parse<T>(parser: Parse<T>, text: string): T {
  const reading = parser(new TextEncoder().encode(text), FILE);
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

function refusal<T>(parser: Parse<T>, text: string): { readonly line?: number; readonly what: string } | null {
  const reading = parser(new TextEncoder().encode(text), FILE);
  if (reading.ok) return null;
  expect(reading.gap.reason).toBe('malformed');
  return reading.gap;
}

describe('a limit', () => {
  it.each([
    ['max\n', 'max'],
    ['-1\n', 'max'],
    ['9223372036854771712\n', 'max'],
    // Pages of 64 KiB; huge pages of 1 GiB.
    ['9223372036854710272\n', 'max'],
    ['9223372035781033984\n', 'max'],
    ['18446744073709551615\n', 'max'],
    ['5242880\n', 5_242_880n],
    ['0\n', 0n],
    // More than Number holds, and still a limit.
    ['9007199254740993\n', 9_007_199_254_740_993n],
  ])('%j is %s', (text, bound) => {
    expect(parse(parseBound, text)).toBe(bound);
  });

  it.each(['', '\n', '5M\n', '-2\n', '1 2\n', '0x10\n', '18446744073709551616\n', '1e3\n'])('%j is none', (text) => {
    expect(refusal(parseBound, text)).toMatchObject({ what: FILE, line: 1 });
  });

  it('an amount is never max', () => {
    expect(parse(parseAmount, '18446744073709551615\n')).toBe(18_446_744_073_709_551_615n);
    expect(refusal(parseAmount, 'max\n')).not.toBeNull();
  });
});

describe('cpu.max', () => {
  it('has quota and period', () => {
    expect(parse(parseCpuMax, 'max 100000\n')).toEqual({ quota: 'max', period: 100_000n });
    expect(parse(parseCpuMax, '1000 100000\n')).toEqual({ quota: 1000n, period: 100_000n });
  });

  it.each(['max\n', '10000 0\n', '10000 max\n', '1 2 3\n', ''])('refuses %j', (text) => {
    expect(refusal(parseCpuMax, text)).not.toBeNull();
  });
});

describe('flat keyed', () => {
  it('v2 memory.events and v1 memory.oom_control', () => {
    const events = parse(parseFlatKeyed, 'low 0\nhigh 0\nmax 14\noom 1\noom_kill 1\noom_group_kill 0\n');
    expect([events.get('max'), events.get('oom_kill'), events.get('absent')]).toEqual([14n, 1n, undefined]);
    const control = parse(parseFlatKeyed, 'oom_kill_disable 0\nunder_oom 0\noom_kill 7\n');
    expect(control.get('oom_kill')).toBe(7n);
  });

  it('v1 memory.stat and hierarchical limits', () => {
    const stat = parse(parseFlatKeyed, 'cache 10117120\nhierarchical_memory_limit 9223372036854771712\ntotal_rss 3\n');
    expect(stat.get('hierarchical_memory_limit')).toBe(9_223_372_036_854_771_712n);
  });

  it.each(['low\n', 'low x\n', 'low 1 2\n', ' 1\n', 'low -1\n'])('refuses %j by its line', (text) => {
    expect(refusal(parseFlatKeyed, `high 0\n${text}`)).toMatchObject({ line: 2 });
  });
});

describe('nested keyed', () => {
  it('io.stat, io.max and rdma.max', () => {
    const stat = parse(
      parseNestedKeyed,
      '254:0 rbytes=67919872 wbytes=28672 rios=2025 wios=7 dbytes=0 dios=0\n8:16 \n7:0\n',
    );
    expect(stat.get('254:0')?.get('rbytes')).toBe(67_919_872n);
    expect([...stat.keys()]).toEqual(['254:0', '8:16', '7:0']);
    const limits = parse(parseNestedKeyed, '8:16 rbps=2097152 wbps=max riops=max wiops=120\n');
    expect([...(limits.get('8:16') ?? [])]).toEqual([
      ['rbps', 2_097_152n],
      ['wbps', 'max'],
      ['riops', 'max'],
      ['wiops', 120n],
    ]);
    expect(parse(parseNestedKeyed, 'mlx4_0 hca_handle=2 hca_object=max\n').get('mlx4_0')?.get('hca_handle')).toBe(2n);
    expect(parse(parseNestedKeyed, '8:0 rbytes=1 cost.vrate=100.00\n').get('8:0')?.size).toBe(1);
  });

  it.each(['8:0 rbytes\n', ' rbytes=1\n', '8:0 =1\n'])('refuses %j', (text) => {
    expect(refusal(parseNestedKeyed, text)).toMatchObject({ line: 1 });
  });
});

describe('pressure', () => {
  it('has some and full; irq has no some, cpu had no full', () => {
    const text =
      'some avg10=0.22 avg60=0.38 avg300=0.33 total=162424560\nfull avg10=100.00 avg60=0.15 avg300=0.16 total=40569920\n';
    expect(parse(parsePressure, text)).toEqual({
      some: { avg10: 0.22, avg60: 0.38, avg300: 0.33, total: 162_424_560n },
      full: { avg10: 100, avg60: 0.15, avg300: 0.16, total: 40_569_920n },
    });
    expect(parse(parsePressure, 'full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n').some).toBeNull();
    expect(parse(parsePressure, 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n').full).toBeNull();
  });

  it.each(['none avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', 'some avg10=NaN\n', 'some\n'])('refuses %j', (text) => {
    expect(refusal(parsePressure, text)).toMatchObject({ line: 1 });
  });
});

describe('a list of processors', () => {
  it('is ranges, which are counted and written as the kernel does', () => {
    const ranges = parse(parseIdList, '0-3,8,10-11\n');
    expect(ranges).toEqual([
      [0, 3],
      [8, 8],
      [10, 11],
    ]);
    expect([countIds(ranges), formatIdList(ranges)]).toEqual([7, '0-3,8,10-11']);
    expect(parse(parseIdList, '\n')).toEqual([]);
  });

  it.each(['3-1\n', '1,1\n', '2,0\n', 'a\n', '0-99999999\n', '0-\n', ',\n', '1-2-3\n'])('refuses %j', (text) => {
    expect(refusal(parseIdList, text)).not.toBeNull();
  });
});

describe('devices.list', () => {
  it('has rules', () => {
    expect(parse(parseDeviceRules, 'a *:* rwm\n')).toEqual([{ type: 'a', major: null, minor: null, access: 'rwm' }]);
    expect(parse(parseDeviceRules, 'c 1:3 rwm\nc 136:* rw\n')[1]).toEqual({
      type: 'c',
      major: 136,
      minor: null,
      access: 'rw',
    });
  });

  it.each(['x 1:3 r\n', 'c 1 r\n', 'c 1:3\n', 'c 1:3 x\n', 'c 99999999999999999999:1 r\n'])('refuses %j', (text) => {
    expect(refusal(parseDeviceRules, text)).toMatchObject({ line: 1 });
  });
});

describe('blkio of v1', () => {
  it('has limits a device and operations a device', () => {
    expect(parse(parseDeviceNumbers, '8:0 1048576\n').get('8:0')).toBe(1_048_576n);
    expect(parse(parseDeviceOperations, 'Total 0\n').size).toBe(0);
    const text = '254:0 Read 4096\n254:0 Write 0\n254:0 Sync 4096\n254:0 Total 4096\nTotal 4096\n';
    expect(parse(parseDeviceOperations, text).get('254:0')?.get('Read')).toBe(4096n);
  });

  it('refuses what is neither', () => {
    expect(refusal(parseDeviceNumbers, 'sda 5\n')).not.toBeNull();
    expect(refusal(parseDeviceOperations, '8:0 Read\n')).not.toBeNull();
  });
});

describe('/proc/cgroups', () => {
  it('has numbers of the controllers on v1, those on v2 count for nobody', () => {
    const text =
      '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t2003\t1\nnet_cls\t0\t4\t1\nmemory\t4\t2034\t0\n';
    expect([...parse(parseCgroupCounts, text)]).toEqual([
      ['cpu', 2003],
      ['memory', 2034],
    ]);
  });

  it.each(['cpu 1 2 1', 'cpu\t1\t2', 'cpu\t1\t-2\t1', 'cpu\t1\t2\t1\t9'])('%j is refused', (line) => {
    expect(refusal(parseCgroupCounts, `#subsys_name\n${line}\n`)).toMatchObject({ line: 2 });
  });
});
