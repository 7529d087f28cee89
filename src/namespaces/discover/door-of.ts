// How to come to a namespace that was found.

import type { NamespaceQuestion, Reading } from '../../kernel/host.ts';
import { pathDoor, type Door } from './door.ts';
import type { Namespace, Scan } from './scan.ts';

/** The best way to a namespace: through a process, a mount, or as it was found. */
export function doorOf(namespace: Namespace): Door | undefined {
  const [pid] = namespace.pids;
  if (pid !== undefined) return pathDoor(`/proc/${pid}/ns/${namespace.kind}`);
  const path = namespace.mounts[0] ?? namespace.foreignMounts[0];
  return path === undefined ? namespace.door : pathDoor(path);
}

export function askThrough(scan: Scan, door: Door, questions: readonly NamespaceQuestion[]): Reading<bigint> {
  return scan.host.askNamespace(door.at, [...door.through, ...questions]);
}
