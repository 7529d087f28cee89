// A file in a root directory that others fill. No device or FIFO is read.

import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { value, type Reading, type RootQuery } from '../../kernel/host.ts';
import { gapOfThrown } from './nsfs.ts';
import { openInRoot } from './open-in-root.ts';

/** Whatever it is for, nobody writes so much by hand. */
const LARGEST = 1024 * 1024;

export function readFileInRoot({ root, path }: RootQuery): Reading<Uint8Array> {
  let fd = -1;
  try {
    fd = openInRoot(root, path, constants.O_NOCTTY);
    return value(regularFile(fd));
  } catch (error) {
    return gapOfThrown(`${root}${path}`, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function regularFile(fd: number): Uint8Array {
  if (!fstatSync(fd).isFile()) throw Object.assign(new Error('no file'), { code: 'EINVAL' });
  const bytes = Buffer.allocUnsafe(LARGEST + 1);
  let length = 0;
  for (let more = -1; more !== 0 && length <= LARGEST; length += more) {
    more = readSync(fd, bytes, length, bytes.length - length, null);
  }
  if (length > LARGEST) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
  return new Uint8Array(bytes.subarray(0, length));
}
