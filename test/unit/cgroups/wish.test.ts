import { describe, expect, it } from 'vitest';
import { parseWish, wishWords } from '../../../src/cgroups/wish.ts';
import { NsError } from '../../../src/kernel/error.ts';

function wish(options: Readonly<Record<string, string | readonly string[]>>): ReturnType<typeof parseWish> {
  return parseWish(new Map(Object.entries(options).map(([name, each]) => [name, [each].flat()])));
}

describe('words of limits', () => {
  it.each([
    [{ cpus: '0.1' }, { cpus: 0.1 }],
    [{ cpus: '.5' }, { cpus: 0.5 }],
    [{ cpus: '2' }, { cpus: 2 }],
    [{ cpus: 'max' }, { cpus: 'max' }],
    [{ 'cpu-weight': '10000' }, { cpu_weight: 10_000 }],
    [{ 'cpuset-cpus': '0-3,8' }, { cpuset_cpus: [[0, 3], [8, 8]] }], // prettier-ignore
    [{ 'cpuset-cpus': '0,1,2,5' }, { cpuset_cpus: [[0, 2], [5, 5]] }], // prettier-ignore
    [{ 'cpuset-mems': '0' }, { cpuset_mems: [[0, 0]] }],
    [{ memory: '5M' }, { memory: 5n << 20n }],
    [{ memory: '5m' }, { memory: 5n << 20n }],
    [{ memory: '1.5G' }, { memory: 3n << 29n }],
    [{ memory: '5000000' }, { memory: 5_000_000n }],
    [
      { memory: '1T', swap: '0' },
      { memory: 1n << 40n, swap: 0n },
    ],
    [{ swap: 'max' }, { swap: 'max' }],
    [{ 'memory-high': '64K' }, { memory_high: 65_536n }],
    [{ pids: '8' }, { pids: 8n }],
    [{ pids: 'max' }, { pids: 'max' }],
    [{ io: '/dev/sda:rbps=1M,wiops=100' }, { io: [{ device: '/dev/sda', rates: { rbps: 1n << 20n, wiops: 100n } }] }],
    [{ io: '8:0:wbps=max' }, { io: [{ device: '8:0', rates: { wbps: 'max' } }] }],
    [{ io: '/a:b:riops=1' }, { io: [{ device: '/a:b', rates: { riops: 1n } }] }],
    [{ freeze: '' }, { freeze: true }],
    [{ thaw: '' }, { freeze: false }],
    [{ cpus: ['1', '2'] }, { cpus: 2 }],
    [{}, {}],
  ])('%j', (options, expected) => expect(wish(options)).toEqual(expected));

  it.each([
    ['cpus', ['', '0', '0.0001', '-1', '1e3', 'x', '1,5', 'NaN', 'Infinity', '0x1', '100001']],
    ['cpu-weight', ['', '0', '10001', '1.5', 'max', '-1']],
    ['cpuset-cpus', ['', '3-1', '1,0', 'a', '0-', '99999', 'max']],
    ['memory', ['', '-1', '1.5', '5MB', '5 M', 'M', '1.M', '0x5', '9999999999999999999999', '9999999T']],
    ['swap', ['', 'none']],
    ['pids', ['', '-1', '1K', '4194305']],
    [
      'io',
      ['', '/dev/sda', '/dev/sda:', ':rbps=1', '/a:rbps', '/a:rbps=', '/a:rbps=0', '/a:bps=1', '/a:rbps=1,rbps=2'],
    ],
    ['io', ['/a:rbps=1,', '/a:riops=4294967295', '/a\0:rbps=1', '/a:rbps=-1']],
  ])('refused with what, why and try: --%s %j', (option, words) => {
    for (const word of words) {
      let thrown: unknown;
      try {
        wish({ [option]: word });
      } catch (error) {
        thrown = error;
      }
      expect(thrown, word).toBeInstanceOf(NsError);
      const { code, facts } = thrown as NsError;
      expect([code, facts.why !== undefined, facts.tryThis !== undefined], word).toEqual(['BAD_VALUE', true, true]);
    }
  });

  it('freeze and thaw exclude each other', () => expect(() => wish({ freeze: '', thaw: '' })).toThrow('--thaw'));

  it('are written again as they were read', () => {
    const words = {
      cpus: ['0.25'],
      'cpuset-cpus': ['0-3,8'],
      memory: ['max'],
      io: ['/a:b:rbps=1,wiops=2'],
      freeze: [''],
    };
    expect(wishWords(wish(words))).toEqual(new Map(Object.entries(words)));
  });
});
