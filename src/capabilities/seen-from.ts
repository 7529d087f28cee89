// What a user namespace makes of the capabilities of a file: the same bytes read differently, and count or not.
// Source: security/commoncap.c cap_inode_getsecurity(), rootid_owns_currentns().

import type { FileCapabilities } from './file-capabilities.ts';

/** A user namespace, seen from ours. */
export interface Viewpoint {
  /** What a uid of ours is there; undefined: nothing. */
  readonly inside: (uid: number) => number | undefined;
  /** Is this uid of ours 0 there, or in one above it up to ours? null: what lies between is not seen. */
  readonly isRoot: (uid: number) => boolean | null;
}

export type SeenCapabilities =
  | { readonly type: 'capabilities'; readonly capabilities: FileCapabilities; readonly counts: boolean | null }
  /** getxattr(2) fails with EOVERFLOW, and execve(2) gives nothing. */
  | { readonly type: 'foreign' }
  | { readonly type: 'unknown' };

/** `capabilities` are as we, in the initial user namespace, read them. */
export function seenFrom({ inside, isRoot }: Viewpoint, capabilities: FileCapabilities): SeenCapabilities {
  const { rootid } = capabilities;
  const mapped = inside(rootid);
  const isOwner = isRoot(rootid);
  if (mapped !== undefined && mapped !== 0) {
    return { type: 'capabilities', capabilities: { ...capabilities, revision: 3, rootid: mapped }, counts: isOwner };
  }
  if (isOwner === null) return { type: 'unknown' };
  if (!isOwner) return { type: 'foreign' };
  return { type: 'capabilities', capabilities: { ...capabilities, revision: 2, rootid: 0 }, counts: true };
}
