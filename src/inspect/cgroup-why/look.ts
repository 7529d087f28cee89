// What is read of cgroups at one moment to find out why something in them is slow, stuck or was killed: of each level from
// the cgroup up to the root, as the cause often stands in one above. Source: Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/, Documentation/scheduler/sched-bwc.rst.

import { readCpuset, type Placement } from '../../cgroups/cpuset.ts';
import { readEvents, type EventCounts } from '../../cgroups/events.ts';
import { controlledBy, type Controlled, type Group, type Groups, type Level } from '../../cgroups/groups.ts';
import { deviceName } from '../../cgroups/io.ts';
import { LIMITS } from '../../cgroups/limit-table.ts';
import { readLimits } from '../../cgroups/limits.ts';
import { readMemory, type MemoryUsage } from '../../cgroups/memory.ts';
import { readFrom, type Parse } from '../../cgroups/read.ts';
import { readStalls, type Stalls } from '../../cgroups/stalls.ts';
import { readCpuWeight, type CpuWeight } from '../../cgroups/weight.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { value, type Host, type Reading } from '../../kernel/host.ts';
import { parseDeviceNumbers, parseDeviceOperations } from '../../kernel/text/blkio.ts';
import { parseAmount, parseBound, type Bound } from '../../kernel/text/cgroup-bound.ts';
import { parseCpuMax, type CpuQuota } from '../../kernel/text/cpu-max.ts';
import { parseFlatKeyed } from '../../kernel/text/flat-keyed.ts';
import { formatIdList, parseIdList } from '../../kernel/text/id-list.ts';
import { parseNestedKeyed } from '../../kernel/text/nested-keyed.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { readTasks, type Tasks } from './tasks.ts';

/** One cgroup of a hierarchy. null below: not told, or closed to us, which is a gap. */
export interface At extends Level {
  readonly version: 1 | 2;
}

export interface CpuLevel extends At {
  /** undefined quota: the root has none. */
  readonly quota: CpuQuota | null;
  /** Unit: microseconds. */
  readonly burst: bigint | null;
  readonly idle: boolean | null;
  /** By its own quota, since it was made. */
  readonly periods: bigint | null;
  readonly throttled: bigint | null;
  /** Summed over processors. Unit: microseconds. */
  readonly throttledUsec: bigint | null;
  /** Processor time, with all below. Unit: microseconds. */
  readonly usageUsec: bigint | null;
  /** undefined: it is the root. */
  readonly weight: CpuWeight | undefined;
}

export interface MemoryLevel extends At {
  readonly limit: Bound | null;
  /** Of v2. */
  readonly high: Bound | null;
  readonly usage: bigint | null;
  readonly peak: bigint | null;
  /** v2: of swap alone. v1: of memory and swap together. */
  readonly swapLimit: Bound | null;
  readonly swap: bigint | null;
  /** How often its own limit was met. */
  readonly hits: bigint | null;
  /** How often nothing more could be given back. Of v2. */
  readonly outOfMemory: bigint | null;
  /** Processes of its own that were killed. */
  readonly kills: bigint | null;
  /** With those below. Of v2. */
  readonly killsBelow: bigint | null;
  readonly groupKills: bigint | null;
  /** How often it was slowed down by memory.high. Of v2. */
  readonly highHits: bigint | null;
  /** Of v1: nobody is killed, those who ask for memory wait. */
  readonly killDisabled: boolean | null;
  /** Of v1: they do so now. */
  readonly waiting: boolean | null;
  /** memory.oom.group. */
  readonly killsAll: boolean | null;
}

export interface CpusetLevel extends At {
  /** Those that it may use, as `0-3,8`. */
  readonly cpus: string | null;
}

export interface PidsLevel extends At {
  readonly limit: Bound | null;
  readonly current: bigint | null;
  readonly peak: bigint | null;
  /** v1, and v2 before Linux 6.11: forks of its own processes, whichever limit refused; else by its own limit. */
  readonly refused: bigint | null;
}

export interface FreezerLevel extends At {
  /** Is it this one that was told to freeze? */
  readonly self: boolean | null;
  /** Is it, by whomever? */
  readonly frozen: boolean | null;
}

/** Limits and counters of a device at one level. */
export interface IoLevel extends At {
  readonly device: string;
  readonly deviceName: string | null;
  readonly limits: Readonly<Record<IoKey, Bound>>;
  readonly counts: Readonly<Record<IoKey, bigint | null>>;
}

