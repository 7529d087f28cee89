// The limits that were asked for, as data, from the words of the command line: the same on v1 and v2.

import { NsError } from '../kernel/error.ts';
import type { Bound } from '../kernel/text/cgroup-bound.ts';
import { formatIdList, parseIdList, type IdRange } from '../kernel/text/id-list.ts';
import { parseUnsigned64 } from '../kernel/text/text.ts';

/** What was not asked for is absent. */
export interface Wish {
  /** How many processors' time, as `0.1`. At least 0.001: a quota of 1 ms in a period of 1 s. */
  readonly cpus?: number | 'max';
  /** 1 to 10000, 100 by default, on v1 too. */
  readonly cpu_weight?: number;
  readonly cpuset_cpus?: readonly IdRange[];
  readonly cpuset_mems?: readonly IdRange[];
  /** Unit: bytes. */
  readonly memory?: Bound;
  /** Swap alone, on v1 too. Unit: bytes. */
  readonly swap?: Bound;
  /** Unit: bytes. Only of v2. */
  readonly memory_high?: Bound;
  readonly pids?: Bound;
  readonly io?: readonly IoWish[];
  /** false: thaw. */
  readonly freeze?: boolean;
}

/** Unit: bytes and operations per second. */
export interface IoWish {
  /** `8:0`, or a path: of a block device it means that, of any other file the device that it lies on. */
  readonly device: string;
  readonly rates: Readonly<Partial<Record<IoKey, Bound>>>;
}

export const ioKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const;

export type IoKey = (typeof ioKeys)[number];

/** By option, without its dashes: the values that were given. Errors: BAD_VALUE. */
export function parseWish(given: ReadonlyMap<string, readonly string[]>): Wish {
  const last = (option: string): string | undefined => given.get(option)?.at(-1);
  const of = <T>(option: string, parse: (word: string, option: string) => T): T | undefined => {
    const word = last(option);
    return word === undefined ? undefined : parse(word, option);
  };
  if (given.has('freeze') && given.has('thaw')) {
    throw new NsError('BAD_VALUE', { what: '--freeze and --thaw: only one of them', why: 'each undoes the other' });
  }
  const io = given.get('io')?.map(parseIo);
  const wished = {
    cpus: of('cpus', parseCpus),
    cpu_weight: of('cpu-weight', parseWeight),
    cpuset_cpus: of('cpuset-cpus', parseList),
    cpuset_mems: of('cpuset-mems', parseList),
    memory: of('memory', parseSize),
    swap: of('swap', parseSize),
    memory_high: of('memory-high', parseSize),
    pids: of('pids', parseCount),
    io,
    freeze: given.has('freeze') ? true : given.has('thaw') ? false : undefined,
  };
  return Object.fromEntries(Object.entries(wished).filter(([, each]) => each !== undefined));
}

/** The options and values that mean a wish: parseWish of them gives it again. */
export function wishWords(wish: Wish): ReadonlyMap<string, readonly string[]> {
  const words: [string, readonly string[] | undefined][] = [
    ['cpus', one(wish.cpus)],
    ['cpu-weight', one(wish.cpu_weight)],
    ['cpuset-cpus', wish.cpuset_cpus && [formatIdList(wish.cpuset_cpus)]],
    ['cpuset-mems', wish.cpuset_mems && [formatIdList(wish.cpuset_mems)]],
    ['memory', one(wish.memory)],
    ['swap', one(wish.swap)],
    ['memory-high', one(wish.memory_high)],
    ['pids', one(wish.pids)],
    ['io', wish.io?.map(({ device, rates }) => `${device}:${ratesText(rates)}`)],
    ['freeze', wish.freeze === true ? [''] : undefined],
    ['thaw', wish.freeze === false ? [''] : undefined],
  ];
  return new Map(words.flatMap(([option, values]) => (values === undefined ? [] : [[option, values] as const])));
}

function one(each: number | Bound | undefined): readonly string[] | undefined {
  return each === undefined ? undefined : [String(each)];
}

/** `rbps=1048576,wiops=100`. */
export function ratesText(rates: IoWish['rates']): string {
  return ioKeys.flatMap((key) => (rates[key] === undefined ? [] : [`${key}=${rates[key]}`])).join(',');
}

/** A quota of less than 1 ms is refused, and so is a period of more than 1 s. Source: kernel/sched/core.c. */
const LEAST_CPUS = 0.001;

/** More than any machine has, and far from where the kernel's arithmetic ends. */
const MOST_CPUS = 100_000;

