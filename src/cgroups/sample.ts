// The counters of one cgroup at one moment, and from two of them what happened in between. Source:
// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/, Documentation/accounting/psi.rst.

import type { GapTally } from '../kernel/gap-tally.ts';
import { value, type Reading } from '../kernel/host.ts';
import { parseDeviceOperations } from '../kernel/text/blkio.ts';
import { parseAmount, parseBound, type Bound } from '../kernel/text/cgroup-bound.ts';
import { parseCpuMax } from '../kernel/text/cpu-max.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { parseNestedKeyed } from '../kernel/text/nested-keyed.ts';
import { parsePressure } from '../kernel/text/pressure.ts';
import { decodeText } from '../kernel/text/text.ts';
import { readFrom, type Parse } from './read.ts';
import type { Place, WalkedGroup } from './walk.ts';

/**
 * null: not asked for, not counted there, or closed to us (which is a gap). With all cgroups below, but where it says its
 * own. A number is exact up to 2^53: that is 285 years of processor time.
 */
export interface Figures {
  /** Its own processes, as the first hierarchy has them that has any. */
  readonly processes: number | null;
  /** Threads. */
  readonly tasks: number | null;
  /** Infinity: there is no limit. */
  readonly tasks_limit: number | null;
  /** How often fork(2) was refused, by its own limit. Since: Linux 4.5. */
  readonly forks_refused: number | null;
  /** Unit: microseconds; v1 tells nanoseconds. */
  readonly cpu_usec: number | null;
  /** How many processors' time it may have; its own quota. Infinity: there is none. */
  readonly cpu_limit: number | null;
  /** Of its own quota: how many periods began, in how many it was held back, and for how long. */
  readonly periods: number | null;
  readonly throttled: number | null;
  /** Summed over processors. Unit: microseconds; v1 tells nanoseconds. */
  readonly throttled_usec: number | null;
  /** Unit: bytes. */
  readonly memory: number | null;
  /** Its own. Infinity: there is none. Unit: bytes. */
  readonly memory_limit: number | null;
  /** The most that it was. Unit: bytes. Since: of v2 Linux 5.19. */
  readonly memory_peak: number | null;
  /** What the kubelet evicts by: memory without inactive files. Unit: bytes. */
  readonly working_set: number | null;
  readonly anon: number | null;
  readonly file: number | null;
  readonly swap: number | null;
  /** Processes that the kernel killed for want of memory: its own. Since: Linux 4.13; before 5.2 v2's with those below. */
  readonly oom_kills: number | null;
  /** How often its own memory limit was met: v1's failcnt, v2's `max`. */
  readonly limit_hits: number | null;
  /** Of all devices. v1 counts what is written at once only. Unit: bytes, and requests. */
  readonly read_bytes: number | null;
  readonly written_bytes: number | null;
  readonly reads: number | null;
  readonly writes: number | null;
  /** At least one waited: of the last 10 seconds in percent, and since it was made in microseconds. v2 only. */
  readonly cpu_stall: number | null;
  readonly cpu_stall_usec: number | null;
  readonly memory_stall: number | null;
  readonly memory_stall_usec: number | null;
  readonly io_stall: number | null;
  readonly io_stall_usec: number | null;
  /** 1: frozen. Since: of v2 Linux 5.2. */
  readonly frozen: number | null;
  /** Removed cgroups below it that something still holds. v2 only. */
  readonly dying: number | null;
}

export interface Sample extends Figures {
  /** When, by a clock that only goes forward. Unit: milliseconds. */
  readonly at: number;
}

/** What is read together: mostly a file each. */
export type Topic =
  | 'processes'
  | 'tasks'
  | 'tasks_limit'
  | 'forks_refused'
  | 'cpu'
  | 'cpu_limit'
  | 'throttling'
  | 'memory'
  | 'memory_limit'
  | 'memory_peak'
  | 'memory_stat'
  | 'swap'
  | 'oom_kills'
  | 'limit_hits'
  | 'io_bytes'
  | 'io_requests'
  | 'cpu_pressure'
  | 'memory_pressure'
  | 'io_pressure'
  | 'frozen'
  | 'dying';

/** How a file of a cgroup is read: opened anew, or once, and then again and again by pread(2). */
export type ReadFile = (path: string) => Reading<Uint8Array>;

export interface SampleOptions {
  readonly gaps: GapTally;
  /** Unit: milliseconds. */
  readonly now: () => number;
  /** Absent: by the files of each place. */
  readonly readFile?: ReadFile;
  /** Can it have processes in another hierarchy than its first? Absent: each is asked until one has some. */
  readonly mayHaveProcesses?: (place: Place) => boolean;
}

