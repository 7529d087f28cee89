// Limits as they were set, and what they come to: the smallest from the cgroup up to the root, and who sets that.

import type { GapTally } from '../kernel/gap-tally.ts';
import { value, valueOf, type Host, type Reading } from '../kernel/host.ts';
import { parseDeviceNumbers } from '../kernel/text/blkio.ts';
import { parseAmount, parseBound, type Bound } from '../kernel/text/cgroup-bound.ts';
import { parseCpuMax, type CpuQuota } from '../kernel/text/cpu-max.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { parseKeyedBounds } from '../kernel/text/keyed-bounds.ts';
import { parseNestedKeyed, type NestedKeyed } from '../kernel/text/nested-keyed.ts';
import { controlledBy, type Controlled, type Group, type Groups, type Level } from './groups.ts';
import { deviceName } from './io.ts';
import {
  hugetlbLimit,
  hugetlbSize,
  LIMITS,
  NAMED_LIMITS,
  type LimitDefinition,
  type LimitFiles,
  type Unit,
} from './limit-table.ts';
import { readFrom } from './read.ts';

/** A bigint, but for cores. */
export type Amount = bigint | number | 'max';

/** A limit at one level. */
export interface LevelLimit {
  readonly path: string;
  /** null: closed to us. */
  readonly set: Amount | null;
  /** What counts against it there. null: not told. */
  readonly usage: bigint | null;
}

export interface Limit {
  readonly key: string;
  readonly controller: string;
  readonly version: 1 | 2;
  readonly unit: Unit;
  readonly oci: string | null;
  /** Of what; as `8:0`. null: it is of no device. */
  readonly device: string | null;
  /** As `sda`. null: not told. */
  readonly deviceName: string | null;
  readonly file: string;
  /** Of the cgroup itself. null: unknown; also where the controller is not at work there. */
  readonly set: Amount | null;
  /** The smallest up to the root. null: a level is closed to us. */
  readonly effective: Amount | null;
  /** The path of the nearest cgroup that sets it. null: it is unlimited, unknown, or set beyond our view. */
  readonly by: string | null;
  /** Of the nearest cgroup that the controller is at work in. */
  readonly usage: bigint | null;
  readonly peak: bigint | null;
  /** How much may be added before any limit is met, and which that will be. null: unlimited, or unknown. */
  readonly room: { readonly left: bigint; readonly path: string } | null;
  /** From the cgroup itself up; those that have no such limit are left out. */
  readonly levels: readonly LevelLimit[];
}

export function readLimits(host: Host, groups: Groups, gaps: GapTally): readonly Limit[] {
  return [
    ...cpuLimits(groups, gaps),
    ...LIMITS.flatMap((definition) => plainLimit(groups, definition, gaps)),
    ...hugetlbSizes(groups).flatMap((size) => plainLimit(groups, hugetlbLimit(size), gaps)),
    ...ioLimits(groups, gaps).map((limit) => ({ ...limit, deviceName: deviceName(host, limit.device ?? '') })),
    ...rdmaLimits(groups, gaps),
    ...NAMED_LIMITS.flatMap((definition) => namedLimits(groups, definition, gaps)),
  ];
}

/** One of those that are of no device. undefined: no level has such a limit. */
export function readLimit(groups: Groups, key: string, gaps: GapTally): Limit | undefined {
  if (key === 'cpu_max') return cpuLimits(groups, gaps)[0];
  const definition = LIMITS.find((each) => each.key === key);
  return definition === undefined ? undefined : plainLimit(groups, definition, gaps)[0];
}

function plainLimit(groups: Groups, definition: LimitDefinition, gaps: GapTally): readonly Limit[] {
  const controlled = controlledBy(groups, definition.controller);
  if (controlled === undefined) return [];
  const { group } = controlled;
  const files = group.version === 1 ? definition.v1 : definition.v2;
  if (files === null) return [];
  const levels = boundLevels(group, enforced(controlled, definition.controller), files, gaps);
  const [own] = controlled.levels;
  const amount = (name: string | undefined): bigint | null =>
    own === undefined || name === undefined ? null : (readFrom(group, own, name, parseAmount, gaps) ?? null);
  // The root has no such files.
  if (levels.length === 0) return [];
  const limit = limitOf(definition, group, files.limit, null, levels, { peak: amount(files.peak) });
  return [definition.key === 'memory_max' && group.version === 1 ? beyondView(limit, group, own, gaps) : limit];
}

function boundLevels(group: Group, levels: readonly Level[], files: LimitFiles, gaps: GapTally): readonly LevelLimit[] {
  return levels.flatMap((level) => {
    const set = readFrom(group, level, files.limit, parseBound, gaps);
    if (set === undefined) return [];
    const usage = files.usage === undefined ? null : readFrom(group, level, files.usage, parseAmount, gaps);
    return [{ path: level.path, set, usage: usage ?? null }];
  });
}

