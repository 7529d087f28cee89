// Which device nodes a cgroup lets its processes use, once they have them. Source:
// Documentation/admin-guide/cgroup-v1/devices.rst; cgroup v2 has a BPF program in its place, which no file shows.

import type { GapTally } from '../kernel/gap-tally.ts';
import { parseDeviceRules, type DeviceRule } from '../kernel/text/device-rules.ts';
import { controlledBy, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

export interface DevicePolicy {
  /** open: all devices. limited: those of a list. unknown: of v2 an eBPF program decides, if there is one. */
  readonly allows: 'open' | 'limited' | 'unknown';
  /** null: no file tells. */
  readonly file: string | null;
  /** null: unknown. */
  readonly rules: readonly DeviceRule[] | null;
}

const UNKNOWN_POLICY: DevicePolicy = { allows: 'unknown', file: null, rules: null };

export function readDevicePolicy(groups: Groups, gaps: GapTally): DevicePolicy {
  const found = controlledBy(groups, 'devices');
  const level = found?.levels[0];
  if (found === undefined || level === undefined) return UNKNOWN_POLICY;
  const rules = readFrom(found.group, level, 'devices.list', parseDeviceRules, gaps);
  return rules == null ? UNKNOWN_POLICY : limitedBy(rules, `${level.folder}/devices.list`);
}

/** `file`: that tells the rules. */
function limitedBy(rules: readonly DeviceRule[], file: string): DevicePolicy {
  return { allows: rules.some(isAll) ? 'open' : 'limited', file, rules };
}

function isAll({ type, major, minor, access }: DeviceRule): boolean {
  return type === 'a' && major === null && minor === null && ['r', 'w', 'm'].every((each) => access.includes(each));
}

/** May one of these disks be opened, each by its number? Of `any` disk of the host; null: no file tells. */
export function mayOpenDisk({ allows, rules }: DevicePolicy, of: readonly DiskNumber[] | 'any'): boolean | null {
  if (allows !== 'limited') return allows === 'open' ? true : null;
  // To make a node (m) is not to open it.
  const disks = rules?.filter(({ type, access }) => type === 'b' && /[rw]/.test(access)) ?? [];
  if (of === 'any') return disks.length > 0;
  return of.some((disk) => disks.some(({ major, minor }) => isIn(major, disk.major) && isIn(minor, disk.minor)));
}

export interface DiskNumber {
  readonly major: bigint;
  readonly minor: bigint;
}

function isIn(allowed: number | null, number: bigint): boolean {
  return allowed === null || BigInt(allowed) === number;
}

/** As the kernel writes it: `c 1:3 rwm`. */
export function ruleText({ type, major, minor, access }: DeviceRule): string {
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`;
}
