// What a word means where cgroups are asked for: every target but a namespace, and cgroups by a path: the directory of one
// (/sys/fs/cgroup/memory/foo), or the path that the kernel has for it (/docker/4c01…), also of one that is no more.

import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { isOf } from '../../cgroups/location.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { mountAt } from '../../kernel/mount-at.ts';
import { parseCgroup, type CgroupMembership } from '../../kernel/text/cgroup.ts';
import { parseMountinfo, type Mount } from '../../kernel/text/mountinfo.ts';
import { resolveTarget, type ProcessTarget } from '../resolve-target.ts';
import { parseTarget, type Target } from '../target.ts';

/** Cgroups that were named by a path: by a directory one of one hierarchy, else that of this path in each. */
export interface NamedCgroups {
  readonly type: 'cgroups';
  /** Relative to the root of our cgroup namespace. */
  readonly path: string;
  /** At least one is reached. */
  readonly groups: Groups;
}

/** A path of which there is no cgroup now. */
export interface RemovedCgroup {
  readonly type: 'removed';
  /** Relative to the root of our cgroup namespace. */
  readonly path: string;
}

export type CgroupTarget = ProcessTarget | { readonly type: 'host' } | NamedCgroups | RemovedCgroup;

/** Errors: as of resolveTarget; BAD_VALUE for a namespace, and for a path with `..`. */
export function resolveCgroupTarget(host: Host, word: string): CgroupTarget {
  return (word.startsWith('/') && !isProcess(word) ? byPath(host, word) : undefined) ?? byName(host, word);
}

/** As resolveCgroupTarget, for who can do nothing with one that is no more. Errors: also NO_FILE. */
export function resolveLivingCgroup(host: Host, word: string): Exclude<CgroupTarget, RemovedCgroup> {
  const target = resolveCgroupTarget(host, word);
  if (target.type !== 'removed') return target;
  throw new NsError('NO_FILE', {
    what: `there is no cgroup ${target.path}`,
    why: 'no hierarchy that we see has one of this path now',
    tryThis: 'nstool cgroup ls, for those that are there; nstool cgroup why tells of one that is gone',
  });
}

function isProcess(word: string): boolean {
  return /^\/proc\/[0-9]+(?:\/|$)/.test(word);
}

