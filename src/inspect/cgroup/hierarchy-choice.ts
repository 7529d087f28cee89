// Which hierarchy a tree is of, and where in it a word leads.

import type { Groups } from '../../cgroups/groups.ts';
import { findGroups } from '../../cgroups/groups.ts';
import { hierarchyName } from '../../cgroups/location.ts';
import type { Hierarchy, Walk } from '../../cgroups/walk.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { resolveLivingCgroup } from './cgroup-target.ts';

/** `word`: a controller, or what is behind name= of a hierarchy without any; else the one with the most cgroups. Errors: BAD_VALUE. */
export function chooseHierarchy({ hierarchies, groups }: Walk, word: string | undefined): Hierarchy {
  if (word !== undefined) {
    const found = hierarchies.find(({ name, controllers }) =>
      [name, ...controllers, ...(name === 'cgroup2' ? ['v2'] : [])].some(
        (each) => each === word || each === `name=${word}`,
      ),
    );
    if (found !== undefined) return found;
    throw new NsError('BAD_VALUE', {
      what: `no hierarchy of ${word} is mounted here`,
      why: `those that are: ${hierarchies.map(({ name }) => name).join(', ')}`,
    });
  }
  const counts = new Map<Hierarchy, number>();
  for (const { places } of groups.values()) {
    for (const { hierarchy } of places) counts.set(hierarchy, (counts.get(hierarchy) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  const found = hierarchies.find((each) => counts.get(each) === most);
  if (found === undefined) throw new NsError('UNSUPPORTED', { what: 'no hierarchy of cgroups can be read' });
  return found;
}

/** What a word names: its path in each hierarchy that it is in. */
export interface Subtree {
  readonly word: string;
  /** By the name of the hierarchy. */
  readonly paths: ReadonlyMap<string, string>;
}

/** Errors: as of resolving a target; NO_FILE, BAD_VALUE. */
export function subtreeOf(host: Host, walk: Walk, word: string): Subtree {
  return (word.startsWith('/') ? byPath(walk, word.replace(/(?<=.)\/+$/, '')) : undefined) ?? byName(host, word);
}

function byPath({ groups }: Walk, word: string): Subtree | undefined {
  const ofPath = groups.get(word)?.places;
  const all = [...groups.values()].flatMap(({ places }) => places);
  const places = ofPath ?? all.filter(({ folder }) => folder === word);
  return places.length === 0
    ? undefined
    : { word, paths: new Map(places.map(({ hierarchy, path }) => [hierarchy.name, path])) };
}

function byName(host: Host, word: string): Subtree {
  const target = resolveLivingCgroup(host, word);
  if (target.type === 'cgroups') return { word, paths: pathsOf(target.groups) };
  const pid = target.type === 'host' ? 'self' : target.pid;
  const file = `/proc/${pid}/cgroup`;
  const bytes = host.readFile(file);
  const memberships = bytes.ok ? parseCgroup(bytes.value, file) : bytes;
  if (!memberships.ok) throw errorOfGap(memberships.gap, `cannot tell the cgroups of ${word}`);
  if (target.type === 'host')
    return { word, paths: new Map(memberships.value.map((each) => [hierarchyName(each), '/'])) };
  return { word, paths: pathsOf(findGroups(host, target.pid, memberships.value)) };
}

function pathsOf({ reached }: Groups): ReadonlyMap<string, string> {
  return new Map(reached.map((group) => [hierarchyName(group), group.path]));
}

/** The path of the subtree in the hierarchy. Errors: BAD_VALUE, NO_FILE. */
export function topOf({ word, paths }: Subtree, { name }: Hierarchy): string {
  const path = paths.get(name);
  if (path !== undefined) return path;
  throw new NsError('NO_FILE', {
    what: `${word} is no cgroup of ${name} that can be seen`,
    why: `it is one of ${[...paths.keys()].join(', ')}`,
    tryThis: `--controller ${[...paths.keys()][0] ?? name}`,
  });
}