function parseCpus(word: string, option: string): number | 'max' {
  if (word === 'max') return 'max';
  const cpus = /^(?:\d+\.?\d*|\.\d+)$/.test(word) ? Number(word) : Number.NaN;
  if (cpus >= LEAST_CPUS && cpus <= MOST_CPUS) return cpus;
  throw bad(option, word, `it takes processors, from ${LEAST_CPUS} on, or max`, `--${option} 0.1, a tenth of one`);
}

function parseWeight(word: string, option: string): number {
  const weight = parseUnsigned64(word);
  if (weight !== undefined && weight >= 1n && weight <= 10_000n) return Number(weight);
  throw bad(
    option,
    word,
    'it takes a weight from 1 to 10000; 100 is the default',
    `--${option} 200, twice the default`,
  );
}

function parseList(word: string, option: string): readonly IdRange[] {
  const list = parseIdList(new TextEncoder().encode(word), option);
  if (list.ok && list.value.length > 0) return joined(list.value);
  throw bad(option, word, 'it takes numbers and ranges, ascending', `--${option} 0-3,8`);
}

/** As the kernel writes it: `0,1` is `0-1`. */
function joined(list: readonly IdRange[]): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (const [first, last] of list) {
    const before = ranges.at(-1);
    if (before === undefined || before[1] + 1 < first) ranges.push([first, last]);
    else ranges[ranges.length - 1] = [before[0], last];
  }
  return ranges;
}

const UNITS = 'KMGT';

/** `5M`, `1.5G`; powers of 1024. Unit: bytes. */
function parseSize(word: string, option: string): Bound {
  const size = word === 'max' ? 'max' : sizeOf(word);
  if (size !== undefined) return size;
  throw bad(option, word, 'it takes bytes, with K, M, G or T for powers of 1024, or max', `--${option} 64M`);
}

/** What is beyond is no number of the kernel's. */
const MOST_BYTES = 1n << 62n;

function sizeOf(word: string): bigint | undefined {
  const [, whole, fraction = '', unit = ''] = /^(\d{1,20})(?:\.(\d{1,6}))?([KMGT]?)$/i.exec(word) ?? [];
  if (whole === undefined || (fraction !== '' && unit === '')) return undefined;
  const factor = unit === '' ? 1n : 1024n ** BigInt(UNITS.indexOf(unit.toUpperCase()) + 1);
  const scale = 10n ** BigInt(fraction.length);
  const bytes = (BigInt(`${whole}${fraction}`) * factor) / scale;
  return bytes < MOST_BYTES ? bytes : undefined;
}

/** Source: linux/threads.h, PID_MAX_LIMIT: more than these there never are. */
const MOST_PIDS = 4_194_304n;

function parseCount(word: string, option: string): Bound {
  const count = word === 'max' ? 'max' : parseUnsigned64(word);
  if (count === 'max' || (count !== undefined && count <= MOST_PIDS)) return count;
  throw bad(option, word, `it takes how many processes and threads, up to ${MOST_PIDS}, or max`, `--${option} 100`);
}

const IO_FORM = 'it takes DEVICE:KEY=RATE[,…], the keys rbps, wbps, riops, wiops';
const IO_EXAMPLE = '--io /dev/sda:rbps=1M,wiops=100';

function parseIo(word: string): IoWish {
  // A path may have colons: the rates are after the last one.
  const colon = word.lastIndexOf(':');
  const device = word.slice(0, Math.max(colon, 0));
  if (device === '' || device.includes('\0')) throw bad('io', word, IO_FORM, IO_EXAMPLE);
  const rates: Partial<Record<IoKey, Bound>> = {};
  for (const pair of word.slice(colon + 1).split(',')) {
    const [, name = '', rate = ''] = /^([a-z]+)=(.+)$/.exec(pair) ?? [];
    const key = ioKeys.find((each) => each === name);
    if (key === undefined || rates[key] !== undefined) throw bad('io', word, IO_FORM, IO_EXAMPLE);
    rates[key] = parseRate(rate, key, word);
  }
  return { device, rates };
}

/** Source: block/blk-throttle.c: operations are counted in 32 bits. */
const MOST_OPERATIONS = 4_294_967_295n;

function parseRate(word: string, key: IoKey, whole: string): Bound {
  const rate = word === 'max' ? 'max' : sizeOf(word);
  const most = key.endsWith('iops') ? MOST_OPERATIONS : MOST_BYTES;
  if (rate === 'max' || (rate !== undefined && rate > 0n && rate < most)) return rate;
  throw bad('io', whole, `${key} takes a number from 1 on, with K, M or G for powers of 1024, or max`, IO_EXAMPLE);
}

function bad(option: string, word: string, why: string, tryThis: string): NsError {
  return new NsError('BAD_VALUE', { what: `--${option} '${word}' is not of its kind`, why, tryThis });
}
