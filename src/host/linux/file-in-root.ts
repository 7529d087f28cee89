// A file in a root directory that others fill. No device or FIFO is even opened: that alone starts a watchdog.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { value, type Reading, type RootQuery } from '../../kernel/host.ts';
import { gapOfThrown } from './nsfs.ts';
import { findInRoot } from './open-in-root.ts';

/** Whatever it is for, nobody writes so much by hand. */
const LARGEST = 1024 * 1024;

export function readFileInRoot({ root, path }: RootQuery): Reading<Uint8Array> {
  let found = -1;
  let fd = -1;
  try {
    found = findInRoot(root, path);
    if (!fstatSync(found).isFile()) throw Object.assign(new Error('no file'), { code: 'EINVAL' });
    fd = openSync(`/proc/self/fd/${found}`, constants.O_RDONLY);
    return value(bytesOf(fd));
  } catch (error) {
    return gapOfThrown(`${root}${path}`, error);
  } finally {
    for (const each of [found, fd]) if (each >= 0) closeSync(each);
  }
}

function bytesOf(fd: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(LARGEST + 1);
  let length = 0;
  for (let more = -1; more !== 0 && length <= LARGEST; length += more) {
    more = readSync(fd, bytes, length, bytes.length - length, null);
  }
  if (length > LARGEST) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
  return new Uint8Array(bytes.subarray(0, length));
}
