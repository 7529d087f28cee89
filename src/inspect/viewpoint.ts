// A user namespace as one that reads files: what uids of ours are there, and who is root.

import { NsError } from '../kernel/error.ts';
import { INITIAL_USER_INODE } from '../kernel/abi/nsfs.ts';
import { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseIdMap } from '../kernel/text/id-map.ts';
import { ownInode } from '../namespaces/own.ts';
import { findTarget } from './process-in.ts';
import { resolveTarget } from './resolve-target.ts';
import { idInside, readUserIds } from './user-ids.ts';

export interface NamedViewpoint {
  /** The user namespace. Absent (null): not told. */
  readonly inode: bigint | null;
  readonly isOurs: boolean;
  /** A process in it. Absent (null): it is ours. */
  readonly pid: number | null;
  /** What a uid of ours is there; undefined: nothing. */
  readonly inside: (uid: number) => number | undefined;
  /** Is this uid of ours 0 there, or in one above it? null: what lies between is not seen. */
  readonly isRoot: (uid: number) => boolean | null;
}

/** Of our own user namespace, or of that of a target. Errors: those of resolveTarget; BAD_VALUE, DENIED. */
export function viewpointOf(host: Host, word: string | undefined): NamedViewpoint {
  const own = ownViewpoint(host);
  if (word === undefined) return own;
  const pid = processOf(host, word);
  // The host's is the initial one.
  if (pid === undefined && own.inode === INITIAL_USER_INODE) return own;
  if (pid === undefined) throw untold(word);
  const gaps = new GapTally();
  const { inode, relation, uids } = readUserIds(host, pid, gaps);
  if (relation === 'same') return own;
  if (uids === null || inode === null)
    throw new NsError('DENIED', { what: `cannot read the uids of '${word}'`, gaps: gaps.list() });
  // Else what we read as revision 2 may be of a root above ours: its uid there is not known.
  if (own.inode !== INITIAL_USER_INODE) throw untold(word);
  const inside = (uid: number): number | undefined => idInside(uids, uid);
  const parent = valueOf(host.askNamespace(`/proc/${pid}/ns/user`, ['NS_GET_PARENT']));
  const isRoot = (uid: number): boolean | null => {
    if (uid === 0 || inside(uid) === 0) return true;
    return parent === own.inode ? false : null;
  };
  return { inode, isOurs: false, pid, inside, isRoot };
}

function untold(word: string): NsError {
  return new NsError('UNSUPPORTED', {
    what: `cannot tell what '${word}' would read`,
    why: 'that is told in the initial user namespace only, and ours is another one',
  });
}

function ownViewpoint(host: Host): NamedViewpoint {
  const inode = ownInode(host, 'user') ?? null;
  return { inode, isOurs: true, pid: null, inside: (uid) => uid, isRoot: (uid) => isRootAbove(host, inode, uid) };
}

/** Of our own map the kernel shows the ids of the parent: who is 0 there is root of it. */
function isRootAbove(host: Host, inode: bigint | null, uid: number): boolean | null {
  if (uid === 0) return true;
  if (inode === INITIAL_USER_INODE) return false;
  const path = '/proc/self/uid_map';
  const bytes = valueOf(host.readFile(path));
  const map = bytes === undefined ? undefined : valueOf(parseIdMap(bytes, path));
  const range = map?.find(({ inside, count }) => uid >= inside && uid < inside + count);
  return range?.outside != null && range.outside + (uid - range.inside) === 0 ? true : null;
}

/** undefined: the host. Errors: BAD_VALUE, and those of resolveTarget. */
function processOf(host: Host, word: string): number | undefined {
  const target = resolveTarget(host, word);
  if (target.type === 'process') return target.pid;
  if (target.type === 'host') return undefined;
  const [pid] = target.kind === 'user' ? findTarget(host, target).namespace.pids : [];
  if (pid !== undefined) return pid;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is no process, and no user namespace with one`,
    why: 'what it would read is told by the uid_map of a process in it',
  });
}
