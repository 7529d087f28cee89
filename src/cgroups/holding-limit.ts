// The limit that holds for a process, with all that keeps it from being known: that nothing limits is said only where it
// is so up to the root.

import { firstGap, GapTally } from '../kernel/gap-tally.ts';
import type { Gap } from '../kernel/host.ts';
import { beyondView } from './group-gaps.ts';
import { controlledBy, type Groups } from './groups.ts';
import { LIMITS } from './limit-table.ts';
import { readLimit, type Amount } from './limits.ts';

export interface HoldingLimit {
  /** max: no cgroup sets one. null: unknown. */
  readonly effective: Amount | null;
  /** The path of the nearest cgroup that sets it. null: none, unknown, or beyond our view. */
  readonly by: string | null;
  /** What counts against it, in the nearest cgroup that the controller acts on. null: not told. */
  readonly usage: bigint | null;
  /** Why it is unknown; of one that is known: why what is above may set a smaller one. null: neither. */
  readonly gap: Gap | null;
  /** The file of that nearest cgroup. null: the controller acts nowhere, or in the root alone. */
  readonly file: string | null;
}

/** One of those that are of no device. */
export function holdingLimit(groups: Groups, key: string): HoldingLimit {
  const controller = LIMITS.find((each) => each.key === key)?.controller ?? 'cpu';
  const controlled = controlledBy(groups, controller);
  const nothing = { effective: 'max', by: null, usage: null, gap: null, file: null } as const;
  if (controlled === undefined) {
    const gap = hidingGap(groups, controller);
    return gap === null ? nothing : { ...nothing, effective: null, gap };
  }
  const gaps = new GapTally();
  const limit = readLimit(groups, key, gaps);
  const [own] = controlled.levels;
  const file = own === undefined || limit === undefined ? null : `${own.folder}/${limit.file}`;
  const found = limit === undefined ? nothing : { effective: limit.effective, by: limit.by, usage: limit.usage, file };
  if (found.effective === null) return { ...found, gap: firstGap(gaps) ?? null };
  const { group } = controlled;
  // v1's memory.stat tells the smallest limit of all levels, also of those that we do not see.
  const isTold = group.isWhole || (key === 'memory_max' && group.version === 1);
  if (isTold) return { ...found, gap: null };
  const gap = beyondView(group, [controller]);
  return { ...found, effective: found.effective === 'max' ? null : found.effective, gap };
}

/** Why it is not known whether the controller acts on it: a hierarchy is not reached. null: it is known. */
export function hidingGap(groups: Groups, controller: string): Gap | null {
  if (controlledBy(groups, controller) !== undefined) return null;
  // What the unified hierarchy has is told by its files alone.
  const hidden = groups.unreached.find(({ membership: { hierarchy, controllers } }) => {
    return hierarchy === 0 || controllers.includes(controller);
  });
  return hidden?.gap ?? null;
}
