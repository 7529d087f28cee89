// The cgroups of a process as a page, and as JSON.

import { ruleText } from '../../cgroups/devices.ts';
import { hierarchyName } from '../../cgroups/location.ts';
import type { Amount, Limit } from '../../cgroups/limits.ts';
import type { Unit } from '../../cgroups/limit-table.ts';
import type { MemoryUsage } from '../../cgroups/memory.ts';
import type { BandwidthPart, CachePart, Resctrl } from '../../cgroups/resctrl.ts';
import type { Setting } from '../../cgroups/settings.ts';
import { CONVERTERS, conversions, sharesOf, weightOf, type Conversion } from '../../cgroups/weight-conversion.ts';
import type { CpuWeight } from '../../cgroups/weight.ts';
import type { CgroupReport, GroupReport } from '../../inspect/cgroup/cgroup-report.ts';
import type { Field, Value } from '../../inspect/show/report.ts';
import type { Pressure, Stall } from '../../kernel/text/pressure.ts';
import { bytesText } from '../../render/columns.ts';

export interface CgroupField {
  readonly key: string;
  readonly help: string;
  readonly build: (report: CgroupReport) => Omit<Field, 'key'>;
}

export const cgroupFields: readonly CgroupField[] = [
  { key: 'pid', help: 'whose cgroups they are', build: ({ pid }) => ({ value: pid, lines: [String(pid ?? '-')] }) },
  {
    key: 'mode',
    help: 'v1, v2, or both side by side (hybrid); which of them each controller is on stands below',
    build: ({ mode }) => ({ value: mode, lines: [mode ?? '-'] }),
  },
  { key: 'groups', help: 'the cgroup in each hierarchy, and its directory', build: groupsField },
  { key: 'limits', help: 'as set and as effective, who sets that, what is used', build: limitsField },
  { key: 'cpuset', help: 'the processors and memory nodes it may use', build: cpusetField },
  { key: 'weight', help: 'its part of the processors when all siblings want them', build: weightField },
  { key: 'settings', help: 'what else was set', build: settingsField },
  { key: 'cpu', help: 'the time it used, and was held back by each quota', build: cpuField },
  { key: 'memory', help: 'what it uses, as each tool counts that', build: memoryField },
  { key: 'io', help: 'what it read and wrote, by device', build: ioField },
  { key: 'events', help: 'how often it met its limits', build: eventsField },
  { key: 'pressure', help: 'how long it waited, in percent of the time', build: pressureField },
  { key: 'members', help: 'processes and threads in each, without those below', build: membersField },
  { key: 'delegation', help: 'whom each was handed to', build: delegationField },
  { key: 'devices', help: 'which device nodes it may use; of v2 an eBPF program decides', build: devicesField },
  {
    key: 'resctrl',
    help: 'ways of caches and bandwidth of memory, by the resctrl group of its first thread; who shares them',
    build: resctrlField,
  },
];

export function fieldsOf(report: CgroupReport): readonly Field[] {
  return cgroupFields.map(({ key, build }) => ({ key, ...build(report) }));
}

/** `5.0MiB`, `512B`: the letters are powers of 1024. */
function bytes(amount: bigint | number): string {
  const text = bytesText(Number(amount));
  return /[A-Z]$/.test(text) ? `${text}iB` : `${text}B`;
}

function counted(amount: bigint | number, noun: string): string {
  return `${amount} ${noun}${Number(amount) === 1 ? '' : 's'}`;
}

/** `max`: unlimited. */
export function amountText(amount: Amount | null, unit: Unit): string {
  if (amount === null) return '-';
  if (amount === 'max') return 'max';
  switch (unit) {
    case 'bytes':
      return bytes(amount);
    case 'bytes_per_second':
      return `${bytes(amount)}/s`;
    case 'operations_per_second':
      return `${amount}/s`;
    case 'cores':
      return `${Number(Number(amount).toFixed(5))} cores`;
    case 'tasks':
      return counted(amount, 'task');
    case 'objects':
      return counted(amount, 'object');
  }
}

function groupsField({ groups }: CgroupReport): Omit<Field, 'key'> {
  const reached = groups.reached.map(({ hierarchy, version, controllers, path, levels, files, isWhole }) => ({
    hierarchy,
    version,
    controllers,
    path,
    directory: levels[0].folder,
    through: files.through,
    whole: isWhole,
    why: null,
  }));
  const unreached = groups.unreached.map(({ membership: { hierarchy, controllers, path }, why }) => {
    const version = hierarchy === 0 ? 2 : 1;
    return { hierarchy, version, controllers, path, directory: null, through: null, whole: null, why };
  });
  const value = [...reached, ...unreached].toSorted((a, b) => b.hierarchy - a.hierarchy);
  const lines = value.map(({ hierarchy, controllers, path, directory, through, why }) => {
    const offers = hierarchy === 0 && controllers.length > 0 ? ` (${controllers.join(',')})` : '';
    const where = directory === null ? why : `${through === null ? '' : `/proc/${through}/root`}${directory}`;
    return `${hierarchyName({ hierarchy, controllers })}${offers} ${path}  ${where ?? '-'}`;
  });
  return { value, lines };
}

