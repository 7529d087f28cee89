// Joining the cgroups of the target: one write into cgroup.procs of every hierarchy in which it is elsewhere than we.
// Source: cgroups(7), kernel/cgroup/cgroup.c cgroup_procs_write().

import { ERRNO } from '../kernel/abi/errno.ts';
import { O_WRONLY } from '../kernel/abi/open-flags.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { parseCgroup, type CgroupMembership } from '../kernel/text/cgroup.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { explainOpen, failureStatus } from './explain-enter.ts';
import { step } from './step.ts';

export interface CgroupSteps {
  /** While /sys/fs/cgroup still is ours. */
  readonly open: readonly Step[];
  readonly join: readonly Step[];
}

/** Errors: DENIED, NO_PROCESS, UNSUPPORTED: a hierarchy that is mounted nowhere, or a cgroup out of reach. */
export function joinCgroups(host: Host, pid: number): CgroupSteps {
  const ours = memberships(host, 'self');
  const elsewhere = memberships(host, pid).filter(
    (theirs) => ours.find((own) => nameOf(own) === nameOf(theirs))?.path !== theirs.path,
  );
  const mounts = elsewhere.length === 0 ? [] : mountsOf(host);
  const joins = elsewhere.map((membership) => joinOne(mounts, pid, membership));
  return { open: joins.map(({ open }) => open), join: joins.map(({ join }) => join) };
}

function memberships(host: Host, pid: number | 'self'): readonly CgroupMembership[] {
  const path = `/proc/${pid}/cgroup`;
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parseCgroup(bytes.value, path) : bytes;
  if (!parsed.ok) throw errorOfGap(parsed.gap, `cannot read the cgroups of process ${pid}`);
  return parsed.value;
}

function mountsOf(host: Host): readonly Mount[] {
  const path = '/proc/self/mountinfo';
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parseMountinfo(bytes.value, path) : bytes;
  if (!parsed.ok) throw errorOfGap(parsed.gap, 'cannot find where cgroups are mounted');
  return parsed.value;
}

/** `cpu,cpuacct`, `name=systemd`; `cgroup2` of the unified hierarchy. */
function nameOf({ hierarchy, controllers }: CgroupMembership): string {
  return hierarchy === 0 ? 'cgroup2' : controllers.join(',');
}

function joinOne(mounts: readonly Mount[], pid: number, membership: CgroupMembership): { open: Step; join: Step } {
  const name = nameOf(membership);
  const folder = folderOf(mounts, membership);
  if (folder === undefined || membership.deleted) throw outOfReach(pid, membership);
  const path = `${folder}/cgroup.procs`;
  const slot = `cgroup ${name}`;
  return {
    open: step(
      `open ${path}`,
      'while its path still means this; the kernel checks the rights of who opens it',
      { op: 'open', path, flags: O_WRONLY, into: slot },
      { explanations: explainOpen(path) },
    ),
    join: step(
      `join the ${name} cgroup ${membership.path}`,
      'that of the target process; 0 stands for the process that writes',
      { op: 'write', slot, bytes: '0' },
      { explanations: explainJoin(`the ${name} cgroup ${membership.path}`) },
    ),
  };
}

/** Where the cgroup is to be found: below a mount of its hierarchy that begins at it or above it. */
function folderOf(mounts: readonly Mount[], membership: CgroupMembership): string | undefined {
  for (const mount of mounts) {
    const below = isOf(mount, membership) ? pathBelow(mount.root, membership.path) : undefined;
    if (below !== undefined) return `${mount.mountPoint}${below}`;
  }
  return undefined;
}

function isOf({ fsType, superOptions }: Mount, { hierarchy, controllers }: CgroupMembership): boolean {
  if (hierarchy === 0) return fsType === 'cgroup2';
  return fsType === 'cgroup' && controllers.every((controller) => superOptions.includes(controller));
}

/** undefined: not below it; a path with `..` in it leads out of our cgroup namespace, and names nothing. */
function pathBelow(root: string, path: string): string | undefined {
  if (path === root) return '';
  const start = root === '/' ? '' : root;
  if (!path.startsWith(`${start}/`)) return undefined;
  const below = path.slice(start.length);
  return below.split('/').includes('..') ? undefined : below;
}

function outOfReach(pid: number, { path, deleted, ...membership }: CgroupMembership): NsError {
  const name = nameOf({ path, deleted, ...membership });
  const outside = path.split('/').includes('..');
  const why = deleted
    ? 'it was removed'
    : outside
      ? 'it lies outside of our cgroup namespace'
      : `no mount of the ${name} hierarchy in our mount namespace shows it`;
  return new NsError('UNSUPPORTED', {
    what: `cannot join the ${name} cgroup ${path} of process ${pid}`,
    why,
    tryThis: 'the same command without --join-cgroup',
  });
}

function explainJoin(cgroup: string): readonly Explanation[] {
  const text = (errno: keyof typeof ERRNO, why: string): Explanation => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: cannot join ${cgroup}: ${errno}\n  why: ${why}\n`,
  });
  return [
    text('EACCES', 'that needs the right to write cgroup.procs there and in the nearest cgroup above us both'),
    text('EPERM', 'that needs the right to write cgroup.procs there and in the nearest cgroup above us both'),
    text('EBUSY', 'it hands controllers on to cgroups below it, and such a cgroup may hold no processes'),
    text('EOPNOTSUPP', 'it is threaded, or not of a valid type: only threads can be moved there'),
    text('ENODEV', 'it was removed meanwhile'),
    text('ENOSPC', 'its cpuset has no cpus or no memory nodes'),
    text('EAGAIN', 'its limit on processes is reached'),
  ];
}
