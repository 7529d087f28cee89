// Limits of cgroups: words both ways, roundings that keep the order, and a journal that takes any bytes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quotaFor } from '../../src/cgroups/limit-drafts.ts';
import { restoringTextOf } from '../../src/cgroups/limit-files.ts';
import { comesFrom } from '../../src/cgroups/undo-plan.ts';
import { sharesInProportion, weightOf } from '../../src/cgroups/weight-conversion.ts';
import { parseWish, wishWords, type IoWish, type Wish } from '../../src/cgroups/wish.ts';
import { NsError } from '../../src/kernel/error.ts';
import { decodeEntry, encodeEntry, type JournalEntry, type Undo } from '../../src/kernel/journal.ts';
import type { IdRange } from '../../src/kernel/text/id-list.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);

function runs<T>(): fc.Parameters<T> {
  if (seconds === 0) return { numRuns: 300, seed: 20_261_122 };
  return { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false };
}

const bytes = fc.oneof(fc.constant('max' as const), fc.bigInt({ min: 0n, max: (1n << 62n) - 1n }));
const rate = fc.oneof(fc.constant('max' as const), fc.bigInt({ min: 1n, max: 4_294_967_294n }));

/** Ascending, with a hole between two. */
const list = fc
  .array(fc.tuple(fc.integer({ min: 2, max: 50 }), fc.integer({ min: 0, max: 50 })), { minLength: 1, maxLength: 20 })
  .map((parts) => {
    let at = -2;
    return parts.map(([hole, length]): IdRange => {
      const first = at + hole;
      at = first + length;
      return [first, at];
    });
  });

const cpus = fc.integer({ min: 1, max: 100_000_000 }).map((thousandths) => thousandths / 1000);

const io: fc.Arbitrary<IoWish> = fc.record({
  device: fc.string({ minLength: 1 }).filter((text) => !text.includes('\0')),
  rates: fc
    .record({ rbps: rate, wbps: rate, riops: rate, wiops: rate }, { requiredKeys: [] })
    .filter((rates) => Object.keys(rates).length > 0),
});

const wish: fc.Arbitrary<Wish> = fc.record(
  {
    cpus: fc.oneof(fc.constant('max' as const), cpus),
    cpu_weight: fc.integer({ min: 1, max: 10_000 }),
    cpuset_cpus: list,
    cpuset_mems: list,
    memory: bytes,
    swap: bytes,
    memory_high: bytes,
    pids: fc.oneof(fc.constant('max' as const), fc.bigInt({ min: 0n, max: 4_194_304n })),
    io: fc.array(io, { minLength: 1, maxLength: 4 }),
    freeze: fc.boolean(),
  },
  { requiredKeys: [] },
);

describe('wishes', () => {
  it('mean the same after they were written as words', () => {
    fc.assert(
      fc.property(wish, (each) => {
        expect(parseWish(wishWords(each))).toEqual(each);
      }),
      runs(),
    );
  });

  it('of any words are a wish or a refusal', () => {
    const options = fc.constantFrom('cpus', 'cpu-weight', 'cpuset-cpus', 'memory', 'swap', 'pids', 'io');
    fc.assert(
      fc.property(options, fc.string(), (option, word) => {
        try {
          expect(wishWords(parseWish(new Map([[option, [word]]]))).has(option)).toBe(true);
        } catch (error) {
          if (!(error instanceof NsError)) throw error;
          expect(error.code).toBe('BAD_VALUE');
        }
      }),
      runs(),
    );
  });
});

describe('roundings', () => {
  const period = fc.constantFrom(1000, 10_000, 100_000, 1_000_000);

  it('of processors keep the order, are near, and are what the kernel takes', () => {
    fc.assert(
      fc.property(cpus, cpus, period, (a, b, current) => {
        const [low, high] = [quotaFor(Math.min(a, b), current), quotaFor(Math.max(a, b), current)];
        expect(low.quota / low.period).toBeLessThanOrEqual(high.quota / high.period);
        for (const [asked, { quota, period: given }] of [
          [Math.min(a, b), low],
          [Math.max(a, b), high],
        ] as const) {
          // prettier-ignore
          expect(quota).toBeGreaterThanOrEqual(1000);
          expect(given).toBeLessThanOrEqual(1_000_000);
          // A whole number of microseconds, of which there are at least a thousand.
          expect(Math.abs(quota / given - asked)).toBeLessThanOrEqual(asked / 1000);
        }
      }),
      runs(),
    );
  });

  it('of weights come back, and keep the order and the proportion', () => {
    for (let weight = 1; weight <= 10_000; weight += 1) {
      expect(weightOf(sharesInProportion(weight), 'systemd')).toBe(weight);
      expect(sharesInProportion(weight)).toBeGreaterThan(weight === 1 ? 1 : sharesInProportion(weight - 1));
      expect(Math.abs(sharesInProportion(weight) - weight * 10.24)).toBeLessThan(1);
    }
    expect(sharesInProportion(100)).toBe(1024);
  });

  it('of bytes to pages are known as ours, and smaller and larger values are not', () => {
    const size = fc.bigInt({ min: 1n << 20n, max: 1n << 50n });
    const page = fc.constantFrom(4096n, 16_384n, 65_536n);
    fc.assert(
      fc.property(size, page, (text, unit) => {
        const write = { file: 'memory.max', text: String(text) };
        expect(comesFrom(write, String(text - (text % unit)))).toBe(true);
        expect(comesFrom(write, String(text + 1n))).toBe(false);
        expect(comesFrom(write, String(text - 65_536n))).toBe(false);
        expect(comesFrom(write, 'max')).toBe(false);
      }),
      runs(),
    );
  });
});

