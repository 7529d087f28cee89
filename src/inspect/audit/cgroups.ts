// G: what its cgroups limit, and which devices they let it use. What is not limited harms its neighbours and is no way
// onto the host: none of these is more than low, but where all devices are open to root of the host.

import { readDevicePolicy } from '../../cgroups/devices.ts';
import { readCpuset } from '../../cgroups/cpuset.ts';
import { controlledBy, type Groups } from '../../cgroups/groups.ts';
import { holdingLimit } from '../../cgroups/holding-limit.ts';
import { readOwnWeight } from '../../cgroups/weight.ts';
import type { Engine, Identity } from '../../containers/identity.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { firstGap, GapTally } from '../../kernel/gap-tally.ts';
import type { Gap } from '../../kernel/host.ts';
import type { CgroupMembership } from '../../kernel/text/cgroup.ts';
import type { Evidence } from './evidence.ts';
import { check, type Check } from './check.ts';
import type { Found, Severity } from './findings.ts';

const BOUND = ['cgroups', 'identity', 'pid'] as const;

/** A limit that no level sets. */
interface Limitless {
  /** Is there a controller that counts, though nothing limits? */
  readonly counted: boolean;
  readonly evidence: readonly string[];
}

export const cgroupChecks: readonly Check[] = [
  check('G1', 'low', 'contained', BOUND, ({ cgroups, identity, pid }, severity) => {
    const max = limitless(cgroups, 'memory_max');
    // Of v2: what takes more is slowed down until it has less.
    const isFirst = controlledBy(cgroups, 'memory')?.group.version === 1;
    const high = isFirst ? [] : [limitless(cgroups, 'memory_high')];
    return foundOf([max, ...high], ofContainer(identity, severity), `/proc/${pid}/cgroup`);
  }),

  check('G2', 'info', 'contained', BOUND, ({ cgroups, pid }, severity) => {
    const quota = limitless(cgroups, 'cpu_max');
    const others = [withoutCpuset(cgroups), withDefaultWeight(cgroups)];
    return foundOf([quota, ...others], severity, `/proc/${pid}/cgroup`);
  }),

  check('G3', 'low', 'contained', BOUND, ({ cgroups, identity, pid }, severity) => {
    return foundOf([limitless(cgroups, 'pids_max')], ofContainer(identity, severity), `/proc/${pid}/cgroup`);
  }),

  check('G4', 'info', 'contained', ['cgroups', 'pid'], ({ cgroups, pid }, severity) => {
    const { reached } = cgroups;
    const rooted = reached.filter(({ isWhole, levels }) => isWhole && levels.length === 1);
    const controllers = rooted.flatMap((group) => group.controllers).filter((name) => LIMITING.has(name));
    if (controllers.length > 0) {
      return [{ severity, args: { controllers: controllers.toSorted() }, evidence: [`/proc/${pid}/cgroup`] }];
    }
    const closed = cgroups.unreached.find(({ membership }) => isLimiting(membership));
    return closed === undefined ? [] : closed.gap;
  }),

  check('G5', 'info', 'contained', ['identity', 'memberships', 'pid'], ({ identity, memberships, pid }, severity) => {
    const parent = unexpectedParent(identity, memberships);
    if (parent === undefined) return [];
    const args = { engine: identity.engine, parent };
    return [{ severity, args, evidence: [`/proc/${pid}/cgroup: below ${parent}`] }];
  }),

  check('G6', 'high', 'contained', ['cgroups', 'standing', 'sets', 'pid'], openDevices),
];

/** What keeps a process in, as far as it counts or limits. */
const LIMITING: ReadonlySet<string> = new Set(['memory', 'cpu', 'pids', 'io', 'blkio', 'devices']);

/** What the unified hierarchy has to offer is told by its files only. */
function isLimiting({ hierarchy, controllers }: CgroupMembership): boolean {
  return hierarchy === 0 || controllers.some((name) => LIMITING.has(name));
}

/** Of a sandbox that is no container, as each tab of a browser is one, it is only told. */
function ofContainer({ role }: Identity, severity: Severity): Severity {
  return role === 'payload' ? severity : 'info';
}

