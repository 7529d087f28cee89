// The journal on disk: a file an entry, in a directory that is ours alone. No fsync: only a crash of ours has to be
// survived, and what it tells of dies with the kernel. What does not, files in /etc, is told a second time, in a directory
// that outlives a reboot as they do.

import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Gap } from '../../kernel/host.ts';
import {
  decodeEntry,
  encodeEntry,
  isNetworkUndo,
  type JournalEntry,
  type Maker,
  type Undo,
} from '../../kernel/journal.ts';
import { parseStat } from '../../kernel/text/stat.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfError } from '../gap-of-error.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

const LOCK_EX = 2;
const LOCK_NB = 4;
const EAGAIN = 11;

/** Larger is none of ours. */
const LARGEST = 1024 * 1024;

/** Is its maker at work? `parent`: he is, and started us. `unknown`: he is numbered in another pid namespace. */
export type Standing = 'running' | 'parent' | 'gone' | 'unknown';

export interface JournalList {
  readonly entries: readonly JournalEntry[];
  /** Files that are no entries, or cannot be read. They are left alone. */
  readonly gaps: readonly Gap[];
}

export class Journal {
  /** `/run/nstool` of root. */
  readonly folder: string;
  private readonly fd: number;
  private readonly self: Maker;
  private readonly boot: string;
  private readonly variable: Variable;
  /** undefined: nobody asked for it. null: it is not there. */
  private lasting: Journal | null | undefined;

  private constructor(folder: string, fd: number, variable: Variable) {
    this.folder = folder;
    this.fd = fd;
    this.variable = variable;
    this.self = ourselves();
    this.boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  }

  /**
   * That of what dies with the kernel. `variable`: of the environment. Errors: DENIED, where something that is not ours
   * stands in its place.
   */
  static open(variable: Variable): Journal {
    const uid = process.geteuid?.() ?? 0;
    for (const folder of foldersOf(uid, variable('XDG_RUNTIME_DIR'))) {
      if (isThere(folder)) return new Journal(folder, requireOwn(folder, uid), variable);
    }
    throw new NsError('DENIED', { what: WHAT, why: 'neither below /run nor below /tmp can a directory be made' });
  }

  /**
   * Written before what it undoes is done. `wanted`: its id, that no other has; absent: a new one. Errors: DENIED, where
   * the file system is read-only, or full.
   */
  add(what: string, undo: readonly Undo[], wanted?: string): JournalEntry {
    for (;;) {
      const id = wanted ?? newId();
      const { boot, self: maker } = this;
      const entry = { id, boot, maker, made: Date.now(), what, kept: false, undo };
      if (this.link(entry)) return entry;
      if (wanted !== undefined) throw taken(wanted);
    }
  }

  /** Whole at every moment. */
  update(entry: JournalEntry): void {
    this.updateLasting(entry);
    renameSync(this.write(entry), this.path(entry.id));
  }

  /** That of what outlives the system. Errors: DENIED, where there is something to tell and no place for it. */
  private updateLasting(entry: JournalEntry): void {
    const undo = entry.undo.filter(isLasting);
    if (undo.length > 0) this.openLasting(true)?.update({ ...entry, undo });
    else if (entry.undo.some(isNetworkUndo)) this.openLasting(false)?.remove(entry);
  }

  private openLasting(isWanted: boolean): Journal | null {
    if (this.isLasting()) return null;
    if (this.lasting === undefined || (this.lasting === null && isWanted)) this.lasting = this.findLasting(isWanted);
    return this.lasting;
  }

  private isLasting(): boolean {
    return this.folder === lastingFolder(this.variable);
  }

  private findLasting(isWanted: boolean): Journal | null {
    const folder = lastingFolder(this.variable);
    if (folder === undefined || (!isWanted && !isReachable(folder))) return null;
    makeLasting(folder);
    return new Journal(folder, requireOwn(folder, process.geteuid?.() ?? 0), this.variable);
  }

