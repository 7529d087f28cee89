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

export function readDevicePolicy(groups: Groups, gaps: GapTally): DevicePolicy {
  const found = controlledBy(groups, 'devices');
  const level = found?.levels[0];
  const unknown = { allows: 'unknown', file: null, rules: null } as const;
  if (found === undefined || level === undefined) return unknown;
  const rules = readFrom(found.group, level, 'devices.list', parseDeviceRules, gaps);
  if (rules == null) return unknown;
  return { allows: rules.some(isAll) ? 'open' : 'limited', file: `${level.folder}/devices.list`, rules };
}

function isAll({ type, major, minor, access }: DeviceRule): boolean {
  return type === 'a' && major === null && minor === null && ['r', 'w', 'm'].every((each) => access.includes(each));
}

/** As the kernel writes it: `c 1:3 rwm`. */
export function ruleText({ type, major, minor, access }: DeviceRule): string {
  return `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`;
}
