// Every regular file below a directory, asked for one extended attribute: a hundred thousand files in half a second.
//
// Hence few and short calls: getdents64(2) tells the types, so nothing is stat'ed but directories; a name is asked from
// within its directory (fchdir(2)), from the bytes that the kernel has written; no exception is made of a file that has
// none. It is race-free by that, too: each directory is opened from the one above by a name that is not followed.

import { closeSync, constants, fstatSync, lstatSync, openSync, statfsSync } from 'node:fs';
import { KERNEL_FILE_SYSTEMS } from '../../kernel/abi/file-systems.ts';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import {
  value,
  type AttributeSearch,
  type FoundAttributes,
  type Gap,
  type Reading,
  type SearchProgress,
} from '../../kernel/host.ts';
import { decodeName, encodePath } from '../../kernel/text/file-name.ts';
import { cString, libc, type Libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { mountOfDescriptor } from './mount-of-descriptor.ts';
import { gapOfThrown } from './nsfs.ts';
import { openInRoot } from './open-in-root.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const STEP = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
/** No path names what lies deeper. Source: linux/limits.h, PATH_MAX. */
const MAX_DEPTH = 2048;

const ENODATA = 61;
const EOPNOTSUPP = 95;
const ENOENT = 2;

/** Of a struct linux_dirent64: where the length of the entry, its type and its name are. Source: getdents64(2). */
const ENTRY_LENGTH = 16;
const ENTRY_TYPE = 18;
const ENTRY_NAME = 19;
const DT_UNKNOWN = 0;
const DT_DIR = 4;
const DT_REG = 8;
const DOT = 0x2e;

/** A call takes the same time whatever the name, and a directory of thousands a few calls. */
const LISTING = 64 * 1024;
/** More than any name has, and what may stand before it. The first bytes of the buffer are the path that is asked. */
const PATH = 512;

const encoder = new TextEncoder();

/** Where a search is. */
interface Walk {
  readonly calls: Libc;
  readonly attribute: Uint8Array;
  readonly oneFileSystem: boolean;
  /** May we leave our working directory? Only who can open it comes back. Else each path is asked by the descriptor. */
  readonly isMoving: boolean;
  /** The path that is asked, and behind it what the kernel lists. */
  readonly buffer: Uint8Array;
  /** Where in the path the name begins. */
  name: number;
  readonly listing: Uint8Array;
  readonly into: Uint8Array;
  readonly progress: SearchProgress | undefined;
  readonly found: FoundAttributes['found'][number][];
  readonly skipped: FoundAttributes['skipped'][number][];
  readonly gaps: Gap[];
  files: number;
}

export function findAttributes(search: AttributeSearch, progress?: SearchProgress): Reading<FoundAttributes> {
  const { root, path, name } = search;
  let top = -1;
  let back = -1;
  try {
    top =
      root === undefined
        ? openSync(Buffer.from(encodePath(path)), O_RDONLY | O_DIRECTORY)
        : openInRoot(root, path, O_DIRECTORY);
    back = openWorkingDirectory();
    const buffer = new Uint8Array(PATH + LISTING);
    const walk: Walk = {
      calls: libc(),
      attribute: cString(name),
      oneFileSystem: search.oneFileSystem ?? false,
      isMoving: back >= 0,
      name: 0,
      buffer,
      listing: buffer.subarray(PATH),
      into: new Uint8Array(4096),
      progress,
      found: [],
      skipped: [],
      gaps: [],
      files: 0,
    };
    enter(walk, top, path, undefined, 0);
    const { found, skipped, gaps, files } = walk;
    return value({ files, found, skipped, gaps });
  } catch (error) {
    return gapOfThrown(`${root ?? ''}${path}`, error);
  } finally {
    if (back >= 0) libc().fchdir(back);
    for (const fd of [top, back]) if (fd >= 0) closeSync(fd);
  }
}

/** -1: it is closed to us, as after su(1). */
function openWorkingDirectory(): number {
  try {
    return openSync('.', O_PATH);
  } catch {
    return -1;
  }
}

/** A directory, and all below it. `above` is the device of the directory that it stands in. */
function enter(walk: Walk, fd: number, path: string, above: number | undefined, depth: number): void {
  const { dev } = fstatSync(fd);
  if (dev !== above) {
    if (walk.oneFileSystem && above !== undefined) return;
    const fileSystem = KERNEL_FILE_SYSTEMS.get(statfsSync(`/proc/self/fd/${fd}`).type);
    if (fileSystem !== undefined) {
      walk.skipped.push({ path, fileSystem });
      return;
    }
  }
  walk.progress?.(walk.files, path);
  if (walk.isMoving) walk.calls.fchdir(fd);
  else walk.name = encoder.encodeInto(`/proc/self/fd/${fd}/`, walk.buffer).written;
  for (const name of list(walk, fd, path)) descend(walk, fd, name, path, dev, depth + 1);
}

function descend(walk: Walk, above: number, name: Uint8Array, folder: string, dev: number, depth: number): void {
  const path = join(folder, name);
  if (depth > MAX_DEPTH) {
    walk.gaps.push({ reason: 'unsupported', what: path, errno: 'ENAMETOOLONG' });
    return;
  }
  let fd = -1;
  try {
    fd = walk.calls.openat(above, name, STEP);
    enter(walk, fd, path, dev, depth);
  } catch (error) {
    lose(walk, path, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** What vanished meanwhile is no loss. */
function lose(walk: Walk, path: string, error: unknown): void {
  const thrown = gapOfThrown(path, error);
  if (!thrown.ok && thrown.gap.errno !== 'ENOENT') walk.gaps.push(thrown.gap);
}

/** Asks the files of the directory that we are in, and gives the names of its directories, each with a zero after it. */
function list(walk: Walk, fd: number, path: string): readonly Uint8Array[] {
  const { buffer, listing, calls } = walk;
  const folders: Uint8Array[] = [];
  for (;;) {
    const length = calls.getdents(fd, listing);
    if (length === 0) return folders;
    for (let at = PATH; at < PATH + length;) {
      const next = at + (buffer[at + ENTRY_LENGTH] ?? 0) + ((buffer[at + ENTRY_LENGTH + 1] ?? 0) << 8);
      const type = buffer[at + ENTRY_TYPE];
      const name = at + ENTRY_NAME;
      if (type === DT_REG) {
        buffer.copyWithin(walk.name, name, next);
        ask(walk, path);
      } else if (type === DT_DIR) {
        if (!isDots(buffer, name)) folders.push(buffer.slice(name, next));
      } else if (type === DT_UNKNOWN && !isDots(buffer, name)) {
        buffer.copyWithin(walk.name, name, next);
        if (isDirectory(walk, path)) folders.push(buffer.slice(name, next));
      }
      at = next;
    }
  }
}

/** `.` and `..` */
function isDots(buffer: Uint8Array, at: number): boolean {
  if (buffer[at] !== DOT) return false;
  return buffer[at + 1] === 0 || (buffer[at + 1] === DOT && buffer[at + 2] === 0);
}

/** Not all file systems tell types in a listing. A regular file is asked. */
function isDirectory(walk: Walk, path: string): boolean {
  try {
    const status = lstatSync(Buffer.from(upToZero(walk.buffer)));
    if (status.isFile()) ask(walk, path);
    return status.isDirectory();
  } catch (error) {
    lose(walk, join(path, walk.buffer.subarray(walk.name)), error);
    return false;
  }
}

/** The file whose path stands at the beginning of the buffer. */
function ask(walk: Walk, folder: string): void {
  const { calls, buffer, attribute, into } = walk;
  walk.files += 1;
  const length = calls.tryGetAttribute(buffer, attribute, into);
  if (length === -ENODATA || length === -EOPNOTSUPP || length === -ENOENT) return;
  const path = join(folder, buffer.subarray(walk.name));
  const bytes = length < 0 ? gapOfErrnoNumber(path, -length) : value(into.slice(0, length));
  walk.found.push({ path, bytes, mount: mountOf(buffer) });
}

/** The mount that the file is on; null where it is not told. Source: proc_pid_fdinfo(5). */
function mountOf(buffer: Uint8Array): number | null {
  let fd = -1;
  try {
    fd = openSync(Buffer.from(upToZero(buffer)), O_PATH | O_NOFOLLOW);
    return mountOfDescriptor(fd);
  } catch {
    return null;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function upToZero(buffer: Uint8Array): Uint8Array {
  return buffer.subarray(0, buffer.indexOf(0));
}

function join(folder: string, name: Uint8Array): string {
  return `${folder.endsWith('/') ? folder.slice(0, -1) : folder}/${decodeName(upToZero(name))}`;
}
