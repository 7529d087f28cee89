// Which ways of the caches, and how much of the memory's bandwidth, a process has: its resctrl groups. Source:
// Documentation/filesystems/resctrl.rst. Since: Linux 4.10; x86, since 7.0 also arm64. They are no cgroups: a thread is in
// one whatever its cgroups are.

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../kernel/host.ts';
import { parseWays, waysOf } from '../kernel/text/cache-ways.ts';
import { countIds, formatIdList, parseIdList } from '../kernel/text/id-list.ts';
import type { Mount } from '../kernel/text/mountinfo.ts';
import {
  parseResctrlMembership,
  parseSchemata,
  type ResctrlMembership,
  type SchemataLine,
} from '../kernel/text/schemata.ts';
import { decodeText, parseDecimal, parseUnsigned64 } from '../kernel/text/text.ts';

/** What new lines go to in one cache. */
export interface CachePart {
  /** `L3CODE`: as in schemata. */
  readonly resource: string;
  readonly level: 'L2' | 'L3';
  /** With code and data prioritization (CDP) each has ways of its own. */
  readonly holds: 'all' | 'code' | 'data';
  /** The cache's id: gaps are usual. */
  readonly cache: string;
  /** In hexadecimal, as the kernel has it. */
  readonly mask: string;
  /** `0-6`. Empty: none. */
  readonly ways: string;
  readonly count: number;
  /** How many there are. null: not told. */
  readonly of: number | null;
  /** Unit: bytes. null: not told. */
  readonly size: bigint | null;
  /** Control groups that have one of these ways too. */
  readonly shared_with: readonly string[];
}

export interface BandwidthPart {
  /** MB, or SMBA of slow memory (CXL). */
  readonly resource: string;
  readonly cache: string;
  readonly amount: bigint;
  /** eighths_of_gbps: of AMD. mibps: mounted with mba_MBps. */
  readonly unit: 'percent' | 'mibps' | 'eighths_of_gbps';
}

/** What the hardware counted in one domain. */
export interface MonitorCount {
  /** null: of the control group, with all its monitor groups. */
  readonly monitor: string | null;
  /** `mon_L3_00`. */
  readonly domain: string;
  /** `llc_occupancy`: bytes now. `mbm_total_bytes`, `mbm_local_bytes`: bytes since it was made. */
  readonly event: string;
  /** null: not told now (Unavailable, Error, Unassigned). */
  readonly count: bigint | null;
}

export interface MonitorGroup {
  readonly name: string;
  readonly threads: number | null;
  /** null: not told. */
  readonly cpus: string | null;
}

export interface Resctrl {
  /** The control group; `/` is the default one. */
  readonly group: string;
  readonly directory: string;
  /** The monitor group below it. null: none. */
  readonly monitor: string | null;
  /** shareable, exclusive, pseudo-locked, pseudo-locksetup. null: not told, as where only monitoring is possible. */
  readonly mode: string | null;
  readonly caches: readonly CachePart[];
  readonly bandwidths: readonly BandwidthPart[];
  /** Processors of the group, as `0-3`: there it also holds for threads of the default group. null: not told. */
  readonly cpus: string | null;
  /** Threads in it. null: not told. */
  readonly threads: number | null;
  /** The first of them. */
  readonly tids: readonly number[];
  /** Of the default group alone: where another one holds in its place. */
  readonly elsewhere: readonly { readonly group: string; readonly cpus: string }[];
  readonly monitors: readonly MonitorGroup[];
  readonly counts: readonly MonitorCount[];
}

const MAX_TIDS = 64;

interface Look {
  readonly host: Host;
  readonly mount: Mount;
  readonly gaps: GapTally;
}

/** Of a thread, or of who is in no group. undefined: resctrl is not mounted here, or the process's group is unknown. */
export function readResctrl(
  host: Host,
  mounts: readonly Mount[],
  thread: number | 'default',
  gaps: GapTally,
): Resctrl | undefined {
  const mount = mounts.find(({ fsType, root }) => fsType === 'resctrl' && root === '/');
  if (mount === undefined) return undefined;
  const look = { host, mount, gaps };
  const groups = controlGroups(look);
  const membership = thread === 'default' ? { control: '/', monitor: null } : membershipOf(look, groups, thread);
  if (membership === undefined || membership.control === null) return undefined;
  return describe(look, groups, membership.control, membership.monitor);
}

