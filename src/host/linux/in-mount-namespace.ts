// The thread that JavaScript runs on, for a moment in another mount namespace. Source: setns(2), unshare(2).
//
// setns(2) refuses a mount namespace to who shares root and working directory with other threads, so the thread stops
// sharing them first, for good: nothing else of nstool changes them. As in a network namespace all must be synchronous.

import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import { libc } from '../ffi/libc.ts';

/** Source: include/uapi/linux/sched.h. */
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;

/** Does `act` in the mount namespace that `fd` is, at its root. Errors: LibcError; what `act` throws. */
export function inMountNamespace<T>(fd: number, act: () => T): T {
  const open: number[] = [];
  const opened = (path: string, flags: number): number => {
    const fd = openSync(path, flags);
    open.push(fd);
    return fd;
  };
  try {
    const own = opened('/proc/thread-self/ns/mnt', constants.O_RDONLY);
    const root = opened('/', O_PATH);
    const folder = opened('.', O_PATH);
    libc().unshare(CLONE_FS);
    libc().setns(fd, CLONE_NEWNS);
    try {
      return act();
    } finally {
      goBack(own, root, folder);
    }
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** In the wrong mount namespace everything that follows would be wrong, and some of it would be done there. */
function goBack(own: number, root: number, folder: number): void {
  try {
    libc().setns(own, CLONE_NEWNS);
    // setns(2) leaves us at the root of the namespace, which need not be ours.
    libc().fchdir(root);
    libc().chroot('.');
    libc().fchdir(folder);
  } catch {
    process.abort();
  }
}
