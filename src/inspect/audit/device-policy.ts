// Which device nodes a process may use once it has them. Source: Documentation/admin-guide/cgroup-v1/devices.rst; cgroup
// v2 has a BPF program in its place, which no file shows.

import { locate } from '../../cgroups/location.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Surroundings } from './surroundings.ts';

/** open: all devices. limited: a list. unknown: cgroup v2, or its files can't be reached from here. */
export interface DevicePolicy {
  readonly allows: 'open' | 'limited' | 'unknown';
  /** What of block devices may be opened, where it is limited. */
  readonly disks: readonly DeviceRule[];
  /** The file that tells. null: none does. */
  readonly file: string | null;
}

/** null: all of them. */
export interface DeviceRule {
  readonly major: bigint | null;
  readonly minor: bigint | null;
}

const lists = memo<Reading<Uint8Array>>();

const UNKNOWN: DevicePolicy = { allows: 'unknown', disks: [], file: null };

export function devicePolicy(
  around: Surroundings,
  memberships: Reading<readonly CgroupMembership[]>,
): Reading<DevicePolicy> {
  if (!memberships.ok) return memberships;
  const membership = memberships.value.find(({ controllers }) => controllers.includes('devices'));
  const found = membership === undefined || !around.mounts.ok ? undefined : locate(around.mounts.value, membership);
  if (found === undefined || found.descent.untold > 0) return value(UNKNOWN);
  const names = [...found.descent.names, 'devices.list'];
  const file = `${found.mount.mountPoint}${names.map((name) => `/${name}`).join('')}`;
  const bytes = lists(around, file, () => around.host.readFile(file));
  if (!bytes.ok) return value(UNKNOWN);
  const text = decodeText(bytes.value);
  return value({ allows: /^a \*:\* rwm$/m.test(text) ? 'open' : 'limited', disks: diskRules(text), file });
}

/** To make a node (m) is not to open it. */
function diskRules(text: string): readonly DeviceRule[] {
  return [...text.matchAll(/^b (\*|[0-9]+):(\*|[0-9]+) [rwm]*[rw]/gm)].map(([, major, minor]) => {
    return { major: numberOf(major), minor: numberOf(minor) };
  });
}

function numberOf(word: string | undefined): bigint | null {
  return word === undefined || word === '*' ? null : BigInt(word);
}

/** May it open one of these disks, each by its number? Of `any` disk of the host; null: no file tells. */
export function mayOpenDisk({ allows, disks }: DevicePolicy, of: readonly DiskNumber[] | 'any'): boolean | null {
  if (allows !== 'limited') return allows === 'open' ? true : null;
  if (of === 'any') return disks.length > 0;
  return of.some((disk) => disks.some(({ major, minor }) => isIn(major, disk.major) && isIn(minor, disk.minor)));
}

export interface DiskNumber {
  readonly major: bigint;
  readonly minor: bigint;
}

function isIn(allowed: bigint | null, number: bigint): boolean {
  return allowed === null || allowed === number;
}
