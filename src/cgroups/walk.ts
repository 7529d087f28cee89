// Every cgroup of every hierarchy that is mounted here, v1 and v2, in one pass. What has the same path in several is one
// group: engines and systemd make one of each so. Source: cgroups(7).

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../kernel/host.ts';
import { mountAt } from '../kernel/mount-at.ts';
import { parseCgroup, type CgroupMembership } from '../kernel/text/cgroup.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { decodeText } from '../kernel/text/text.ts';
import { ownFiles, type CgroupFiles } from './files.ts';
import { descend, hierarchyName, isOf } from './location.ts';

export interface Hierarchy {
  /** `memory`, `cpu,cpuacct`, `name=systemd`; `cgroup2`. */
  readonly name: string;
  readonly version: 1 | 2;
  /** Of v2 what the uppermost cgroup that we see may hand on. */
  readonly controllers: readonly string[];
  /** Where it is mounted. */
  readonly folder: string;
}

/** A directory of a hierarchy. */
export interface Place {
  readonly hierarchy: Hierarchy;
  /** Relative to the root of our cgroup namespace, as in /proc/PID/cgroup. */
  readonly path: string;
  readonly folder: string;
  readonly files: CgroupFiles;
  /** Those at work here: of v2 what the cgroup above hands on. */
  readonly controllers: readonly string[];
  /** Absent (null): of what we see it is the top. */
  readonly parent: Place | null;
}

export interface WalkedGroup {
  readonly path: string;
  /** One for each hierarchy that has it, in the order of `Walk.hierarchies`. */
  readonly places: readonly [Place, ...Place[]];
}

export interface Walk {
  /** Those that processes are mostly limited by go first. */
  readonly hierarchies: readonly Hierarchy[];
  /** By path; each comes after those above it. */
  readonly groups: ReadonlyMap<string, WalkedGroup>;
}

/** The most cgroups that are listed of one hierarchy: v1's memory has numbers for 65,535. */
export const MAX_GROUPS = 100_000;

/** Those that come or go meanwhile are there or not. Errors: none; what cannot be seen is a gap. */
export function walkGroups(host: Host, gaps: GapTally): Walk {
  const mounts = read(host, '/proc/self/mountinfo', parseMountinfo, 'mount table', gaps) ?? [];
  const memberships = read(host, '/proc/self/cgroup', parseCgroup, 'cgroups of nstool itself', gaps) ?? [];
  const walked = memberships
    .toSorted((a, b) => rank(a) - rank(b))
    .map((each) => walkHierarchy(host, mounts, each, gaps));
  const places = walked.flat();
  return { hierarchies: [...new Set(places.map(({ hierarchy }) => hierarchy))], groups: merged(places) };
}

function read<T>(
  host: Host,
  path: string,
  parse: (bytes: Uint8Array, file: string) => Reading<T>,
  subject: string,
  gaps: GapTally,
): T | undefined {
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parse(bytes.value, path) : bytes;
  if (!parsed.ok) gaps.add(subject, parsed.gap);
  return valueOf(parsed);
}

/** In a hierarchy of these everybody's processes are; others may be of one engine only. */
const FIRST = ['memory', 'pids', 'cpu', 'cpuacct', 'name=systemd'];

/** The unified one is last: beside v1 it may hold everything in its root. */
function rank({ hierarchy, controllers }: CgroupMembership): number {
  if (hierarchy === 0) return FIRST.length + 1;
  const found = FIRST.findIndex((name) => controllers.includes(name));
  return found < 0 ? FIRST.length : found;
}

function walkHierarchy(
  host: Host,
  mounts: readonly Mount[],
  membership: CgroupMembership,
  gaps: GapTally,
): readonly Place[] {
  const shown = widest(
    mounts.filter((mount) => isOf(mount, membership) && mountAt(mounts, mount.mountPoint) === mount),
  );
  if (shown.length === 0) {
    gaps.add('mount of cgroups', { reason: 'unsupported', what: `${hierarchyName(membership)} is not mounted here` });
  }
  return shown.flatMap((mount) => walkMount(host, mounts, mount, membership, gaps));
}

