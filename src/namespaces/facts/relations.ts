// What a namespace is asked itself: owner, parent, id. A deep look has asked most of it already.

import { valueOf } from '../../kernel/host.ts';
import type { Door } from '../discover/door.ts';
import { askThrough } from '../discover/door-of.ts';
import type { Namespace, Relation } from '../discover/scan.ts';
import { visible, type FactLook } from './fact-look.ts';

/** Inode of the parent of a pid or user namespace; null: it is at the top, or beyond our view. */
export function parentOf(look: FactLook, namespace: Namespace, door: Door | undefined): bigint | null {
  if (namespace.kind !== 'pid' && namespace.kind !== 'user') return null;
  if (namespace.parent !== undefined) return inodeOf(namespace.parent);
  return door === undefined ? null : look.known(visible(askThrough(look.scan, door, ['NS_GET_PARENT'])));
}

/** Inode of the user namespace that owns it; of a user namespace its parent. */
export function ownerOf(look: FactLook, namespace: Namespace, door: Door | undefined): bigint | null {
  if (namespace.owner !== undefined) return inodeOf(namespace.owner);
  return door === undefined ? null : look.known(visible(askThrough(look.scan, door, ['NS_GET_USERNS'])));
}

/** That a relation is unknown was counted when it was asked for. */
function inodeOf(relation: Relation): bigint | null {
  return typeof relation === 'bigint' ? relation : null;
}

/** Kernels before 6.18 have none: no gap. */
export function idOf({ scan }: FactLook, namespace: Namespace, door: Door | undefined): bigint | null {
  if (namespace.id !== undefined) return namespace.id;
  return door === undefined ? null : (valueOf(askThrough(scan, door, ['NS_GET_ID'])) ?? null);
}

/**
 * The uid, here, of who made the user namespace that owns it; of a user namespace who made that one. What has no id in our
 * user namespace is the overflow uid, 65534. Source: ioctl_nsfs(2), NS_GET_OWNER_UID.
 */
export function ownerUid(look: FactLook, namespace: Namespace, door: Door | undefined): number | null {
  if (door === undefined) return null;
  const path = ['NS_GET_OWNER_UID'] as const;
  const uid = askThrough(look.scan, door, namespace.kind === 'user' ? path : ['NS_GET_USERNS', ...path]);
  const known = look.known(visible(uid));
  return known === null ? null : Number(known);
}
