// The uids and gids of a user namespace, and what they are here: in our own.
// Source: user_namespaces(7), kernel/user_namespace.c uid_m_show().

import { INITIAL_USER_INODE } from '../kernel/abi/nsfs.ts';
import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceQuestion } from '../kernel/host.ts';
import { parseIdMap, type IdRange } from '../kernel/text/id-map.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { decodeText } from '../kernel/text/text.ts';
import { ownInode } from '../namespaces/own.ts';

/** Where a namespace lies, seen from ours. `beyond`: neither ours nor below it; `unknown`: we may not look. */
export type Relation = 'same' | 'below' | 'beyond' | 'unknown';

/** `count` ids, from `inside` on in the namespace and from `here` on in ours. */
export interface MappedIds {
  readonly inside: number;
  /** null: these have no id here, or none that the kernel tells. */
  readonly here: number | null;
  readonly count: number;
}

/** The ids of a user namespace. Source: /proc/PID/uid_map, gid_map (Linux 3.8) and setgroups (3.19). */
export interface UserIds {
  /** Absent (null) where the link is closed to us. */
  readonly inode: bigint | null;
  readonly relation: Relation;
  /** Absent (null) when unreadable; empty: not written yet. */
  readonly uids: readonly MappedIds[] | null;
  readonly gids: readonly MappedIds[] | null;
  /** May its processes use setgroups(2)? Absent (null) when unreadable. */
  readonly setgroups: 'allow' | 'deny' | null;
}

/** The ids of the user namespace that a process is in. */
export function readUserIds(host: Host, pid: number, gaps: GapTally): UserIds {
  const { inode, relation } = relationOf(host, pid, gaps);
  const trust = trustOf(host, relation);
  const read = (name: string): readonly MappedIds[] | null => {
    const path = `/proc/${pid}/${name}`;
    const bytes = host.readFile(path);
    const map = bytes.ok ? parseIdMap(bytes.value, path) : bytes;
    if (map.ok) return map.value.flatMap((range) => toHere(range, trust));
    gaps.add('id map', map.gap);
    return null;
  };
  const setgroups = valueOf(host.readFile(`/proc/${pid}/setgroups`));
  const word = setgroups === undefined ? '' : decodeText(setgroups).trim();
  return {
    inode,
    relation,
    uids: read('uid_map'),
    gids: read('gid_map'),
    setgroups: word === 'allow' || word === 'deny' ? word : null,
  };
}

/** User namespaces nest no deeper. Source: create_user_ns(). */
const DEEPEST = 32;

function relationOf(host: Host, pid: number, gaps: GapTally): { inode: bigint | null; relation: Relation } {
  const door = `/proc/${pid}/ns/user`;
  const link = host.readLink(door);
  const id = link.ok ? parseNamespaceLink(link.value, door) : link;
  if (!id.ok) {
    gaps.add('user namespace', id.gap);
    return { inode: null, relation: 'unknown' };
  }
  const { inode } = id.value;
  const own = ownInode(host, 'user');
  if (own === undefined) return { inode, relation: 'unknown' };
  if (own === inode) return { inode, relation: 'same' };
  // All others lie below the initial one.
  return { inode, relation: own === INITIAL_USER_INODE ? 'below' : climb(host, door, own, gaps) };
}

/** The way up ends at ours, or where the kernel shows no more. */
function climb(host: Host, door: string, own: bigint, gaps: GapTally): Relation {
  const questions: NamespaceQuestion[] = [];
  while (questions.length < DEEPEST) {
    questions.push('NS_GET_PARENT');
    const parent = host.askNamespace(door, questions);
    if (parent.ok && parent.value === own) return 'below';
    if (parent.ok) continue;
    if (parent.gap.errno === 'EPERM') return 'beyond';
    gaps.add('parent of a user namespace', parent.gap);
    return 'unknown';
  }
  return 'beyond';
}

/** How far the second column of a map, as the kernel wrote it for us, can be taken for ids of ours. */
type Trust = 'same' | 'whole' | 'first' | 'none';

function trustOf(host: Host, relation: Relation): Trust {
  if (relation === 'same') return 'same';
  // From the initial one a map reads alike, be it its own or that of another.
  if (relation === 'below' || ownInode(host, 'user') === INITIAL_USER_INODE) return 'whole';
  return relation === 'beyond' ? 'first' : 'none';
}

/**
 * Of its own namespace the kernel shows a reader the ids of the parent: there ids are what they are here. Of one that
 * is not below the reader's it translates the first id of each range, and the next one may be anything.
 */
function toHere({ inside, outside, count }: IdRange, trust: Trust): readonly MappedIds[] {
  switch (trust) {
    case 'same':
      return [{ inside, here: inside, count }];
    case 'whole':
      return [{ inside, here: outside, count }];
    case 'none':
      return [{ inside, here: null, count }];
    case 'first': {
      const first = { inside, here: outside, count: 1 };
      return count === 1 ? [first] : [first, { inside: inside + 1, here: null, count: count - 1 }];
    }
  }
}

/** The id here of an id inside; undefined: it is not mapped; null: its id here is not told. */
export function idHere(map: readonly MappedIds[], inside: number): number | null | undefined {
  const range = map.find((each) => inside >= each.inside && inside < each.inside + each.count);
  if (range === undefined) return undefined;
  return range.here === null ? null : range.here + (inside - range.inside);
}

/** The id inside of an id here; undefined: it is not mapped. */
export function idInside(map: readonly MappedIds[], here: number): number | undefined {
  const range = map.find((each) => each.here !== null && here >= each.here && here < each.here + each.count);
  return range?.here == null ? undefined : range.inside + (here - range.here);
}
