// Below which cgroup a command gets its own, in each hierarchy that its limits need: the root as we see it, what was
// named, or as a plain user the nearest that was handed to us. Source: cgroups(7), cgroup-v2.rst "Delegation".

import { findGroups, type Group, type Groups, type Level } from '../../cgroups/groups.ts';
import { hierarchyName } from '../../cgroups/location.ts';
import { freshPlace, placesOf, type FindPlace } from '../../cgroups/limit-place.ts';
import type { Wish } from '../../cgroups/wish.ts';
import { resolveLivingCgroup } from '../../inspect/cgroup/cgroup-target.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseCgroup, type CgroupMembership } from '../../kernel/text/cgroup.ts';
import { obstacleIn, type Obstacle } from './obstacles.ts';
import { wordsIn, type ParentGroup } from './parent-group.ts';

/** The controllers that a wish needs, in the words of v1. */
export function controllersOf(wish: Wish): readonly string[] {
  const needs: readonly (readonly [boolean, readonly string[]])[] = [
    // Where cpu is alone the time is counted elsewhere.
    [wish.cpus !== undefined || wish.cpu_weight !== undefined, ['cpu', 'cpuacct']],
    [wish.cpuset_cpus !== undefined || wish.cpuset_mems !== undefined, ['cpuset']],
    [wish.memory !== undefined || wish.swap !== undefined || wish.memory_high !== undefined, ['memory']],
    [wish.pids !== undefined, ['pids']],
    [wish.io !== undefined, ['blkio']],
    [wish.freeze !== undefined, ['freezer']],
  ];
  return needs.flatMap(([isNeeded, controllers]) => (isNeeded ? controllers : []));
}

/** `parent`: in the words of the command line; absent: found. Errors: DENIED, UNSUPPORTED, NO_FILE, BAD_VALUE. */
export function findParents(host: Host, needed: readonly string[], parent: string | undefined): readonly ParentGroup[] {
  if (parent !== undefined) return chosen(host, needed, named(host, parent), parent);
  const own = findGroups(host, host.self.pid, memberships(host, host.self.pid));
  const usable = withNeeded(own.reached, needed);
  if (usable.length === 0) {
    const why = 'no cgroup hierarchy is mounted where we see it';
    throw new NsError('UNSUPPORTED', { what: 'the command cannot get a cgroup', why });
  }
  return usable.map((group) => (host.self.uid === 0 ? atTop(host, group, needed) : nearestOurs(host, group, needed)));
}

function memberships(host: Host, pid: number): readonly CgroupMembership[] {
  const path = `/proc/${pid}/cgroup`;
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parseCgroup(bytes.value, path) : bytes;
  if (!parsed.ok) throw errorOfGap(parsed.gap, `cannot read the cgroups of process ${pid}`);
  return parsed.value;
}

function named(host: Host, word: string): Groups {
  const target = resolveLivingCgroup(host, word);
  switch (target.type) {
    case 'cgroups':
      return target.groups;
    case 'process':
      return findGroups(host, target.pid, memberships(host, target.pid));
    case 'host': {
      const roots = memberships(host, host.self.pid).map((each) => ({ ...each, path: '/', deleted: false }));
      return findGroups(host, host.self.pid, roots);
    }
  }
}

function chosen(host: Host, needed: readonly string[], { reached }: Groups, word: string): readonly ParentGroup[] {
  const usable = withNeeded(reached, needed);
  const lacking = needed.filter((each) => each !== 'cpuacct' && !usable.some((group) => serves(group, each)));
  const all = findGroups(host, host.self.pid, memberships(host, host.self.pid)).reached;
  const elsewhere = lacking.find((each) => all.some((group) => serves(group, each)));
  if (usable.length === 0 || elsewhere !== undefined) {
    throw new NsError('NO_FILE', {
      what: `--parent ${word} is no cgroup of the ${elsewhere ?? needed[0] ?? ''} hierarchy`,
      why: 'on cgroup v1 each controller has cgroups of its own; a path from the root of the hierarchy means that of each',
      tryThis: '--parent /NAME, for /NAME in every hierarchy',
    });
  }
  return usable.map((group) => taken(parentOf(host, group, needed), host, needed));
}

function serves(group: Group, controller: string): boolean {
  if (group.version === 1) return group.controllers.includes(controller);
  return controller === 'freezer' || group.controllers.includes(inV2(controller));
}

function inV2(controller: string): string {
  return controller === 'blkio' ? 'io' : controller;
}

/** One hierarchy for each controller: v1 where it has it. None needed: one that is there. */
function withNeeded(reached: readonly Group[], needed: readonly string[]): readonly Group[] {
  const ours = reached.filter(({ files }) => files.through === null);
  if (needed.length === 0) {
    const any = ours.find(({ version }) => version === 2) ?? ours.find(({ controllers }) => controllers.length > 0);
    return any === undefined ? [] : [any];
  }
  const found = needed.flatMap(
    (each) =>
      ours.find((group) => group.version === 1 && serves(group, each)) ??
      ours.find(({ version }) => version === 2) ??
      [],
  );
  return [...new Set(found)];
}

