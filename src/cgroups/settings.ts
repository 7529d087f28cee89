// What else was set on a cgroup. It holds for this one: what is above has settings of its own. Source:
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/; runtime-spec, config-linux.md.

import type { GapTally } from '../kernel/gap-tally.ts';
import { value, type Reading } from '../kernel/host.ts';
import { parseBound } from '../kernel/text/cgroup-bound.ts';
import { decodeText } from '../kernel/text/text.ts';
import { controlledBy, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

/** word: as the kernel writes it. scale: a number without a unit. */
export type SettingUnit = 'bytes' | 'microseconds' | 'scale' | 'flag' | 'word';

export interface SettingDefinition {
  readonly controller: string;
  readonly version: 1 | 2;
  readonly file: string;
  /** Below `linux.resources`. null: there is none. */
  readonly oci: string | null;
  readonly unit: SettingUnit;
}

export interface Setting extends SettingDefinition {
  /** The cgroup that it was read of. */
  readonly path: string;
  /** A string: `max`, or words. null: closed to us. */
  readonly value: bigint | string | null;
}

const of = (
  controller: string,
  version: 1 | 2,
  file: string,
  oci: string | null,
  unit: SettingUnit,
): SettingDefinition => ({ controller, version, file, oci, unit });

const SETTINGS: readonly SettingDefinition[] = [
  of('cpu', 1, 'cpu.cfs_burst_us', 'cpu.burst', 'microseconds'),
  of('cpu', 1, 'cpu.idle', 'cpu.idle', 'flag'),
  of('cpu', 1, 'cpu.rt_runtime_us', 'cpu.realtimeRuntime', 'microseconds'),
  of('cpu', 1, 'cpu.rt_period_us', 'cpu.realtimePeriod', 'microseconds'),
  of('cpu', 1, 'cpu.uclamp.min', null, 'word'),
  of('cpu', 1, 'cpu.uclamp.max', null, 'word'),
  of('cpu', 2, 'cpu.max.burst', 'cpu.burst', 'microseconds'),
  of('cpu', 2, 'cpu.idle', 'cpu.idle', 'flag'),
  of('cpu', 2, 'cpu.uclamp.min', null, 'word'),
  of('cpu', 2, 'cpu.uclamp.max', null, 'word'),
  // runc and crun write memory.low for it; libcgroup memory.high.
  of('memory', 1, 'memory.soft_limit_in_bytes', 'memory.reservation', 'bytes'),
  of('memory', 1, 'memory.swappiness', 'memory.swappiness', 'scale'),
  of('memory', 2, 'memory.min', null, 'bytes'),
  of('memory', 2, 'memory.low', 'memory.reservation', 'bytes'),
  of('memory', 2, 'memory.oom.group', null, 'flag'),
  of('memory', 2, 'memory.zswap.writeback', null, 'flag'),
  of('cpuset', 1, 'cpuset.cpu_exclusive', null, 'flag'),
  of('cpuset', 1, 'cpuset.mem_exclusive', null, 'flag'),
  of('cpuset', 1, 'cpuset.mem_hardwall', null, 'flag'),
  of('cpuset', 1, 'cpuset.memory_migrate', null, 'flag'),
  of('cpuset', 1, 'cpuset.memory_spread_page', null, 'flag'),
  of('cpuset', 1, 'cpuset.memory_spread_slab', null, 'flag'),
  of('cpuset', 1, 'cpuset.sched_load_balance', null, 'flag'),
  of('cpuset', 1, 'cpuset.sched_relax_domain_level', null, 'word'),
  of('cpuset', 2, 'cpuset.cpus.partition', null, 'word'),
  of('cpuset', 2, 'cpuset.cpus.exclusive', null, 'word'),
  of('cpuset', 2, 'cpuset.cpus.exclusive.effective', null, 'word'),
  of('blkio', 1, 'blkio.weight', 'blockIO.weight', 'scale'),
  of('blkio', 1, 'blkio.bfq.weight', 'blockIO.weight', 'scale'),
  of('blkio', 1, 'blkio.weight_device', 'blockIO.weightDevice', 'word'),
  of('blkio', 1, 'blkio.bfq.weight_device', 'blockIO.weightDevice', 'word'),
  of('blkio', 1, 'blkio.prio.class', null, 'word'),
  of('io', 2, 'io.weight', 'blockIO.weight', 'word'),
  of('io', 2, 'io.bfq.weight', 'blockIO.weight', 'word'),
  of('io', 2, 'io.latency', null, 'word'),
  of('io', 2, 'io.prio.class', null, 'word'),
  of('dmem', 2, 'dmem.min', null, 'word'),
  of('dmem', 2, 'dmem.low', null, 'word'),
  of('freezer', 1, 'freezer.state', null, 'word'),
  of('freezer', 1, 'freezer.self_freezing', null, 'flag'),
  of('freezer', 1, 'freezer.parent_freezing', null, 'flag'),
  of('net_prio', 1, 'net_prio.ifpriomap', 'network.priorities', 'word'),
  of('net_cls', 1, 'net_cls.classid', 'network.classID', 'scale'),
];

/** Of v2's hierarchy itself: no controller is needed. */
const CORE: readonly SettingDefinition[] = [
  of('cgroup', 2, 'cgroup.freeze', null, 'flag'),
  of('cgroup', 2, 'cgroup.pressure', null, 'flag'),
  of('cgroup', 2, 'cgroup.max.depth', null, 'scale'),
  of('cgroup', 2, 'cgroup.max.descendants', null, 'scale'),
  of('cgroup', 2, 'cgroup.subtree_control', null, 'word'),
];

/** Those whose file is there. */
export function readSettings(groups: Groups, gaps: GapTally): readonly Setting[] {
  const controlled = SETTINGS.flatMap((definition) => {
    const found = controlledBy(groups, definition.controller);
    const level = found?.levels[0];
    if (found === undefined || level === undefined || found.group.version !== definition.version) return [];
    const read = readFrom(found.group, level, definition.file, parserOf(definition.unit), gaps);
    return read === undefined ? [] : [{ ...definition, path: level.path, value: read }];
  });
  const unified = groups.reached.find(({ version }) => version === 2);
  if (unified === undefined) return controlled;
  const [own] = unified.levels;
  const core = CORE.flatMap((definition) => {
    const read = readFrom(unified, own, definition.file, parserOf(definition.unit), gaps);
    return read === undefined ? [] : [{ ...definition, path: own.path, value: read }];
  });
  return [...controlled, ...core];
}

function parserOf(unit: SettingUnit): (bytes: Uint8Array, file: string) => Reading<bigint | string> {
  return unit === 'word' ? parseWords : parseBound;
}

/** Lines become words: io.weight has one a device. */
function parseWords(bytes: Uint8Array): Reading<string> {
  return value(decodeText(bytes).trim().replaceAll('\n', ', '));
}
