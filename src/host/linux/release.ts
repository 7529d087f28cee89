// Takes names and mounts of a namespace away, and nothing else: each mount is opened, looked at, and unmounted by that
// descriptor, so that what is put in its place meanwhile stays. A path in a container is resolved without symbolic links.
// Source: umount2(2), openat2(2) (since Linux 5.6).

import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, statSync, unlinkSync } from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import { gap, type Gap } from '../../kernel/host.ts';
import type { MountPlace, ReleaseOperation, ReleaseOutcome, ReleasePlan } from '../../kernel/release.ts';
import { libc } from '../ffi/libc.ts';
import { inMountNamespace } from './in-mount-namespace.ts';
import { askNamespace, gapOfThrown, openDoor } from './nsfs.ts';

const AT_FDCWD = -100;
const MNT_DETACH = 2;
/** Source: include/uapi/linux/openat2.h. */
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_IN_ROOT = 0x10;

type Unmount = Extract<ReleaseOperation, { op: 'unmount' }>;
type Remove = Extract<ReleaseOperation, { op: 'remove' }>;

/** In order; one that fails does not stop the others. */
export function applyRelease({ namespace, operations }: ReleasePlan): readonly ReleaseOutcome[] {
  return operations.map((operation) => {
    try {
      return operation.op === 'unmount' ? unmount(namespace, operation) : remove(operation);
    } catch (error) {
      const thrown = gapOfThrown(operation.path, error);
      if (thrown.ok || thrown.gap.reason === 'gone') return { type: 'gone' };
      return { type: 'failed', gap: isLocked(operation, thrown.gap) ? locked(thrown.gap) : thrown.gap };
    }
  });
}

/**
 * A mount that came into a mount namespace from a more privileged one is locked there, for root too: with the others it
 * was made of one piece. Source: mount_namespaces(7).
 */
function isLocked(operation: ReleaseOperation, { errno }: Gap): boolean {
  return operation.op === 'unmount' && operation.within !== null && errno === 'EINVAL';
}

function locked(gap: Gap): Gap {
  return { ...gap, what: `${gap.what} is locked there, and goes with that mount namespace` };
}

function unmount(namespace: ReleasePlan['namespace'], { path, within }: Unmount): ReleaseOutcome {
  const place = within === null ? undefined : openPlace(within);
  let target = -1;
  try {
    target = within === null || place === undefined ? openMount(AT_FDCWD, path) : openWithin(place, within, path);
    if (!isStill(namespace, target)) return { type: 'gone' };
    if (place === undefined) libc().umount2(`/proc/self/fd/${target}`, MNT_DETACH);
    else detachIn(place, target);
    return { type: 'released' };
  } finally {
    if (target >= 0) closeSync(target);
    if (place !== undefined) closeSync(place);
  }
}

/** The mount namespace itself; a number that was given to another one since is ESRCH. */
function openPlace({ inode, door }: MountPlace): number {
  const fd = openDoor(door);
  if (fstatSync(fd, { bigint: true }).ino === inode) return fd;
  closeSync(fd);
  throw Object.assign(new Error('another mount namespace'), { code: 'ESRCH' });
}

function openWithin(place: number, { root }: MountPlace, path: string): number {
  if (root === null) return inMountNamespace(place, () => openMount(AT_FDCWD, path));
  const folder = openSync(root, O_PATH);
  try {
    return openMount(folder, path);
  } finally {
    closeSync(folder);
  }
}

/** What is mounted on top at the path. Where a process has another root, paths begin there. */
function openMount(folder: number, path: string): number {
  const inRoot = folder === AT_FDCWD ? 0 : RESOLVE_IN_ROOT;
  return libc().openat2(folder, path, O_PATH, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | inRoot);
}

function isStill({ inode, id }: ReleasePlan['namespace'], target: number): boolean {
  const { dev, ino } = fstatSync(target, { bigint: true });
  if (ino !== inode || dev !== statSync('/proc/self/ns/mnt', { bigint: true }).dev) return false;
  if (id === null) return true;
  const answer = askNamespace(`/proc/self/fd/${target}`, ['NS_GET_ID']);
  // Older kernels know the id of mount namespaces by another question; then the inode has to do.
  return !answer.ok || answer.value === id;
}

/** Our own table of descriptors is reached by a descriptor: the /proc over there may be anything. */
function detachIn(place: number, target: number): void {
  const descriptors = openSync('/proc/self/fd', O_PATH);
  try {
    inMountNamespace(place, () => {
      libc().fchdir(descriptors);
      libc().umount2(String(target), MNT_DETACH);
    });
  } finally {
    closeSync(descriptors);
  }
}

/** Only what ip-netns(8) leaves: an empty file, with nothing mounted on it; or the link that was listed. */
function remove({ path, link }: Remove): ReleaseOutcome {
  const status = lstatSync(path);
  const isExpected = link === null ? status.isFile() && status.size === 0 : isLink(path, link);
  if (!isExpected) return refused({ reason: 'unsupported', what: `${path} is something else now` });
  unlinkSync(path);
  return { type: 'released' };
}

function isLink(path: string, link: string): boolean {
  return lstatSync(path).isSymbolicLink() && readlinkSync(path) === link;
}

function refused(why: Gap): ReleaseOutcome {
  const reading = gap(why);
  return reading.ok ? { type: 'gone' } : { type: 'failed', gap: reading.gap };
}