function limitsField({ limits }: CgroupReport): Omit<Field, 'key'> {
  const value = limits.map((limit): Value => {
    const { version, controller, levels, room, deviceName, ...rest } = limit;
    return {
      ...rest,
      controller,
      version,
      oci: ociName(limit.oci),
      device_name: deviceName,
      room: room === null ? null : { left: room.left, path: room.path },
      levels: levels.map((level) => ({ ...level })),
    };
  });
  return { value, lines: limits.map(limitLine) };
}

function ociName(oci: string | null): string | null {
  return oci === null ? null : `linux.resources.${oci}`;
}

function limitLine(limit: Limit): string {
  const { key, unit, device, deviceName, set, effective, by, usage, peak, room, oci, file } = limit;
  const text = (amount: Amount | null): string => amountText(amount, unit);
  const name = device === null ? '' : ` ${deviceName ?? device}`;
  const parts = [
    `${text(set)} set`,
    `effective ${text(effective)}${by === null || by === limit.levels[0]?.path ? '' : ` by ${by}`}`,
    ...(usage === null ? [] : [`used ${text(usage)}`]),
    ...(peak === null ? [] : [`peak ${text(peak)}`]),
    ...(room === null
      ? []
      : [`room ${text(room.left)}${room.path === limit.levels[0]?.path ? '' : ` in ${room.path}`}`]),
  ];
  return `${key}${name}: ${parts.join(', ')} (${file}${oci === null ? '' : `, OCI ${oci}`})`;
}

function cpusetField({ cpuset }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: cpuset.map((placement) => ({ ...placement, oci: `linux.resources.cpu.${placement.key}` })),
    lines: cpuset.map(({ key, set, effective, count, by, file, path }) => {
      const wish = set === '' ? 'nothing set' : `${set ?? '-'} set`;
      const narrowed = by === null || by === path ? '' : ` by ${by}`;
      const noun = key === 'cpus' ? 'processor' : 'node';
      const number = count === null ? '' : ` (${counted(count, noun)})`;
      return `${key}: ${wish}, effective ${effective ?? '-'}${number}${narrowed} (${file}, OCI cpu.${key})`;
    }),
  };
}

interface Converted {
  readonly conversion: Conversion;
  readonly by: string;
  /** Of shares the weight that they come to, twice. null: no shares come to this weight. */
  readonly from: number | null;
  readonly to: number | null;
}

function converted({ version, set }: CpuWeight): readonly Converted[] {
  if (set === null || set === 0) return [];
  return conversions.map((conversion) => {
    const range = version === 1 ? [weightOf(set, conversion), weightOf(set, conversion)] : sharesOf(set, conversion);
    return { conversion, by: CONVERTERS[conversion], from: range?.[0] ?? null, to: range?.[1] ?? null };
  });
}

function weightField({ weight }: CgroupReport): Omit<Field, 'key'> {
  if (weight === null) return { value: null, lines: [] };
  const { version, file, set, idle, siblings, share } = weight;
  const [noun, other] = version === 1 ? ['shares', 'weight'] : ['weight', 'shares'];
  const all = converted(weight);
  const part = share === null ? '-' : `${(share * 100).toFixed(1)}%`;
  const value = {
    ...weight,
    unit: noun,
    oci: 'linux.resources.cpu.shares',
    converted: all.map(({ conversion, from, to }) => ({ conversion, unit: other, from, to })),
  };
  const lines = [
    `${noun} ${set ?? '-'}${idle === true ? ', idle' : ''} (${file}, OCI cpu.shares)`,
    `${part} of its parent's time among ${siblings === null ? '-' : counted(siblings, 'sibling')}, itself included`,
    ...all.map(({ by, from, to }) => {
      const range = from === null ? 'none' : from === to ? String(from) : `${from} to ${to}`;
      return `${other} ${range} as ${by} convert${by === 'systemd' ? 's' : ''}`;
    }),
  ];
  return { value, lines };
}

function settingsField({ settings }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: settings.map(({ oci, ...setting }) => ({ ...setting, oci: ociName(oci) })),
    lines: settings.map((setting) => {
      const oci = setting.oci === null ? '' : ` (OCI ${setting.oci})`;
      return `${setting.file} ${settingText(setting)}${oci}`;
    }),
  };
}