function folderOf({ mount }: Look, group: string): string {
  return group === '/' ? mount.mountPoint : `${mount.mountPoint}/${group}`;
}

/** The default one first. */
function controlGroups(look: Look): readonly string[] {
  const { host, mount } = look;
  const names = host.readDirectory(mount.mountPoint);
  if (!names.ok) look.gaps.add('resctrl group', names.gap);
  const below = (valueOf(names) ?? []).filter((name) => host.readDirectory(`${mount.mountPoint}/${name}`).ok);
  return ['/', ...below.filter((name) => !['info', 'mon_data', 'mon_groups'].includes(name)).toSorted()];
}

function monitorGroups(look: Look, group: string): readonly string[] {
  return (valueOf(look.host.readDirectory(`${folderOf(look, group)}/mon_groups`)) ?? []).toSorted();
}

function membershipOf(look: Look, groups: readonly string[], pid: number): ResctrlMembership | undefined {
  const path = `/proc/${pid}/cpu_resctrl_groups`;
  const bytes = look.host.readFile(path);
  const told = bytes.ok ? parseResctrlMembership(bytes.value, path) : bytes;
  if (told.ok) return isPlain(told.value) ? told.value : undefined;
  // Before Linux 5.6 only the groups tell who is in them.
  const isIn = (folder: string): boolean => (tasks(look, folder) ?? []).includes(pid);
  const control = groups.find((group) => isIn(folderOf(look, group)));
  if (control === undefined) {
    look.gaps.add('resctrl group', told.gap);
    return undefined;
  }
  const monitor = monitorGroups(look, control).find((name) => isIn(`${folderOf(look, control)}/mon_groups/${name}`));
  return { control, monitor: monitor ?? null };
}

/** Names of directories, from which no way leads up. */
function isPlain({ control, monitor }: ResctrlMembership): boolean {
  const isName = (name: string | null): boolean =>
    name === null || (name !== '.' && name !== '..' && !name.includes('/'));
  return (control === '/' || isName(control)) && isName(monitor);
}

function read<T>(
  { host, gaps }: Look,
  path: string,
  parse: (bytes: Uint8Array, file: string) => Reading<T>,
): T | undefined {
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parse(bytes.value, path) : bytes;
  if (parsed.ok) return parsed.value;
  if (parsed.gap.reason !== 'gone') gaps.add('file of resctrl', parsed.gap);
  return undefined;
}

function text({ host }: Look, path: string): string | undefined {
  const bytes = valueOf(host.readFile(path));
  return bytes === undefined ? undefined : decodeText(bytes).trim();
}

/** Threads, as they are numbered here. */
function tasks(look: Look, folder: string): readonly number[] | undefined {
  const lines = text(look, `${folder}/tasks`)?.split('\n');
  return lines?.flatMap((line) => parseDecimal(line) ?? []);
}

function cpusOf(look: Look, folder: string): string | null {
  const list = read(look, `${folder}/cpus_list`, parseIdList);
  return list === undefined ? null : formatIdList(list);
}

function describe(look: Look, groups: readonly string[], group: string, monitor: string | null): Resctrl {
  const folder = folderOf(look, group);
  const lines = schemata(look, group);
  const others = groups.filter((other) => other !== group).map((name) => ({ name, lines: schemata(look, name) }));
  const tids = tasks(look, folder);
  return {
    group,
    directory: folder,
    monitor,
    mode: text(look, `${folder}/mode`) ?? null,
    caches: lines.flatMap((line) => cacheParts(look, folder, line, others)),
    bandwidths: lines.flatMap((line) => bandwidthParts(look, line)),
    cpus: cpusOf(look, folder),
    threads: tids?.length ?? null,
    tids: (tids ?? []).slice(0, MAX_TIDS),
    elsewhere: group === '/' ? processorsOf(look, groups) : [],
    monitors: monitorGroups(look, group).map((name) => {
      const below = `${folder}/mon_groups/${name}`;
      return { name, threads: tasks(look, below)?.length ?? null, cpus: cpusOf(look, below) };
    }),
    counts: [
      ...counts(look, folder, null),
      ...(monitor === null ? [] : counts(look, `${folder}/mon_groups/${monitor}`, monitor)),
    ],
  };
}

