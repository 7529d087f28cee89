// Writes a file that others may not read, all of it or nothing.

import { accessSync, closeSync, constants, lstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { gapOfError } from '../gap-of-error.ts';

const ONLY_OWNER = 0o600;

/** Can the file be made, or replaced? It is looked at before the work, and not touched. Errors: BAD_VALUE, NO_FILE, DENIED. */
export function requireWritable(path: string): void {
  const status = explained(path, () => lstatSync(path, { throwIfNoEntry: false }));
  // What takes its place would not be what it was: /dev/null, a pipe, a link to another place.
  if (status !== undefined && !status.isFile()) {
    throw new NsError('BAD_VALUE', {
      what: `${path} is there and is no regular file`,
      why: 'a recording replaces the file of its name',
      tryThis: `nstool capture > ${path}`,
    });
  }
  explained(path, () => accessSync(dirname(path), constants.W_OK | constants.X_OK));
}

/** With mode 0600, under another name until it is whole. Replaces what has the name. Errors: NO_FILE, DENIED, OUTPUT. */
export function saveArchive(path: string, text: string): void {
  uninterrupted(() => writeAndRename(path, `${path}.${process.pid}.tmp`, text));
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal that ends us would leave half a file; in a moment we end anyway. */
function uninterrupted(act: () => void): void {
  const ignore = (): void => undefined;
  for (const signal of SIGNALS) process.on(signal, ignore);
  try {
    act();
  } finally {
    for (const signal of SIGNALS) process.off(signal, ignore);
  }
}

function writeAndRename(path: string, temporary: string, text: string): void {
  const fd = explained(path, () => openSync(temporary, 'wx', ONLY_OWNER));
  try {
    try {
      writeWhole(fd, Buffer.from(text, 'utf8'));
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new NsError('OUTPUT', { what: `cannot write ${path}`, why: codeOf(error) });
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function explained<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const reading = gapOfError(path, error);
    if (!reading.ok) throw errorOfGap(reading.gap, `cannot write ${path}`);
    throw error;
  }
}
