// The file that tells name, state, parent and start of a process, read.

import type { Host, Reading } from './host.ts';
import { parseStat, type ProcessStat } from './text/stat.ts';

/** /proc/PID/stat. Errors: as of reading it; malformed. Source: proc_pid_stat(5). */
export function statOf(host: Pick<Host, 'readFile'>, pid: number | 'self'): Reading<ProcessStat> {
  const path = `/proc/${pid}/stat`;
  const bytes = host.readFile(path);
  return bytes.ok ? parseStat(bytes.value, path) : bytes;
}
