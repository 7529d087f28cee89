// Which directory of which mount is a process's cgroup, in each hierarchy: v1, v2 and both side by side, through cgroup
// namespaces in both directions. Source: cgroups(7), cgroup_namespaces(7).

import { valueOf, type Gap, type Host, type Reading } from '../kernel/host.ts';
import type { CgroupMembership } from '../kernel/text/cgroup.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { decodeText } from '../kernel/text/text.ts';
import { filesThrough, isMountedThere, MAX_LISTED, ownFiles, type CgroupFiles } from './files.ts';
import { hierarchyName, locate, type Descent, type Location } from './location.ts';

/** A directory on the way from a cgroup up to the root of its mount. */
export interface Level {
  /** Relative to the root of our cgroup namespace. */
  readonly path: string;
  readonly folder: string;
}

export interface Group {
  readonly hierarchy: number;
  /** Of v1 as in /proc/PID/cgroup; of v2 what its root offers. */
  readonly controllers: readonly string[];
  readonly version: 1 | 2;
  readonly path: string;
  readonly files: CgroupFiles;
  /** From the cgroup itself up. */
  readonly levels: readonly [Level, ...Level[]];
  /** Is the last level the root of the hierarchy? Else there are more above, which we do not see. */
  readonly isWhole: boolean;
}

/** A cgroup that cannot be reached, and why. */
export interface Unreached {
  readonly membership: CgroupMembership;
  readonly gap: Gap;
  /** For people: the rest of a sentence that begins with its name. */
  readonly why: string;
}

export interface Groups {
  readonly reached: readonly Group[];
  readonly unreached: readonly Unreached[];
}

/** `pid`: whose memberships they are, as we number it. `ours`: our own mount table, for who looks at many processes. */
export function findGroups(
  host: Host,
  pid: number,
  memberships: readonly CgroupMembership[],
  ours: readonly Mount[] = valueOf(mountTable(host, 'self')) ?? [],
): Groups {
  const found = memberships.map((membership) => findGroup(host, pid, membership, ours));
  return {
    reached: found.flatMap((each) => ('levels' in each ? each : [])),
    unreached: found.flatMap((each) => ('gap' in each ? each : [])),
  };
}

function mountTable(host: Host, pid: number | 'self'): Reading<readonly Mount[]> {
  const path = `/proc/${pid}/mountinfo`;
  const bytes = host.readFile(path);
  return bytes.ok ? parseMountinfo(bytes.value, path) : bytes;
}

function findGroup(host: Host, pid: number, membership: CgroupMembership, ours: readonly Mount[]): Group | Unreached {
  const files = ownFiles(host);
  const location = locate(ours, membership);
  const own = location === undefined ? undefined : groupAt(files, location, membership, pid);
  if (own !== undefined) return own;
  if (!membership.deleted) {
    const theirs = valueOf(mountTable(host, pid));
    const their = theirs === undefined ? undefined : locate(theirs, membership);
    if (their !== undefined && isMountedThere(host, pid, their.mount.mountPoint, their.mount.id)) {
      const through = groupAt(filesThrough(host, pid), their, membership, pid);
      if (through !== undefined) return through;
    }
  }
  const why = whyUnreached(membership, location);
  const reason = membership.deleted ? 'gone' : 'unsupported';
  const what = `${hierarchyName(membership)} cgroup ${membership.path}: ${why}`;
  return { membership, why, gap: { reason, what } };
}

function whyUnreached(membership: CgroupMembership, location: Location | undefined): string {
  const { deleted, path } = membership;
  if (deleted) return 'it was removed';
  if (path.includes('\uFFFD')) return 'its name is not UTF-8';
  if (location !== undefined) return `${folderOf(location, location.descent.names)} cannot be looked at`;
  const isOutside = path.split('/').includes('..');
  const where = `no mount of the ${hierarchyName(membership)} hierarchy, of ours or of the process's own, shows it`;
  return isOutside ? `it lies outside of our cgroup namespace, and ${where}` : where;
}

function groupAt(
  files: CgroupFiles,
  { mount, descent }: Location,
  membership: CgroupMembership,
  pid: number,
): Group | undefined {
  const names = descentNames(files, mount, descent, membership, pid);
  if (names === undefined) return undefined;
  const levels = levelsOf(mount, names, descent.untold, calledPath(membership));
  const [own] = levels;
  if (!isThere(files, `${own.folder}/cgroup.procs`)) return undefined;
  const version = membership.hierarchy === 0 ? 2 : 1;
  const top = levels.at(-1) ?? own;
  return {
    hierarchy: membership.hierarchy,
    controllers: version === 2 ? offered(files, top) : membership.controllers,
    version,
    path: own.path,
    files,
    levels,
    isWhole: isRoot(files, top, version),
  };
}

/** A recording may have what the file says, and nothing else of it. */
function isThere(files: CgroupFiles, file: string): boolean {
  return files.status(file).ok || files.read(file).ok;
}

