// The one place that writes. Synchronous and by descriptor: process.stdout would set O_NONBLOCK on the terminal or pipe
// and leave it so for the program that takes our place, and an asynchronous write can be cut off by the exit.

import { write, writeSync } from 'node:fs';
import { NsError } from '../kernel/error.ts';
import { encodePath } from '../kernel/text/file-name.ts';

const RETRY_MS = 5;

/**
 * The answer, all of it, however slowly it is read. A reader that went away (`nstool ls | head -1`) is no error.
 * Errors: OUTPUT.
 */
export function writeAnswer(text: string): void {
  const code = writeAll(1, text);
  if (code === undefined || code === 'EPIPE') return;
  throw new NsError('OUTPUT', { what: `cannot write the answer: ${code}` });
}

/**
 * A part of an answer that goes on: while a slow reader keeps it waiting, signals and timers are heard. False: the
 * reader has gone away. Errors: OUTPUT.
 */
export async function writePart(part: string | Uint8Array, fd: 1 | 2): Promise<boolean> {
  const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
  for (let offset = 0; offset < bytes.length;) {
    const { code, written } = await writeSome(fd, bytes, offset);
    if (code === 'EPIPE') return false;
    if (code === 'EAGAIN') await new Promise((done) => setTimeout(done, RETRY_MS));
    else if (code !== undefined) throw new NsError('OUTPUT', { what: `cannot write the answer: ${code}` });
    offset += written;
  }
  return true;
}

function writeSome(
  fd: number,
  bytes: Uint8Array,
  offset: number,
): Promise<{ readonly code: string | undefined; readonly written: number }> {
  return new Promise((done) => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      done(error === null ? { code: undefined, written } : { code: error.code ?? error.message, written: 0 });
    });
  });
}

/** Talk. There is nobody to tell when it fails. */
export function say(text: string): void {
  writeAll(2, text);
}

/** The errno's name, if it could not be written. Names of files that are no UTF-8 go out as they are. */
function writeAll(fd: number, text: string): string | undefined {
  const bytes = encodePath(text);
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
      if (code === undefined) throw error;
      if (code !== 'EAGAIN') return code;
      // Somebody made the pipe non-blocking, and it is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
  return undefined;
}