export function settingText({ value, unit }: Pick<Setting, 'value' | 'unit'>): string {
  if (value === null) return '-';
  if (typeof value === 'string') return value === '' ? 'none' : value;
  switch (unit) {
    case 'bytes':
      return bytes(value);
    case 'microseconds':
      return `${value}µs`;
    case 'flag':
      return value === 0n ? 'no' : 'yes';
    case 'scale':
    case 'word':
      return String(value);
  }
}

function seconds(microseconds: bigint | null): string {
  return microseconds === null ? '-' : `${(Number(microseconds) / 1e6).toFixed(3)}s`;
}

function cpuField({ cpu }: CgroupReport): Omit<Field, 'key'> {
  const { usage_usec: usage, user_usec: user, system_usec: system, held_usec: held, throttling } = cpu;
  return {
    value: { ...cpu, throttling: throttling.map((each) => ({ ...each })) },
    lines: [
      `${seconds(usage)}: user ${seconds(user)}, system ${seconds(system)}`,
      ...(held === null || held === 0n ? [] : [`held back for ${seconds(held)} in all, by whosever quota`]),
      ...throttling.map(({ path, periods, throttled, throttled_usec: time }) => {
        return `held back in ${throttled ?? '-'} of ${periods ?? '-'} periods, for ${seconds(time)}, by the quota of ${path}`;
      }),
    ],
  };
}

const NAMES: readonly { readonly key: keyof MemoryUsage; readonly say: string }[] = [
  { key: 'usage', say: 'usage' },
  { key: 'peak', say: 'peak' },
  { key: 'working_set', say: 'working set (Kubernetes; kubectl top)' },
  { key: 'docker', say: 'without inactive files (docker stats, podman stats)' },
  { key: 'anon', say: 'anon (Kubernetes: rss)' },
  { key: 'file', say: 'file (cache, with shmem)' },
  { key: 'inactive_file', say: 'of it inactive: given back first' },
  { key: 'shmem', say: 'shmem (tmpfs; not given back without swap)' },
  { key: 'slab', say: 'slab' },
  { key: 'kernel', say: 'kernel (with slab)' },
  { key: 'sock', say: 'sockets' },
  { key: 'swap', say: 'swap' },
];

function memoryField({ memory }: CgroupReport): Omit<Field, 'key'> {
  if (memory === null) return { value: null, lines: [] };
  const lines = NAMES.map(({ key, say }) => {
    const amount = memory[key];
    return `${typeof amount === 'bigint' ? bytes(amount) : '-'} ${say}`;
  });
  return { value: { ...memory }, lines };
}

function ioField({ io }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: io.map((each) => ({ ...each })),
    lines: io.map(({ device, name, rbytes, wbytes, rios, wios }) => {
      const side = (amount: bigint | null, requests: bigint | null): string =>
        `${amount === null ? '-' : bytes(amount)} in ${requests ?? '-'} requests`;
      return `${name ?? device}: read ${side(rbytes, rios)}, written ${side(wbytes, wios)}`;
    }),
  };
}

function eventsField({ events }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: events.map(({ counts, ...each }) => ({ ...each, counts: Object.fromEntries(counts) })),
    lines: events.map(({ file, counts }) => {
      const met = [...counts].map(([key, count]) => (key === 'count' ? String(count) : `${key} ${count}`));
      return `${file}: ${met.join(', ')}`;
    }),
  };
}

function stallText(kind: string, stall: Stall | null): readonly string[] {
  if (stall === null) return [];
  return [
    `${kind} ${stall.avg10}% of 10s, ${stall.avg60}% of 1min, ${stall.avg300}% of 5min, ${seconds(stall.total)} in all`,
  ];
}

function pressureField({ stalls }: CgroupReport): Omit<Field, 'key'> {
  if (stalls === null) return { value: null, lines: [] };
  const stallJson = (stall: Stall | null): Value => (stall === null ? null : { ...stall });
  const json = ({ some, full }: Pressure): Value => ({ some: stallJson(some), full: stallJson(full) });
  const by = Object.fromEntries([...stalls.by].map(([resource, pressure]) => [resource, json(pressure)]));
  return {
    value: { path: stalls.path, cpu: null, memory: null, io: null, irq: null, ...by },
    lines: [...stalls.by].flatMap(([resource, { some, full }]) =>
      [...stallText('some', some), ...stallText('full', full)].map((text) => `${resource}: ${text}`),
    ),
  };
}

function nameOf({ group }: GroupReport): string {
  return hierarchyName(group);
}