/** Reads only what the topics need. Files that this kernel, or this cgroup, does not have are null. */
export function sampleGroup(group: WalkedGroup, topics: Iterable<Topic>, options: SampleOptions): Sample {
  const look = new Look(group, options);
  const draft: Draft = { ...NOTHING, at: options.now() };
  for (const topic of topics) READERS[topic](look, draft);
  return draft;
}

/** Is filled in place: for thousands of groups to put many small objects together would cost more than the reading. */
type Draft = { -readonly [Key in keyof Sample]: Sample[Key] };

const NOTHING: Figures = {
  processes: null,
  tasks: null,
  tasks_limit: null,
  forks_refused: null,
  cpu_usec: null,
  cpu_limit: null,
  periods: null,
  throttled: null,
  throttled_usec: null,
  memory: null,
  memory_limit: null,
  memory_peak: null,
  working_set: null,
  anon: null,
  file: null,
  swap: null,
  oom_kills: null,
  limit_hits: null,
  read_bytes: null,
  written_bytes: null,
  reads: null,
  writes: null,
  cpu_stall: null,
  cpu_stall_usec: null,
  memory_stall: null,
  memory_stall_usec: null,
  io_stall: null,
  io_stall_usec: null,
  frozen: null,
  dying: null,
};

/** Files that several topics need: they are read once. */
const SHARED: ReadonlySet<string> = new Set([
  'cpu.stat',
  'io.stat',
  'memory.current',
  'memory.events',
  'memory.events.local',
  'memory.stat',
  'memory.usage_in_bytes',
]);

/** One group, while it is sampled. */
class Look {
  readonly group: WalkedGroup;
  readonly options: SampleOptions;
  private readonly known = new Map<string, Reading<Uint8Array>>();

  constructor(group: WalkedGroup, options: SampleOptions) {
    this.group = group;
    this.options = options;
  }

  /** Where a controller counts: v1 and v2 call it differently. */
  place(v1: string | null, v2: string | null): Place | undefined {
    return this.group.places.find(({ hierarchy, controllers }) => {
      const name = hierarchy.version === 1 ? v1 : v2;
      return name !== null && controllers.includes(name);
    });
  }

  unified(): Place | undefined {
    return this.group.places.find(({ hierarchy }) => hierarchy.version === 2);
  }

  read<T>(place: Place, name: string, parse: Parse<T>): T | null {
    const read = (path: string): Reading<Uint8Array> => this.bytes(place, path);
    return readFrom({ files: { read } }, place, name, parse, this.options.gaps) ?? null;
  }

  private bytes(place: Place, path: string): Reading<Uint8Array> {
    const { readFile } = this.options;
    const known = this.known.get(path) ?? (readFile === undefined ? place.files.read(path) : readFile(path));
    if (SHARED.has(path.slice(path.lastIndexOf('/') + 1))) this.known.set(path, known);
    return known;
  }

  amount(place: Place | undefined, v1: string | null, v2: string | null): number | null {
    const name = place?.hierarchy.version === 1 ? v1 : v2;
    return place === undefined || name === null ? null : number(this.read(place, name, parseAmount));
  }

  bound(place: Place | undefined, v1: string | null, v2: string | null): number | null {
    const name = place?.hierarchy.version === 1 ? v1 : v2;
    return place === undefined || name === null ? null : limit(this.read(place, name, parseBound));
  }

  keyed(place: Place | undefined, v1: string | null, v2: string | null): Keyed {
    const name = place?.hierarchy.version === 1 ? v1 : v2;
    const read = place === undefined || name === null ? null : this.read(place, name, parseFlatKeyed);
    return (key) => number(read?.get(key) ?? null);
  }

  /** How many lines. null: closed by its nature, as the list of processes of a threaded cgroup. */
  lines(place: Place, name: string): number | null {
    const path = `${place.folder}/${name}`;
    const bytes = this.bytes(place, path);
    if (bytes.ok) return bytes.value.reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0);
    const { reason, errno } = bytes.gap;
    if (errno !== 'EOPNOTSUPP' && reason !== 'gone') this.options.gaps.add('file of a cgroup', bytes.gap);
    return null;
  }
}

type Keyed = (key: string) => number | null;

function number(read: bigint | null): number | null {
  return read === null ? null : Number(read);
}

function limit(read: Bound | null): number | null {
  return read === 'max' ? Infinity : number(read);
}

function thousandth(amount: number | null): number | null {
  return amount === null ? null : Math.floor(amount / 1000);
}

