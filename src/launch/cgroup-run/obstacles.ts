// What keeps a cgroup from getting one below it that takes a process. Source: cgroup-v2.rst "Threads", "No Internal
// Process Constraint", cgroup.max.depth; kernel/cgroup/cgroup.c; cgroup-v1/freezer-subsystem.rst.

import { isFrozen } from '../../cgroups/frozen.ts';
import { parseBound } from '../../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../../kernel/text/flat-keyed.ts';
import { valueOf } from '../../kernel/host.ts';
import { wordsIn, type ParentGroup } from './parent-group.ts';

export interface Obstacle {
  readonly why: string;
  readonly tryThis?: string;
}

/** undefined: there is none. `needed`: in the words of v2. */
export function obstacleIn(parent: ParentGroup, needed: readonly string[]): Obstacle | undefined {
  if (isFrozen(parent.group)) return FROZEN;
  if (parent.group.version === 1) return undefined;
  return threaded(parent) ?? full(parent) ?? populated(parent, needed);
}

const FROZEN = { why: 'it is frozen, and so would be the command', tryThis: 'nstool cgroup set TARGET --thaw' };

function threaded({ place }: ParentGroup): Obstacle | undefined {
  const type = wordsIn(place, 'cgroup.type').join(' ');
  if (type === '' || type === 'domain') return undefined;
  return { why: `it is ${type} (cgroup.type): what is below it takes threads, no processes` };
}

/** Each cgroup up to the root may say how many there may be below it, and how deep. */
function full({ group }: ParentGroup): Obstacle | undefined {
  for (const [index, { folder, path }] of group.levels.entries()) {
    const read = (file: string): Uint8Array | undefined => valueOf(group.files.read(`${folder}/${file}`));
    const bound = (file: string): bigint | 'max' => {
      const bytes = read(file);
      return (bytes === undefined ? undefined : valueOf(parseBound(bytes, file))) ?? 'max';
    };
    const descendants = bound('cgroup.max.descendants');
    const stat = read('cgroup.stat');
    const there = stat === undefined ? undefined : valueOf(parseFlatKeyed(stat, 'cgroup.stat'))?.get('nr_descendants');
    if (descendants !== 'max' && there !== undefined && there >= descendants)
      return { why: `${path} has ${there} cgroups below it, and may have ${descendants} (cgroup.max.descendants)` };
    const depth = bound('cgroup.max.depth');
    if (depth !== 'max' && BigInt(index) >= depth)
      return { why: `it would be deeper below ${path} than that allows: ${depth} (cgroup.max.depth)` };
  }
  return undefined;
}

function populated({ place, missing, leave }: ParentGroup, needed: readonly string[]): Obstacle | undefined {
  if (place.isRoot || leave || missing.length === 0) return undefined;
  const count = wordsIn(place, 'cgroup.procs').length;
  if (count === 0) return undefined;
  const many = count === 1 ? 'a process' : `${count} processes`;
  return {
    why: `it has ${many}, and who has processes hands no controllers on (${needed.join(' ')})`,
    tryThis: '--parent with one that has none',
  };
}
