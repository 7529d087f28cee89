// What is in an ipc namespace: System V objects and POSIX message queues. Source: ipc_namespaces(7).

import { value, type Reading } from '../kernel/host.ts';
import { parseQueueState } from '../kernel/text/mqueue.ts';
import { parseSysvObjects, type SysvKind, type SysvObject } from '../kernel/text/sysvipc.ts';
import { readInside, type Inside } from '../namespaces/inside.ts';

/** Ids are those here; the maker of a queue is its owner, unless somebody gave it away. */
export interface PosixQueue {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The nine bits of permission. */
  readonly mode: number;
  /** Bytes that wait. Absent (null): it is closed to us. */
  readonly bytes: number | null;
  /** The process that is told of the next message, by its pid here. Absent (null): none, or it is closed to us. */
  readonly notifies: number | null;
}

export function readSysvObjects(inside: Inside, kind: SysvKind): Reading<readonly SysvObject[]> {
  const path = `/proc/sysvipc/${kind}`;
  const bytes = readInside(inside, path);
  return bytes.ok ? parseSysvObjects(bytes.value, path, kind) : bytes;
}

/** In the order of their names. */
export function readPosixQueues({ host, door }: Inside): Reading<readonly PosixQueue[]> {
  const files = host.messageQueues(door);
  if (!files.ok) return files;
  const queues: PosixQueue[] = [];
  for (const { name, status, bytes } of files.value) {
    const state = bytes === null ? value({ bytes: null, notifies: null }) : parseQueueState(bytes, name);
    if (!state.ok) return state;
    queues.push({ name, uid: status.uid, gid: status.gid, mode: status.mode & 0o777, ...state.value });
  }
  return value(queues.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
}
