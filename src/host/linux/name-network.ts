// Gives a network namespace a name in the way of ip-netns(8), so that both see each other's: under a lock on the folder,
// which is shared with other mount namespaces, the namespace is mounted on a new empty file.
//
// Source: ip-netns(8), mount_namespaces(7) on shared subtrees, flock(2). Nothing here may be asynchronous: in between, the
// thread is in another network namespace than Node's others.

import { chmodSync, closeSync, constants, fstatSync, mkdirSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { MS_BIND, MS_PRIVATE, MS_REC, MS_SHARED } from '../../kernel/abi/mount-flags.ts';
import type { Gap, NamespaceDoor } from '../../kernel/host.ts';
import { encodeLinkUp, LOOPBACK } from '../../kernel/netlink/link-up.ts';
import type { NamingOutcome, NamingStep, NetworkNaming } from '../../kernel/network-name.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { inNewNetwork } from './in-namespace.ts';
import { askNetlink } from './netlink-socket.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';

const OWN = '/proc/thread-self/ns/net';
const FOLDER_MODE = 0o755;
const LOCK_EX = 2;
const EINVAL = 22;

/** What went wrong, and where. */
class Refused extends Error {
  readonly step: NamingStep;
  readonly gap: Gap;

  constructor(step: NamingStep, why: Gap) {
    super(step);
    this.step = step;
    this.gap = why;
  }
}

export function nameNetwork({ path, of }: NetworkNaming): NamingOutcome {
  try {
    if (of === null) return { type: 'named', inode: withName(path, makeNamed) };
    const fd = at('open', path, () => openSame(of));
    try {
      return { type: 'named', inode: withName(path, (name) => mountOn(fd, name)) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { type: 'failed', step: error.step, gap: error.gap };
  }
}

/** `act`, with the errno of what it throws told as that of this step. */
function at<T>(step: NamingStep, what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refused) throw error;
    const thrown = gapOfThrown(what, error);
    if (thrown.ok) throw error;
    throw new Refused(step, thrown.gap);
  }
}

/** A pid may be another process's by now. */
function openSame({ door, inode }: { readonly door: NamespaceDoor; readonly inode: bigint }): number {
  const fd = openDoor(door);
  if (fstatSync(fd, { bigint: true }).ino === inode) return fd;
  closeSync(fd);
  throw Object.assign(new Error('another namespace'), { code: 'ESRCH' });
}

/** The name's file is made, `fill` mounts something on it, or it is removed again. */
function withName(path: string, fill: (path: string) => bigint): bigint {
  const folder = dirname(path);
  at('folder', folder, () => makeFolder(folder));
  const lock = at('folder', folder, () => openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY));
  try {
    // Of two at once both would mount the folder on itself, and every mount in it would be there twice.
    at('folder', folder, () => libc().flock(lock, LOCK_EX));
    at('share', folder, () => share(folder));
    at('file', path, () => closeSync(openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL, 0)));
    try {
      return fill(path);
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
  } finally {
    closeSync(lock);
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, FOLDER_MODE);
    // Whatever the umask is: every user may see the names.
    chmodSync(folder, FOLDER_MODE);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** What is mounted in it then is so in other mount namespaces too, and what is unmounted goes there as well. */
function share(folder: string): void {
  const c = libc();
  try {
    c.mount('none', folder, MS_SHARED | MS_REC);
  } catch (error) {
    if (!(error instanceof LibcError && error.errno === EINVAL)) throw error;
    // It is no mount point yet.
    c.mount(folder, folder, MS_BIND | MS_REC);
    // Else its mounts would come to be in the directory below it as well.
    c.mount('none', folder, MS_PRIVATE);
    c.mount('none', folder, MS_SHARED | MS_REC);
  }
}

function makeNamed(path: string): bigint {
  return at('make', 'a network namespace', () =>
    inNewNetwork(() => {
      const answer = askNetlink({ ...encodeLinkUp(LOOPBACK), namespace: OWN });
      if (!answer.ok) throw new Refused('loopback', answer.gap);
      const fd = openDoor(OWN);
      try {
        return mountOn(fd, path);
      } finally {
        closeSync(fd);
      }
    }),
  );
}

/** The inode of what is there then. */
function mountOn(fd: number, path: string): bigint {
  const { ino } = fstatSync(fd, { bigint: true });
  at('mount', path, () => libc().mount(`/proc/thread-self/fd/${fd}`, path, MS_BIND));
  return ino;
}
