// The ids of a target, inside and here: whole maps, and single ids both ways.

import { NsError } from '../kernel/error.ts';
import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';
import { mapProblems, type MapProblem } from './map-problems.ts';
import { initialNamespace } from './initial-namespace.ts';
import { readPidIds, type PidIds } from './pid-pairs.ts';
import { findTarget } from './process-in.ts';
import type { NamespaceTarget, ResolvedTarget } from './resolve-target.ts';
import { requireSameProcess } from './start-ticks.ts';
import { idHere, idInside, readUserIds, type MappedIds, type UserIds } from './user-ids.ts';

export const idKinds = ['uid', 'gid', 'pid'] as const;
export type IdKind = (typeof idKinds)[number];

export interface TargetIds {
  /** The process whose files in /proc told. Absent (null): the namespace has none that we see. */
  readonly pid: number | null;
  /** Absent (null): the target has no such ids, or nothing tells of them. */
  readonly user: UserIds | null;
  readonly pids: PidIds | null;
  readonly problems: readonly MapProblem[];
  readonly gaps: readonly CountedGap[];
}

/** All that is known of the ids of a process, a user or a pid namespace. Errors: BAD_VALUE. */
export function targetIds(
  host: Host,
  target: ResolvedTarget,
  kinds: ReadonlySet<IdKind> = new Set(idKinds),
): TargetIds {
  const gaps = new GapTally();
  const { pid, has } = throughWhom(host, target, kinds, gaps);
  const wantsUser = (kinds.has('uid') || kinds.has('gid')) && (has.has('uid') || has.has('gid'));
  const user = pid !== null && wantsUser ? readUserIds(host, pid, gaps) : null;
  const pids = pid !== null && kinds.has('pid') && has.has('pid') ? readPidIds(host, pid, gaps) : null;
  if (target.type === 'process') requireSameProcess(host, target.pid, target.startTicks);
  return { pid, user, pids, problems: user === null ? [] : mapProblems(user), gaps: gaps.list() };
}

interface Through {
  readonly pid: number | null;
  readonly has: ReadonlySet<IdKind>;
}

function throughWhom(host: Host, target: ResolvedTarget, kinds: ReadonlySet<IdKind>, gaps: GapTally): Through {
  if (target.type === 'process') return { pid: target.pid, has: kinds };
  return target.type === 'host' ? onHost(host, kinds, gaps) : inNamespace(host, target, gaps);
}

/** Through whoever is in the initial user namespace and, where pids are asked for, in the initial pid namespace. */
function onHost(host: Host, kinds: ReadonlySet<IdKind>, gaps: GapTally): Through {
  const asked = kinds.has('pid') ? (['user', 'pid'] as const) : (['user'] as const);
  const namespaces = asked.map((kind) => initialNamespace(host, kind));
  for (const { inode } of namespaces) if (!inode.ok) gaps.add('namespace of the host', inode.gap);
  const pid = namespaces[0]?.pids.find((each) => namespaces.every(({ pids }) => pids.includes(each)));
  return { pid: pid ?? null, has: kinds };
}

function inNamespace(host: Host, target: NamespaceTarget, gaps: GapTally): Through {
  const { scan, namespace } = findTarget(host, target);
  const { kind, inode } = namespace;
  if (kind !== 'user' && kind !== 'pid') {
    throw new NsError('BAD_VALUE', {
      what: `${kind}:${inode} has no ids`,
      why: 'a user namespace has uids and gids, a pid namespace pids, a process all of them',
    });
  }
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  const pid = namespace.pids[0] ?? null;
  if (pid === null) {
    const what = `${kind}:[${inode}]: only files of its processes would tell, and no process that we see is in it`;
    gaps.add('namespace without a process', { reason: 'unsupported', what });
  }
  return { pid, has: new Set(kind === 'user' ? (['uid', 'gid'] as const) : (['pid'] as const)) };
}

/** A range of ids. */
export interface IdRow extends MappedIds {
  readonly kind: IdKind;
}

