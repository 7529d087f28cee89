// What a POSIX message queue, read as a file, says of itself. Source: mq_overview(7), ipc/mqueue.c mqueue_read_file().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export interface QueueState {
  /** Bytes of all messages that wait. */
  readonly bytes: number;
  /** The process that is told of the next message, by its number in the reader's pid namespace. Absent (null): none. */
  readonly notifies: number | null;
}

const LINE = /^QSIZE:([0-9]+) +NOTIFY:[0-9]+ +SIGNO:[0-9]+ +NOTIFY_PID:([0-9]+) *\n$/;

export function parseQueueState(bytes: Uint8Array, file: string): Reading<QueueState> {
  const text = decodeText(bytes);
  const [size, pid] = (LINE.exec(text) ?? []).slice(1).map(parseDecimal);
  if (size === undefined || pid === undefined) return malformed(file, 1, text);
  return value({ bytes: size, notifies: pid === 0 ? null : pid });
}
