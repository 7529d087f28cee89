// What takes the names and mounts of a namespace away, as data: kernel requests, each with its reason, carried out one by
// one by host/linux/release.ts.

import type { NamespaceKind } from './abi/namespace-kinds.ts';
import type { Gap, NamespaceDoor } from './host.ts';

export interface ReleasePlan {
  /** Whose names and mounts they are: what turns out to be of another one is left alone. `id` is null before Linux 6.18. */
  readonly namespace: { readonly kind: NamespaceKind; readonly inode: bigint; readonly id: bigint | null };
  /**
   * Our mounts, the files that names leave, then the mounts of others: many of these are copies that go with ours, or with
   * the file (unlink(2) takes what is mounted on it elsewhere away, even where it is locked; since Linux 3.18).
   */
  readonly operations: readonly ReleaseOperation[];
}

export type ReleaseOperation =
  /** umount2(2), MNT_DETACH. `within` is null for our own mount namespace. */
  | { readonly op: 'unmount'; readonly path: string; readonly within: MountPlace | null; readonly reason: string }
  /** unlink(2) of the empty file that a name leaves, or of the symbolic link `link` that it is. */
  | { readonly op: 'remove'; readonly path: string; readonly link: string | null; readonly reason: string };

/** A mount namespace that is not ours, and where in it paths begin. */
export interface MountPlace {
  readonly inode: bigint;
  readonly door: NamespaceDoor;
  /** The root of a process, as a path of ours; null: that of the mount namespace. */
  readonly root: string | null;
}

export type ReleaseOutcome =
  | { readonly type: 'released' }
  /** It went with another one, or somebody else was faster. */
  | { readonly type: 'gone' }
  | { readonly type: 'failed'; readonly gap: Gap };