/**
 * The levels whose limits count. Of v1's memory a cgroup whose memory.use_hierarchy is 0 does not count what is below it;
 * since Linux 5.11 there is none.
 */
function enforced({ group, levels }: Controlled, controller: string): readonly Level[] {
  if (controller !== 'memory' || group.version === 2) return levels;
  const end = levels.findIndex((level, index) => {
    if (index === 0) return false;
    const bytes = group.files.read(`${level.folder}/memory.use_hierarchy`);
    return bytes.ok && valueOf(parseAmount(bytes.value, level.folder)) === 0n;
  });
  return end < 0 ? levels : levels.slice(0, end);
}

interface Subject {
  readonly key: string;
  readonly controller: string;
  readonly unit: Unit;
  readonly oci: string | null;
}

function limitOf(
  { key, controller, unit, oci }: Subject,
  group: Group,
  file: string,
  device: string | null,
  levels: readonly LevelLimit[],
  { peak = null }: { readonly peak?: bigint | null } = {},
): Limit {
  const [first] = levels;
  const own = first?.path === group.path ? first : undefined;
  return {
    key,
    controller,
    version: group.version,
    unit,
    oci,
    device,
    deviceName: null,
    file,
    set: own?.set ?? null,
    ...smallest(levels),
    usage: first?.usage ?? null,
    peak,
    room: roomIn(levels),
    levels,
  };
}

/** The nearest of equal ones. */
function smallest(levels: readonly LevelLimit[]): {
  readonly effective: Amount | null;
  readonly by: string | null;
} {
  let [effective, by]: [Amount, string | null] = ['max', null];
  for (const { set, path } of levels) {
    if (set === null) return { effective: null, by: null };
    if (set !== 'max' && (effective === 'max' || set < effective)) [effective, by] = [set, path];
  }
  return { effective, by };
}

/** An ancestor with a larger limit may be fuller than the one with the smallest. */
function roomIn(levels: readonly LevelLimit[]): Limit['room'] {
  let room: Limit['room'] = null;
  for (const { set, usage, path } of levels) {
    if (set === null || (set !== 'max' && usage === null)) return null;
    if (typeof set !== 'bigint' || usage === null) continue;
    const left = set > usage ? set - usage : 0n;
    if (room === null || left < room.left) room = { left, path };
  }
  return room;
}

/** v1 tells the smallest limit of all levels, also of those that we do not see. */
function beyondView(limit: Limit, group: Group, own: Level | undefined, gaps: GapTally): Limit {
  const stat = own === undefined ? undefined : readFrom(group, own, 'memory.stat', parseFlatKeyed, gaps);
  const told = stat?.get('hierarchical_memory_limit');
  const whole = told === undefined ? undefined : valueOf(parseBound(new TextEncoder().encode(String(told)), ''));
  if (whole === undefined || whole === 'max' || limit.effective === null) return limit;
  const isSmaller = limit.effective === 'max' || whole < limit.effective;
  return isSmaller ? { ...limit, effective: whole, by: null, room: null } : limit;
}

function cpuLimits(groups: Groups, gaps: GapTally): readonly Limit[] {
  const controlled = controlledBy(groups, 'cpu');
  if (controlled === undefined) return [];
  const { group } = controlled;
  const levels = controlled.levels.flatMap((level): LevelLimit[] => {
    const quota =
      group.version === 2 ? readFrom(group, level, 'cpu.max', parseCpuMax, gaps) : v1Quota(group, level, gaps);
    if (quota === undefined) return [];
    return [{ path: level.path, set: quota === null ? null : coresOf(quota), usage: null }];
  });
  const subject = { key: 'cpu_max', controller: 'cpu', unit: 'cores', oci: 'cpu.quota' } as const;
  const file = group.version === 2 ? 'cpu.max' : 'cpu.cfs_quota_us';
  // Usage of cores is a rate, which takes two looks.
  return levels.length === 0 ? [] : [{ ...limitOf(subject, group, file, null, levels), room: null }];
}

function v1Quota(group: Group, level: Level, gaps: GapTally): CpuQuota | null | undefined {
  const quota = readFrom(group, level, 'cpu.cfs_quota_us', parseBound, gaps);
  const period = readFrom(group, level, 'cpu.cfs_period_us', parseAmount, gaps);
  if (quota === undefined || period === undefined) return undefined;
  return quota === null || period === null || period === 0n ? null : { quota, period };
}

/** How many processors' time, as `0.1`. */
function coresOf({ quota, period }: CpuQuota): number | 'max' {
  return quota === 'max' ? 'max' : Number(quota) / Number(period);
}

