// Files as the port has them: from beginning to end, of which nobody knows beforehand how long it is; and their status.

import { closeSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { FileStatus } from '../../kernel/host.ts';

/** Files of the kernel do not tell their size: for each readFileSync would allocate 64 KiB, this one is used again. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Root can be made to read what is mounted over a file of /proc, and that may never end. */
const LARGEST_FILE = 64 * 1024 * 1024;

/** Errors: throws what the kernel says, and EFBIG. */
export function wholeFile(path: string | Buffer): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    for (let length = 0; ;) {
      const more = readSync(fd, scratch, length, scratch.length - length, null);
      if (more === 0) return new Uint8Array(scratch.subarray(0, length));
      length += more;
      if (length > LARGEST_FILE) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
      if (length === scratch.length) scratch = Buffer.concat([scratch], 2 * length);
    }
  } finally {
    closeSync(fd);
  }
}

export function statusOf({ dev, ino, mode, uid, gid, ctimeNs }: BigIntStats): FileStatus {
  return { dev, ino, mode: Number(mode), uid: Number(uid), gid: Number(gid), changed: ctimeNs };
}
