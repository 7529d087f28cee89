// How a way to a namespace is written: in archives, and in what is said of gaps.

import type { InsideQuery, NamespaceDoor } from './host.ts';

/** A path as it is, else `SIOCGSKNS of 4913/7`, `id 812 (0x40000000, inode 4026532177)`. */
export function doorText(door: NamespaceDoor): string {
  if (typeof door === 'string') return door;
  if ('ask' in door) return `${door.ask} of ${door.pid}/${door.fd}${door.inode === undefined ? '' : `=${door.inode}`}`;
  return `id ${door.id} (0x${door.type.toString(16)}, inode ${door.inode})`;
}

/** What is read, and where: `/proc/sys/kernel/hostname in uts /proc/4913/ns/uts`. */
export function insideText({ kind, door, path }: InsideQuery): string {
  return `${path} in ${kind} ${doorText(door)}`;
}