/** All must lack it; undefined: there is one. `place` is named where no file of a cgroup tells. */
function foundOf(
  lacking: readonly (Limitless | Gap | undefined)[],
  severity: Severity,
  place: string,
): readonly Found[] | Gap {
  const found: Limitless[] = [];
  let unknown: Gap | undefined;
  for (const each of lacking) {
    if (each === undefined) return [];
    if ('reason' in each) unknown ??= each;
    else found.push(each);
  }
  if (unknown !== undefined) return unknown;
  const counted = found.some((each) => each.counted);
  const evidence = found.flatMap((each) => each.evidence);
  return [{ severity, args: { counted }, evidence: evidence.length > 0 ? evidence : [place] }];
}

/** undefined: something up to the root sets this limit. */
function limitless(groups: Groups, key: string): Limitless | Gap | undefined {
  const { effective, gap, file } = holdingLimit(groups, key);
  if (effective === null) return gap ?? undefined;
  if (effective !== 'max') return undefined;
  const evidence = file === null ? [] : [`${file}: max, and so up to the root`];
  return { counted: file !== null, evidence };
}

/** undefined: it may run on some processors only. What cannot be read narrows nothing that we know of. */
function withoutCpuset(groups: Groups): Limitless | undefined {
  const cpus = readCpuset(groups, new GapTally()).find(({ key }) => key === 'cpus');
  return cpus?.by == null ? { counted: false, evidence: [] } : undefined;
}

/** Source: Documentation/admin-guide/cgroup-v2.rst, kernel/sched/sched.h NICE_0_LOAD. */
const DEFAULT_WEIGHT = { 1: 1024n, 2: 100n } as const;

/** undefined: somebody has weighed it. */
function withDefaultWeight(groups: Groups): Limitless | Gap | undefined {
  const gaps = new GapTally();
  const weight = readOwnWeight(groups, gaps);
  if (weight === undefined) return { counted: false, evidence: [] };
  const { group, own, file, set, idle } = weight;
  if (set === null) return firstGap(gaps);
  if (set !== DEFAULT_WEIGHT[group.version] || idle === 1n) return undefined;
  return { counted: true, evidence: [`${own.folder}/${file}: ${set}`] };
}

/** Where an engine puts what was not put elsewhere: how the path above the container's own cgroup ends. */
const PARENTS: Partial<Record<Engine, RegExp>> = {
  // Of GitHub's runners, which set it themselves, actions_job.
  docker: /(?:^|\/)(?:docker|actions_job|system\.slice|user\.slice)$/,
  podman: /(?:^|\/)(?:libpod_parent|machine\.slice|user\.slice)$/,
  nspawn: /(?:^|\/)machine\.slice$/,
};

/** undefined: it is where its engine puts all of them, or nobody knows where that would be. */
function unexpectedParent(identity: Identity, memberships: readonly CgroupMembership[]): string | undefined {
  const { engine, id, podUid, role } = identity;
  const expected = engine === null ? undefined : PARENTS[engine];
  // Pods and tasks have cgroups of their own.
  if (expected === undefined || id === null || podUid !== null || role !== 'payload') return undefined;
  const parents = new Set(memberships.flatMap(({ path }) => parentOf(path, id) ?? []));
  return [...parents].find((parent) => !expected.test(parent));
}

/** What stands before the container's own cgroup in a path. undefined: it has none there, or is meant to be in a unit's. */
function parentOf(path: string, id: string): string | undefined {
  const segments = path.split('/');
  const at = segments.findLastIndex((segment) => segment.includes(id));
  if (at < 0 || segments[at] === `libpod-payload-${id}`) return undefined;
  return segments.slice(0, at).join('/') || '/';
}

/** Nodes can neither be made nor opened in mounts of a user namespace of its own. */
function openDevices(
  { cgroups, standing, sets, pid }: Pick<Evidence, 'cgroups' | 'standing' | 'sets' | 'pid'>,
  severity: Severity,
): readonly Found[] | Gap {
  if (standing.scope === 'namespace') return [];
  const closed = cgroups.unreached.find(({ membership }) => membership.controllers.includes('devices'));
  if (closed !== undefined) return closed.gap;
  const gaps = new GapTally();
  const { allows, file } = readDevicePolicy(cgroups, gaps);
  const gap = firstGap(gaps);
  if (gap !== undefined) return gap;
  if (allows === 'limited') return [];
  const args = { devices: allows };
  if (allows === 'unknown')
    return [{ severity: 'info', args, evidence: [`/proc/${pid}/cgroup: no devices controller`] }];
  const mayMake = ((sets.effective | sets.permitted) & CAPABILITY.MKNOD) !== 0n;
  const weight = mayMake || standing.hostRoot ? severity : 'low';
  return [{ severity: weight, args, evidence: [`${file ?? ''}: a *:* rwm`] }];
}
