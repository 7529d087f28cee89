// The nsfs mounts of one mount namespace as the kernel lists them, without entering it. Source: listmount(2),
// statmount(2). Since: Linux 6.12 for mount namespaces of others.

import { isNamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NSFS_MAGIC, SYSFS_MAGIC } from '../../kernel/abi/nsfs.ts';
import type { ListedMountNamespace } from '../../kernel/host.ts';
import { decodeStatMount, STATMOUNT_MASK, type StatMount } from '../../kernel/statmount.ts';
import type { MountHolder } from '../holder.ts';
import { noteNamespace, type Namespace, type Scan } from './scan.ts';

/** `text` is the link of the mount namespace. */
export function readListedMounts(scan: Scan, listed: ListedMountNamespace, text: string): void {
  // The paths are from the root of the namespace, which a chrooted process does not see.
  const pid = scan.chrooted.has(text) ? null : (scan.mountNamespaces.get(text) ?? null);
  const structs = scan.host.mounts({
    namespace: listed.id,
    mask: STATMOUNT_MASK,
    magics: [NSFS_MAGIC, SYSFS_MAGIC],
    count: listed.mounts,
  });
  if (!structs.ok) {
    if (structs.gap.reason !== 'gone') scan.gaps.add('mount namespace', structs.gap);
    return;
  }
  for (const struct of structs.value) {
    const mount = decodeStatMount(struct, text);
    if (!mount.ok) scan.gaps.add('mount', mount.gap);
    else if (mount.value.magic === SYSFS_MAGIC) scan.deep.sysfs.add(mount.value.device);
    else noteStatMount(scan, mount.value, listed.inode, pid);
  }
}

function noteStatMount(scan: Scan, mount: StatMount, mountNamespace: bigint, pid: number | null): void {
  const { root, mountPoint, oldId } = mount;
  const kind = root?.slice(0, root.indexOf(':')) ?? '';
  if (root === null || !isNamespaceKind(kind) || !scan.kinds.has(kind)) return;
  const namespace = noteNamespace(scan, root, `mnt:[${mountNamespace}]`);
  if (namespace === undefined) return;
  noteMount(scan, namespace, { path: mountPoint ?? '', mountId: oldId, mountNamespace, pid });
}

/** Notes a mount that keeps a namespace, once. */
export function noteMount(scan: Scan, namespace: Namespace, mount: Omit<MountHolder, 'type'>): void {
  const key = `${mount.mountNamespace}/${mount.mountId}`;
  if (scan.mountsSeen.has(key)) return;
  scan.mountsSeen.add(key);
  namespace.holders.push({ type: 'mount', ...mount });
}
