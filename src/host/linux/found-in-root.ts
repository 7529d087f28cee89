// A file in a root directory that others fill, as execve(2) would find it: what it is, where it is mounted, how it begins.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { value, type FoundFile, type Reading, type RootQuery } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { libc } from '../ffi/libc.ts';
import { gapOfThrown } from './nsfs.ts';
import { findInRoot } from './open-in-root.ts';
import { statusOf } from './whole-file.ts';

/** Far enough for the name of a program's loader, where linkers put it; of a script execve(2) takes 256. */
const HEAD_LENGTH = 1024;

/** Source: struct statfs of 64-bit machines, asm-generic/statfs.h; the flags are those of statvfs(3). */
const STATFS_LENGTH = 120;
const FLAGS_AT = 80;
const [ST_RDONLY, ST_NOSUID, ST_NOEXEC] = [1, 2, 8];

export function foundInRoot({ root, path }: RootQuery): Reading<FoundFile> {
  let found = -1;
  try {
    found = findInRoot(root, path);
    const status = fstatSync(found, { bigint: true });
    const into = new Uint8Array(STATFS_LENGTH);
    libc().fstatfs(found, into);
    const flags = view(into).getUint32(FLAGS_AT, true);
    const mount = {
      noSetuid: (flags & ST_NOSUID) !== 0,
      noExecute: (flags & ST_NOEXEC) !== 0,
      readOnly: (flags & ST_RDONLY) !== 0,
    };
    return value({ status: statusOf(status), mount, head: status.isFile() ? headOf(found) : null });
  } catch (error) {
    return gapOfThrown(`${root}${path}`, error);
  } finally {
    if (found >= 0) closeSync(found);
  }
}

/** null where execve(2) may be allowed and reading is not: a file of mode 0711. */
function headOf(found: number): Uint8Array | null {
  let fd = -1;
  try {
    fd = openSync(`/proc/self/fd/${found}`, constants.O_RDONLY);
    const bytes = Buffer.alloc(HEAD_LENGTH);
    return new Uint8Array(bytes.subarray(0, readSync(fd, bytes, 0, HEAD_LENGTH, 0)));
  } catch {
    return null;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
