// Files of the kernel that are read again and again: opened once, and then read from their beginning by pread(2), at half
// of what opening them anew costs. Those of a directory of cgroupfs that is removed answer ENODEV from then on, also when
// a directory of the same name is made: what is kept is never another file than it was.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { value, type Reading } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { gapOfError } from '../gap-of-error.ts';
import { exact } from './exact-path.ts';
import { SURELY_LAST, wholeFile } from './whole-file.ts';

/** Each costs the kernel a page: it keeps what it wrote for the last reader. */
const MOST_KEPT = 16_384;

/** For everything else that is opened meanwhile. */
const LEFT_FREE = 128;

/** What is longer than this is read as others are; it is rare. */
const LONGEST = 16 * 1024;

/** A reader of files; `onRenewed` hears of each that is another than it was at the last reading. */
export class KeptFiles {
  private readonly kept = new Map<string, number>();
  /** They are not there; asking again is dear. */
  private readonly missing = new Map<string, Reading<never>>();
  private readonly buffer = Buffer.allocUnsafeSlow(LONGEST);
  private readonly most: number;
  private readonly onRenewed: (path: string) => void;

  constructor(onRenewed: (path: string) => void, most: number = mostKept()) {
    this.onRenewed = onRenewed;
    this.most = most;
  }

  /** What it gives is good until the next reading. Errors: gone, denied, unsupported. */
  read(path: string): Reading<Uint8Array> {
    const missing = this.missing.get(path);
    if (missing !== undefined) return missing;
    try {
      const kept = this.kept.get(path);
      if (kept !== undefined) return this.readKept(path, kept);
      if (this.kept.size >= this.most) return value(wholeFile(exact(path)));
      const fd = openSync(exact(path), 'r');
      this.kept.set(path, fd);
      return this.contents(path, fd);
    } catch (error) {
      const reading = gapOfError(path, error);
      if (!reading.ok && reading.gap.reason === 'gone') this.missing.set(path, reading);
      return reading;
    }
  }

  private readKept(path: string, fd: number): Reading<Uint8Array> {
    try {
      return this.contents(path, fd);
    } catch (error) {
      if (!isRemoved(error)) throw error;
      this.drop(path, fd);
      this.onRenewed(path);
      return this.read(path);
    }
  }

  private contents(path: string, fd: number): Reading<Uint8Array> {
    let length = readSync(fd, this.buffer, 0, LONGEST, 0);
    for (let more = length; more >= SURELY_LAST && length < LONGEST; length += more) {
      more = readSync(fd, this.buffer, length, LONGEST - length, length);
    }
    return value(length < LONGEST ? this.buffer.subarray(0, length) : wholeFile(exact(path)));
  }

  private drop(path: string, fd: number): void {
    closeSync(fd);
    this.kept.delete(path);
  }

  /** Closes what is not among these directories any more, and asks again for what was not there. */
  keepOnly(folders: ReadonlySet<string>): void {
    this.missing.clear();
    for (const [path, fd] of this.kept) {
      if (!folders.has(path.slice(0, path.lastIndexOf('/')))) this.drop(path, fd);
    }
  }

  close(): void {
    this.keepOnly(new Set());
  }
}

/** ENODEV: its directory was removed. Source: fs/kernfs/file.c kernfs_seq_start(). */
function isRemoved(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENODEV';
}

/** Node has raised the soft limit to the hard one. Source: proc_pid_limits(5). */
function mostKept(): number {
  const limits = decodeText(readFileSync('/proc/self/limits'));
  const soft = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? 'NaN');
  if (Number.isNaN(soft)) return limits.includes('Max open files            unlimited') ? MOST_KEPT : 0;
  return Math.max(Math.min(soft - LEFT_FREE, MOST_KEPT), 0);
}
