// What is wrong with the maps of a user namespace, or will surprise who works in it.
// Source: user_namespaces(7), kernel/user_namespace.c map_write(), new_idmap_permitted().

import type { MappedIds, UserIds } from './user-ids.ts';

export type MapProblem =
  /** Nothing was written: every id is the overflow id, and no program can change its own. */
  | { readonly code: 'unwritten'; readonly kind: 'uid' | 'gid' }
  /** The gid map is still to be written, and a writer without CAP_SETGID will be refused: setgroups is allowed. */
  | { readonly code: 'setgroups_allowed' }
  /** setgroups(2) fails inside with EPERM: programs that drop their groups, as most servers do, fail. */
  | { readonly code: 'setgroups_denied' }
  /** One id stands in two ranges. The kernel refuses to write such a map. */
  | { readonly code: 'overlap'; readonly kind: 'uid' | 'gid'; readonly side: 'inside' | 'here'; readonly id: number }
  /** The root of this side is somebody inside. */
  | { readonly code: 'root_inside'; readonly kind: 'uid' | 'gid'; readonly id: number };

/** The initial user namespace has one range of so many. */
const EVERY_ID = 0xffff_ffff;

/** The problems of the maps of another namespace than ours: in ours all ids are what they are. */
export function mapProblems(ids: UserIds): readonly MapProblem[] {
  const problems = [...problemsOf('uid', ids.uids, ids.relation), ...problemsOf('gid', ids.gids, ids.relation)];
  if (ids.gids?.length === 0 && ids.setgroups === 'allow') problems.push({ code: 'setgroups_allowed' });
  if (ids.setgroups === 'deny') problems.push({ code: 'setgroups_denied' });
  return problems;
}

function problemsOf(kind: 'uid' | 'gid', map: UserIds['uids'], relation: UserIds['relation']): MapProblem[] {
  if (map === null) return [];
  if (map.length === 0) return [{ code: 'unwritten', kind }];
  const problems: MapProblem[] = [];
  const inside = twice(map.map((range) => [range.inside, range.count]));
  if (inside !== undefined) problems.push({ code: 'overlap', kind, side: 'inside', id: inside });
  const here = twice(map.flatMap((range) => (range.here === null ? [] : [[range.here, range.count] as const])));
  if (here !== undefined) problems.push({ code: 'overlap', kind, side: 'here', id: here });
  // Where we may not look, a map of every id can be our own.
  const isOther = relation === 'below' || (relation === 'unknown' && map[0]?.count !== EVERY_ID);
  const root = isOther ? rootInside(map) : undefined;
  if (root !== undefined) problems.push({ code: 'root_inside', kind, id: root });
  return problems;
}

/** The first number that two of the ranges hold. */
function twice(ranges: readonly (readonly [start: number, count: number])[]): number | undefined {
  let end = 0;
  for (const [start, count] of ranges.toSorted(([a], [b]) => a - b)) {
    if (start < end) return start;
    end = start + count;
  }
  return undefined;
}

function rootInside(map: readonly MappedIds[]): number | undefined {
  return map.find((range) => range.here === 0)?.inside;
}
