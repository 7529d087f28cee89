// Directories of others, who may swap what is in them for links while we look: each step is taken from the descriptor
// of the directory before it, by one name that is not followed. Node's calls take paths, and /proc/self/fd/N/NAME is
// such a step.

import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, type BigIntStats } from 'node:fs';
import {
  value,
  type Gap,
  type Reading,
  type Tree,
  type TreeAttribute,
  type TreeEntry,
  type TreeQuery,
} from '../../kernel/host.ts';
import { decodeName, encodePath } from '../../kernel/text/file-name.ts';
import { libc, LibcError } from '../ffi/libc.ts';
import { gapOfErrnoNumber, gapOfError } from '../gap-of-error.ts';
import { openInRoot } from './open-in-root.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const STEP = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
/** Each level costs a descriptor while it is walked. */
const MAX_DEPTH = 500;

/** Where a walk is. */
interface Walk {
  readonly query: TreeQuery;
  /** Other file systems are not entered. */
  readonly dev: bigint;
  readonly entries: TreeEntry[];
  readonly gaps: Gap[];
  cut: boolean;
}

export function tree(query: TreeQuery): Reading<Tree> {
  const { base = '', root, path } = query;
  const what = `${base}${root}${path === '' ? '' : `/${path}`}`;
  let fd = -1;
  try {
    fd = openTop(query);
    const status = fstatSync(fd, { bigint: true });
    const walk: Walk = { query, dev: status.dev, entries: [], gaps: [], cut: false };
    const top = entryOf('', status, Buffer.from(`/proc/self/fd/${fd}/.`));
    list(walk, fd, '', 1);
    return value({ top, entries: walk.entries, cut: walk.cut, gaps: walk.gaps });
  } catch (error) {
    return gapOfThrown(what, error);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function gapOfThrown(what: string, error: unknown): Reading<never> {
  return error instanceof LibcError ? gapOfErrnoNumber(what, error.errno) : gapOfError(what, error);
}

function openTop({ base, root, path }: TreeQuery): number {
  let fd =
    base === undefined ? openSync(root, O_RDONLY | O_DIRECTORY | O_NONBLOCK) : openInRoot(base, root, O_DIRECTORY);
  for (const name of path.split('/').filter((part) => part !== '')) {
    try {
      if (name === '.' || name === '..') throw Object.assign(new Error('no name'), { code: 'EINVAL' });
      const next = openSync(stepTo(fd, encodePath(name)), STEP);
      closeSync(fd);
      fd = next;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
  return fd;
}

function stepTo(fd: number, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
}

function list(walk: Walk, fd: number, above: string, depth: number): void {
  for (const name of namesIn(walk, fd)) {
    const path = above === '' ? decodeName(name) : `${above}/${decodeName(name)}`;
    try {
      enter(walk, stepTo(fd, name), path, depth);
    } catch (error) {
      const reading = gapOfThrown(`${walk.query.root}/${path}`, error);
      // What vanished meanwhile is no loss.
      if (!reading.ok && reading.gap.reason !== 'gone') walk.gaps.push(reading.gap);
    }
  }
}

/** Names are bytes, as Latin-1 has them. No more than are still wanted: a directory can be larger than our memory. */
function namesIn(walk: Walk, fd: number): readonly Uint8Array[] {
  const names: Uint8Array[] = [];
  const folder = opendirSync(`/proc/self/fd/${fd}`, { encoding: 'latin1', bufferSize: 512 });
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (walk.entries.length + names.length >= walk.query.limit) {
        walk.cut = true;
        break;
      }
      names.push(Buffer.from(entry.name, 'latin1'));
    }
    return names;
  } finally {
    folder.closeSync();
  }
}

function enter(walk: Walk, step: Buffer, path: string, depth: number): void {
  const status = lstatSync(step, { bigint: true });
  walk.entries.push(entryOf(path, status, step));
  if (!walk.query.deep || !status.isDirectory() || status.dev !== walk.dev) return;
  if (depth >= MAX_DEPTH) {
    walk.cut = true;
    return;
  }
  const fd = openSync(step, STEP);
  try {
    // A directory that was swapped for a mount, or for another.
    const { dev, ino } = fstatSync(fd, { bigint: true });
    if (dev === status.dev && ino === status.ino) list(walk, fd, path, depth + 1);
    else walk.gaps.push({ reason: 'gone', what: `${walk.query.root}/${path}` });
  } finally {
    closeSync(fd);
  }
}

function entryOf(path: string, status: BigIntStats, step: Buffer): TreeEntry {
  const { dev, ino, mode, uid, gid, nlink, size, blocks, rdev, mtimeNs } = status;
  return {
    path,
    dev,
    ino,
    mode: Number(mode),
    uid: Number(uid),
    gid: Number(gid),
    links: Number(nlink),
    size,
    blocks,
    rdev,
    modified: mtimeNs,
    attributes: status.isFile() || status.isDirectory() ? attributesOf(step) : {},
  };
}

const ATTRIBUTE =
  /^(?:security\.(capability)|(?:trusted|user)\.overlay\.(opaque|whiteout|redirect)|user\.fuseoverlayfs\.(opaque))$/;
const ERANGE = 34;
const ENODATA = 61;
const EOPNOTSUPP = 95;
/** What a buffer costs grows with its length, and most files have few attributes. */
const fewNames = Buffer.alloc(256);
/** Source: linux/limits.h, XATTR_LIST_MAX. */
const allNames = Buffer.alloc(65_536);
/** The longest that is asked for is a redirect, a path. */
const attributeValue = Buffer.alloc(4096);

function attributesOf(step: Buffer): TreeEntry['attributes'] {
  const path = Buffer.concat([step, Buffer.of(0)]);
  const found: Partial<Record<TreeAttribute, string>> = {};
  for (const name of attributeNames(path)) {
    const [, ...groups] = ATTRIBUTE.exec(name) ?? [];
    const key = groups.find((group) => group !== undefined);
    if (!isAttribute(key)) continue;
    const size = lengthOf(() => libc().getAttribute(path, name, attributeValue));
    if (size !== undefined) found[key] = attributeValue.toString('hex', 0, size);
  }
  return found;
}

function attributeNames(path: Uint8Array): readonly string[] {
  for (const names of [fewNames, allNames]) {
    const length = lengthOf(() => libc().listAttributes(path, names));
    if (length !== undefined) return length === 0 ? [] : names.toString('latin1', 0, length).split('\0');
  }
  return [];
}

function isAttribute(key: string | undefined): key is TreeAttribute {
  return key === 'capability' || key === 'opaque' || key === 'whiteout' || key === 'redirect';
}

/** 0 where the file system has no attributes. undefined: it is too long for the buffer, or went meanwhile. */
function lengthOf(call: () => number): number | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    if (error.errno === EOPNOTSUPP) return 0;
    if (error.errno === ERANGE || error.errno === ENODATA) return undefined;
    throw error;
  }
}
