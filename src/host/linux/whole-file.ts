// Files as the port has them: from beginning to end, of which nobody knows beforehand how long it is; and their status.

import { closeSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { FileStatus } from '../../kernel/host.ts';

/**
 * Files of the kernel do not tell their size: for each readFileSync would allocate 64 KiB. They are read into one block,
 * one behind the other, and each is given out as a part of it: a copy of its own for each costs more than the reading.
 */
const BLOCK = 64 * 1024;
let block = Buffer.allocUnsafeSlow(BLOCK);
/** What is behind it is free. */
let used = 0;

/** Most files of processes fit in; with less room left a block is not worth beginning at. */
const LEAST_ROOM = 4096;

/** Root can be made to read what is mounted over a file of /proc, and that may never end. */
const LARGEST_FILE = 64 * 1024 * 1024;

/**
 * The kernel gives out a file in parts, each of as many whole lines as fit in a page: one that is shorter than half of it
 * is the last, unless a line is longer than the other half. Source: fs/seq_file.c seq_read_iter().
 */
export const SURELY_LAST = 2048;

/** `lines`: as in Host.readFile. Errors: throws what the kernel says, and EFBIG. */
export function wholeFile(path: string | Buffer, lines?: 'short'): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    if (block.length - used < LEAST_ROOM) startBlock(BLOCK, 0);
    for (let length = 0; ;) {
      const more = readSync(fd, block, used + length, block.length - used - length, null);
      length += more;
      if (more === 0 || (lines === 'short' && more < SURELY_LAST)) return given(length);
      if (length > LARGEST_FILE) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
      if (used + length === block.length) startBlock(2 * (length + BLOCK), length);
    }
  } finally {
    closeSync(fd);
  }
}

/** With the file that is being read, of which there are `kept` bytes. */
function startBlock(size: number, kept: number): void {
  const larger = Buffer.allocUnsafeSlow(size);
  block.copy(larger, 0, used, used + kept);
  block = larger;
  used = 0;
}

function given(length: number): Uint8Array {
  const part = new Uint8Array(block.buffer, block.byteOffset + used, length);
  used += length;
  return part;
}

export function statusOf(stats: BigIntStats): FileStatus {
  const { dev, ino, mode, uid, gid, ctimeNs, rdev } = stats;
  const known = { dev, ino, mode: Number(mode), uid: Number(uid), gid: Number(gid), changed: ctimeNs };
  return stats.isBlockDevice() || stats.isCharacterDevice() ? { ...known, rdev } : known;
}
