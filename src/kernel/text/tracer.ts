// Who traces a process: a line of /proc/PID/status. Source: proc_pid_status(5), fs/proc/array.c task_state().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/** The pid of the tracer, in the reader's pid namespace; 0: nobody, or somebody beyond our view. */
export function parseTracer(bytes: Uint8Array, file: string): Reading<number> {
  // A newline in the name is escaped: no name can forge the line.
  const word = /^TracerPid:\t(.*)$/m.exec(decodeText(bytes))?.[1];
  const pid = parseDecimal(word);
  return pid === undefined ? malformed(file, 1, word ?? 'no line "TracerPid:"') : value(pid);
}
