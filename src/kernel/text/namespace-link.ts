// The text of a link in /proc/PID/ns, and the root of an nsfs mount: `net:[4026531833]`.
// Source: namespaces(7), fs/nsfs.c ns_get_name().

import { isNamespaceKind, type NamespaceKind } from '../abi/namespace-kinds.ts';
import { value, type Reading } from '../host.ts';
import { malformed, parseUnsigned64 } from './text.ts';

export interface NamespaceId {
  readonly kind: NamespaceKind;
  /** The inode number in nsfs. 32 bits in today's kernels; it is reused after the namespace is gone. */
  readonly inode: bigint;
}

export function parseNamespaceLink(text: string, file: string): Reading<NamespaceId> {
  const match = /^([a-z]+):\[([0-9]+)\]$/.exec(text);
  const kind = match?.[1];
  const inode = parseUnsigned64(match?.[2]);
  if (kind === undefined || inode === undefined || !isNamespaceKind(kind)) return malformed(file, 1, text);
  return value({ kind, inode });
}

/** As the kernel writes it. */
export function formatNamespaceLink(id: NamespaceId): string {
  return `${id.kind}:[${id.inode}]`;
}