function schemata(look: Look, group: string): readonly SchemataLine[] {
  return read(look, `${folderOf(look, group)}/schemata`, parseSchemata) ?? [];
}

interface OtherGroup {
  readonly name: string;
  readonly lines: readonly SchemataLine[];
}

function levelOf(resource: string): 'L2' | 'L3' | undefined {
  if (!/^L[23](?:CODE|DATA)?$/.test(resource)) return undefined;
  return resource.startsWith('L2') ? 'L2' : 'L3';
}

function cacheParts(
  look: Look,
  folder: string,
  { resource, domains }: SchemataLine,
  others: readonly OtherGroup[],
): readonly CachePart[] {
  const level = levelOf(resource);
  if (level === undefined) return [];
  const all = parseWays(text(look, `${look.mount.mountPoint}/info/${resource}/cbm_mask`));
  const sizes = read(look, `${folder}/size`, parseSchemata)?.find((line) => line.resource === resource)?.domains;
  const holds = resource.endsWith('CODE') ? 'code' : resource.endsWith('DATA') ? 'data' : 'all';
  return domains.flatMap(([cache, mask]): CachePart[] => {
    const ways = parseWays(mask);
    if (ways === undefined) return [];
    const size = parseUnsigned64(sizes?.find(([id]) => id === cache)?.[1]) ?? null;
    const shared = others.filter(({ lines }) => lines.some((line) => (maskIn(line, level, cache) & ways) !== 0n));
    return [
      {
        resource,
        level,
        holds,
        cache,
        mask,
        ways: formatIdList(waysOf(ways)),
        count: countWays(ways),
        of: all === undefined ? null : countWays(all),
        size,
        shared_with: shared.map(({ name }) => name),
      },
    ];
  });
}

/** Code and data are kept apart by their masks alone: the ways are the same. */
function maskIn({ resource, domains }: SchemataLine, level: 'L2' | 'L3', cache: string): bigint {
  if (levelOf(resource) !== level) return 0n;
  return parseWays(domains.find(([id]) => id === cache)?.[1]) ?? 0n;
}

function countWays(mask: bigint): number {
  return countIds(waysOf(mask));
}

function bandwidthParts(look: Look, { resource, domains }: SchemataLine): readonly BandwidthPart[] {
  if (resource !== 'MB' && resource !== 'SMBA') return [];
  const unit = bandwidthUnit(look, resource);
  return domains.flatMap(([cache, word]): BandwidthPart[] => {
    const amount = parseUnsigned64(word);
    return amount === undefined ? [] : [{ resource, cache, amount, unit }];
  });
}

/** AMD's alone may be 0: a percentage has a least one. */
function bandwidthUnit(look: Look, resource: string): BandwidthPart['unit'] {
  if (resource === 'MB' && look.mount.superOptions.includes('mba_MBps')) return 'mibps';
  const least = text(look, `${look.mount.mountPoint}/info/${resource}/min_bandwidth`);
  return resource === 'SMBA' || least === '0' ? 'eighths_of_gbps' : 'percent';
}

function processorsOf(look: Look, groups: readonly string[]): Resctrl['elsewhere'] {
  return groups.flatMap((group) => {
    const cpus = group === '/' ? null : cpusOf(look, folderOf(look, group));
    return cpus === null || cpus === '' ? [] : [{ group, cpus }];
  });
}

function counts(look: Look, folder: string, monitor: string | null): readonly MonitorCount[] {
  const domains = (valueOf(look.host.readDirectory(`${folder}/mon_data`)) ?? []).toSorted();
  return domains
    .filter((domain) => domain.startsWith('mon_L3_'))
    .flatMap((domain) => {
      const events = (valueOf(look.host.readDirectory(`${folder}/mon_data/${domain}`)) ?? []).toSorted();
      return events.flatMap((event): MonitorCount[] => {
        const word = text(look, `${folder}/mon_data/${domain}/${event}`);
        return word === undefined ? [] : [{ monitor, domain, event, count: parseUnsigned64(word) ?? null }];
      });
    });
}
