// What inotify tells of the names in a directory. Source: inotify(7), include/uapi/linux/inotify.h.

import { decodeText } from './text/text.ts';
import { view } from './netlink/message.ts';

export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
/** More happened than the queue could hold: some is lost. */
export const IN_Q_OVERFLOW = 0x4000;

/** The watch is over: its directory was removed. */
export const IN_IGNORED = 0x8000;

export interface InotifyEvent {
  /** Of which watch. */
  readonly watch: number;
  /** IN_*. */
  readonly mask: number;
  /** In the directory. Empty: it is about the directory. */
  readonly name: string;
}

/** struct inotify_event: watch, mask, cookie, length of the name with the zeroes behind it. */
const HEADER_LENGTH = 16;

/** Of what read(2) gave; the kernel gives whole events only. */
export function decodeInotify(bytes: Uint8Array): readonly InotifyEvent[] {
  const events: InotifyEvent[] = [];
  const fields = view(bytes);
  for (let offset = 0; offset + HEADER_LENGTH <= bytes.length;) {
    const start = offset + HEADER_LENGTH;
    const end = start + fields.getUint32(offset + 12, true);
    const padded = bytes.subarray(start, end);
    const length = padded.indexOf(0);
    const name = decodeText(length < 0 ? padded : padded.subarray(0, length));
    events.push({ watch: fields.getInt32(offset, true), mask: fields.getUint32(offset + 4, true), name });
    offset = end;
  }
  return events;
}