/** The whole maps. Pids that follow each other on both sides are one row; those of our own namespace are none. */
export function idRows({ user, pids }: TargetIds): readonly IdRow[] {
  const rows: IdRow[] = [];
  for (const range of user?.uids ?? []) rows.push({ kind: 'uid', ...range });
  for (const range of user?.gids ?? []) rows.push({ kind: 'gid', ...range });
  for (const { inside, here } of pids?.pairs ?? []) {
    const last = rows.at(-1);
    const follows =
      last?.kind === 'pid' &&
      last.inside + last.count === inside &&
      last.here !== null &&
      last.here + last.count === here;
    if (follows) rows[rows.length - 1] = { ...last, count: last.count + 1 };
    else rows.push({ kind: 'pid', inside, here, count: 1 });
  }
  return rows;
}

/** An id that was asked for. */
export interface AskedId {
  readonly kind: IdKind;
  readonly id: number;
}

/** Why an id has no other side. */
export type Unmapped =
  /** Inside, no such id can be had. */
  | 'no_such_id'
  /** Whoever has it here is shown inside as the overflow id. */
  | 'overflow'
  /** No process that we see has this pid there. */
  | 'no_such_process'
  /** The process is not in that pid namespace, and has no number there. */
  | 'not_in_namespace'
  /** The kernel does not tell us, or the map is unreadable. */
  | 'unknown';

/** One id, one way. */
export interface Translation extends AskedId {
  /** Which side the id was taken for. */
  readonly from: 'inside' | 'here';
  /** The id on the other side; of one that is not mapped there the overflow id; null: none. */
  readonly to: number | null;
  /** null: it is mapped. */
  readonly unmapped: Unmapped | null;
}

/** Each id both ways: as one of the target's, and as one of ours. */
export function translate(host: Host, ids: TargetIds, asked: readonly AskedId[]): readonly Translation[] {
  return asked.flatMap((each) => [outward(ids, each), inward(host, ids, each)]);
}

function outward(ids: TargetIds, { kind, id }: AskedId): Translation {
  const base = { kind, id, from: 'inside' } as const;
  if (kind === 'pid') {
    if (ids.pids === null) return { ...base, to: null, unmapped: 'unknown' };
    const to = ids.pids.pairs === null ? id : ids.pids.pairs.find((pair) => pair.inside === id)?.here;
    return { ...base, to: to ?? null, unmapped: to === undefined ? 'no_such_process' : null };
  }
  const map = mapOf(ids, kind);
  const to = map === null ? null : idHere(map, id);
  if (to === undefined) return { ...base, to: null, unmapped: 'no_such_id' };
  return { ...base, to, unmapped: to === null ? 'unknown' : null };
}

function inward(host: Host, ids: TargetIds, { kind, id }: AskedId): Translation {
  const base = { kind, id, from: 'here' } as const;
  if (kind === 'pid') {
    if (ids.pids === null) return { ...base, to: null, unmapped: 'unknown' };
    const to = ids.pids.pairs === null ? id : ids.pids.pairs.find((pair) => pair.here === id)?.inside;
    return { ...base, to: to ?? null, unmapped: to === undefined ? 'not_in_namespace' : null };
  }
  const map = mapOf(ids, kind);
  const to = map === null ? undefined : idInside(map, id);
  if (to !== undefined) return { ...base, to, unmapped: null };
  if (map === null || map.some((range) => range.here === null)) return { ...base, to: null, unmapped: 'unknown' };
  return { ...base, to: overflowId(host, kind), unmapped: 'overflow' };
}

function mapOf(ids: TargetIds, kind: 'uid' | 'gid'): readonly MappedIds[] | null {
  return (kind === 'uid' ? ids.user?.uids : ids.user?.gids) ?? null;
}

/** What stands for an id that is not mapped. Source: proc_sys_kernel(5) overflowuid. Absent (null) when unreadable. */
function overflowId(host: Host, kind: 'uid' | 'gid'): number | null {
  const bytes = valueOf(host.readFile(`/proc/sys/kernel/overflow${kind}`));
  return bytes === undefined ? null : (parseDecimal(decodeText(bytes).trim()) ?? null);
}