/** Bytes and requests. */
export const ioKeys = ['rbps', 'wbps', 'riops', 'wiops'] as const;

export type IoKey = (typeof ioKeys)[number];

export interface DyingLevel extends At {
  readonly living: bigint | null;
  readonly dying: bigint | null;
}

export interface Look {
  /** By a clock that only goes forward. Unit: milliseconds. */
  readonly at: number;
  /** From the cgroup up. Empty: the controller is on no hierarchy that was reached. */
  readonly cpu: readonly CpuLevel[];
  readonly memory: readonly MemoryLevel[];
  readonly pids: readonly PidsLevel[];
  readonly freezer: readonly FreezerLevel[];
  readonly io: readonly IoLevel[];
  /** Of v2. Absent (null): there is none. */
  readonly dying: DyingLevel | null;
  readonly cpuset: readonly Placement[];
  readonly cpusetLevels: readonly CpusetLevel[];
  readonly stalls: Stalls | null;
  readonly tasks: Tasks | null;
  readonly filled: MemoryUsage | null;
  /** How often limits of huge pages were met. */
  readonly hugetlb: readonly EventCounts[];
}

/** `pid`: null of cgroups that were named by their path, and of the host. */
export function lookAt(host: Host, groups: Groups, pid: number | null, at: number, gaps: GapTally): Look {
  const unified = groups.reached.find(({ version }) => version === 2);
  return {
    at,
    cpu: cpuLevels(groups, gaps),
    memory: levelsOf(groups, 'memory', memoryLevel, gaps),
    pids: levelsOf(groups, 'pids', pidsLevel, gaps),
    freezer: freezerLevels(groups, unified, gaps),
    io: ioLevels(host, groups, gaps),
    dying: unified === undefined ? null : dyingLevel(unified, gaps),
    cpuset: readCpuset(groups, gaps),
    cpusetLevels: levelsOf(groups, 'cpuset', cpusetLevel, gaps),
    stalls: readStalls(groups, gaps) ?? null,
    tasks: readTasks(host, controlledBy(groups, 'cpu')?.group ?? unified, pid),
    filled: readMemory(groups, gaps) ?? null,
    hugetlb: readEvents(groups, new GapTally()).filter(({ controller }) => controller === 'hugetlb'),
  };
}

/** One level's files, read as asked. */
interface Files {
  readonly at: At;
  readonly amount: (name: string | undefined) => bigint | null;
  readonly bound: (name: string | undefined) => Bound | null;
  readonly flag: (name: string) => boolean | null;
  readonly keyed: (name: string) => ReadonlyMap<string, bigint>;
  readonly read: <T>(name: string, parse: Parse<T>) => T | null;
}

function filesOf(group: Group, level: Level, gaps: GapTally): Files {
  const read = <T>(name: string, parse: Parse<T>): T | null => readFrom(group, level, name, parse, gaps) ?? null;
  return {
    at: { ...level, version: group.version },
    read,
    amount: (name) => (name === undefined ? null : read(name, parseAmount)),
    bound: (name) => (name === undefined ? null : read(name, parseBound)),
    flag: (name) => {
      const number = read(name, parseAmount);
      return number === null ? null : number !== 0n;
    },
    keyed: (name) => read(name, parseFlatKeyed) ?? new Map<string, bigint>(),
  };
}

function levelsOf<T>(groups: Groups, controller: string, of: (files: Files) => T, gaps: GapTally): readonly T[] {
  const controlled = controlledBy(groups, controller);
  if (controlled === undefined) return [];
  return controlled.levels.map((level) => of(filesOf(controlled.group, level, gaps)));
}

function cpuLevels(groups: Groups, gaps: GapTally): readonly CpuLevel[] {
  const controlled = controlledBy(groups, 'cpu');
  if (controlled === undefined) return [];
  const accounted = controlledBy(groups, 'cpuacct');
  return controlled.levels.map((level, index) => {
    const files = filesOf(controlled.group, level, gaps);
    const stat = files.keyed('cpu.stat');
    const of = (key: string): bigint | null => stat.get(key) ?? null;
    const above = { ...controlled.group, levels: tail(controlled, index) };
    const weight = readCpuWeight({ reached: [above], unreached: [] }, gaps);
    const quotas = { idle: files.flag('cpu.idle'), periods: of('nr_periods'), throttled: of('nr_throttled'), weight };
    if (controlled.group.version === 2) {
      return {
        ...files.at,
        ...quotas,
        quota: files.read('cpu.max', parseCpuMax),
        burst: files.amount('cpu.max.burst'),
        throttledUsec: of('throttled_usec'),
        usageUsec: of('usage_usec'),
      };
    }
    const quota = files.bound('cpu.cfs_quota_us');
    const period = files.amount('cpu.cfs_period_us');
    const same = accounted?.levels.find(({ path }) => path === level.path);
    const usage =
      accounted === undefined || same === undefined
        ? null
        : filesOf(accounted.group, same, gaps).amount('cpuacct.usage');
    return {
      ...files.at,
      ...quotas,
      quota: quota === null || period === null || period === 0n ? null : { quota, period },
      burst: files.amount('cpu.cfs_burst_us'),
      throttledUsec: micros(of('throttled_time')),
      usageUsec: micros(usage),
    };
  });
}

