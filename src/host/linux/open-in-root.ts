// A path below a root directory that others fill: its links lead no further than that root, and not through /proc.
// Source: openat2(2). Since: Linux 5.6.

import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import { libc } from '../ffi/libc.ts';

/** Source: include/uapi/linux/openat2.h. */
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;

/**
 * Not opened, only found: that wakes no device, and waits for no other end of a FIFO. `flags` are more of open(2)'s.
 * Errors: LibcError.
 */
export function findInRoot(root: string, path: string, flags = 0): number {
  return openBelow(root, path, O_PATH | flags);
}

/** Opened for reading, without waiting for the other end of a FIFO. `flags` are more of open(2)'s. Errors: LibcError. */
export function openInRoot(root: string, path: string, flags: number): number {
  return openBelow(root, path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
}

function openBelow(root: string, path: string, flags: number): number {
  const folder = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return libc().openat2(folder, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  } finally {
    closeSync(folder);
  }
}
