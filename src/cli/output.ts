// The one place that writes. Synchronous and by descriptor: process.stdout would set O_NONBLOCK on the terminal or pipe
// and leave it so for the program that takes our place, and an asynchronous write can be cut off by the exit.

import { writeSync } from 'node:fs';

/** What became of a write: the reader may have gone away, which is no error (`nstool ls | head -1`). */
export type Written = 'written' | 'reader-gone';

const RETRY_MS = 5;

/** All of it, however slowly it is read. Errors: of writing, but for EPIPE. */
export function write(fd: number, text: string): Written {
  const bytes = Buffer.from(text, 'utf8');
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EPIPE') return 'reader-gone';
      // Somebody made the pipe non-blocking; it is full.
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
  return 'written';
}
