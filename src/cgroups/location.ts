// Where a cgroup is to be found: on which mount, and how far below it. Source: cgroups(7), cgroup_namespaces(7),
// kernel/cgroup/cgroup.c cgroup_show_path(), fs/kernfs/dir.c kernfs_path_from_node().

import { mountAt } from '../kernel/mount-at.ts';
import type { CgroupMembership } from '../kernel/text/cgroup.ts';
import type { Mount } from '../kernel/text/mountinfo.ts';

/** A way from a mount's root down to a cgroup. */
export interface Descent {
  /** How many names come first that nobody tells, as they lie above the root of our cgroup namespace. */
  readonly untold: number;
  readonly names: readonly string[];
}

export interface Location {
  readonly mount: Mount;
  readonly descent: Descent;
}

/** `cpu,cpuacct`, `name=systemd`; `cgroup2` of the unified hierarchy. */
export function hierarchyName({ hierarchy, controllers }: Pick<CgroupMembership, 'hierarchy' | 'controllers'>): string {
  return hierarchy === 0 ? 'cgroup2' : controllers.join(',');
}

/**
 * A mount of the cgroup's hierarchy that nothing hides, and that begins at it or above it: of several that which shows
 * most of what is above, as limits stand there too. The memberships and the table are told to the same reader.
 */
export function locate(mounts: readonly Mount[], membership: CgroupMembership): Location | undefined {
  let best: Location | undefined;
  for (const mount of mounts) {
    if (!isOf(mount, membership) || mountAt(mounts, mount.mountPoint) !== mount) continue;
    const descent = descend(mount.root, membership.path);
    if (descent === undefined) continue;
    if (best === undefined || isBetter(descent, best.descent)) best = { mount, descent };
  }
  return best;
}

function isBetter(one: Descent, other: Descent): boolean {
  const isTold = (descent: Descent): number => (descent.untold === 0 ? 1 : 0);
  const depth = ({ names, untold }: Descent): number => names.length + untold;
  return isTold(one) - isTold(other) > 0 || (isTold(one) === isTold(other) && depth(one) > depth(other));
}

/** Is a mount one of the hierarchy? */
export function isOf(
  { fsType, superOptions }: Mount,
  { hierarchy, controllers }: Pick<CgroupMembership, 'hierarchy' | 'controllers'>,
): boolean {
  if (hierarchy === 0) return fsType === 'cgroup2';
  return fsType === 'cgroup' && controllers.length > 0 && controllers.every((each) => superOptions.includes(each));
}

/**
 * From a mount's root to a cgroup, both relative to the root of our cgroup namespace; undefined: it does not lie below
 * that. `/..` is what is above us: from the root `/..` to `/a` a name is missing, that of our own root.
 */
export function descend(root: string, path: string): Descent | undefined {
  const above = namesOf(root);
  const names = namesOf(path);
  let common = 0;
  while (common < above.length && above[common] === names[common]) common += 1;
  const missing = above.slice(common);
  const rest = names.slice(common);
  if (rest.includes('..') || rest.includes('.') || missing.some((name) => name !== '..')) return undefined;
  return { untold: missing.length, names: rest };
}

function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}
