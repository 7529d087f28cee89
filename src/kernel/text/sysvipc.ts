// /proc/sysvipc/msg, sem and shm. Source: proc_sysvipc(5), ipc/msg.c, ipc/sem.c, ipc/shm.c. A line of headings, then one
// for each object; later kernels append columns.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal, parseUnsigned64 } from './text.ts';

/** Message queues, semaphore sets, shared memory segments: the names of the files. */
export type SysvKind = 'msg' | 'sem' | 'shm';

export const sysvKinds: readonly SysvKind[] = ['msg', 'sem', 'shm'];

/** Ids of users and groups are the reader's, 65534 where it has none for them. Source: sysvipc(7). */
export interface SysvObject {
  readonly kind: SysvKind;
  /** 32 bits without sign; 0 is IPC_PRIVATE. */
  readonly key: number;
  readonly id: number;
  /** The nine bits of permission. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Who made it, which never changes. */
  readonly creatorUid: number;
  readonly creatorGid: number;
  /** The process that made it, by its number in the reader's pid namespace. Absent (null): not told, or out of sight. */
  readonly creatorPid: number | null;
  /** Bytes that wait in the queue, or of the segment. Absent (null) for semaphores. */
  readonly bytes: bigint | null;
  /** How many messages wait, semaphores there are, or processes have the segment attached. */
  readonly count: number;
  /** A segment that goes with its last user: IPC_RMID was asked of it. */
  readonly removed: boolean;
}

const ID: Record<SysvKind, string> = { msg: 'msqid', sem: 'semid', shm: 'shmid' };
const BYTES: Partial<Record<SysvKind, string>> = { msg: 'cbytes', shm: 'size' };
const COUNT: Record<SysvKind, string> = { msg: 'qnum', sem: 'nsems', shm: 'nattch' };

/** Source: include/linux/shm.h, where it stands among the bits of permission. */
const SHM_DEST = 0o1000;

export function parseSysvObjects(bytes: Uint8Array, file: string, kind: SysvKind): Reading<readonly SysvObject[]> {
  const [head = '', ...lines] = decodeText(bytes).split('\n');
  const columns = new Map(wordsOf(head).map((name, index) => [name, index]));
  if (!columns.has(ID[kind])) return malformed(file, 1, head);
  const objects: SysvObject[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const words = wordsOf(line);
    const object = objectOf(kind, (name) => words[columns.get(name) ?? -1]);
    if (object === undefined) return malformed(file, index + 2, line);
    objects.push(object);
  }
  return value(objects);
}

function wordsOf(line: string): readonly string[] {
  return line.trim().split(/ +/);
}

function objectOf(kind: SysvKind, word: (name: string) => string | undefined): SysvObject | undefined {
  const names = [ID[kind], 'uid', 'gid', 'cuid', 'cgid', COUNT[kind]];
  const [id, uid, gid, creatorUid, creatorGid, count] = names.map((name) => parseDecimal(word(name)));
  const [key, mode] = [keyOf(word('key')), octal(word('perms'))];
  if (id === undefined || key === undefined || mode === undefined || count === undefined) return undefined;
  if (uid === undefined || gid === undefined || creatorUid === undefined || creatorGid === undefined) return undefined;
  const sized = BYTES[kind];
  const bytes = sized === undefined ? null : parseUnsigned64(word(sized));
  if (bytes === undefined) return undefined;
  const creatorPid = parseDecimal(word('cpid')) ?? 0;
  const removed = kind === 'shm' && (mode & SHM_DEST) !== 0;
  return {
    kind,
    key,
    id,
    mode: mode & 0o777,
    uid,
    gid,
    creatorUid,
    creatorGid,
    creatorPid: creatorPid === 0 ? null : creatorPid,
    bytes,
    count,
    removed,
  };
}

/** The kernel writes it with a sign. */
function keyOf(word: string | undefined): number | undefined {
  return word !== undefined && /^-?[0-9]{1,10}$/.test(word) ? Number(word) >>> 0 : undefined;
}

function octal(word: string | undefined): number | undefined {
  return word !== undefined && /^[0-7]{1,6}$/.test(word) ? Number.parseInt(word, 8) : undefined;
}
