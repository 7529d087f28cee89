// On which processors and memory nodes a cgroup may run. Source: cpuset(7), Documentation/admin-guide/cgroup-v2.rst.

import type { GapTally } from '../kernel/gap-tally.ts';
import { countIds, formatIdList, parseIdList, type IdRange } from '../kernel/text/id-list.ts';
import { controlledBy, type Controlled, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

export interface Placement {
  readonly key: 'cpus' | 'mems';
  readonly path: string;
  readonly version: 1 | 2;
  readonly file: string;
  /** As `0-3,8`. Empty: of v2, what is above decides. null: unknown; also where the controller is not at work there. */
  readonly set: string | null;
  readonly effective: string | null;
  /** How many those are. */
  readonly count: number | null;
  /** The cgroup that narrows them: above it there are more. null: none does, or unknown. */
  readonly by: string | null;
}

export function readCpuset(groups: Groups, gaps: GapTally): readonly Placement[] {
  const controlled = controlledBy(groups, 'cpuset');
  if (controlled === undefined || controlled.levels.length === 0) return [];
  return [placement(controlled, 'cpus', gaps), placement(controlled, 'mems', gaps)];
}

function placement({ group, levels }: Controlled, key: 'cpus' | 'mems', gaps: GapTally): Placement {
  const { version } = group;
  const effectiveFile = version === 1 ? `cpuset.effective_${key}` : `cpuset.${key}.effective`;
  const lists = levels.map((level) => readFrom(group, level, effectiveFile, parseIdList, gaps) ?? null);
  const [own] = levels;
  const set = own === undefined ? null : (readFrom(group, own, `cpuset.${key}`, parseIdList, gaps) ?? null);
  const [effective = null] = lists;
  return {
    key,
    path: own?.path ?? '/',
    version,
    file: `cpuset.${key}`,
    set: own?.path === group.path && set !== null ? formatIdList(set) : null,
    effective: effective === null ? null : formatIdList(effective),
    count: effective === null ? null : countIds(effective),
    by: narrower(
      lists,
      levels.map(({ path }) => path),
    ),
  };
}

/** The last, going up, that still has the same: the next has more. */
function narrower(lists: readonly (readonly IdRange[] | null)[], paths: readonly string[]): string | null {
  const [own] = lists;
  if (own == null) return null;
  const text = formatIdList(own);
  const other = lists.findIndex((list) => list === null || formatIdList(list) !== text);
  // The root has all there are.
  return other < 0 || lists[other] === null ? null : (paths[other - 1] ?? null);
}
