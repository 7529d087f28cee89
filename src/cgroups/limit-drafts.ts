// For each limit that was wished: the files, what is written into them, why, and in which order.

import { formatIdList, parseIdList, type IdRange } from '../kernel/text/id-list.ts';
import type { Bound } from '../kernel/text/cgroup-bound.ts';
import type { Gap } from '../kernel/host.ts';
import { valueOf } from '../kernel/host.ts';
import { parseBound } from '../kernel/text/cgroup-bound.ts';
import { parseCpuMax } from '../kernel/text/cpu-max.ts';
import type { BlockDevice } from './block-device.ts';
import { readBound, readParsed, THROTTLE_FILES } from './limit-files.ts';
import type { FindPlace, LimitPlace, NoPlace } from './limit-place.ts';
import { sharesInProportion } from './weight-conversion.ts';
import { ioKeys, ratesText, type IoWish, type Wish } from './wish.ts';

export type LimitName =
  'cpus' | 'cpu_weight' | 'cpuset_cpus' | 'cpuset_mems' | 'memory' | 'swap' | 'memory_high' | 'pids' | 'io' | 'freeze';

/** A limit that was wished, or that comes with one. */
export interface PlannedLimit {
  readonly name: LimitName;
  /** Of io. */
  readonly device: BlockDevice | null;
  /** In the words of the option: `0.1`, `5242880`, `rbps=1048576,wiops=100`, `frozen`. */
  readonly asked: string;
  /** It was not asked for, but comes with another: nothing fails for it where this kernel does not know it. */
  readonly implied: boolean;
  /** null: there is none, see `problem`. */
  readonly place: LimitPlace | null;
  /** Why there is nothing to write for it. null: there is. */
  readonly problem: LimitProblem | null;
}

export interface LimitProblem {
  /** unknown: this kernel, or this hierarchy, does not have it. */
  readonly state: 'unknown' | 'refused';
  readonly why: string;
  readonly tryThis?: string;
  readonly gap?: Gap;
}

/** What to write for a limit. */
export interface Draft extends PlannedLimit {
  readonly steps: readonly Step[];
}

interface Step {
  readonly file: string;
  readonly text: string;
  readonly reason: string;
}

/** A wished limit on a device. */
export interface DeviceWish {
  readonly device: BlockDevice;
  readonly rates: IoWish['rates'];
}

export function drafts(wish: Wish, devices: readonly DeviceWish[], find: FindPlace): readonly Draft[] {
  return [
    ...cpusDraft(wish, find),
    ...weightDraft(wish, find),
    ...cpusetDrafts(wish, find),
    ...memoryDrafts(wish, find),
    ...pidsDraft(wish, find),
    ...devices.map((device) => ioDraft(device, find)),
    // Last: what is frozen already has its limits.
    ...freezeDraft(wish, find),
  ];
}

interface Subject {
  readonly name: LimitName;
  readonly asked: string;
  readonly implied?: boolean;
  readonly device?: BlockDevice;
}

/** `steps` gets a place that has limits at all. */
function draft(
  { name, asked, implied = false, device }: Subject,
  place: LimitPlace | NoPlace,
  steps: (place: LimitPlace) => readonly Step[] | LimitProblem,
): Draft {
  const base = { name, asked, implied, device: device ?? null, steps: [] };
  if ('why' in place) return { ...base, place: null, problem: { state: 'unknown', ...place } };
  if (place.isRoot) {
    const why = `${place.path} is the root of its hierarchy, and the kernel has no limits there`;
    const tryThis = 'a cgroup below it (nstool cgroup ls), or a new one for a command: nstool cgroup run';
    return { ...base, place, problem: { state: 'refused', why, tryThis } };
  }
  const made = steps(place);
  return 'state' in made ? { ...base, place, problem: made } : { ...base, place, problem: null, steps: made };
}

const MILLISECOND = 1000;
const DEFAULT_PERIOD = 100_000;
const LONGEST_PERIOD = 1_000_000;

/** The period stays as it is, if the quota is not too small for the kernel in it. Unit: microseconds. */
export function quotaFor(cpus: number, period: number): { readonly quota: number; readonly period: number } {
  for (const each of [period, DEFAULT_PERIOD]) {
    const quota = Math.round(cpus * each);
    if (quota >= MILLISECOND) return { quota, period: each };
  }
  return { quota: Math.round(cpus * LONGEST_PERIOD), period: LONGEST_PERIOD };
}

function cpusDraft({ cpus }: Wish, find: FindPlace): readonly Draft[] {
  if (cpus === undefined) return [];
  const steps = (place: LimitPlace): readonly Step[] =>
    place.version === 1 ? v1Quota(place, cpus) : v2Quota(place, cpus);
  return [draft({ name: 'cpus', asked: String(cpus) }, find('cpu'), steps)];
}

