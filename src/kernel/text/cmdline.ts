// /proc/PID/cmdline and /proc/PID/environ. Source: proc_pid_cmdline(5), proc_pid_environ(5).
// Total by nature: any bytes are a list of NUL-terminated words, as a process may write over its own.

import { decodeText } from './text.ts';

/** The arguments. Absent (empty) for kernel threads and zombies. */
export function parseCmdline(bytes: Uint8Array): readonly string[] {
  return splitWords(bytes).map(decodeText);
}

/** The words as bytes; the NUL after the last one is optional. */
export function splitWords(bytes: Uint8Array): readonly Uint8Array[] {
  const words: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const nul = bytes.indexOf(0, start);
    const end = nul < 0 ? bytes.length : nul;
    words.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return words;
}