const READERS: Readonly<Record<Topic, (look: Look, draft: Draft) => void>> = {
  processes: (look, draft) => {
    draft.processes = processes(look);
  },
  tasks: (look, draft) => {
    draft.tasks = look.amount(look.place('pids', 'pids'), 'pids.current', 'pids.current');
  },
  tasks_limit: (look, draft) => {
    draft.tasks_limit = look.bound(look.place('pids', 'pids'), 'pids.max', 'pids.max');
  },
  forks_refused: (look, draft) => {
    const place = look.place('pids', 'pids');
    const own = look.keyed(place, 'pids.events', 'pids.events.local')('max');
    draft.forks_refused = own ?? look.keyed(place, null, 'pids.events')('max');
  },
  cpu: (look, draft) => {
    const accounted = look.group.places.find(({ controllers }) => controllers.includes('cpuacct'));
    // v1 tells nanoseconds. The unified hierarchy counts without a controller.
    draft.cpu_usec =
      accounted === undefined
        ? look.keyed(look.unified(), null, 'cpu.stat')('usage_usec')
        : thousandth(look.amount(accounted, 'cpuacct.usage', null));
  },
  cpu_limit: (look, draft) => {
    draft.cpu_limit = cpuLimit(look);
  },
  throttling: (look, draft) => {
    const place = look.place('cpu', 'cpu');
    const of = look.keyed(place, 'cpu.stat', 'cpu.stat');
    draft.periods = of('nr_periods');
    draft.throttled = of('nr_throttled');
    draft.throttled_usec = place?.hierarchy.version === 1 ? thousandth(of('throttled_time')) : of('throttled_usec');
  },
  memory: (look, draft) => {
    draft.memory = usage(look);
  },
  memory_limit: (look, draft) => {
    draft.memory_limit = look.bound(look.place('memory', 'memory'), 'memory.limit_in_bytes', 'memory.max');
  },
  memory_peak: (look, draft) => {
    draft.memory_peak = look.amount(look.place('memory', 'memory'), 'memory.max_usage_in_bytes', 'memory.peak');
  },
  memory_stat: (look, draft) => {
    const place = look.place('memory', 'memory');
    const of = look.keyed(place, 'memory.stat', 'memory.stat');
    const isOld = place?.hierarchy.version === 1;
    const inactive = of(isOld ? 'total_inactive_file' : 'inactive_file');
    const all = usage(look);
    draft.working_set = all === null || inactive === null ? null : Math.max(all - inactive, 0);
    draft.anon = of(isOld ? 'total_rss' : 'anon');
    draft.file = of(isOld ? 'total_cache' : 'file');
  },
  swap: (look, draft) => {
    const place = look.place('memory', 'memory');
    const isOld = place?.hierarchy.version === 1;
    const total = isOld ? look.keyed(place, 'memory.stat', null)('total_swap') : null;
    draft.swap = total ?? look.amount(place, null, 'memory.swap.current');
  },
  oom_kills: (look, draft) => {
    draft.oom_kills = memoryEvents(look, 'memory.oom_control')('oom_kill');
  },
  limit_hits: (look, draft) => {
    const place = look.place('memory', 'memory');
    const isOld = place?.hierarchy.version === 1;
    draft.limit_hits = isOld ? look.amount(place, 'memory.failcnt', null) : memoryEvents(look, null)('max');
  },
  io_bytes: (look, draft) => {
    [draft.read_bytes, draft.written_bytes] = io(look, 'io_service_bytes', 'rbytes', 'wbytes');
  },
  io_requests: (look, draft) => {
    [draft.reads, draft.writes] = io(look, 'io_serviced', 'rios', 'wios');
  },
  cpu_pressure: (look, draft) => {
    [draft.cpu_stall, draft.cpu_stall_usec] = stall(look, 'cpu');
  },
  memory_pressure: (look, draft) => {
    [draft.memory_stall, draft.memory_stall_usec] = stall(look, 'memory');
  },
  io_pressure: (look, draft) => {
    [draft.io_stall, draft.io_stall_usec] = stall(look, 'io');
  },
  frozen: (look, draft) => {
    draft.frozen = frozen(look);
  },
  dying: (look, draft) => {
    draft.dying = look.keyed(look.unified(), null, 'cgroup.stat')('nr_dying_descendants');
  },
};

function processes(look: Look): number | null {
  const { mayHaveProcesses = (): boolean => true } = look.options;
  const [first, ...others] = look.group.places;
  const own = look.lines(first, 'cgroup.procs');
  for (const place of own === 0 ? others : []) {
    const count = mayHaveProcesses(place) ? look.lines(place, 'cgroup.procs') : 0;
    if (count !== 0) return count;
  }
  return own;
}

function usage(look: Look): number | null {
  return look.amount(look.place('memory', 'memory'), 'memory.usage_in_bytes', 'memory.current');
}

function cpuLimit(look: Look): number | null {
  const place = look.place('cpu', 'cpu');
  if (place === undefined) return null;
  if (place.hierarchy.version === 2) {
    const read = look.read(place, 'cpu.max', parseCpuMax);
    return read === null ? null : (limit(read.quota) ?? 0) / Number(read.period);
  }
  const quota = look.bound(place, 'cpu.cfs_quota_us', null);
  const period = quota === Infinity ? 1 : look.amount(place, 'cpu.cfs_period_us', null);
  return quota === null || period === null || period === 0 ? null : quota / period;
}