function membersField({ members }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: members.map((each) => ({
      hierarchy: each.group.hierarchy,
      path: each.group.path,
      ...each.members,
      by_controller: each.members.by_controller.map((count) => ({ ...count })),
    })),
    lines: members.map((each) => {
      const { processes, threads, type, frozen, frozen_usec: ice, descendants, dying } = each.members;
      const parts = [
        processes === null ? '- processes' : `${processes} process${processes === 1 ? '' : 'es'}`,
        threads === null ? '- threads' : counted(threads, 'thread'),
        ...(type === null ? [] : [type]),
        ...(frozen === true ? ['frozen'] : []),
        ...(ice === null || ice === 0n ? [] : [`frozen for ${seconds(ice)} in all`]),
        ...(descendants === null || descendants === 0n ? [] : [`${counted(descendants, 'cgroup')} below`]),
        ...(dying === null || dying === 0n ? [] : [`${dying} dying`]),
      ];
      return `${nameOf(each)}: ${parts.join(', ')}`;
    }),
  };
}

function delegationField({ members }: CgroupReport): Omit<Field, 'key'> {
  return {
    value: members.map(({ group, ownership }) => ({ hierarchy: group.hierarchy, path: group.path, ...ownership })),
    lines: members.flatMap((each) => {
      const { delegated_to: uid } = each.ownership;
      return uid === null ? [] : [`${nameOf(each)} to uid ${uid}`];
    }),
  };
}

function devicesField({ devices }: CgroupReport): Omit<Field, 'key'> {
  const { allows, file, rules } = devices;
  const says = { open: 'all', limited: 'these', unknown: 'unknown: no file tells (of v2 an eBPF program decides)' };
  return {
    value: { allows, file, rules: rules?.map(ruleText) ?? null },
    lines: [says[allows], ...(allows === 'limited' ? (rules ?? []).map(ruleText) : [])],
  };
}

function resctrlField({ resctrl }: CgroupReport): Omit<Field, 'key'> {
  if (resctrl === null) return { value: null, lines: [] };
  const { group, monitor, mode, caches, bandwidths, cpus, threads, elsewhere, monitors, counts } = resctrl;
  const lines = [
    `group ${group}${mode === null ? '' : `, ${mode}`}, monitored by ${monitor ?? 'no group of its own'}`,
    ...caches.map(cacheLine),
    ...bandwidths.map(bandwidthLine),
    `${threads === null ? '- threads' : counted(threads, 'thread')} in it${cpus === null || cpus === '' ? '' : `, and all on processors ${cpus}`}`,
    ...elsewhere.map((other) => `on processors ${other.cpus} group ${other.group} holds in its place`),
    ...monitors.map(
      ({ name, threads: some }) => `monitor group ${name}: ${some === null ? '-' : counted(some, 'thread')}`,
    ),
    ...counts.map(({ monitor: of, domain, event, count }) => {
      return `${of === null ? '' : `${of} `}${domain} ${event}: ${count === null ? '-' : bytes(count)}`;
    }),
  ];
  return { value: resctrlJson(resctrl), lines };
}

function resctrlJson({ caches, bandwidths, elsewhere, monitors, counts, ...rest }: Resctrl): Value {
  return {
    ...rest,
    caches: caches.map((each) => ({ ...each })),
    bandwidths: bandwidths.map((each) => ({ ...each })),
    elsewhere: elsewhere.map((each) => ({ ...each })),
    monitors: monitors.map((each) => ({ ...each })),
    counts: counts.map((each) => ({ ...each })),
  };
}

function cacheLine({ level, holds, cache, ways, count, of, size, shared_with: others }: CachePart): string {
  const what = holds === 'all' ? '' : ` for ${holds}`;
  const room = size === null ? '' : `, ${bytes(size)}`;
  const shared = others.length === 0 ? 'not shared' : `shared with ${others.join(', ')}`;
  return `${level} cache ${cache}${what}: ways ${ways === '' ? 'none' : ways} (${count} of ${of ?? '-'}${room}), ${shared}`;
}

const BANDWIDTH: Readonly<Record<BandwidthPart['unit'], (amount: bigint) => string>> = {
  percent: (amount) => `${amount}%`,
  mibps: (amount) => `${amount}MiB/s`,
  eighths_of_gbps: (amount) => `${Number(amount) / 8}GB/s`,
};

function bandwidthLine({ resource, cache, amount, unit }: BandwidthPart): string {
  const memory = resource === 'SMBA' ? 'slow memory' : 'memory';
  return `bandwidth of ${memory} at L3 cache ${cache}: ${BANDWIDTH[unit](amount)}`;
}
