// /proc/PID/cgroup. Source: cgroups(7), kernel/cgroup/cgroup.c proc_cgroup_show().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** Where a process is in one hierarchy. */
export interface CgroupMembership {
  /** 0 is the unified hierarchy (cgroup v2); the numbers of the others mean nothing beyond this boot. */
  readonly hierarchy: number;
  /** `cpu`, `cpuacct`, or `name=systemd` of a v1 hierarchy without controllers. Empty for the unified one. */
  readonly controllers: readonly string[];
  /** Relative to the cgroup namespace of the reader: `/..` and below is outside of it. */
  readonly path: string;
  /** Removed already, as of a zombie. Absent (false) in v1 hierarchies, which do not tell. */
  readonly deleted: boolean;
}

/** What the kernel appends. A cgroup that lives may end so too: the two cannot be told apart. */
const DELETED = ' (deleted)';

/**
 * One line for each hierarchy. Only the first two colons separate: a path may hold more. A path never holds a newline,
 * as cgroup_mkdir() refuses it for the sake of this file.
 */
export function parseCgroup(bytes: Uint8Array, file: string): Reading<readonly CgroupMembership[]> {
  const memberships: CgroupMembership[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const membership = parseMembership(line);
    if (membership === undefined) return malformed(file, index + 1, line);
    memberships.push(membership);
  }
  return value(memberships);
}

function parseMembership(line: string): CgroupMembership | undefined {
  const first = line.indexOf(':');
  const second = line.indexOf(':', first + 1);
  if (first < 0 || second < 0) return undefined;
  const hierarchy = parseDecimal(line.slice(0, first));
  const path = line.slice(second + 1);
  if (hierarchy === undefined || !path.startsWith('/')) return undefined;
  const controllers = line
    .slice(first + 1, second)
    .split(',')
    .filter(Boolean);
  const deleted = hierarchy === 0 && path.endsWith(DELETED);
  return { hierarchy, controllers, path: deleted ? path.slice(0, -DELETED.length) : path, deleted };
}
