// The device policy of an audited process: of many processes in one cgroup the file is read once.

import { limitedBy, UNKNOWN_POLICY, type DevicePolicy } from '../../cgroups/devices.ts';
import { locate } from '../../cgroups/location.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import { parseDeviceRules } from '../../kernel/text/device-rules.ts';
import type { Surroundings } from './surroundings.ts';

const policies = memo<DevicePolicy>();

/** unknown: cgroup v2, or its files can't be reached from here. */
export function devicePolicy(
  around: Surroundings,
  memberships: Reading<readonly CgroupMembership[]>,
): Reading<DevicePolicy> {
  if (!memberships.ok) return memberships;
  const membership = memberships.value.find(({ controllers }) => controllers.includes('devices'));
  const found = membership === undefined || !around.mounts.ok ? undefined : locate(around.mounts.value, membership);
  if (found === undefined || found.descent.untold > 0) return value(UNKNOWN_POLICY);
  const names = [...found.descent.names, 'devices.list'];
  const file = `${found.mount.mountPoint}${names.map((name) => `/${name}`).join('')}`;
  return value(policies(around, file, () => read(around, file)));
}

function read({ host }: Surroundings, file: string): DevicePolicy {
  const bytes = host.readFile(file);
  const rules = bytes.ok ? parseDeviceRules(bytes.value, file) : bytes;
  return rules.ok ? limitedBy(rules.value, file) : UNKNOWN_POLICY;
}