function v2Quota(place: LimitPlace, cpus: number | 'max'): readonly Step[] {
  const before = Number(valueOf(readParsed(place, 'cpu.max', parseCpuMax))?.period ?? DEFAULT_PERIOD);
  if (cpus === 'max') return [{ file: 'cpu.max', text: `max ${before}`, reason: 'no quota' }];
  const { quota, period } = quotaFor(cpus, before);
  return [{ file: 'cpu.max', text: `${quota} ${period}`, reason: quotaReason(quota, period) }];
}

function quotaReason(quota: number, period: number): string {
  return `${quota / MILLISECOND} ms of processor time in every ${period / MILLISECOND} ms`;
}

function v1Quota(place: LimitPlace, cpus: number | 'max'): readonly Step[] {
  const old = valueOf(readBound(place, 'cpu.cfs_quota_us'));
  const none = { file: 'cpu.cfs_quota_us', text: '-1' };
  if (cpus === 'max') return [{ ...none, reason: 'no quota' }];
  const before = Number(valueOf(readBound(place, 'cpu.cfs_period_us')) ?? DEFAULT_PERIOD);
  const { quota, period } = quotaFor(cpus, before);
  const step = { file: 'cpu.cfs_quota_us', text: String(quota), reason: quotaReason(quota, period) };
  if (period === before) return [step];
  const longer = {
    file: 'cpu.cfs_period_us',
    text: String(period),
    reason: 'a quota of less than 1 ms is refused, so the period is longer',
  };
  if (old === 'max') return [longer, step];
  const between =
    'the old quota in the new period could be more than what is above allows, or less than what is below has';
  return [{ ...none, reason: between }, longer, step];
}

function weightDraft({ cpu_weight: weight }: Wish, find: FindPlace): readonly Draft[] {
  if (weight === undefined) return [];
  const subject = { name: 'cpu_weight', asked: String(weight) } as const;
  return [
    draft(subject, find('cpu'), ({ version }) => {
      if (version === 2)
        return [{ file: 'cpu.weight', text: String(weight), reason: 'its part when others want time too' }];
      const reason = `a weight of ${weight}, of which 100 is the default, in shares, of which 1024 is`;
      return [{ file: 'cpu.shares', text: String(sharesInProportion(weight)), reason }];
    }),
  ];
}

function cpusetDrafts(wish: Wish, find: FindPlace): readonly Draft[] {
  const { cpuset_cpus: cpus, cpuset_mems: mems } = wish;
  if (cpus === undefined && mems === undefined) return [];
  const place = find('cpuset');
  // Memory first: on v1 a cgroup takes processes only once it has both.
  return [...listDraft(place, 'mems', mems), ...listDraft(place, 'cpus', cpus)];
}

function listDraft(
  place: LimitPlace | NoPlace,
  key: 'cpus' | 'mems',
  list: readonly IdRange[] | undefined,
): readonly Draft[] {
  const file = `cpuset.${key}`;
  const name = key === 'cpus' ? 'cpuset_cpus' : 'cpuset_mems';
  const what = key === 'cpus' ? 'processors' : 'memory nodes';
  if (list !== undefined) {
    const asked = formatIdList(list);
    return [draft({ name, asked }, place, () => [{ file, text: asked, reason: `only these ${what}` }])];
  }
  if ('why' in place || place.version === 2 || place.isRoot) return [];
  const own = valueOf(readParsed(place, file, parseIdList));
  const above = place.readAbove(file);
  const parents = above.ok ? valueOf(parseIdList(above.value, file)) : undefined;
  if (own === undefined || own.length > 0 || parents === undefined) return [];
  const asked = formatIdList(parents);
  const reason = `as above it: without ${what} it takes no processes`;
  return [draft({ name, asked, implied: true }, place, () => [{ file, text: asked, reason }])];
}

function memoryDrafts(wish: Wish, find: FindPlace): readonly Draft[] {
  const { memory, swap, memory_high: high } = wish;
  if (memory === undefined && swap === undefined && high === undefined) return [];
  const place = find('memory');
  const version = 'why' in place ? null : place.version;
  const highs = high === undefined ? [] : [highDraft(place, high)];
  const memories = memory === undefined ? [] : [memoryDraft(place, memory)];
  const swaps = swapDraft(place, memory, swap);
  // v2: what is about to be reclaimed must not go to a swap that is forbidden next.
  if (version !== 1) return [...swaps, ...highs, ...memories];
  return isAbove(place, memory) ? [...highs, ...swaps, ...memories] : [...highs, ...memories, ...swaps];
}

/** v1 keeps the limit on memory at most that on memory and swap, at every moment: which rises first is written first. */
function isAbove(place: LimitPlace | NoPlace, memory: Bound | undefined): boolean {
  const both = 'why' in place ? undefined : valueOf(readBound(place, 'memory.memsw.limit_in_bytes'));
  if (both === undefined || both === 'max' || memory === undefined) return false;
  return memory === 'max' || memory > both;
}

