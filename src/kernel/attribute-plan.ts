// What gives extended attributes to files and takes them away, as data; carried out by host/linux/change-attributes.ts.
// It is no garbage once it is done, so no journal knows of it: each outcome tells what was there before.

import type { Gap } from './host.ts';

export interface AttributeOperation {
  /** A regular file; a link is not followed. A byte that is no part of UTF-8 stands as U+DC00 and its value. */
  readonly path: string;
  readonly name: string;
  /** null: take it away. */
  readonly bytes: Uint8Array | null;
  readonly reason: string;
}

export type AttributeOutcome =
  /** `before` is what getxattr(2) told; null: there was none; a gap: there was one that the kernel does not tell. */
  | { readonly type: 'done'; readonly before: Uint8Array | Gap | null }
  /** To be taken away, and not there. */
  | { readonly type: 'absent' }
  /** `step`: at what it failed. */
  | { readonly type: 'failed'; readonly gap: Gap; readonly step: 'open' | 'no file' | 'write' }
  /** One before it failed. */
  | { readonly type: 'left' };
