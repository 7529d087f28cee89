// What a command is to have when it runs, and what has to be so right before it is executed.

import type { ExecCaller } from '../../capabilities/exec.ts';
import { SECBIT_NOROOT } from '../../capabilities/securebits.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';

export interface WishedUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface CapsWish {
  /** Exactly these; what is not there may be anything. */
  readonly sets: Partial<CapabilitySets>;
  /** Not in the bounding set. */
  readonly block: bigint;
  /** In none of the five sets. */
  readonly drop: bigint;
  /** Permitted and effective. */
  readonly add: bigint;
  readonly user?: WishedUser;
  /** What is permitted now stays so, whoever the user is. */
  readonly keepCapabilities: boolean;
  readonly noNewPrivileges: boolean;
  /** Absent: as they are. */
  readonly securebits?: number;
}

/** `ours` is us, now. The state right before execve(2), whether we may make it so or not. */
export function stateBefore(wish: CapsWish, ours: ExecCaller): ExecCaller {
  const { user, securebits = ours.securebits } = wish;
  const uids = user === undefined ? ours.uids : [user.uid, user.uid, user.uid, user.uid];
  const gids = user === undefined ? ours.gids : [user.gid, user.gid, user.gid, user.gid];
  const groups = user?.groups ?? ours.groups;
  const isRoot = uids[1] === ours.root && (securebits & SECBIT_NOROOT) === 0;
  const sets = isRoot ? setsOfRoot(wish, ours.sets) : setsOfOthers(wish, ours.sets);
  const noNewPrivileges = ours.noNewPrivileges || wish.noNewPrivileges;
  return { ...ours, uids, gids, groups, sets, securebits, noNewPrivileges };
}

/** Root gets its bounding and its inheritable set. */
function setsOfRoot({ sets, drop, block }: CapsWish, ours: CapabilitySets): CapabilitySets {
  const most = sets.permitted ?? ~0n;
  const bounding = sets.bounding ?? ours.bounding & most & ~(drop | block);
  const ambient = sets.ambient ?? ours.ambient & most & ~drop;
  const inheritable = sets.inheritable ?? (ours.inheritable & most & ~drop) | ambient;
  return { ...ours, bounding, inheritable, ambient: ambient & inheritable };
}

/** All others get their ambient set, which is inheritable too. */
function setsOfOthers({ sets, drop, block, add, keepCapabilities }: CapsWish, ours: CapabilitySets): CapabilitySets {
  const kept = keepCapabilities ? ours.permitted & ~drop : 0n;
  const ambient = sets.ambient ?? (sets.permitted ?? (ours.ambient & ~drop) | kept) | add;
  const inheritable = sets.inheritable ?? (ours.inheritable & ~drop) | ambient;
  return {
    ...ours,
    bounding: sets.bounding ?? ours.bounding & ~(drop | block),
    inheritable,
    ambient: ambient & inheritable,
  };
}
