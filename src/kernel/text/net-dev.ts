// /proc/PID/net/dev: what each interface of the process's network namespace carried. Source: proc_pid_net(5),
// net/core/net-procfs.c dev_seq_show().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** Since the interface was made. Unit: bytes. */
export interface Carried {
  readonly name: string;
  readonly received: bigint;
  readonly sent: bigint;
}

/** Two lines of headings; eight numbers of what was received follow the name, then those of what was sent. */
const HEADINGS = 2;
const SENT = 8;

export function parseNetDev(bytes: Uint8Array, file: string): Reading<readonly Carried[]> {
  const carried: Carried[] = [];
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (index < HEADINGS || line === '') continue;
    // A name may hold a colon itself, and never a blank.
    const [, name, rest = ''] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? [];
    const words = rest.trim().split(/\s+/);
    const [received, sent] = [parseUnsigned64(words[0]), parseUnsigned64(words[SENT])];
    if (name === undefined || received === undefined || sent === undefined) return malformed(file, index + 1, line);
    carried.push({ name, received, sent });
  }
  return value(carried);
}