  /** From now on it is ours, and garbage if we end without more. */
  claim(entry: JournalEntry): JournalEntry {
    const claimed = { ...entry, maker: this.self, kept: false };
    this.update(claimed);
    return claimed;
  }

  /** Of those who make and remove networks one at a time, for as long as he lives. false: it is another's. Source: flock(2). */
  takeTurn(): boolean {
    try {
      libc().flock(this.fd, LOCK_EX | LOCK_NB);
      return true;
    } catch (error) {
      if (error instanceof LibcError && error.errno === EAGAIN) return false;
      throw error;
    }
  }

  /** It may have been removed by another. */
  remove(entry: JournalEntry): void {
    removeFile(this.path(entry.id));
    if (entry.undo.some(isNetworkUndo)) this.openLasting(false)?.remove(entry);
  }

  /** Its file, for who removes it in our place. */
  fileOf({ id }: JournalEntry): string {
    return `${this.folder}/${id}`;
  }

  list(): JournalList {
    const { entries, gaps } = this.listOwn();
    const past = this.openLasting(false)?.listOwn() ?? { entries: [], gaps: [] };
    // What a boot before left, or who was killed between the two, is nobody's work any more, however it was meant.
    const left = past.entries.filter(({ id }) => entries.every((each) => each.id !== id));
    const all = entries.map((each) => both(each, past.entries));
    return { entries: [...left.map((entry) => ({ ...entry, kept: false })), ...all], gaps: [...past.gaps, ...gaps] };
  }

  private listOwn(): JournalList {
    const entries: JournalEntry[] = [];
    const gaps: Gap[] = [];
    for (const name of readdirSync(`/proc/self/fd/${this.fd}`).toSorted()) {
      if (name.startsWith('.')) {
        this.removeHalf(name);
        continue;
      }
      const entry = this.read(name);
      if (entry === undefined) continue;
      if ('reason' in entry) gaps.push(entry);
      else if (entry.boot === this.boot || this.isLasting()) entries.push(entry);
      // What it tells of died with that kernel.
      else this.remove(entry);
    }
    return { entries: entries.toSorted((a, b) => a.made - b.made), gaps };
  }

  standing({ boot, maker: { pid, start, pidNamespace } }: JournalEntry): Standing {
    if (boot !== this.boot) return 'gone';
    if (pidNamespace !== this.self.pidNamespace) return 'unknown';
    if (startOf(pid) !== start) return 'gone';
    return pid === process.ppid ? 'parent' : 'running';
  }

  private path(name: string): string {
    return `/proc/self/fd/${this.fd}/${name}`;
  }

  /** Under a name of its own, so that no reader meets half of it. */
  private write(entry: JournalEntry): string {
    const path = this.path(`.${entry.id}-${this.self.pid}-${this.self.start}`);
    try {
      writeFileSync(path, encodeEntry(entry), { mode: 0o600 });
    } catch (error) {
      if (codeOf(error) !== 'EROFS') removeFile(path);
      const why = `${this.folder} cannot be written (${codeOf(error)}): what is not in the journal could not be undone`;
      throw new NsError('DENIED', { what: WHAT, why, tryThis: `findmnt -T ${this.folder}; df ${this.folder}` });
    }
    return path;
  }

  private link(entry: JournalEntry): boolean {
    const path = this.write(entry);
    try {
      linkSync(path, this.path(entry.id));
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      unlinkSync(path);
    }
  }

  /** Of somebody who was killed while he wrote: nothing was done yet. */
  private removeHalf(name: string): void {
    const [, pid, start] = /-(\d+)-(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && String(startOf(Number(pid))) !== start) removeFile(this.path(name));
  }

