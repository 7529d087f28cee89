// The mounts of a mount namespace: as a process in it sees them, or as the kernel lists them where there is none.

import { gap, value, type Host, type Reading } from '../kernel/host.ts';
import { decodeMount, MOUNT_MASK } from '../kernel/statmount-mount.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { isChrooted } from '../namespaces/discover/chrooted.ts';

/** Of thousands of processes the others will not tell either. */
const MAX_TRIED = 8;

/**
 * `pids`: processes in it. One that has another root than the namespace sees but a part, at other paths: such are passed
 * over, and where there are only such the kernel's list is asked. Errors: those of the first process; without one those
 * of statmount(2).
 */
export function readMountTable(host: Host, inode: bigint, pids: readonly number[]): Reading<readonly Mount[]> {
  const whole = pids.filter((pid) => !isChrooted(host, pid));
  let refused: Reading<readonly Mount[]> | undefined;
  for (const pid of whole.slice(0, MAX_TRIED)) {
    const mounts = mountinfoOf(host, pid);
    if (mounts.ok) return mounts;
    refused ??= mounts;
  }
  const listed = listedMounts(host, inode);
  if (listed.ok) return listed;
  if (refused !== undefined || whole.length === pids.length) return refused ?? listed;
  return gap({ ...listed.gap, what: `mnt:[${inode}] is seen from the roots of chrooted processes only` });
}

/** From the root of that process, which may hide some. */
export function mountinfoOf(host: Host, pid: number | 'self'): Reading<readonly Mount[]> {
  const path = `/proc/${pid}/mountinfo`;
  const bytes = host.readFile(path);
  return bytes.ok ? parseMountinfo(bytes.value, path) : bytes;
}

/** From the root of the mount namespace. */
function listedMounts(host: Host, inode: bigint): Reading<readonly Mount[]> {
  const what = `mnt:[${inode}]`;
  const namespaces = host.mountNamespaces();
  if (!namespaces.ok) return namespaces;
  const namespace = namespaces.value.find((each) => each.inode === inode);
  if (namespace === undefined) return gap({ reason: 'gone', what });
  const { id, mounts: count } = namespace;
  const structs = host.mounts({ namespace: id, mask: MOUNT_MASK, magics: [], count });
  if (!structs.ok) return structs;
  const mounts: Mount[] = [];
  for (const struct of structs.value) {
    const mount = decodeMount(struct, what);
    if (!mount.ok) return mount;
    if (mount.value !== null) mounts.push(mount.value);
  }
  return value(mounts);
}
