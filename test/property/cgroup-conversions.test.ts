// What is converted between v1, v2 and an OCI configuration, in both directions.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBound } from '../../src/kernel/text/cgroup-bound.ts';
import { waysOf } from '../../src/kernel/text/cache-ways.ts';
import { parseCpuMax } from '../../src/kernel/text/cpu-max.ts';
import { countIds, formatIdList, parseIdList } from '../../src/kernel/text/id-list.ts';
import { conversions, sharesOf, weightOf } from '../../src/cgroups/weight-conversion.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 2000, seed: 20_261_122 };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const shares = fc.oneof(fc.integer({ min: 2, max: 262_144 }), fc.integer({ min: 2, max: 4096 }));
const weight = fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 300 }));

describe.each(conversions)('shares and weight, %s', (conversion) => {
  it('more shares never come to less weight, and it stays within what the kernel takes', () => {
    fc.assert(
      fc.property(shares, shares, (one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        expect(weightOf(less, conversion)).toBeLessThanOrEqual(weightOf(more, conversion));
        expect(weightOf(one, conversion)).toBeGreaterThanOrEqual(1);
        expect(weightOf(one, conversion)).toBeLessThanOrEqual(10_000);
      }),
      parameters,
    );
  });

  it('shares are among those that come to their weight', () => {
    fc.assert(
      fc.property(shares, (asked) => {
        const [least, most] = sharesOf(weightOf(asked, conversion), conversion) ?? [Infinity, -Infinity];
        expect(least).toBeLessThanOrEqual(asked);
        expect(most).toBeGreaterThanOrEqual(asked);
      }),
      parameters,
    );
  });

  it('the shares of a weight come to it, all of them, and their neighbours do not', () => {
    fc.assert(
      fc.property(weight, fc.double({ min: 0, max: 1, noNaN: true }), (set, part) => {
        const range = sharesOf(set, conversion);
        if (range === null) return;
        const [least, most] = range;
        const some = Math.round(least + part * (most - least));
        expect([least, some, most].map((each) => weightOf(each, conversion))).toEqual([set, set, set]);
        if (least > 2) expect(weightOf(least - 1, conversion)).toBeLessThan(set);
        if (most < 262_144) expect(weightOf(most + 1, conversion)).toBeGreaterThan(set);
      }),
      parameters,
    );
  });
});

describe('files', () => {
  it('v1 writes unlimited memory as LONG_MAX rounded down to its pages, v2 as max, cpu.cfs_quota_us as -1', () => {
    const pages = fc.constantFrom(4096n, 16_384n, 65_536n, 2n << 20n, 16n << 30n);
    fc.assert(
      fc.property(pages, (page) => {
        const most = ((1n << 63n) - 1n) / page;
        expect(parseBound(bytes(`${most * page}\n`), '')).toEqual({ ok: true, value: 'max' });
      }),
      parameters,
    );
    for (const text of ['max\n', '-1\n']) expect(parseBound(bytes(text), '')).toEqual({ ok: true, value: 'max' });
  });

  it('a limit is the number that was written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 60n }), (limit) => {
        expect(parseBound(bytes(`${limit}\n`), '')).toEqual({ ok: true, value: limit });
      }),
      parameters,
    );
  });

  it('a quota and its period are read back', () => {
    const quota = fc.option(fc.bigInt({ min: 1000n, max: 1n << 44n }), { nil: 'max' as const });
    fc.assert(
      fc.property(quota, fc.bigInt({ min: 1000n, max: 1_000_000n }), (set, period) => {
        expect(parseCpuMax(bytes(`${set} ${period}\n`), '')).toEqual({ ok: true, value: { quota: set, period } });
      }),
      parameters,
    );
  });

  it('processors as a list, and ways of a cache as a mask, are the same set', () => {
    const set = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 1 });
    fc.assert(
      fc.property(set, (ids) => {
        const mask = ids.reduce((bits, id) => bits | (1n << BigInt(id)), 0n);
        const text = formatIdList(waysOf(mask));
        const read = parseIdList(bytes(`${text}\n`), '');
        expect(read).toEqual({ ok: true, value: waysOf(mask) });
        const ranges = read.ok ? read.value : [];
        expect(countIds(ranges)).toBe(ids.length);
        const known = ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
        expect(known).toEqual(ids.toSorted((a, b) => a - b));
      }),
      parameters,
    );
  });
});
