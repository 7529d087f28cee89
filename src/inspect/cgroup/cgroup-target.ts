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
  throw new NsError('NO_FILE', { what: `there is no cgroup ${target.path}`, tryThis: `nstool cgroup why ${word}` });
}

function isProcess(word: string): boolean {
  return /^\/proc\/[0-9]+(?:\/|$)/.test(word);
}

function byName(host: Host, word: string): CgroupTarget {
  const target = resolveTarget(host, word);
  if (target.type !== 'namespace') return target;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is a namespace, and only processes are in cgroups`,
    tryThis: `nstool show ${word}, for the processes in it`,
  });
}

/** undefined: it is a file, and no cgroup's. */
function byPath(host: Host, word: string): CgroupTarget | undefined {
  const names = word.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) {
    throw new NsError('BAD_VALUE', {
      what: `'${word}' has .. in it`,
      why: 'a cgroup is named from the root of its hierarchy, or of the mount, down',
    });
  }
  const mounts = orThrow(parsed(host, '/proc/self/mountinfo', parseMountinfo), 'cannot read the mount table');
  const memberships = orThrow(
    parsed(host, `/proc/${host.self.pid}/cgroup`, parseCgroup),
    'cannot tell which hierarchies there are',
  );
  const directory = withoutLinks(host, names);
  const mount = mountAt(mounts, directory);
  const isDirectory = mount?.fsType === 'cgroup' || mount?.fsType === 'cgroup2';
  const path = isDirectory ? pathBelow(mount, directory) : `/${names.join('/')}`;
  const hierarchies = isDirectory ? memberships.filter((each) => isOf(mount, each)) : memberships;
  const groups = findGroups(host, host.self.pid, hierarchies.map(at(path)));
  // Where the path leads nowhere in a hierarchy is no gap: nobody said that it does.
  if (groups.reached.length > 0) return { type: 'cgroups', path, groups: { ...groups, unreached: [] } };
  if (!isDirectory && host.stat(word).ok) return undefined;
  return { type: 'removed', path };
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
