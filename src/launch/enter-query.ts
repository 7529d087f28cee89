// What `enter` was asked for, as data.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { KernelText } from '../kernel/program.ts';
import type { AsTargetPart } from './as-target/part.ts';
import type { Door as Way } from '../namespaces/discover/door.ts';

/** An id of one's own choice, or that of the target process. */
export type WantedId = number | 'follow';

export interface EnterQuery {
  /** The process whose namespaces are meant. */
  readonly pid?: number | undefined;
  /** The number of its pidfd, which no other process ever has. Since: Linux 6.9. */
  readonly pidfdInode?: bigint | undefined;
  /** The kinds to enter of that process, without those in `given`. */
  readonly kinds: readonly NamespaceKind[] | 'all';
  /** The kinds to enter by a way of their own. */
  readonly given: readonly { readonly kind: NamespaceKind; readonly way: Way }[];
  /** Instead of the user namespace the one above it, or that owns what is entered. */
  readonly userParent?: boolean;
  /** `true`: the target's. */
  readonly root?: true | string | undefined;
  readonly workingDirectory?: true | string | undefined;
  /** A path that means what it does once everything is entered. */
  readonly innerDirectory?: string | undefined;
  readonly uid?: WantedId | undefined;
  readonly gid?: WantedId | undefined;
  readonly preserveCredentials: boolean;
  /** Capabilities outlive exec without being root. */
  readonly keepCapabilities?: boolean;
  /** The environment of the target instead of ours. */
  readonly targetEnvironment?: boolean;
  readonly joinCgroup?: boolean;
  /** SELinux's context of the target for the command. */
  readonly followContext?: boolean;
  /** What the command takes of the target besides that: parts that were not asked for in another way. */
  readonly asTarget?: ReadonlySet<AsTargetPart>;
  /** Resolve names as the target does; absent: where that is another way than ours and we stay in our file system. */
  readonly resolver?: boolean | undefined;
  /** A /proc of the pid namespace that is entered, where the mounts stay ours. */
  readonly ownProc?: boolean;
  /** A /sys of the network namespace that is entered; the mounts stay ours. */
  readonly ownSys?: boolean;
  /** The programs of this host (`true`), or of a directory, with the target's file system below /target. */
  readonly tools?: true | string | undefined;
  readonly fork: boolean;
  /**
   * A terminal of the command's own; absent: never. foreign: when the target is in another user namespace or a container.
   * screen: is standard output a terminal?
   */
  readonly pty?: { readonly when: 'always' | 'foreign'; readonly screen: boolean } | undefined;
  /** Empty: a login shell. */
  readonly command: readonly KernelText[];
  readonly trace: boolean;
}