/** Without those that show no more than another. */
function widest(mounts: readonly Mount[]): readonly Mount[] {
  return mounts.filter(
    (mount, index) =>
      !mounts.some((other, at) => {
        if (other === mount || descend(other.root, mount.root) === undefined) return false;
        return at < index || descend(mount.root, other.root) === undefined;
      }),
  );
}

function walkMount(
  host: Host,
  mounts: readonly Mount[],
  { mountPoint, root }: Mount,
  membership: CgroupMembership,
  gaps: GapTally,
): readonly Place[] {
  const listed = host.folders({ path: mountPoint, limit: MAX_GROUPS });
  if (!listed.ok) {
    gaps.add('mount of cgroups', listed.gap);
    return [];
  }
  const { paths, cut } = listed.value;
  for (const gap of listed.value.gaps) gaps.add('cgroup', gap);
  if (cut)
    gaps.add('mount of cgroups', { reason: 'unsupported', what: `${mountPoint} has more than ${MAX_GROUPS} cgroups` });
  const top = topOf(host, mountPoint, root, membership);
  const covered = mounts
    .filter((mount) => mount.mountPoint.startsWith(`${mountPoint}/`))
    .map((mount) => mount.mountPoint);
  const known = new Map<string, Place>([['', top]]);
  const handedOn = new Map<Place, readonly string[]>();
  const above = top.path === '/' ? '' : top.path;
  for (const path of paths) {
    const folder = `${mountPoint}/${path}`;
    const parent = known.get(path.slice(0, Math.max(path.lastIndexOf('/'), 0)));
    if (parent === undefined) continue;
    if (covered.includes(folder)) {
      gaps.add('cgroup', { reason: 'unsupported', what: `something else is mounted on ${folder}` });
      continue;
    }
    let controllers = handedOn.get(parent);
    if (controllers === undefined) handedOn.set(parent, (controllers = controllersBelow(parent)));
    known.set(path, {
      hierarchy: top.hierarchy,
      path: `${above}/${path}`,
      folder,
      files: top.files,
      controllers,
      parent,
    });
  }
  return [...known.values()];
}

function topOf(host: Host, folder: string, root: string, membership: CgroupMembership): Place {
  const files = ownFiles(host);
  const version = membership.hierarchy === 0 ? 2 : 1;
  const controllers = version === 1 ? membership.controllers : (words(files, `${folder}/cgroup.controllers`) ?? []);
  const hierarchy: Hierarchy = { name: hierarchyName(membership), version, controllers, folder };
  return { hierarchy, path: root, folder, files, controllers, parent: null };
}

/** A cgroup of v2 has the files of those controllers that the one above hands on. */
function controllersBelow({ hierarchy, files, folder }: Place): readonly string[] {
  if (hierarchy.version === 1) return hierarchy.controllers;
  return words(files, `${folder}/cgroup.subtree_control`) ?? hierarchy.controllers;
}

function words(files: CgroupFiles, path: string): readonly string[] | undefined {
  const bytes = valueOf(files.read(path));
  return bytes === undefined ? undefined : decodeText(bytes).split(/\s+/).filter(Boolean);
}

function merged(places: readonly Place[]): ReadonlyMap<string, WalkedGroup> {
  const byPath = new Map<string, [Place, ...Place[]]>();
  for (const place of places) {
    const known = byPath.get(place.path);
    if (known === undefined) byPath.set(place.path, [place]);
    else known.push(place);
  }
  // A slash comes before all that a name may hold, so that what is below a cgroup follows it.
  const order = (path: string): string => (path === '/' ? '' : path.replaceAll('/', '\0'));
  const sorted = [...byPath]
    .map(([path, each]) => ({ key: order(path), path, places: each }))
    .toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
  return new Map(sorted.map(({ path, places: each }) => [path, { path, places: each }]));
}
