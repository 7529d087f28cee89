// Which cgroup hierarchies a host has. Source: cgroups(7), proc_pid_mountinfo(5).

import type { Mount } from '../kernel/text/mountinfo.ts';

export type CgroupMode = 'v1' | 'v2' | 'hybrid' | 'none';

/** hybrid: v1 controllers beside a cgroup2 mount. */
export function cgroupMode(mounts: readonly Mount[]): CgroupMode {
  const v1 = mounts.some((mount) => mount.fsType === 'cgroup');
  const v2 = mounts.some((mount) => mount.fsType === 'cgroup2');
  if (v1 && v2) return 'hybrid';
  if (v1) return 'v1';
  return v2 ? 'v2' : 'none';
}