it('the text that brings a value back is a text, of any bytes', () => {
  const files = fc.constantFrom(
    'cpu.max',
    'io.max',
    'memory.limit_in_bytes',
    'blkio.throttle.read_bps_device',
    'pids.max',
  );
  fc.assert(
    fc.property(files, fc.uint8Array(), (file, content) => {
      const text = restoringTextOf(file, '8:0', content);
      if (text.ok) expect(typeof text.value).toBe('string');
      else expect(text.gap.reason).toBe('malformed');
    }),
    runs(),
  );
});

const place = fc.record({
  mount: fc.string().map((text) => `/${text}`),
  below: fc.string(),
  inode: fc.oneof(fc.constant(null), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })),
});
const undo: fc.Arbitrary<Undo> = fc.oneof(
  fc.record({ op: fc.constant('cgroup' as const), place }),
  fc.record({
    op: fc.constant('cgroup file' as const),
    place,
    file: fc.constantFrom('memory.max', 'cpu.cfs_quota_us', 'hugetlb.2MB.max'),
    text: fc.string(),
    previous: fc.string(),
  }),
);
const entry: fc.Arbitrary<JournalEntry> = fc.record({
  id: fc.stringMatching(/^[a-z]{8}$/),
  boot: fc.uuid(),
  maker: fc.record({
    pid: fc.integer({ min: 1, max: 4_194_304 }),
    start: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    pidNamespace: fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }),
  }),
  made: fc.nat(),
  what: fc.string(),
  kept: fc.boolean(),
  undo: fc.array(undo, { maxLength: 5 }),
});

describe('the journal', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(entry, (each) => {
        expect(decodeEntry(each.id, encodeEntry(each))).toEqual({ ok: true, value: each });
      }),
      runs(),
    );
  });

  it('takes any bytes, and any JSON, as an entry or a gap', () => {
    const text = fc.oneof(
      fc.uint8Array(),
      fc.json().map((json) => new TextEncoder().encode(json)),
    );
    fc.assert(
      fc.property(text, (content) => {
        expect(decodeEntry('x', content).ok).toBe(false);
      }),
      runs(),
    );
  });

  it('takes no entry with a part missing or of another type', () => {
    fc.assert(
      fc.property(entry, fc.nat(), fc.oneof(fc.constant(null), fc.integer(), fc.constant({})), (each, at, junk) => {
        const json = JSON.parse(new TextDecoder().decode(encodeEntry(each))) as Record<string, unknown>;
        const keys = Object.keys(json).filter((key) => !(key === 'made' && typeof junk === 'number'));
        const key = keys[at % keys.length] ?? '';
        // A later version is no junk, but nothing for us either.
        json[key] = junk;
        expect(decodeEntry(each.id, new TextEncoder().encode(JSON.stringify(json))).ok).toBe(
          key === 'version' && junk === 1,
        );
      }),
      runs(),
    );
  });

  it.each(['../cgroup.procs', 'a/b', '', '.x', '/etc/passwd', 'a..b'])('takes no file %j', (file) => {
    const json = { op: 'cgroup file', mount: '/m', below: 'a', inode: '1', file, text: '1', previous: '2' };
    const whole = {
      version: 1,
      boot: 'b',
      maker: { pid: 1, start: '1', pid_namespace: '1' },
      made: 1,
      what: 'w',
      kept: false,
      undo: [json],
    };
    const decode = (value: unknown): boolean => decodeEntry('x', new TextEncoder().encode(JSON.stringify(value))).ok;
    expect(decode(whole)).toBe(false);
    expect(decode({ ...whole, undo: [{ ...json, file: 'pids.max' }] })).toBe(true);
    expect(decode({ ...whole, version: 2 })).toBe(false);
  });
});
