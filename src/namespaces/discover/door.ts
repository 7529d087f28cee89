// How to come to a namespace.

import type { NamespaceDoor, NamespaceQuestion } from '../../kernel/host.ts';

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

/** What can be entered itself: a relation can only be asked. */
export function enterable(door: Door | undefined): NamespaceDoor | undefined {
  return door === undefined || door.through.length > 0 ? undefined : door.at;
}
