// nsfs bind mounts in every mount namespace that has a process: `ip netns add`, `unshare --net=FILE`, docker's netns.
// Source: proc_pid_mountinfo(5), namespaces(7).

import { valueOf } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { noteMount, readListedMounts } from './listed-mounts.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const bindMounts: Source = {
  name: 'bind mounts',
  when: 'always',
  cost: 'one file per distinct mount namespace that has a process; where all of these are chrooted the list of the kernel',
  blind: 'mounts in mount namespaces without a process',
  discover(scan) {
    const own = valueOf(scan.host.readLink('/proc/self/ns/mnt'));
    readMounts(scan, { text: own ?? null, pid: scan.host.self.pid, folder: '/proc/self', root: '' });
    readBeyondRoots(scan, own);
    for (const [text, pid] of scan.mountNamespaces) {
      if (text !== own) readMounts(scan, { text, pid, folder: `/proc/${pid}`, root: `/proc/${pid}/root` });
    }
  },
};

/** Mounts of mount namespaces of which the processes see only a part. */
function readBeyondRoots(scan: Scan, own: string | undefined): void {
  const texts = [...scan.chrooted].filter((text) => text !== own);
  if (texts.length === 0) return;
  const listed = scan.host.mountNamespaces();
  for (const text of texts) {
    const found = listed.ok ? listed.value.find(({ inode }) => `mnt:[${inode}]` === text) : undefined;
    if (found !== undefined) readListedMounts(scan, found, text);
    else if (!listed.ok) scan.gaps.add(CHROOTED, { ...listed.gap, what: text });
  }
}

const CHROOTED = 'mount namespace in which all are chrooted';

/** A mount table, and what leads from our root to the one that its paths begin at. */
export interface MountTable {
  /** The link of its mount namespace; null where that cannot be read. */
  readonly text: string | null;
  readonly pid: number;
  readonly folder: string;
  readonly root: string;
}

export function readMounts(scan: Scan, { text, pid, folder, root }: MountTable): void {
  const path = `${folder}/mountinfo`;
  const bytes = scan.host.readFile(path);
  // EINVAL: the process has ended since its link was read, and nobody has waited for it yet.
  const hasEnded = !bytes.ok && bytes.gap.errno === 'EINVAL';
  if (!bytes.ok) return scan.gaps.add('mount table', hasEnded ? { ...bytes.gap, reason: 'gone' } : bytes.gap);
  const mountNamespace = text === null ? null : inodeOf(text);
  const mounts = parseMountinfo(bytes.value, path, 'nsfs');
  if (!mounts.ok) return scan.gaps.add('mount table', mounts.gap);
  for (const mount of mounts.value) {
    const [kind] = mount.root.split(':');
    if (![...scan.kinds].some((wanted) => wanted === kind)) continue;
    const namespace = noteNamespace(scan, mount.root, path);
    if (namespace === undefined) continue;
    const paths = root === '' ? namespace.mounts : namespace.foreignMounts;
    const target = `${root}${mount.mountPoint}`;
    // Mounts stack: the same path can hold the same namespace several times.
    if (!paths.includes(target)) paths.push(target);
    noteMount(scan, namespace, { path: mount.mountPoint, mountId: mount.id, mountNamespace, pid });
  }
}

function inodeOf(text: string): bigint | null {
  return valueOf(parseNamespaceLink(text, text))?.inode ?? null;
}
