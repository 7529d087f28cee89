// The files of cgroups, read by our own mounts or by those of the process that is looked at.

import { value, valueOf, type FileStatus, type Host, type Reading } from '../kernel/host.ts';

/** The most directories that are listed of one. */
export const MAX_LISTED = 8192;

export interface CgroupFiles {
  /** Whose mounts they are read by. Absent (null): our own. */
  readonly through: number | null;
  read(path: string): Reading<Uint8Array>;
  /** The names in a directory. */
  list(path: string): Reading<readonly string[]>;
  status(path: string): Reading<FileStatus>;
}

export function ownFiles(host: Host): CgroupFiles {
  return {
    through: null,
    read: (path) => host.readFile(path, 'short'),
    list: (path) => host.readDirectory(path),
    status: (path) => host.stat(path),
  };
}

/** By its root, which it may change meanwhile: nothing in there leads out of it. Since: Linux 5.6. */
export function filesThrough(host: Host, pid: number): CgroupFiles {
  const root = `/proc/${pid}/root`;
  return {
    through: pid,
    read: (path) => host.readFileInRoot({ root, path }),
    list: (path) => {
      const tree = host.tree({ base: root, root: '/', path: path.slice(1), deep: false, limit: MAX_LISTED });
      return tree.ok ? value(tree.value.entries.map((entry) => entry.path)) : tree;
    },
    status: (path) => {
      const found = host.findInRoot({ root, path });
      return found.ok ? value(found.value.status) : found;
    },
  };
}

/** Is what is mounted there what its mount table said? It may have been changed, or be a forgery of another file system. */
export function isMountedThere(host: Host, pid: number, mountPoint: string, id: number): boolean {
  return valueOf(host.mountOf({ root: `/proc/${pid}/root`, path: mountPoint, follow: true })) === id;
}