function memoryEvents(look: Look, v1: string | null): Keyed {
  const place = look.place('memory', 'memory');
  const own = look.keyed(place, v1, 'memory.events.local');
  if (place?.hierarchy.version === 1 || own('max') !== null) return own;
  return look.keyed(place, null, 'memory.events');
}

/** Summed over devices: what was read, and what was written. */
function io(look: Look, v1: string, reading: string, writing: string): readonly [number | null, number | null] {
  const place = look.place('blkio', 'io');
  if (place === undefined) return [null, null];
  const isOld = place.hierarchy.version === 1;
  const devices: ReadonlyMap<string, ReadonlyMap<string, Bound>> | null = isOld
    ? look.read(place, `blkio.throttle.${v1}_recursive`, parseDeviceOperations)
    : look.read(place, 'io.stat', parseNestedKeyed);
  if (devices === null) return [null, null];
  const total = (key: string): number =>
    [...devices.values()].reduce((sum, counts) => {
      const count = counts.get(key);
      return typeof count === 'bigint' ? sum + Number(count) : sum;
    }, 0);
  return isOld ? [total('Read'), total('Write')] : [total(reading), total(writing)];
}

function stall(look: Look, resource: string): readonly [number | null, number | null] {
  const place = look.unified();
  const some = place === undefined ? undefined : look.read(place, `${resource}.pressure`, parsePressure)?.some;
  return some == null ? [null, null] : [some.avg10, Number(some.total)];
}

function frozen(look: Look): number | null {
  const freezer = look.group.places.find(({ controllers }) => controllers.includes('freezer'));
  if (freezer !== undefined) {
    const state = look.read(freezer, 'freezer.state', parseWord);
    return state === null ? null : Number(state !== 'THAWED');
  }
  return look.keyed(look.unified(), null, 'cgroup.events')('frozen');
}

function parseWord(bytes: Uint8Array): Reading<string> {
  return value(decodeText(bytes).trim());
}

/** What happened between two samples of a group. null: one of them does not tell, or the group was made anew meanwhile. */
export interface Rates {
  /** Unit: seconds. */
  readonly seconds: number;
  /** How many processors' time. */
  readonly cpu: number | null;
  /** Of its quota's periods. Unit: percent; null: none began. */
  readonly throttled_percent: number | null;
  /** How long it was held back in each second, summed over processors. Unit: seconds. */
  readonly throttled: number | null;
  /** Unit: bytes a second; it may shrink. */
  readonly memory: number | null;
  /** Unit: bytes, and requests, a second. */
  readonly read_bytes: number | null;
  readonly written_bytes: number | null;
  readonly reads: number | null;
  readonly writes: number | null;
  /** How much of the time at least one waited. Unit: percent. */
  readonly cpu_stall: number | null;
  readonly memory_stall: number | null;
  readonly io_stall: number | null;
  /** How often, in that time. */
  readonly oom_kills: number | null;
  readonly limit_hits: number | null;
  readonly forks_refused: number | null;
}

export function ratesOf(before: Sample, after: Sample): Rates {
  const seconds = (after.at - before.at) / 1000;
  const grown = (key: keyof Figures): number | null => {
    const [first, last] = [before[key], after[key]];
    return first === null || last === null || last < first ? null : last - first;
  };
  const rate = (key: keyof Figures, unit = 1): number | null => {
    const growth = grown(key);
    return growth === null || seconds <= 0 ? null : growth / seconds / unit;
  };
  const [periods, throttled] = [grown('periods'), grown('throttled')];
  const { memory: first } = before;
  return {
    seconds,
    cpu: rate('cpu_usec', 1e6),
    throttled_percent: periods === null || throttled === null || periods === 0 ? null : (100 * throttled) / periods,
    throttled: rate('throttled_usec', 1e6),
    memory: first === null || after.memory === null || seconds <= 0 ? null : (after.memory - first) / seconds,
    read_bytes: rate('read_bytes'),
    written_bytes: rate('written_bytes'),
    reads: rate('reads'),
    writes: rate('writes'),
    cpu_stall: percent(rate('cpu_stall_usec', 1e4)),
    memory_stall: percent(rate('memory_stall_usec', 1e4)),
    io_stall: percent(rate('io_stall_usec', 1e4)),
    oom_kills: grown('oom_kills'),
    limit_hits: grown('limit_hits'),
    forks_refused: grown('forks_refused'),
  };
}

/** The kernel adds a wait to its sum some time after it was. */
function percent(share: number | null): number | null {
  return share === null ? null : Math.min(share, 100);
}