function hugetlbSizes(groups: Groups): readonly string[] {
  const controlled = controlledBy(groups, 'hugetlb');
  const [own] = controlled?.levels ?? [];
  if (controlled === undefined || own === undefined) return [];
  const names = valueOf(controlled.group.files.list(own.folder)) ?? [];
  return names.flatMap((name) => hugetlbSize(name) ?? []).toSorted();
}

const IO: readonly { readonly key: string; readonly v1: string; readonly oci: string; readonly unit: Unit }[] = [
  { key: 'rbps', v1: 'read_bps', oci: 'blockIO.throttleReadBpsDevice', unit: 'bytes_per_second' },
  { key: 'wbps', v1: 'write_bps', oci: 'blockIO.throttleWriteBpsDevice', unit: 'bytes_per_second' },
  { key: 'riops', v1: 'read_iops', oci: 'blockIO.throttleReadIOPSDevice', unit: 'operations_per_second' },
  { key: 'wiops', v1: 'write_iops', oci: 'blockIO.throttleWriteIOPSDevice', unit: 'operations_per_second' },
];

/** Only of devices that have one. */
function ioLimits(groups: Groups, gaps: GapTally): readonly Limit[] {
  const [v1, v2] = [controlledBy(groups, 'blkio'), controlledBy(groups, 'io')];
  return IO.flatMap(({ key, v1: name, oci, unit }) => {
    const subject = { key: `io_${key}`, controller: v2 === undefined ? 'blkio' : 'io', unit, oci };
    if (v2 !== undefined) return limitsByName(v2, { limit: 'io.max' }, keyOf(key), subject, gaps);
    const files = { limit: `blkio.throttle.${name}_device` };
    // v1 keeps each cgroup to its own limit: one above does not count what is below it (block/blk-throttle.c).
    const flat = v1 === undefined ? undefined : { ...v1, levels: v1.levels.slice(0, 1) };
    return flat === undefined ? [] : limitsByName(flat, files, parseDeviceNumbers, subject, gaps);
  });
}

function rdmaLimits(groups: Groups, gaps: GapTally): readonly Limit[] {
  const controlled = controlledBy(groups, 'rdma');
  if (controlled === undefined) return [];
  return ['hca_handle', 'hca_object'].flatMap((key) => {
    const subject = { key: `rdma_${key}`, controller: 'rdma', unit: 'objects', oci: 'rdma' } as const;
    return limitsByName(controlled, { limit: 'rdma.max', usage: 'rdma.current' }, keyOf(key), subject, gaps);
  });
}

function namedLimits(groups: Groups, definition: LimitDefinition, gaps: GapTally): readonly Limit[] {
  const controlled = controlledBy(groups, definition.controller);
  const files = controlled?.group.version === 1 ? definition.v1 : definition.v2;
  if (controlled === undefined || files === null) return [];
  return limitsByName(controlled, files, parseKeyedBounds, definition, gaps);
}

type ByName = ReadonlyMap<string, Bound>;

/** One key of a nested keyed file, by device. */
function keyOf(key: string): (bytes: Uint8Array, file: string) => Reading<ByName> {
  return (bytes, file) => {
    const parsed = parseNestedKeyed(bytes, file);
    return parsed.ok ? value(pick(parsed.value, key)) : parsed;
  };
}

function pick(entries: NestedKeyed, key: string): ByName {
  return new Map(
    [...entries].flatMap(([name, values]): [string, Bound][] => {
      const bound = values.get(key);
      return bound === undefined ? [] : [[name, bound]];
    }),
  );
}

/** Only of names that are limited somewhere. */
function limitsByName(
  { group, levels }: Controlled,
  files: LimitFiles,
  parse: (bytes: Uint8Array, file: string) => Reading<ByName>,
  subject: Subject,
  gaps: GapTally,
): readonly Limit[] {
  const amounts = (level: Level | undefined, file: string | undefined): ByName | undefined =>
    level === undefined || file === undefined ? undefined : (readFrom(group, level, file, parse, gaps) ?? undefined);
  const read = levels.map((level) => ({
    path: level.path,
    known: readFrom(group, level, files.limit, parse, gaps),
    usage: amounts(level, files.usage),
  }));
  const peaks = amounts(levels[0], files.peak);
  const names = new Set(read.flatMap(({ known }) => [...(known?.keys() ?? [])]));
  return [...names].flatMap((name) => {
    const bounds = read.flatMap(({ path, known, usage }): LevelLimit[] => {
      if (known === undefined) return [];
      return [{ path, set: known === null ? null : (known.get(name) ?? 'max'), usage: amountOf(usage, name) }];
    });
    const limit = limitOf(subject, group, files.limit, name, bounds, { peak: amountOf(peaks, name) });
    return limit.effective === 'max' ? [] : [limit];
  });
}

function amountOf(amounts: ByName | undefined, name: string): bigint | null {
  const amount = amounts?.get(name);
  return typeof amount === 'bigint' ? amount : null;
}
