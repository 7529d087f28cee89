// nsfs bind mounts in every mount namespace that has a process: `ip netns add`, `unshare --net=FILE`, docker's netns.
// Source: proc_pid_mountinfo(5), namespaces(7).

import { valueOf } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import type { MountHolder } from '../holder.ts';
import { noteNamespace, type Namespace, type Scan, type Source } from './scan.ts';

export const bindMounts: Source = {
  name: 'bind mounts',
  when: 'always',
  cost: 'one file per distinct mount namespace that has a process',
  blind: 'mounts in mount namespaces without a process, and outside the root of the process that was asked',
  discover(scan) {
    const own = valueOf(scan.host.readLink('/proc/self/ns/mnt'));
    readMounts(scan, { text: own ?? null, pid: scan.host.self.pid, folder: '/proc/self', root: '' });
    for (const [text, pid] of scan.mountNamespaces) {
      if (text !== own) readMounts(scan, { text, pid, folder: `/proc/${pid}`, root: `/proc/${pid}/root` });
    }
  },
};

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

/** Notes a mount that keeps a namespace, once. */
export function noteMount(scan: Scan, namespace: Namespace, mount: Omit<MountHolder, 'type'>): void {
  const key = `${mount.mountNamespace}/${mount.mountId}`;
  if (scan.mountsSeen.has(key)) return;
  scan.mountsSeen.add(key);
  namespace.holders.push({ type: 'mount', ...mount });
}

function inodeOf(text: string): bigint | null {
  return valueOf(parseNamespaceLink(text, text))?.inode ?? null;
}
