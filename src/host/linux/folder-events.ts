// Names that are made and removed in directories. Source: inotify(7).

import { closeSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  decodeInotify,
  IN_CREATE,
  IN_DELETE,
  IN_IGNORED,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_Q_OVERFLOW,
} from '../../kernel/inotify.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { signalWhenReadable } from './event-socket.ts';
import { gapOfThrown } from './nsfs.ts';

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
/** Only a directory. */
const IN_ONLYDIR = 0x01000000;
const NAMES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const ENOENT = 2;
/** An event has at most 16 bytes and a name of 256. */
const BUFFER_LENGTH = 64 * 1024;

export interface FolderEvent {
  readonly folder: string;
  readonly name: string;
  readonly isGone: boolean;
}

export interface FolderEvents {
  /** `overrun`: some is lost, or a directory was made meanwhile: what is in it is to be looked at. */
  readonly read: () => { readonly events: readonly FolderEvent[]; readonly overrun: boolean };
  readonly close: () => void;
}

/** Of directories that need not be there yet; `wake` is called when there is something to read. Errors: denied, unsupported. */
export function openFolderEvents(folders: readonly string[], wake: () => void): Reading<FolderEvents> {
  let fd = -1;
  try {
    fd = libc().inotifyInit(IN_CLOEXEC | IN_NONBLOCK);
    const watches = new Watches(fd, folders);
    signalWhenReadable(fd, wake);
    const opened = fd;
    return value({ read: () => watches.read(), close: () => closeSync(opened) });
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    return gapOfThrown('inotify', error);
  }
}

class Watches {
  private readonly fd: number;
  private readonly byWatch = new Map<number, string>();
  /** Not there yet: what is above them is watched. */
  private readonly missing: Set<string>;
  private readonly into = new Uint8Array(BUFFER_LENGTH);

  constructor(fd: number, folders: readonly string[]) {
    this.fd = fd;
    this.missing = new Set(folders);
    this.begin();
  }

  /** Those that are there by now; was there one? */
  private begin(): boolean {
    let found = false;
    for (const folder of this.missing) {
      const watch = this.watch(folder);
      if (watch === undefined) continue;
      this.byWatch.set(watch, folder);
      this.missing.delete(folder);
      found = true;
    }
    return found;
  }

  /** Where it is not there what is above it is watched, so that its making is noticed. */
  private watch(folder: string): number | undefined {
    try {
      return libc().inotifyWatch(this.fd, folder, NAMES | IN_ONLYDIR);
    } catch (error) {
      if (!(error instanceof LibcError) || error.errno !== ENOENT || folder === '/') throw error;
      this.watch(dirname(folder));
      return undefined;
    }
  }

  /** It was removed, and may be made again. */
  private forget(watch: number, folder: string): void {
    this.byWatch.delete(watch);
    this.missing.add(folder);
    this.begin();
  }

  read(): { readonly events: readonly FolderEvent[]; readonly overrun: boolean } {
    const events: FolderEvent[] = [];
    let overrun = false;
    for (;;) {
      const length = readSome(this.fd, this.into);
      if (length === 0) return { events, overrun };
      for (const { watch, mask, name } of decodeInotify(this.into.subarray(0, length))) {
        const folder = this.byWatch.get(watch);
        if ((mask & IN_IGNORED) !== 0 && folder !== undefined) this.forget(watch, folder);
        if ((mask & IN_Q_OVERFLOW) !== 0) overrun = true;
        else if (folder === undefined) overrun = this.begin() || overrun;
        else if ((mask & NAMES) !== 0)
          events.push({ folder, name, isGone: (mask & (IN_DELETE | IN_MOVED_FROM)) !== 0 });
      }
    }
  }
}

/** 0: there is nothing. */
function readSome(fd: number, into: Uint8Array): number {
  try {
    return readSync(fd, into);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
    throw error;
  }
}
