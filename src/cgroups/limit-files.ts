// What the files of limits say, in two forms: the text that brings the value back, and the word of the option that means it.

import { gap, value, type Reading } from '../kernel/host.ts';
import { parseDeviceNumbers } from '../kernel/text/blkio.ts';
import { parseBound, type Bound } from '../kernel/text/cgroup-bound.ts';
import { parseCpuMax } from '../kernel/text/cpu-max.ts';
import { formatIdList, parseIdList } from '../kernel/text/id-list.ts';
import { parseNestedKeyed } from '../kernel/text/nested-keyed.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { LimitPlace } from './limit-place.ts';
import { ioKeys, ratesText, type IoKey } from './wish.ts';

/** Of v1's, for each key of v2's io.max. */
export const THROTTLE_FILES: Readonly<Record<IoKey, string>> = {
  rbps: 'blkio.throttle.read_bps_device',
  wbps: 'blkio.throttle.write_bps_device',
  riops: 'blkio.throttle.read_iops_device',
  wiops: 'blkio.throttle.write_iops_device',
};

type Parse<T> = (bytes: Uint8Array, file: string) => Reading<T>;

export function readParsed<T>({ read }: Pick<LimitPlace, 'read'>, file: string, parse: Parse<T>): Reading<T> {
  const bytes = read(file);
  return bytes.ok ? parse(bytes.value, file) : bytes;
}

/** `device`: of files that have a line a device. Errors: as of reading it; malformed. */
export function restoringText(place: Pick<LimitPlace, 'read'>, file: string, device: string | null): Reading<string> {
  // It tells what was asked for here; freezer.state also what a cgroup above makes of it.
  if (file === 'freezer.state') {
    const own = readParsed(place, 'freezer.self_freezing', parseBound);
    return own.ok ? value(own.value === 0n ? 'THAWED' : 'FROZEN') : own;
  }
  const bytes = place.read(file);
  return bytes.ok ? restoringTextOf(file, device, bytes.value) : bytes;
}

/** Errors: malformed. */
export function restoringTextOf(file: string, device: string | null, bytes: Uint8Array): Reading<string> {
  if (file.startsWith('memory.') && file.endsWith('limit_in_bytes')) {
    const bound = parseBound(bytes, file);
    return bound.ok ? value(bound.value === 'max' ? '-1' : String(bound.value)) : bound;
  }
  if (file === 'io.max' && device !== null) {
    const rates = rateBounds(bytes, file, device);
    return rates.ok ? value(`${device} ${ioKeys.map((key) => `${key}=${rates.value[key]}`).join(' ')}`) : rates;
  }
  if (file.startsWith('blkio.throttle.') && device !== null) {
    const numbers = parseDeviceNumbers(bytes, file);
    // 0 takes the limit away.
    return numbers.ok ? value(`${device} ${numbers.value.get(device) ?? 0n}`) : numbers;
  }
  return value(decodeText(bytes).replace(/\n$/, ''));
}

function rateBounds(bytes: Uint8Array, file: string, device: string): Reading<Record<IoKey, Bound>> {
  const parsed = parseNestedKeyed(bytes, file);
  if (!parsed.ok) return parsed;
  const of = (key: IoKey): Bound => parsed.value.get(device)?.get(key) ?? 'max';
  return value({ rbps: of('rbps'), wbps: of('wbps'), riops: of('riops'), wiops: of('wiops') });
}

/** How many processors' time. */
export function readCores(place: LimitPlace): Reading<string> {
  if (place.version === 2) {
    const quota = readParsed(place, 'cpu.max', parseCpuMax);
    return quota.ok ? value(coresText(quota.value.quota, quota.value.period)) : quota;
  }
  const quota = readParsed(place, 'cpu.cfs_quota_us', parseBound);
  const period = readParsed(place, 'cpu.cfs_period_us', parseBound);
  if (!quota.ok) return quota;
  if (!period.ok) return period;
  return value(coresText(quota.value, period.value));
}

function coresText(quota: Bound, period: Bound): string {
  return quota === 'max' || period === 'max' ? 'max' : String(Number(quota) / Number(period));
}

/** As a weight of v2; of v1's shares as systemd converts them, to two digits. */
export function readWeight(place: LimitPlace): Reading<string> {
  const set = readParsed(place, place.version === 2 ? 'cpu.weight' : 'cpu.shares', parseBound);
  if (!set.ok || set.value === 'max') return set.ok ? gap({ reason: 'malformed', what: 'cpu.shares' }) : set;
  if (place.version === 2) return value(String(set.value));
  return value(String(Math.round((Number(set.value) * 100 * 100) / 1024) / 100));
}

/** v2 takes any list, and gives what of it there is. */
export function readList(place: LimitPlace, key: 'cpus' | 'mems'): Reading<string> {
  const list = readParsed(place, place.version === 2 ? `cpuset.${key}.effective` : `cpuset.${key}`, parseIdList);
  return list.ok ? value(formatIdList(list.value)) : list;
}

export function readBound(place: LimitPlace, file: string): Reading<Bound> {
  return readParsed(place, file, parseBound);
}

/** Swap alone. */
export function readSwap(place: LimitPlace): Reading<Bound> {
  if (place.version === 2) return readBound(place, 'memory.swap.max');
  const both = readBound(place, 'memory.memsw.limit_in_bytes');
  const memory = readBound(place, 'memory.limit_in_bytes');
  if (!both.ok || !memory.ok) return both.ok ? memory : both;
  return value(both.value === 'max' || memory.value === 'max' ? 'max' : both.value - memory.value);
}

/** Of the keys that are asked for. */
export function readRates(place: LimitPlace, device: string, keys: readonly IoKey[]): Reading<string> {
  const rates: Partial<Record<IoKey, Bound>> = {};
  for (const key of keys) {
    const rate = place.version === 2 ? v2Rate(place, device, key) : v1Rate(place, device, key);
    if (!rate.ok) return rate;
    rates[key] = rate.value;
  }
  return value(ratesText(rates));
}

function v2Rate(place: LimitPlace, device: string, key: IoKey): Reading<Bound> {
  const rates = readParsed(place, 'io.max', (bytes, file) => rateBounds(bytes, file, device));
  return rates.ok ? value(rates.value[key]) : rates;
}

function v1Rate(place: LimitPlace, device: string, key: IoKey): Reading<Bound> {
  const numbers = readParsed(place, THROTTLE_FILES[key], parseDeviceNumbers);
  return numbers.ok ? value(numbers.value.get(device) ?? 'max') : numbers;
}

export function readFrozen(place: LimitPlace): Reading<string> {
  const file = place.version === 2 ? 'cgroup.freeze' : 'freezer.self_freezing';
  const frozen = readBound(place, file);
  return frozen.ok ? value(frozen.value === 0n ? 'thawed' : 'frozen') : frozen;
}
