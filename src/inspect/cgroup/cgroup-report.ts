// All that a process's cgroups say: where they are, what they limit, what they use, who else is there.

import { readCpu, type CpuUsage } from '../../cgroups/cpu.ts';
import { readCpuset, type Placement } from '../../cgroups/cpuset.ts';
import { readDevicePolicy, type DevicePolicy } from '../../cgroups/devices.ts';
import { readEvents, type EventCounts } from '../../cgroups/events.ts';
import { findGroups, type Group, type Groups } from '../../cgroups/groups.ts';
import { readIo, type DeviceIo } from '../../cgroups/io.ts';
import { readLimits, type Limit } from '../../cgroups/limits.ts';
import { readMembers, readOwnership, type Members, type Ownership } from '../../cgroups/members.ts';
import { readMemory, type MemoryUsage } from '../../cgroups/memory.ts';
import { cgroupMode, type CgroupMode } from '../../cgroups/mode.ts';
import { readResctrl, type Resctrl } from '../../cgroups/resctrl.ts';
import { readSettings, type Setting } from '../../cgroups/settings.ts';
import { readStalls, type Stalls } from '../../cgroups/stalls.ts';
import { readCpuWeight, type CpuWeight } from '../../cgroups/weight.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { parseMountinfo, type Mount } from '../../kernel/text/mountinfo.ts';
import { HostLook } from '../show/host-look.ts';
import { NOBODY, ProcessLook } from '../show/process-look.ts';
import { requireReadable } from '../show/show.ts';
import { requireSameProcess } from '../start-ticks.ts';
import { resolveLivingCgroup } from './cgroup-target.ts';
import { tellScattered } from './scattered-threads.ts';
import { tellUnseen } from './unseen.ts';

export interface GroupReport {
  readonly group: Group;
  readonly members: Members;
  readonly ownership: Ownership;
}

export interface CgroupReport {
  /** null: cgroups by their path, or the host, whose first process is beyond our view. */
  readonly pid: number | null;
  /** Of our own mounts. null: they cannot be read. */
  readonly mode: CgroupMode | null;
  readonly groups: Groups;
  readonly members: readonly GroupReport[];
  readonly limits: readonly Limit[];
  readonly cpuset: readonly Placement[];
  /** null: no cpu controller acts on it. */
  readonly weight: CpuWeight | null;
  readonly settings: readonly Setting[];
  readonly cpu: CpuUsage;
  /** null: no memory controller acts on it. */
  readonly memory: MemoryUsage | null;
  readonly io: readonly DeviceIo[];
  readonly events: readonly EventCounts[];
  /** null: there is no unified hierarchy. */
  readonly stalls: Stalls | null;
  readonly devices: DevicePolicy;
  /** null: it is not mounted here, its group is unknown, or cgroups were named by their path. */
  readonly resctrl: Resctrl | null;
  readonly gaps: readonly CountedGap[];
}

/** Errors: as of resolveCgroupTarget; NO_PROCESS; NO_FILE; UNSUPPORTED where there are no cgroups at all. */
export function reportCgroups(host: Host, word: string): CgroupReport {
  const target = resolveLivingCgroup(host, word);
  const gaps = new GapTally();
  if (target.type === 'cgroups') return reportOf(host, null, target.groups, gaps, null);
  if (target.type === 'host') return reportOfLook(new HostLook(host, gaps));
  requireReadable(host, target.pid);
  tellScattered(host, target.pid, gaps);
  const report = reportOfLook(new ProcessLook(host, target.pid, gaps));
  requireSameProcess(host, target.pid, target.startTicks);
  return report;
}

function reportOfLook(look: ProcessLook): CgroupReport {
  const { host, gaps, pid, memberships } = look;
  const thread = look instanceof HostLook ? 'default' : pid;
  return reportOf(host, pid === NOBODY ? null : pid, findGroups(host, pid, memberships ?? []), gaps, thread);
}

/** `thread`: whose resctrl group it is. null: cgroups have none. */
function reportOf(
  host: Host,
  pid: number | null,
  groups: Groups,
  gaps: GapTally,
  thread: number | 'default' | null,
): CgroupReport {
  const mounts = ownMounts(host, gaps);
  tellUnseen(groups, gaps);
  return {
    pid,
    mode: mounts === null ? null : cgroupMode(mounts),
    groups,
    members: groups.reached.map((group) => ({
      group,
      members: readMembers(group, gaps),
      ownership: readOwnership(group),
    })),
    limits: readLimits(host, groups, gaps),
    cpuset: readCpuset(groups, gaps),
    weight: readCpuWeight(groups, gaps) ?? null,
    settings: readSettings(groups, gaps),
    cpu: readCpu(groups, gaps),
    memory: readMemory(groups, gaps) ?? null,
    io: readIo(host, groups, gaps),
    events: readEvents(groups, gaps),
    stalls: readStalls(groups, gaps) ?? null,
    devices: readDevicePolicy(groups, gaps),
    resctrl: thread === null ? null : (readResctrl(host, mounts ?? [], thread, gaps) ?? null),
    gaps: gaps.list(),
  };
}

function ownMounts(host: Host, gaps: GapTally): readonly Mount[] | null {
  const path = '/proc/self/mountinfo';
  const bytes = host.readFile(path);
  const mounts = bytes.ok ? parseMountinfo(bytes.value, path) : bytes;
  if (mounts.ok) return mounts.value;
  gaps.add('mount table', mounts.gap);
  return null;
}