  /** undefined: it was removed meanwhile. */
  private read(name: string): JournalEntry | Gap | undefined {
    const what = `${this.folder}/${name}`;
    let fd = -1;
    try {
      fd = openSync(this.path(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const status = fstatSync(fd);
      if (!status.isFile() || status.size > LARGEST) return { reason: 'unsupported', what };
      const entry = decodeEntry(name, readFileSync(fd));
      return entry.ok ? entry.value : { ...entry.gap, what };
    } catch (error) {
      const reading = gapOfError(what, error);
      return reading.ok || reading.gap.reason === 'gone' ? undefined : reading.gap;
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  }
}

function taken(id: string): NsError {
  const why = `the journal has an entry ${id} that was made at this moment`;
  return new NsError('DENIED', {
    what: 'another nstool is at work on the same',
    why,
    tryThis: 'again, when it has ended',
  });
}

const WHAT = 'cannot keep a journal';

/** The first that can be made is it. Root of a user namespace has no /run of its own. */
function foldersOf(uid: number, runtime: string | undefined): readonly string[] {
  const isSystems = uid === 0 && statSync('/run', { throwIfNoEntry: false })?.uid === 0;
  return [
    ...(isSystems ? ['/run/nstool'] : []),
    ...(runtime?.startsWith('/') === true ? [`${runtime}/nstool`] : []),
    `/tmp/nstool-${uid}`,
  ];
}

type Variable = (name: string) => string | undefined;

function isLasting({ op }: Undo): boolean {
  return op === 'file' || op === 'folder';
}

function isSame(a: Undo, b: Undo): boolean {
  return a.op === b.op && 'path' in a && 'path' in b && a.path === b.path;
}

/** Who was killed has told perhaps only the one of them. */
function both(entry: JournalEntry, lasting: readonly JournalEntry[]): JournalEntry {
  const other = entry.kept ? undefined : lasting.find(({ id }) => id === entry.id);
  const more = other?.undo.filter(isLasting).filter((undo) => !entry.undo.some((each) => isSame(each, undo))) ?? [];
  return more.length === 0 ? entry : { ...entry, undo: [...entry.undo, ...more] };
}

/** undefined: there is none, without a home. */
function lastingFolder(variable: Variable): string | undefined {
  if (process.geteuid?.() === 0 && statSync('/var/lib', { throwIfNoEntry: false })?.uid === 0) return '/var/lib/nstool';
  const home = variable('HOME');
  return home?.startsWith('/') === true ? `${home}/.local/share/nstool` : undefined;
}

/** Made now, or something stands there. */
function isThere(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    return codeOf(error) === 'EEXIST';
  }
}

/** Errors: DENIED. */
function requireOwn(folder: string, uid: number): number {
  const tryThis = `ls -ld ${folder}; what stands there is not ours`;
  let fd: number;
  try {
    fd = openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    const why = `${folder} is no directory, or a link, or closed to us (${codeOf(error)})`;
    throw new NsError('DENIED', { what: WHAT, why, tryThis });
  }
  const status = fstatSync(fd);
  if (status.uid === uid && (status.mode & 0o022) === 0) return fd;
  closeSync(fd);
  const mode = (status.mode & 0o7777).toString(8);
  const why = `${folder} is of uid ${status.uid} with mode ${mode}: others could write into it`;
  throw new NsError('DENIED', { what: WHAT, why, tryThis });
}

/** Without letters that look like digits: it is typed by people. */
export function newId(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  return Array.from(randomBytes(8), (byte) => letters[byte % letters.length]).join('');
}

function ourselves(): Maker {
  const start = startOf(process.pid) ?? 0n;
  return { pid: process.pid, start, pidNamespace: BigInt(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0) };
}

/** undefined: it has ended. */
function startOf(pid: number): bigint | undefined {
  const file = `/proc/${pid}/stat`;
  try {
    const stat = valueOf(parseStat(readFileSync(file), file));
    // Nobody waits for it, but it does nothing any more.
    return stat === undefined || stat.state === 'Z' ? undefined : stat.startTicks;
  } catch {
    return undefined;
  }
}

/** A home that is not ours, as after su(1), may be closed to us. */
function isReachable(folder: string): boolean {
  try {
    return statSync(folder, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Errors: DENIED. */
function makeLasting(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true });
  } catch (error) {
    throw new NsError('DENIED', { what: WHAT, why: `${folder} cannot be made (${codeOf(error)})` });
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
