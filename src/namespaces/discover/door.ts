// How to come to a namespace that was found.

import type { NamespaceDoor, NamespaceQuestion, Reading } from '../../kernel/host.ts';
import type { Namespace, Scan } from './scan.ts';

/** What can be opened, and the questions that lead on from there. */
export interface Door {
  readonly at: NamespaceDoor;
  readonly through: readonly NamespaceQuestion[];
}

export function pathDoor(path: string): Door {
  return { at: path, through: [] };
}

/** The folder of a thread in /proc; of a process that of the process, which is the shorter path. */
export function taskFolder({ pid, tid }: { readonly pid: number; readonly tid: number }): string {
  return pid === tid ? `/proc/${pid}` : `/proc/${pid}/task/${tid}`;
}

/** The best way to a namespace: through a process, a mount, or as it was found. */
export function doorOf(namespace: Namespace): Door | undefined {
  const [pid] = namespace.pids;
  if (pid !== undefined) return pathDoor(`/proc/${pid}/ns/${namespace.kind}`);
  const path = namespace.mounts[0] ?? namespace.foreignMounts[0];
  return path === undefined ? namespace.door : pathDoor(path);
}

/** What can be entered itself: a relation can only be asked. */
export function enterable(door: Door | undefined): NamespaceDoor | undefined {
  return door === undefined || door.through.length > 0 ? undefined : door.at;
}

export function askThrough(scan: Scan, door: Door, questions: readonly NamespaceQuestion[]): Reading<bigint> {
  return scan.host.askNamespace(door.at, [...door.through, ...questions]);
}
