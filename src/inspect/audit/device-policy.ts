// Which device nodes a process may use once it has them. Source: Documentation/admin-guide/cgroup-v1/devices.rst; cgroup
// v2 has a BPF program in its place, which no file shows.

import { value, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Surroundings } from './surroundings.ts';

/** open: all devices. limited: a list. unknown: cgroup v2, or its files can't be reached from here. */
export interface DevicePolicy {
  readonly allows: 'open' | 'limited' | 'unknown';
  /** The file that tells. null: none does. */
  readonly file: string | null;
}

const lists = memo<Reading<Uint8Array>>();

const UNKNOWN: DevicePolicy = { allows: 'unknown', file: null };

export function devicePolicy(
  around: Surroundings,
  memberships: Reading<readonly CgroupMembership[]>,
): Reading<DevicePolicy> {
  if (!memberships.ok) return memberships;
  const path = memberships.value.find(({ controllers }) => controllers.includes('devices'))?.path;
  const mounts = around.mounts;
  if (path === undefined || path.startsWith('/..') || !mounts.ok) return value(UNKNOWN);
  const mount = mounts.value.find(
    ({ fsType, superOptions, root }) => fsType === 'cgroup' && superOptions.includes('devices') && root === '/',
  );
  if (mount === undefined) return value(UNKNOWN);
  const file = `${mount.mountPoint}${path === '/' ? '' : path}/devices.list`;
  const bytes = lists(around, file, () => around.host.readFile(file));
  if (!bytes.ok) return value(UNKNOWN);
  return value({ allows: /^a \*:\* rwm$/m.test(decodeText(bytes.value)) ? 'open' : 'limited', file });
}