function memoryDraft(place: LimitPlace | NoPlace, memory: Bound): Draft {
  const reason =
    memory === 'max' ? 'no limit on memory' : 'what is beyond and cannot be reclaimed gets a process killed';
  return draft({ name: 'memory', asked: String(memory) }, place, (found) => {
    const { version } = found;
    const [file, usage] =
      version === 1 ? ['memory.limit_in_bytes', 'memory.usage_in_bytes'] : ['memory.max', 'memory.current'];
    return [{ file, text: boundText(version, memory), reason: `${reason}${already(found, usage, memory)}` }];
  });
}

/** Where more is in use than is allowed from now on. */
function already(place: LimitPlace, file: string, limit: Bound): string {
  const used = valueOf(readBound(place, file));
  if (limit === 'max' || used === undefined || used === 'max' || used <= limit) return '';
  return `; ${used} are in use already`;
}

function highDraft(place: LimitPlace | NoPlace, high: Bound): Draft {
  return draft({ name: 'memory_high', asked: String(high) }, place, ({ version }) => {
    if (version === 2)
      return [{ file: 'memory.high', text: String(high), reason: 'what is beyond is reclaimed, and slows it' }];
    return { state: 'unknown', why: 'cgroup v1 has no memory.high', tryThis: '--memory, or a host with cgroup v2' };
  });
}

function swapDraft(
  place: LimitPlace | NoPlace,
  memory: Bound | undefined,
  wished: Bound | undefined,
): readonly Draft[] {
  // A limit on memory that swap evades binds nothing.
  const swap = wished ?? (memory === undefined ? undefined : memory === 'max' ? 'max' : 0n);
  if (swap === undefined) return [];
  const subject = { name: 'swap', asked: String(swap), implied: wished === undefined } as const;
  return [
    draft(subject, place, (found) => {
      const reason =
        wished !== undefined
          ? 'how much may be swapped out'
          : swap === 'max'
            ? 'without a limit on memory none on swap'
            : 'swap would evade the limit on memory; --swap allows some';
      if (found.version === 2) return [{ file: 'memory.swap.max', text: String(swap), reason }];
      const limit = memory ?? valueOf(readParsed(found, 'memory.limit_in_bytes', parseBound));
      if (limit === undefined || (limit === 'max' && swap !== 'max')) {
        const why = 'cgroup v1 limits memory and swap together, and there is no limit on memory';
        return { state: 'refused', why, tryThis: '--memory too' };
      }
      const both = limit === 'max' || swap === 'max' ? 'max' : limit + swap;
      const sum = both === 'max' ? reason : `memory and swap together; ${reason}`;
      return [{ file: 'memory.memsw.limit_in_bytes', text: boundText(1, both), reason: sum }];
    }),
  ];
}

function boundText(version: 1 | 2, bound: Bound): string {
  return version === 1 && bound === 'max' ? '-1' : String(bound);
}

function pidsDraft({ pids }: Wish, find: FindPlace): readonly Draft[] {
  if (pids === undefined) return [];
  const reason = 'how many processes and threads there may be';
  const steps = (place: LimitPlace): readonly Step[] => {
    return [{ file: 'pids.max', text: String(pids), reason: `${reason}${already(place, 'pids.current', pids)}` }];
  };
  return [draft({ name: 'pids', asked: String(pids) }, find('pids'), steps)];
}

function ioDraft({ device, rates }: DeviceWish, find: FindPlace): Draft {
  const { number, name } = device;
  const on = name === null ? '' : ` on ${name}`;
  return draft({ name: 'io', asked: ratesText(rates), device }, find('blkio'), ({ version }) => {
    const keys = ioKeys.filter((key) => rates[key] !== undefined);
    if (version === 2) {
      const text = `${number} ${keys.map((key) => `${key}=${rates[key]}`).join(' ')}`;
      return [{ file: 'io.max', text, reason: `at most so much each second${on}` }];
    }
    return keys.map((key) => ({
      file: THROTTLE_FILES[key],
      // 0 takes the limit away.
      text: `${number} ${rates[key] === 'max' ? 0 : rates[key]}`,
      reason: `${key}: at most so much each second${on}`,
    }));
  });
}

function freezeDraft({ freeze }: Wish, find: FindPlace): readonly Draft[] {
  if (freeze === undefined) return [];
  const reason = freeze ? 'all its processes stop' : 'its processes go on';
  return [
    draft({ name: 'freeze', asked: freeze ? 'frozen' : 'thawed' }, find('freezer'), ({ version }) => [
      version === 1
        ? { file: 'freezer.state', text: freeze ? 'FROZEN' : 'THAWED', reason }
        : { file: 'cgroup.freeze', text: freeze ? '1' : '0', reason },
    ]),
  ];
}
