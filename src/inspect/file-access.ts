// May a process execute a file or search a folder, by owner, group and mode? Access lists and security modules are not
// looked at. Source: path_resolution(7), fs/namei.c generic_permission(), capable_wrt_inode_uidgid().

import type { CapabilitySets } from '../capabilities/sets.ts';
import { CAPABILITY } from '../kernel/abi/capability.ts';
import { valueOf, type FileStatus, type Host } from '../kernel/host.ts';
import { idInside, type UserIds } from './user-ids.ts';

/** Who asks: ids as our user namespace maps them. */
export interface FileUser {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly sets: CapabilitySets;
}

/** Do owner and group of a file exist in a user namespace? Then its capabilities over files count for that file. */
export function isFileMapped({ uids, gids }: UserIds, { uid, gid }: Pick<FileStatus, 'uid' | 'gid'>): boolean {
  const isIn = (map: typeof uids, id: number): boolean => map === null || idInside(map, id) !== undefined;
  return isIn(uids, uid) && isIn(gids, gid);
}

const [FILE_TYPE, DIRECTORY] = [0o170_000, 0o040_000];
const [OWNER, GROUP, OTHER] = [0o100, 0o010, 0o001];

/** The bit x: of a folder to search it. */
export function mayExecute(user: FileUser, ids: UserIds, status: FileStatus): boolean {
  const { mode, uid, gid } = status;
  const isGroup = gid === user.gids[3] || user.groups.includes(gid);
  const bit = uid === user.uids[3] ? OWNER : isGroup ? GROUP : OTHER;
  if ((mode & bit) !== 0) return true;
  const has = (capability: bigint): boolean => (user.sets.effective & capability) !== 0n && isFileMapped(ids, status);
  if ((mode & FILE_TYPE) === DIRECTORY) return has(CAPABILITY.DAC_OVERRIDE) || has(CAPABILITY.DAC_READ_SEARCH);
  return (mode & (OWNER | GROUP | OTHER)) !== 0 && has(CAPABILITY.DAC_OVERRIDE);
}

/**
 * The first folder on the way to a file below a root that is closed to it; null: none. Of a symbolic link on the way only
 * the folder that it leads to is looked at.
 */
export function closedFolder(host: Host, root: string, path: string, user: FileUser, ids: UserIds): string | null {
  const names = path.split('/').slice(0, -1);
  for (let count = 1; count <= names.length; count += 1) {
    const folder = names.slice(0, count).join('/') || '/';
    const found = valueOf(host.findInRoot({ root, path: folder }));
    if (found !== undefined && !mayExecute(user, ids, found.status)) return folder;
  }
  return null;
}
