// Joining the cgroups of the target: one write into cgroup.procs of every hierarchy in which it is elsewhere than we.
// Source: cgroups(7), kernel/cgroup/cgroup.c cgroup_procs_write().

import { isFrozen } from '../cgroups/frozen.ts';
import { findGroups } from '../cgroups/groups.ts';
import { hierarchyName, locate } from '../cgroups/location.ts';
import { byErrno, ERRNO } from '../kernel/abi/errno.ts';
import { O_WRONLY } from '../kernel/abi/open-flags.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { parseCgroup, type CgroupMembership } from '../kernel/text/cgroup.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { remarks, type Uncopied } from './as-target/part.ts';
import { explainOpen, failureStatus } from './explain-enter.ts';
import { shown, step } from './step.ts';

export interface CgroupSteps {
  /** While /sys/fs/cgroup still is ours. */
  readonly open: readonly Step[];
  readonly join: readonly Step[];
  /** What is out of reach, where that is no error. */
  readonly uncopied: readonly Uncopied[];
}

/**
 * `asFarAsPossible`: what cannot be joined is told, and is no error.
 * Errors: DENIED, NO_PROCESS, UNSUPPORTED: a hierarchy that is mounted nowhere, or a cgroup out of reach.
 */
export function joinCgroups(host: Host, pid: number, asFarAsPossible: boolean): CgroupSteps {
  const ours = memberships(host, 'self');
  const elsewhere = memberships(host, pid).filter(
    (theirs) => ours.find((own) => hierarchyName(own) === hierarchyName(theirs))?.path !== theirs.path,
  );
  const mounts = elsewhere.length === 0 ? [] : mountsOf(host);
  const joins: { open: Step; join: Step }[] = [];
  const uncopied: Uncopied[] = [];
  for (const membership of elsewhere) {
    const folder = membership.deleted ? undefined : folderOf(mounts, membership);
    if (folder === undefined && !asFarAsPossible) throw outOfReach(pid, membership);
    if (folder === undefined) uncopied.push({ what: labelOf(membership), why: whyOutOfReach(membership) });
    else if (asFarAsPossible && findGroups(host, pid, [membership], mounts).reached.some(isFrozen))
      uncopied.push({ what: labelOf(membership), why: 'it is frozen, and so would be the command' });
    else joins.push(joinOne(folder, membership, asFarAsPossible));
  }
  return { open: joins.map(({ open }) => open), join: joins.map(({ join }) => join), uncopied };
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

/** `cpu,cpuacct cgroup /docker/...`. */
function labelOf(membership: CgroupMembership): string {
  return `${hierarchyName(membership)} cgroup ${membership.path}`;
}

function joinOne(folder: string, membership: CgroupMembership, asFarAsPossible: boolean): { open: Step; join: Step } {
  const path = `${folder}/cgroup.procs`;
  const what = labelOf(membership);
  const slot = `cgroup ${hierarchyName(membership)}`;
  const closed = {
    EACCES: 'its cgroup.procs may not be written by us',
    EPERM: 'its cgroup.procs may not be written by us',
  };
  return {
    open: step(
      `open ${path}`,
      'while its path still means this; the kernel checks the rights of who opens it',
      { op: 'open', path, flags: O_WRONLY, into: slot },
      asFarAsPossible ? { try: true, explanations: remarks(what, closed) } : { explanations: explainOpen(path) },
    ),
    join: step(
      `join the ${what}`,
      'that of the target process; 0 stands for the process that writes',
      { op: 'write', slot, bytes: '0' },
      asFarAsPossible
        ? { try: true, explanations: remarks(what, REFUSALS) }
        : { explanations: explainJoin(`the ${what}`) },
    ),
  };
}

/** undefined: no mount of ours shows it, or only with a name on the way that nobody tells. */
function folderOf(mounts: readonly Mount[], membership: CgroupMembership): string | undefined {
  const found = locate(mounts, membership);
  if (found === undefined || found.descent.untold > 0) return undefined;
  return `${found.mount.mountPoint}${found.descent.names.map((name) => `/${name}`).join('')}`;
}

function whyOutOfReach(membership: CgroupMembership): string {
  if (membership.deleted) return 'it was removed';
  if (membership.path.split('/').includes('..')) return 'it lies outside of our cgroup namespace';
  return `no mount of the ${hierarchyName(membership)} hierarchy in our mount namespace shows it`;
}

function outOfReach(pid: number, membership: CgroupMembership): NsError {
  return new NsError('UNSUPPORTED', {
    what: `cannot join the ${labelOf(membership)} of process ${pid}`,
    why: whyOutOfReach(membership),
    tryThis: 'the same command without --join-cgroup',
  });
}

const RIGHTS = 'that needs the right to write cgroup.procs there and in the nearest cgroup above us both';

const REFUSALS = {
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  EBUSY: 'it hands controllers on to cgroups below it, and such a cgroup may hold no processes',
  EOPNOTSUPP: 'it is threaded, or not of a valid type: only threads can be moved there',
  ENODEV: 'it was removed meanwhile',
  ENOSPC: 'its cpuset has no cpus or no memory nodes',
  EAGAIN: 'its limit on processes is reached',
} as const;

export function explainJoin(cgroup: string): readonly Explanation[] {
  return byErrno(REFUSALS).map(([errno, why]) => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: cannot join ${shown(cgroup)}: ${errno}\n  why: ${why}\n`,
  }));
}
