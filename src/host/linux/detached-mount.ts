// A file system that is mounted nowhere: it is there for who has the descriptor, and ends with it.
// Source: fsopen(2), fsconfig(2), fsmount(2). Since: Linux 5.2.

import { closeSync } from 'node:fs';
import { libc } from '../ffi/libc.ts';
import { SYS_FSCONFIG, SYS_FSMOUNT, SYS_FSOPEN } from './system-calls.ts';

/** Close on exec, in fsopen(2) and in fsmount(2). Source: include/uapi/linux/mount.h. */
const CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;

/** Source: include/uapi/linux/mount.h. */
export const MOUNT_ATTR = { RDONLY: 1, NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

/** A descriptor of its root, close-on-exec. Errors: LibcError. */
export function mountDetached(type: string, attributes: number): number {
  const context = libc().syscallText(SYS_FSOPEN, type, CLOEXEC);
  try {
    libc().syscall(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
    return libc().syscall(SYS_FSMOUNT, context, CLOEXEC, attributes, 0, 0);
  } finally {
    closeSync(context);
  }
}
