// What gives a network namespace a name, as data: a file in /run/netns that it is mounted on, as ip-netns(8) makes them.
// Carried out by host/linux/name-network.ts.

import type { Gap, NamespaceDoor } from './host.ts';

export interface NetworkNaming {
  /** The file that is the name. */
  readonly path: string;
  /** What gets it, if it still is the namespace of this inode; null: a new one, whose loopback is up. */
  readonly of: { readonly door: NamespaceDoor; readonly inode: bigint } | null;
}

/** In this order. What was killed after `file` leaves an empty file, a name without a namespace; before it, nothing. */
export type NamingStep = 'open' | 'folder' | 'share' | 'file' | 'make' | 'loopback' | 'mount';

export type NamingOutcome =
  | { readonly type: 'named'; readonly inode: bigint }
  /** Nothing is left of it. */
  | { readonly type: 'failed'; readonly step: NamingStep; readonly gap: Gap };
