// The kernel's log, from now on or what is in it. Source: Documentation/ABI/testing/dev-kmsg.

import { closeSync, constants, openSync, readSync } from 'node:fs';
import { value, type LoggedRecords, type LogTopic, type Reading } from '../../kernel/host.ts';
import { CGROUP_WORDS } from '../../kernel/text/kernel-log.ts';
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

const WORDS: Readonly<Record<LogTopic, readonly string[]>> = { cgroups: CGROUP_WORDS };

/** As many are kept, the last ones. */
const MOST_RECORDS = 50_000;

/** What is in the kernel's log now. Errors: gone, denied (kernel.dmesg_restrict without CAP_SYSLOG). */
export function loggedRecords(topic: LogTopic): Reading<LoggedRecords> {
  const words = WORDS[topic];
  let fd: number;
  try {
    fd = openSync(PATH, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return gapOfError(PATH, error);
  }
  try {
    const records: string[] = [];
    let oldest: string | null = null;
    for (let record = next(fd); record !== undefined; record = next(fd)) {
      oldest ??= record.slice(0, record.indexOf(';') + 1);
      const text = record;
      if (words.some((word) => text.includes(word))) records.push(record);
      if (records.length > 2 * MOST_RECORDS) records.splice(0, MOST_RECORDS);
    }
    return value({ oldest, records: records.slice(-MOST_RECORDS) });
  } finally {
    closeSync(fd);
  }
}