/** From this level up: at least itself. */
function tail({ levels }: Controlled, index: number): Group['levels'] {
  const [first, ...rest] = levels.slice(index);
  if (first === undefined) throw new RangeError('no such level');
  return [first, ...rest];
}

function micros(nanoseconds: bigint | null): bigint | null {
  return nanoseconds === null ? null : nanoseconds / 1000n;
}

const [MEMORY, , MEMSW, SWAP, PIDS] = ['memory_max', 'memory_high', 'memsw_max', 'swap_max', 'pids_max'].map((key) =>
  LIMITS.find((definition) => definition.key === key),
);

function memoryLevel(files: Files): MemoryLevel {
  const { at, amount, bound, keyed, flag } = files;
  if (at.version === 1) {
    const control = keyed('memory.oom_control');
    const of = (key: string): bigint | null => control.get(key) ?? null;
    const is = (key: string): boolean | null => (control.has(key) ? control.get(key) !== 0n : null);
    return {
      ...at,
      limit: bound(MEMORY?.v1?.limit),
      high: null,
      usage: amount(MEMORY?.v1?.usage),
      peak: amount(MEMORY?.v1?.peak),
      swapLimit: bound(MEMSW?.v1?.limit),
      swap: keyed('memory.stat').get('total_swap') ?? null,
      hits: sum(amount('memory.failcnt'), amount('memory.memsw.failcnt')),
      outOfMemory: null,
      kills: of('oom_kill'),
      killsBelow: null,
      groupKills: null,
      highHits: null,
      killDisabled: is('oom_kill_disable'),
      waiting: is('under_oom'),
      killsAll: null,
    };
  }
  const events = keyed('memory.events');
  const local = keyed('memory.events.local');
  // Before Linux 5.2 there are only those with all below.
  const own = local.size > 0 ? local : events;
  return {
    ...at,
    limit: bound(MEMORY?.v2?.limit),
    high: bound('memory.high'),
    usage: amount(MEMORY?.v2?.usage),
    peak: amount(MEMORY?.v2?.peak),
    swapLimit: bound(SWAP?.v2?.limit),
    swap: amount(SWAP?.v2?.usage),
    hits: own.get('max') ?? null,
    outOfMemory: own.get('oom') ?? null,
    kills: own.get('oom_kill') ?? null,
    killsBelow: events.get('oom_kill') ?? null,
    groupKills: events.get('oom_group_kill') ?? null,
    highHits: own.get('high') ?? null,
    killDisabled: null,
    waiting: null,
    killsAll: flag('memory.oom.group'),
  };
}

/** Was its limit ever met? Where v1's two limits are the same, kernels since 6.10 count no failure of either. */
export function wasMet({ limit, hits, peak }: MemoryLevel): boolean {
  return (hits ?? 0n) > 0n || (typeof limit === 'bigint' && peak !== null && peak >= limit);
}

/** Of memory, and of memory and swap together. */
function sum(memory: bigint | null, memsw: bigint | null): bigint | null {
  return memory === null ? null : memory + (memsw ?? 0n);
}

function cpusetLevel({ at, read }: Files): CpusetLevel {
  const list = read(at.version === 1 ? 'cpuset.effective_cpus' : 'cpuset.cpus.effective', parseIdList);
  return { ...at, cpus: list === null ? null : formatIdList(list) };
}

function pidsLevel({ at, amount, bound, keyed }: Files): PidsLevel {
  const files = at.version === 1 ? PIDS?.v1 : PIDS?.v2;
  const local = keyed('pids.events.local');
  return {
    ...at,
    limit: bound(files?.limit),
    current: amount(files?.usage),
    peak: amount(files?.peak),
    refused: (local.size > 0 ? local : keyed('pids.events')).get('max') ?? null,
  };
}

