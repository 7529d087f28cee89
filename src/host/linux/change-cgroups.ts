// Makes and removes cgroups and writes into their files. Each is found by descriptors below where its hierarchy is
// mounted, and nothing in its name leads out of that. Source: cgroups(7), openat2(2). Since: Linux 5.6.

import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import type { CgroupPlace, CgroupWrite, CgroupWriteOutcome } from '../../kernel/cgroup-plan.ts';
import type { Gap } from '../../kernel/host.ts';
import { encodePath } from '../../kernel/text/file-name.ts';
import { libc } from '../ffi/libc.ts';
import { gapOfThrown } from './nsfs.ts';

/** Source: include/uapi/linux/openat2.h. */
const RESOLVE_NO_XDEV = 0x01;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
const WITHIN = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;

/** Source: include/uapi/linux/magic.h. */
const MAGICS: ReadonlySet<number> = new Set([0x27e0eb, 0x63677270]);

const { O_DIRECTORY, O_WRONLY } = constants;

/** With `bestEffort` a limit that fails leaves the others; else all that was written is put back. */
export interface ChangeOptions {
  readonly bestEffort: boolean;
}

/** An outcome for each, one after the other. What belongs to a limit that fails is put back, backwards. */
export function changeCgroups(
  writes: readonly CgroupWrite[],
  { bestEffort }: ChangeOptions,
): readonly CgroupWriteOutcome[] {
  const outcomes: CgroupWriteOutcome[] = [];
  for (const [index, write] of writes.entries()) {
    if (isOver(writes, outcomes, write.limit, bestEffort)) {
      outcomes.push({ type: 'left', back: false });
      continue;
    }
    const outcome = writeFile(write, write.text);
    outcomes.push(outcome);
    if (outcome.type === 'failed') putBack(writes.slice(0, index), outcomes, bestEffort ? write.limit : undefined);
  }
  return outcomes;
}

function isOver(
  writes: readonly CgroupWrite[],
  outcomes: readonly CgroupWriteOutcome[],
  limit: number,
  bestEffort: boolean,
): boolean {
  return outcomes.some(({ type }, index) => type === 'failed' && (!bestEffort || writes[index]?.limit === limit));
}

/** `limit`: only what belongs to it. */
function putBack(done: readonly CgroupWrite[], outcomes: CgroupWriteOutcome[], limit: number | undefined): void {
  for (const [index, write] of [...done.entries()].toReversed()) {
    if (outcomes[index]?.type !== 'written' || (limit !== undefined && write.limit !== limit)) continue;
    const back = writeFile(write, write.previous);
    outcomes[index] = { type: 'left', back: back.type === 'failed' ? back.gap : true };
  }
}

/** One write(2): the kernel takes the text as a whole, or not at all. */
export function writeFile(
  { place, file }: Pick<CgroupWrite, 'place' | 'file'>,
  text: string,
): Extract<CgroupWriteOutcome, { type: 'written' | 'failed' }> {
  let step: 'find' | 'open' | 'write' = 'find';
  let owner: number | null = null;
  const fds: number[] = [];
  try {
    const group = openCgroup(place);
    fds.push(group);
    const found = libc().openat2(group, file, O_PATH, WITHIN);
    fds.push(found);
    owner = fstatSync(found).uid;
    step = 'open';
    const fd = libc().openat2(group, file, O_WRONLY, WITHIN);
    fds.push(fd);
    step = 'write';
    writeSync(fd, `${text}\n`);
    return { type: 'written' };
  } catch (error) {
    return { type: 'failed', step, gap: gapFrom(`${folderOf(place)}/${file}`, error), owner };
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** Its inode. Errors: as of mkdir(2). */
export function makeCgroup({ mount, below }: CgroupPlace): bigint {
  const parent = openBelow(mount, parentOf(below));
  try {
    mkdirSync(childOf(parent, below));
    const made = openBelow(mount, below);
    try {
      return fstatSync(made, { bigint: true }).ino;
    } finally {
      closeSync(made);
    }
  } finally {
    closeSync(parent);
  }
}

/** another: it has the name, and is not the one that was made. */
export type Removed = 'removed' | 'gone' | 'another' | Gap;

/** Never one with processes or with cgroups below it: the kernel refuses (EBUSY), for a moment after the last, too. */
export function removeCgroup(place: CgroupPlace): Removed {
  const fds: number[] = [];
  try {
    const parent = openBelow(place.mount, parentOf(place.below));
    fds.push(parent);
    const own = openBelow(place.mount, place.below);
    fds.push(own);
    if (place.inode !== null && fstatSync(own, { bigint: true }).ino !== place.inode) return 'another';
    removeEmpty(childOf(parent, place.below), own);
    return 'removed';
  } catch (error) {
    const gap = gapFrom(folderOf(place), error);
    return gap.reason === 'gone' ? 'gone' : gap;
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** Of the cgroups below it. Errors: as of readdir(3). */
export function namesBelow(place: CgroupPlace): readonly string[] {
  const fd = openCgroup(place);
  try {
    const entries = readdirSync(`/proc/self/fd/${fd}`, { withFileTypes: true });
    return entries.filter((each) => each.isDirectory()).map(({ name }) => name);
  } finally {
    closeSync(fd);
  }
}

const TRIES = 40;
const RETRY_MS = 5;

/** The kernel counts a process that has ended for a moment longer than it lists it. */
function removeEmpty(path: Buffer, fd: number): void {
  for (let tries = 1; ; tries += 1) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && error.code === 'EBUSY';
      if (!isBusy || tries >= TRIES || !isEmpty(fd)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function isEmpty(fd: number): boolean {
  const folder = `/proc/self/fd/${fd}`;
  try {
    if (readFileSync(`${folder}/cgroup.procs`).length > 0) return false;
  } catch {
    // Of a threaded one.
    return false;
  }
  return readdirSync(folder, { withFileTypes: true }).every((entry) => !entry.isDirectory());
}

/** Errors: also ENOENT, where another has its name. */
export function openCgroup(place: CgroupPlace): number {
  const fd = openBelow(place.mount, place.below);
  if (place.inode === null || fstatSync(fd, { bigint: true }).ino === place.inode) return fd;
  closeSync(fd);
  throw withCode('ENOENT');
}

function openBelow(mount: string, below: string): number {
  const top = openSync(Buffer.from(encodePath(mount)), O_PATH | O_DIRECTORY);
  try {
    if (!MAGICS.has(fileSystemOf(top))) throw withCode('EINVAL');
    return libc().openat2(top, below === '' ? '.' : below, O_PATH | O_DIRECTORY, WITHIN);
  } finally {
    closeSync(top);
  }
}

/** Its magic number, the first of struct statfs. */
function fileSystemOf(fd: number): number {
  const into = new Uint8Array(256);
  libc().fstatfs(fd, into);
  return new DataView(into.buffer).getUint32(0, true);
}

function parentOf(below: string): string {
  return below.slice(0, Math.max(below.lastIndexOf('/'), 0));
}

function childOf(parent: number, below: string): Buffer {
  const name = below.slice(below.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..') throw withCode('EINVAL');
  return Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), encodePath(name)]);
}

function folderOf({ mount, below }: CgroupPlace): string {
  return below === '' ? mount : `${mount}/${below}`;
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function gapFrom(what: string, error: unknown): Gap {
  const thrown = gapOfThrown(what, error);
  if (thrown.ok) throw error;
  return thrown.gap;
}
