// Where a user namespace stands: capabilities count in it and below it, so that this is what they are worth.

import { INITIAL_USER_INODE } from '../../kernel/abi/nsfs.ts';
import { valueOf, type Host, type NamespaceDoor } from '../../kernel/host.ts';
import { levelOf } from '../user-level.ts';

export interface UserPlace {
  readonly inode: bigint;
  readonly initial: boolean;
  /** As the reader's user namespace has it. Absent (null): closed to us. */
  readonly owner: number | null;
  /** 0 is the initial one. Absent (null): the way up to it is not shown to us. */
  readonly level: number | null;
}

/** `door` leads to the user namespace with this number. */
export function userPlace(host: Host, door: NamespaceDoor, inode: bigint): UserPlace {
  const initial = inode === INITIAL_USER_INODE;
  // The host's has no owner, and the kernel says so by its root.
  if (initial) return { inode, initial, owner: 0, level: 0 };
  const uid = valueOf(host.askNamespace(door, ['NS_GET_OWNER_UID']));
  const level = levelOf(inode, (questions) => valueOf(host.askNamespace(door, questions)) ?? null);
  return { inode, initial, owner: uid === undefined ? null : Number(uid), level };
}
