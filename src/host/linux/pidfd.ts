// Descriptors of other processes: duplicated by pidfd_getfd(2), asked, closed. Source: pidfd_open(2), pidfd_getfd(2),
// kcmp(2). The original does not notice, but that its file is closed a moment later if its owner closes it meanwhile.

import { closeSync, fstatSync } from 'node:fs';
import { gap, value, type DescriptorQuestion, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { SYS_KCMP, SYS_PIDFD_GETFD, SYS_PIDFD_OPEN } from './system-calls.ts';

/** Source: include/uapi/linux/sockios.h, include/uapi/linux/if_tun.h. */
const REQUEST: Record<DescriptorQuestion, number> = { SIOCGSKNS: 0x894c, TUNGETDEVNETNS: 0x54e3 };
/** O_EXCL: the task may be a thread. Source: include/uapi/linux/pidfd.h. Since: Linux 6.9. */
const PIDFD_THREAD = 0o200;
const KCMP_FILES = 2;
const EBADF = 9;
const EINVAL = 22;
const ENOENT = 2;

type DescriptorDoor = Extract<NamespaceDoor, { ask: DescriptorQuestion }>;

/** The namespace that the descriptor of a process leads to. Errors: LibcError. */
export function openThroughDescriptor({ pid, fd, ask, inode }: DescriptorDoor): number {
  const process = openPidfd(pid);
  let copy = -1;
  try {
    copy = libc().syscall(SYS_PIDFD_GETFD, process, fd, 0, 0, 0);
    if (inode !== undefined && fstatSync(copy, { bigint: true }).ino !== inode) {
      throw new LibcError('pidfd_getfd', EBADF);
    }
    return libc().ioctl(copy, REQUEST[ask]);
  } finally {
    if (copy >= 0) closeSync(copy);
    closeSync(process);
  }
}

/** A thread that is not its process needs a flag that older kernels lack: they know processes only. */
function openPidfd(pid: number): number {
  try {
    return libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
  } catch (error) {
    // ENOENT: a task, but none that leads a process; EINVAL: the same, before Linux 6.15.
    if (!(error instanceof LibcError) || (error.errno !== ENOENT && error.errno !== EINVAL)) throw error;
    return libc().syscall(SYS_PIDFD_OPEN, pid, PIDFD_THREAD, 0, 0, 0);
  }
}

export function sharesFiles(pid: number, tid: number): Reading<boolean> {
  const what = `kcmp ${pid} ${tid} KCMP_FILES`;
  if (SYS_KCMP === undefined) return gap({ reason: 'unsupported', what });
  try {
    return value(libc().syscall(SYS_KCMP, pid, tid, KCMP_FILES, 0, 0) === 0);
  } catch (error) {
    if (error instanceof LibcError) return gapOfErrnoNumber(what, error.errno);
    throw error;
  }
}

export function processNumber(pid: number): Reading<bigint> {
  const what = `pidfd_open ${pid}`;
  try {
    const process = libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
    try {
      return value(fstatSync(process, { bigint: true }).ino);
    } finally {
      closeSync(process);
    }
  } catch (error) {
    if (error instanceof LibcError) return gapOfErrnoNumber(what, error.errno);
    throw error;
  }
}
