// What can keep a namespace alive, as data.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';

/** A descriptor of a process, or of a thread with a table of its own: then `tid` differs from `pid`. */
export interface DescriptorUse {
  readonly pid: number;
  readonly tid: number;
  readonly fd: number;
}

/** A mount of it. */
export interface MountHolder {
  readonly type: 'mount';
  /** In that mount namespace, as seen from the root of `pid`; without one from that of the namespace. */
  readonly path: string;
  /** The id in mountinfo. */
  readonly mountId: number;
  /** Its inode; null: it could not be read. */
  readonly mountNamespace: bigint | null;
  /** A process in that mount namespace; null: it has none, or only such as have another root. */
  readonly pid: number | null;
}

export type Holder =
  /** A process (thread group leader) in it. */
  | { readonly type: 'process'; readonly pid: number }
  /** A thread in it whose leader is elsewhere. */
  | { readonly type: 'thread'; readonly pid: number; readonly tid: number }
  /** The children of this thread would be in it: pid and time namespaces. */
  | { readonly type: 'for_children'; readonly pid: number; readonly tid: number }
  /** An open file of /proc/PID/ns. */
  | ({ readonly type: 'descriptor' } & DescriptorUse)
  /** A watch of inotify or fanotify on its file. */
  | ({ readonly type: 'inotify' } & DescriptorUse)
  | ({ readonly type: 'socket'; readonly inode: bigint } & DescriptorUse)
  /** A descriptor of /dev/net/tun, with the name of its interface; null: it has none, or it could not be read. */
  | ({ readonly type: 'tun'; readonly interface: string | null } & DescriptorUse)
  | MountHolder
  /** A mount in our own mount namespace under which people know it. A link (`symlink`) is a name, and keeps nothing. */
  | { readonly type: 'name'; readonly name: string; readonly path: string; readonly symlink: boolean }
  /** A namespace below it (`parent`), or one that it owns (`owner`). */
  | {
      readonly type: 'child';
      readonly relation: 'parent' | 'owner';
      readonly kind: NamespaceKind;
      readonly inode: bigint;
    }
  /** The kernel lists it, so something keeps it that no other look has found. */
  | { readonly type: 'unseen' };
