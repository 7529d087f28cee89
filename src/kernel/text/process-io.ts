// /proc/PID/io: what a process, and the children that it waited for, read and wrote. Source: proc_pid_io(5).

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** From and to block devices; of what is written also what the page cache has yet to write. Unit: bytes. */
export interface ProcessIo {
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
}

export function parseProcessIo(bytes: Uint8Array, file: string): Reading<ProcessIo> {
  const text = decodeText(bytes);
  const of = (key: string): bigint | undefined => parseUnsigned64(new RegExp(`^${key}: (\\d+)$`, 'm').exec(text)?.[1]);
  const [readBytes, writtenBytes] = [of('read_bytes'), of('write_bytes')];
  if (readBytes === undefined || writtenBytes === undefined) return malformed(file, 1, text);
  return value({ readBytes, writtenBytes });
}
