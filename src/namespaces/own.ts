// Our own namespaces: what is one of them needs no entering, and can be asked without a door.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';

type Links = Pick<Host, 'readLink'>;

/** undefined: not told, or a kind that this kernel lacks. */
export function ownInode(host: Links, kind: NamespaceKind): bigint | undefined {
  return inodeOf(host, kind);
}

/** Are we in it ourselves? False where that is not told. */
export function isOwn(host: Links, kind: NamespaceKind, inode: bigint): boolean {
  return ownInode(host, kind) === inode;
}

/** The same of the namespace of our children, which differs for pid and time: a command is one of them. */
export function isOfChildren(host: Links, kind: NamespaceKind, inode: bigint): boolean {
  return inodeOf(host, kind === 'pid' || kind === 'time' ? `${kind}_for_children` : kind) === inode;
}

function inodeOf(host: Links, name: string): bigint | undefined {
  const path = `/proc/self/ns/${name}`;
  const link = valueOf(host.readLink(path));
  return link === undefined ? undefined : valueOf(parseNamespaceLink(link, path))?.inode;
}