/** All names from the mount's root down; undefined: the cgroup is not there. */
function descentNames(
  files: CgroupFiles,
  mount: Mount,
  { untold, names }: Descent,
  { deleted }: CgroupMembership,
  pid: number,
): readonly string[] | undefined {
  if (untold > 0) return searched(files, mount.mountPoint, untold, names, pid);
  if (!deleted) return names;
  // A cgroup may be called so: then the process is in it, while one that is removed has no process that lives.
  const literal = [...names.slice(0, -1), `${names.at(-1) ?? ''} (deleted)`];
  return isIn(files, join(mount.mountPoint, literal), pid) ? literal : undefined;
}

/** The one directory so far down that has `names` below it and the process in that. */
function searched(
  files: CgroupFiles,
  mountPoint: string,
  untold: number,
  names: readonly string[],
  pid: number,
): readonly string[] | undefined {
  let above: readonly (readonly string[])[] = [[]];
  for (let depth = 0; depth < untold; depth += 1) {
    const next: (readonly string[])[] = [];
    for (const way of above) {
      for (const name of valueOf(files.list(join(mountPoint, way))) ?? []) {
        // The files of cgroups have a dot in their names, of v1 also tasks and notify_on_release.
        if (next.length < MAX_LISTED && valueOf(files.status(join(mountPoint, [...way, name, 'cgroup.procs']))))
          next.push([...way, name]);
      }
    }
    above = next;
  }
  return above.map((way) => [...way, ...names]).find((way) => isIn(files, join(mountPoint, way), pid));
}

/** Does the kernel list the process there? cgroup.procs of a threaded one is closed (EOPNOTSUPP). */
function isIn(files: CgroupFiles, folder: string, pid: number): boolean {
  return ['cgroup.procs', 'tasks', 'cgroup.threads'].some((name) => {
    const bytes = valueOf(files.read(`${folder}/${name}`));
    return bytes !== undefined && decodeText(bytes).split('\n').includes(String(pid));
  });
}

/** One that lives and has been found is called as removed ones are told. */
function calledPath({ path, deleted }: CgroupMembership): string {
  return deleted ? `${path} (deleted)` : path;
}

/** `names`: all from the mount's root down, of which the path does not tell the first (`untold`). */
function levelsOf(
  { mountPoint }: Mount,
  names: readonly string[],
  untold: number,
  path: string,
): readonly [Level, ...Level[]] {
  const called = path.split('/').filter((name) => name !== '');
  const above = called.slice(0, called.length - (names.length - untold));
  // As the kernel would say it: /.. is what our own root lies in.
  const level = (count: number): Level => {
    const up = Array.from({ length: Math.max(untold - count, 0) }, () => '..');
    return {
      path: `/${[...above, ...up, ...names.slice(untold, count)].join('/')}`,
      folder: join(mountPoint, names.slice(0, count)),
    };
  };
  const rest = Array.from({ length: names.length }, (_, index) => level(names.length - 1 - index));
  return [level(names.length), ...rest];
}

function join(mountPoint: string, names: readonly string[]): string {
  return `${mountPoint === '/' ? '' : mountPoint}${names.map((name) => `/${name}`).join('')}`;
}

function folderOf({ mount, descent }: Location, names: readonly string[]): string {
  return descent.untold > 0 ? `what is below ${mount.mountPoint}` : join(mount.mountPoint, names);
}

function offered(files: CgroupFiles, { folder }: Level): readonly string[] {
  const bytes = valueOf(files.read(`${folder}/cgroup.controllers`));
  return bytes === undefined ? [] : decodeText(bytes).split(/\s+/).filter(Boolean);
}

/** cgroup.sane_behavior is in roots of v1 only, cgroup.type in all cgroups of v2 but the root (since Linux 4.14). */
function isRoot(files: CgroupFiles, { folder }: Level, version: 1 | 2): boolean {
  if (version === 1) return files.read(`${folder}/cgroup.sane_behavior`).ok;
  const type = files.read(`${folder}/cgroup.type`);
  return !type.ok && type.gap.reason === 'gone';
}

/** Where a controller acts on the process: its levels from the nearest that has it, up. */
export interface Controlled {
  readonly group: Group;
  /** Empty: it acts nowhere above the process, or in the root alone. */
  readonly levels: readonly Level[];
}

/** undefined: the controller is on no hierarchy that was reached. */
export function controlledBy({ reached }: Groups, controller: string): Controlled | undefined {
  const group = reached.find(({ controllers }) => controllers.includes(controller));
  if (group === undefined) return undefined;
  if (group.version === 1) return { group, levels: group.levels };
  // What a level hands on to those below stands in its parent's cgroup.subtree_control, and so in its cgroup.controllers.
  const from = group.levels.findIndex((level) => offered(group.files, level).includes(controller));
  return { group, levels: from < 0 ? [] : group.levels.slice(from) };
}