function byName(host: Host, word: string): CgroupTarget {
  const form = formOf(word);
  if (form.type === 'namespace' && form.kind === undefined) {
    throw new NsError('NO_PROCESS', {
      what: `no process ${word}`,
      why: 'pids have seven digits at most; namespaces have such numbers, and only processes are in cgroups',
      tryThis: 'nstool ls -o PID,NAME,COMMAND',
    });
  }
  const target = resolveTarget(host, word);
  if (target.type !== 'namespace') return target;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is a namespace, and only processes are in cgroups`,
    tryThis: `nstool show ${word}, for the processes in it`,
  });
}

const PATHS = 'a cgroup is named by its path from the root of the hierarchy (/docker/4c01…), or by its directory';

/** Errors: BAD_VALUE. */
function formOf(word: string): Target {
  if (/^\.{1,2}(?:\/|$)/.test(word))
    throw new NsError('BAD_VALUE', { what: `'${word}' is no target`, why: PATHS, tryThis: `"$PWD/${word}"` });
  try {
    return parseTarget(word);
  } catch (error) {
    const path = pathMeant(word);
    if (path === undefined) throw error;
    throw new NsError('BAD_VALUE', { what: `'${word}' is no target`, why: PATHS, tryThis: `'${path}'` });
  }
}

/** `docker/4c01`, and `memory:/docker/4c01` of cgget(1). */
function pathMeant(word: string): string | undefined {
  const [, ofController] = /^[^/:]+:(\/.*)$/s.exec(word) ?? [];
  return ofController ?? (/^[^/:]+\//.test(word) ? `/${word}` : undefined);
}

/** Is there a cgroup of this path, or that is this directory? Errors: where that cannot be told. */
export function isCgroupPath(host: Host, word: string): boolean {
  const names = namesOf(word);
  return word.startsWith('/') && !names.includes('..') && pathOf(host, names).groups.reached.length > 0;
}

function namesOf(word: string): readonly string[] {
  return word.split('/').filter((name) => name !== '' && name !== '.');
}

/** undefined: it is a namespace's file. Errors: BAD_VALUE, for another file. */
function byPath(host: Host, word: string): CgroupTarget | undefined {
  const names = namesOf(word);
  if (names.includes('..')) {
    throw new NsError('BAD_VALUE', {
      what: `'${word}' has .. in it`,
      why: 'a cgroup is named from the root of its hierarchy, or of the mount, down',
    });
  }
  const named = pathOf(host, names);
  const { path, groups, isDirectory } = named;
  if (groups.reached.length > 0) return { type: 'cgroups', path, groups };
  if (!host.stat(word).ok) return { type: 'removed', path };
  if (!isDirectory && host.askNamespace(word, ['NS_GET_NSTYPE']).ok) return undefined;
  throw noCgroup(word, named);
}

interface NamedPath {
  /** Relative to the root of our cgroup namespace. */
  readonly path: string;
  /** Those that are reached. */
  readonly groups: Groups;
  /** Is it below where a hierarchy is mounted? */
  readonly isDirectory: boolean;
  /** Without links, and what it is on. */
  readonly directory: string;
  readonly mount: Mount | undefined;
  readonly mounts: readonly Mount[];
}

function pathOf(host: Host, names: readonly string[]): NamedPath {
  const mounts = orThrow(parsed(host, '/proc/self/mountinfo', parseMountinfo), 'cannot read the mount table');
  const memberships = orThrow(
    parsed(host, `/proc/${host.self.pid}/cgroup`, parseCgroup),
    'cannot tell which hierarchies there are',
  );
  const directory = withoutLinks(host, names);
  const mount = mountAt(mounts, directory);
  const isDirectory = mount !== undefined && isOfCgroups(mount);
  const path = isDirectory ? pathBelow(mount, directory) : `/${names.join('/')}`;
  const hierarchies = isDirectory ? memberships.filter((each) => isOf(mount, each)) : memberships;
  const groups = findGroups(host, host.self.pid, hierarchies.map(at(path)));
  // Where the path leads nowhere in a hierarchy is no gap: nobody said that it does.
  return { path, groups: { ...groups, unreached: [] }, isDirectory, directory, mount, mounts };
}

function isOfCgroups({ fsType }: Mount): boolean {
  return fsType === 'cgroup' || fsType === 'cgroup2';
}

const MAX_SHOWN = 3;

/** A file, or a directory of something else. */
function noCgroup(word: string, { isDirectory, directory, mount, mounts }: NamedPath): NsError {
  const what = `${word} is no cgroup`;
  if (isDirectory) {
    const tryThis = `its directory: '${directory.slice(0, directory.lastIndexOf('/'))}'`;
    return new NsError('BAD_VALUE', { what, why: 'it is a file of one', tryThis });
  }
  const below = mounts.flatMap((each) =>
    isOfCgroups(each) && each.mountPoint.startsWith(`${directory}/`) ? [each.mountPoint] : [],
  );
  const [first] = below;
  const more = below.length > MAX_SHOWN ? ', …' : '';
  return new NsError('BAD_VALUE', {
    what,
    why:
      first === undefined
        ? `it is a file of ${mount?.fsType ?? 'another file system'}, and no hierarchy has a cgroup of that path`
        : `hierarchies are mounted below it: ${below.slice(0, MAX_SHOWN).join(', ')}${more}`,
    tryThis: first ?? 'nstool cgroup ls',
  });
}

function at(path: string): (membership: CgroupMembership) => CgroupMembership {
  return (membership) => ({ ...membership, path, deleted: false });
}

function pathBelow({ root, mountPoint }: Mount, directory: string): string {
  const below = mountPoint === '/' ? directory : directory.slice(mountPoint.length);
  return `${root === '/' ? '' : root}${below}` || '/';
}

/** As many as the kernel follows. Source: linux/namei.h MAXSYMLINKS. */
const MOST_LINKS = 40;

/** As /sys/fs/cgroup/cpu is often one to cpu,cpuacct. */
function withoutLinks(host: Host, names: readonly string[]): string {
  const rest = [...names];
  let path = '';
  for (let links = 0; rest.length > 0;) {
    const name = rest.shift() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      path = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
      continue;
    }
    const link = links < MOST_LINKS ? valueOf(host.readLink(`${path}/${name}`)) : undefined;
    if (link === undefined) {
      path = `${path}/${name}`;
      continue;
    }
    links += 1;
    if (link.startsWith('/')) path = '';
    rest.unshift(...link.split('/'));
  }
  return path === '' ? '/' : path;
}

function parsed<T>(host: Host, path: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): Reading<T> {
  const bytes = host.readFile(path);
  return bytes.ok ? parse(bytes.value, path) : bytes;
}

function orThrow<T>(reading: Reading<T>, what: string): T {
  if (reading.ok) return reading.value;
  throw errorOfGap(reading.gap, what);
}
