// The kernel's log from now on. Source: Documentation/ABI/testing/dev-kmsg.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { value, type Reading } from '../../kernel/host.ts';
import { gapOfError } from '../gap-of-error.ts';

export interface KernelLog {
  /** The records that came since, without what continues them. */
  readonly read: () => readonly string[];
  readonly close: () => void;
}

const PATH = '/dev/kmsg';

/** A record is never longer. Source: kernel/printk PRINTK_MESSAGE_MAX. */
const RECORD_LENGTH = 8192;

export function openKernelLog(): Reading<KernelLog> {
  let fd: number;
  try {
    fd = openSync(PATH, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return gapOfError(PATH, error);
  }
  const read = (): readonly string[] => {
    const records: string[] = [];
    for (let record = next(fd); record !== undefined; record = next(fd)) records.push(record);
    return records;
  };
  // What was there before is not ours to tell.
  read();
  return value({ read, close: () => closeSync(fd) });
}

/** undefined: there is no more. */
function next(fd: number): string | undefined {
  const bytes = Buffer.alloc(RECORD_LENGTH);
  for (;;) {
    try {
      const text = bytes.toString('utf8', 0, readSync(fd, bytes));
      return text.split('\n')[0] ?? '';
    } catch (error) {
      // Records that were overwritten before they were read: the next read goes on behind them.
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EPIPE') return undefined;
    }
  }
}