/** Not above the root of our cgroup namespace, where nothing is ours. */
function atTop(host: Host, group: Group, needed: readonly string[]): ParentGroup {
  const last = group.levels.findLastIndex(({ path }) => !path.split('/').includes('..'));
  return taken(parentOf(host, atLevel(group, Math.max(last, 0)), needed), host, needed);
}

function atLevel(group: Group, index: number): Group {
  const [first = group.levels[0], ...rest] = group.levels.slice(index);
  return { ...group, path: first.path, levels: [first, ...rest] };
}

/** Errors: DENIED. */
function nearestOurs(host: Host, group: Group, needed: readonly string[]): ParentGroup {
  let refused: Obstacle | undefined;
  for (const [index, level] of group.levels.entries()) {
    if (!isOurs(host, group, level)) continue;
    const parent = parentOf(host, atLevel(group, index), needed);
    const obstacle = obstacleIn(parent, needed.map(inV2));
    if (obstacle === undefined) return parent;
    refused ??= obstacle;
  }
  throw new NsError('DENIED', {
    what: `no ${hierarchyName(group)} cgroup that we are in may be divided by us`,
    why: refused?.why ?? `none of them was handed to uid ${host.self.uid} (delegated)`,
    tryThis: group.version === 1 ? 'the same command with sudo: v1 is hardly ever delegated' : howToDelegate(host),
  });
}

/** A user manager hands a scope on to who asks for it. Source: systemd-run(1), org.freedesktop.systemd1(5). */
function howToDelegate(host: Host): string {
  const hasManager = host.stat(`/run/user/${host.self.uid}/systemd`).ok;
  if (hasManager) return 'systemd-run --user --scope -p Delegate=yes nstool cgroup run …';
  return 'the same command with sudo, or in a cgroup that was given to you (chown of it and its cgroup.procs)';
}

function isOurs(host: Host, { version }: Group, { folder }: Level): boolean {
  const files = version === 2 ? ['', '/cgroup.procs', '/cgroup.subtree_control'] : ['', '/cgroup.procs'];
  return files.every((file) => {
    const status = valueOf(host.stat(`${folder}${file}`));
    return status !== undefined && status.uid === host.self.uid && (status.mode & 0o200) !== 0;
  });
}

function parentOf(host: Host, group: Group, needed: readonly string[]): ParentGroup {
  const controller = group.version === 2 ? 'freezer' : (group.controllers[0] ?? '');
  const place = placesOf({ reached: [group], unreached: [] })(controller);
  if ('why' in place) throw new NsError('UNSUPPORTED', { what: 'the command cannot get a cgroup', why: place.why });
  const name = hierarchyName({ hierarchy: group.version === 2 ? 0 : group.hierarchy, controllers: group.controllers });
  const handedOn = wordsIn(place, 'cgroup.subtree_control');
  const has = wordsIn(place, 'cgroup.controllers');
  const missing =
    group.version === 1 ? [] : needed.map(inV2).filter((each) => has.includes(each) && !handedOn.includes(each));
  const processes = group.version === 2 && !place.isRoot ? wordsIn(place, 'cgroup.procs') : [];
  const leave = missing.length > 0 && processes.length === 1 && processes[0] === String(host.self.pid);
  return { name, group, place, missing, leave };
}

/** Errors: DENIED, with what keeps it from getting a cgroup below it. */
function taken(parent: ParentGroup, host: Host, needed: readonly string[]): ParentGroup {
  const obstacle = obstacleIn(parent, needed.map(inV2));
  if (obstacle === undefined) return parent;
  const { path } = parent.place;
  const tryThis = obstacle.tryThis ?? (host.self.uid === 0 ? '--parent with another one' : undefined);
  throw new NsError('DENIED', {
    what: `${path} of ${parent.name} gets no cgroup below it`,
    why: obstacle.why,
    ...(tryThis === undefined ? {} : { tryThis }),
  });
}

/** Where the limits of the new cgroups are written. */
export function newPlaces(parents: readonly ParentGroup[], name: string): FindPlace {
  return (controller) => {
    const parent =
      parents.find(({ group }) => serves(group, controller)) ?? parents.find(({ group }) => group.version === 2);
    if (parent === undefined) return { why: `no hierarchy here has the ${controller} controller` };
    const own = inV2(controller);
    const isThere =
      parent.group.version === 1 || own === 'freezer' || wordsIn(parent.place, 'cgroup.controllers').includes(own);
    if (isThere) return freshPlace(parent.place, name);
    return { why: `${parent.place.path} has no ${own} controller: what is above it does not hand it on` };
  };
}