function freezerLevels(groups: Groups, unified: Group | undefined, gaps: GapTally): readonly FreezerLevel[] {
  const old = controlledBy(groups, 'freezer');
  if (old !== undefined) {
    return levelsOf(groups, 'freezer', freezerLevel, gaps).concat(unifiedFreezer(unified, gaps));
  }
  return unifiedFreezer(unified, gaps);
}

function freezerLevel({ at, flag, read }: Files): FreezerLevel {
  const state = read('freezer.state', parseWord);
  return { ...at, self: flag('freezer.self_freezing'), frozen: state === null ? null : state !== 'THAWED' };
}

/** Beside v1 too: the unified hierarchy freezes without any controller. Since: Linux 5.2. */
function unifiedFreezer(unified: Group | undefined, gaps: GapTally): readonly FreezerLevel[] {
  if (unified === undefined) return [];
  return unified.levels.map((level) => {
    const { at, flag, keyed } = filesOf(unified, level, gaps);
    const frozen = keyed('cgroup.events').get('frozen');
    return { ...at, self: flag('cgroup.freeze'), frozen: frozen === undefined ? null : frozen !== 0n };
  });
}

function parseWord(bytes: Uint8Array): Reading<string> {
  return value(decodeText(bytes).trim());
}

const NO_LIMIT: Readonly<Record<IoKey, Bound>> = { rbps: 'max', wbps: 'max', riops: 'max', wiops: 'max' };

/** Only of devices with a limit. */
function ioLevels(host: Host, groups: Groups, gaps: GapTally): readonly IoLevel[] {
  return readLimits(host, groups, gaps)
    .filter(({ key }) => key.startsWith('io_'))
    .flatMap((limit) => {
      const { device } = limit;
      return device === null ? [] : limit.levels.map(({ path }) => ({ device, path }));
    })
    .filter(
      (each, index, all) => all.findIndex((one) => one.device === each.device && one.path === each.path) === index,
    )
    .flatMap(({ device, path }) => ioLevel(host, groups, device, path, gaps) ?? []);
}

function ioLevel(host: Host, groups: Groups, device: string, path: string, gaps: GapTally): IoLevel | undefined {
  const controlled = controlledBy(groups, 'io') ?? controlledBy(groups, 'blkio');
  const level = controlled?.levels.find((each) => each.path === path);
  if (controlled === undefined || level === undefined) return undefined;
  const { at, read } = filesOf(controlled.group, level, gaps);
  const name = deviceName(host, device);
  if (at.version === 2) {
    const limits = read('io.max', parseNestedKeyed)?.get(device);
    const stat = read('io.stat', parseNestedKeyed)?.get(device);
    const of = (key: string): bigint | null => {
      const count = stat?.get(key);
      return typeof count === 'bigint' ? count : null;
    };
    return {
      ...at,
      device,
      deviceName: name,
      limits: { ...NO_LIMIT, ...Object.fromEntries(limits ?? []) },
      counts: { rbps: of('rbytes'), wbps: of('wbytes'), riops: of('rios'), wiops: of('wios') },
    };
  }
  // Those of v1 that the limit counts: its own, as it does not bind what is below.
  const counted = (file: string, operation: string): bigint | null =>
    read(`blkio.throttle.${file}`, parseDeviceOperations)?.get(device)?.get(operation) ?? null;
  const limitOf = (file: string): Bound =>
    read(`blkio.throttle.${file}_device`, parseDeviceNumbers)?.get(device) ?? 'max';
  return {
    ...at,
    device,
    deviceName: name,
    limits: {
      rbps: limitOf('read_bps'),
      wbps: limitOf('write_bps'),
      riops: limitOf('read_iops'),
      wiops: limitOf('write_iops'),
    },
    counts: {
      rbps: counted('io_service_bytes', 'Read'),
      wbps: counted('io_service_bytes', 'Write'),
      riops: counted('io_serviced', 'Read'),
      wiops: counted('io_serviced', 'Write'),
    },
  };
}

function dyingLevel(unified: Group, gaps: GapTally): DyingLevel {
  const { at, keyed } = filesOf(unified, unified.levels[0], gaps);
  const stat = keyed('cgroup.stat');
  return { ...at, living: stat.get('nr_descendants') ?? null, dying: stat.get('nr_dying_descendants') ?? null };
}
