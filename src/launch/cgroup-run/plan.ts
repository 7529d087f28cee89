// A command in cgroups of its own: which are made, what is written into them, and the program that joins them, runs the
// command and takes them away.

import { planLimits, type LimitPlan } from '../../cgroups/limit-plan.ts';
import type { Wish } from '../../cgroups/wish.ts';
import type { CgroupMaking, Enabling } from '../../kernel/cgroup-making.ts';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { wordsIn, type ParentGroup } from './parent-group.ts';
import { controllersOf, findParents, newPlaces } from './parent.ts';

export interface CgroupRunQuery {
  readonly wish: Wish;
  /** In the words of the command line. Absent (undefined): found. */
  readonly parent: string | undefined;
  /** Of the cgroups, and of the journal's entry: nothing else has it. */
  readonly id: string;
  /** For people: the command's name. */
  readonly what: string;
}

export interface CgroupRunPlan {
  readonly id: string;
  /** What is to be joined, in this order. */
  readonly joined: readonly JoinedGroup[];
  readonly limits: LimitPlan;
  readonly making: CgroupMaking;
}

export interface JoinedGroup {
  readonly parent: ParentGroup;
  readonly place: CgroupPlace;
}

/** Errors: as of findParents, and of the devices. */
export function planCgroupRun(host: Host, { wish, parent, id, what }: CgroupRunQuery): CgroupRunPlan {
  const name = markedName(id);
  const parents = findParents(host, controllersOf(wish), parent);
  const limits = planLimits(host, wish, newPlaces(parents, name));
  const joined = parents.map((each) => ({ parent: each, place: below(each.place.at, name) }));
  const left = parents.find(({ leave }) => leave);
  const leaveTo = left === undefined ? null : below(left.place.at, `${name}-monitor`);
  const making: CgroupMaking = {
    what: `cgroup run ${what}`,
    id,
    make: [...(leaveTo === null ? [] : [leaveTo]), ...joined.map(({ place }) => place)],
    leaveTo,
    leaveFrom: left?.place.at ?? null,
    enable: parents.flatMap((each) => (each.missing.length === 0 ? [] : [enabling(host, each)])),
    inherit: joined.flatMap(({ parent: each, place }) => inherited(each, place)),
    writes: limits.writes,
  };
  return { id, joined, limits, making };
}

/** A cpuset of v1 begins without processors and memory, and takes no processes then. Source: cpuset(7). */
function inherited({ group, place: above }: ParentGroup, place: CgroupPlace): CgroupMaking['inherit'] {
  if (group.version === 2 || !group.controllers.includes('cpuset')) return [];
  return ['cpuset.mems', 'cpuset.cpus'].flatMap((file) => {
    const [text] = wordsIn(above, file);
    return text === undefined ? [] : [{ place, file, text }];
  });
}

/** By this every cgroup is known that we make. */
export function markedName(id: string): string {
  return `nstool-${id}`;
}

function below(place: CgroupPlace, name: string): CgroupPlace {
  return { mount: place.mount, below: place.below === '' ? name : `${place.below}/${name}`, inode: null };
}

function enabling(host: Host, { place, missing, group }: ParentGroup): Enabling {
  const folder = group.levels[0].folder;
  const names = valueOf(group.files.list(folder)) ?? [];
  const hasChild = names.some((name) => host.stat(`${folder}/${name}/cgroup.procs`).ok);
  return { place: place.at, controllers: missing, restore: !hasChild };
}
